"""A small project in a window that is never shown on a screen."""

import os

os.environ["QT_QPA_PLATFORM"] = "offscreen"

import pytest
from PySide6.QtCore import QCoreApplication, QEvent
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QApplication
from rank_desk import Desk
from window_material import FakeInference

from rlhf_studio.schema import NewCompletion, NewPrompt, Turn
from rlhf_studio.store.project import Store, create_project
from rlhf_studio.ui.main_window import MainWindow
from rlhf_studio.ui.preferences import Preferences
from rlhf_studio.ui.session import Session
from rlhf_studio.ui.tabs.rank_tab import RankTab
from rlhf_studio.ui.tabs.train_tab import TrainTab
from rlhf_studio.ui.tabs.write_tab import WriteTab
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
    found.shared_percent = found.repeated_percent = 0  # what is next to be ranked shall be what waits longest
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


@pytest.fixture
def service(session):
    """Answers from a list, in place of the session's models."""
    session.inference.close(5)
    session.inference = FakeInference()
    return session.inference


@pytest.fixture
def rank_window(qtbot, session, service):
    """The whole window at its Rank tab."""
    window = MainWindow(session)
    qtbot.addWidget(window)
    window.open("rank")
    return window


@pytest.fixture
def said(session):
    """Every toast."""
    messages = []
    session.messaged.connect(messages.append)
    return messages


@pytest.fixture
def open_session(theme, preferences, qapp):
    """Sessions of other projects, closed after the test."""
    opened = []

    def make(store):
        session = Session(store, theme, preferences)
        session.inference.close(5)
        session.inference = FakeInference()
        opened.append(session)
        return session

    yield make
    for session in opened:
        assert session.close()


def _opener(qtbot, kind):
    """Puts tabs of one kind in sight, as large as the smallest window leaves to them, with the keyboard."""

    def make(session, size=(1024, 560)):
        tab = kind(session)
        qtbot.addWidget(tab)
        tab.resize(*size)
        with qtbot.waitExposed(tab):
            tab.show()
        tab.activateWindow()
        qtbot.waitUntil(tab.isActiveWindow)
        return tab

    return make


@pytest.fixture
def open_write_tab(qtbot):
    return _opener(qtbot, WriteTab)


@pytest.fixture
def open_rank_tab(qtbot):
    return _opener(qtbot, RankTab)


@pytest.fixture
def desk(qtbot, session):
    """Where sets are ranked: see ``rank_desk``."""
    return Desk(qtbot, session)
