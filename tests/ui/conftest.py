"""A small project in a window that is never shown on a screen."""

import os

os.environ["QT_QPA_PLATFORM"] = "offscreen"

import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QApplication

from rlhf_studio.schema import NewCompletion, NewPrompt, Turn
from rlhf_studio.store.project import Store, create_project
from rlhf_studio.ui.preferences import Preferences
from rlhf_studio.ui.session import Session
from rlhf_studio.ui.tabs.train_tab import TrainTab
from rlhf_studio.ui.theme import Theme
from rlhf_studio.ui.train import outlook


@pytest.fixture(scope="session")
def qapp_args():
    return ["rlhf-studio-tests", "-style", "fusion"]


@pytest.fixture(autouse=True)
def _own_data_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("RLHF_STUDIO_DATA", str(tmp_path / "data"))


@pytest.fixture(autouse=True)
def _no_measurements(monkeypatch):
    """A tab in sight would load torch after a second; tests that want an estimate ask for it."""
    monkeypatch.setattr(outlook, "REST_MS", 10**8)


@pytest.fixture(autouse=True)
def _delete_closed_widgets():
    """Without an event loop nothing deletes them, and each new style sheet would polish those of all tests before."""
    yield
    QCoreApplication.sendPostedEvents(None, QEvent.Type.DeferredDelete)


@pytest.fixture(autouse=True)
def _same_letters(qapp: QApplication):
    """The font belongs to the application: a test that enlarges it must not enlarge the next test's."""
    font = QFont(qapp.font())
    yield
    qapp.setFont(font)


@pytest.fixture
def preferences(tmp_path):
    (tmp_path / "data").mkdir(exist_ok=True)
    found = Preferences(tmp_path / "data" / "window.ini")
    found.labeler = "Tess"
    return found


@pytest.fixture
def theme(qapp: QApplication):
    theme = Theme("light")
    yield theme
    theme.deleteLater()


@pytest.fixture
def store(tmp_path):
    """Three prompts: one for each of three use cases, none answered."""
    store: Store = create_project(tmp_path / "project", "Small")
    store.add_prompts(
        [
            NewPrompt(
                (Turn("user", "Tell a story about a red hat."),), "generation", purposes=frozenset({"rank", "ppo"})
            ),
            NewPrompt((Turn("user", "Why is the sky blue?"),), "open_qa", purposes=frozenset({"demonstrate"})),
            NewPrompt((Turn("user", "Say hello."),), "chat", purposes=frozenset({"demonstrate", "probe"})),
        ]
    )
    yield store
    store.close()


@pytest.fixture
def session(store, theme, preferences, qapp):
    """A session whose threads have ended when the test has."""
    session = Session(store, theme, preferences)
    yield session
    assert session.close(), "a thread outlived its test"


@pytest.fixture
def full(store):
    """Something of everything that the stages learn from."""
    store.add_demonstration(2, "It scatters.", "Tess")
    ids = store.add_completions([NewCompletion(1, text, "base") for text in ("one", "two", "three", "four")]).ids
    for order in ([[ids[0]], [ids[1]]], [[ids[2]], [ids[3]]]):
        store.add_ranking(1, order)
    return store


@pytest.fixture
def train_tab(qtbot, session):
    """The Train tab in sight, whole."""
    tab = TrainTab(session)
    qtbot.addWidget(tab)
    tab.resize(1280, 690)
    with qtbot.waitExposed(tab):
        tab.show()
    tab.finish()
    return tab
