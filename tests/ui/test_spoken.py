"""Every text of the window can be translated, also what the core says."""

import pytest
from PySide6.QtCore import QTranslator
from PySide6.QtWidgets import QAbstractButton, QLabel, QLineEdit
from window_material import FakeInference

from rlhf_studio.ui.main_window import MainWindow
from rlhf_studio.ui.spoken import core_texts, duration_text, notice_text, phase_word, stage_word
from rlhf_studio.ui.tab_pages import TABS

NO_WORDS = {"Small", "Say hello.", "Why is the sky blue?", "Tell a story about a red hat."}  # a person's text


class Marks(QTranslator):
    """Translates everything there is, and shows that it did."""

    def translate(self, context, source, disambiguation=None, n=-1):
        return f"«{source}»" if source else ""

    def isEmpty(self):  # noqa: N802
        return False


@pytest.fixture
def _marks(qapp):
    translator = Marks()
    qapp.installTranslator(translator)
    yield
    qapp.removeTranslator(translator)


@pytest.mark.usefixtures("_marks")
def test_what_the_core_says_is_translated():
    assert stage_word("reward") == "«Reward model»"
    assert (stage_word("dance"), stage_word("")) == ("dance", "")
    assert phase_word("update") == "«learning»"
    assert [duration_text(s) for s in (8, 100, 7500)] == ["«8 s»", "«1 min 40 s»", "«2 h 5 min»"]
    assert notice_text("ppo.left_out", {"count": 3, "limit": 64}).startswith("«3 prompts leave no room")


@pytest.mark.usefixtures("_marks")
def test_no_word_of_the_window_is_left_out(qtbot, session):
    session.inference.close(5)
    session.inference = FakeInference()
    window = MainWindow(session)
    qtbot.addWidget(window)
    window.open("train")
    pages = [window.tabs.tab(name) for name in TABS]
    for page in pages:
        page.finish()
    shown = {label.text() for page in pages for label in page.findChildren(QLabel)}
    shown |= {button.text() for page in pages for button in page.findChildren(QAbstractButton)}
    shown |= {widget.accessibleName() for page in pages for widget in page.findChildren(QLineEdit)}
    left_out = {text for text in shown if any(c.isalpha() for c in text) and "«" not in text}
    assert left_out <= NO_WORDS


def test_whoever_translates_finds_what_the_core_says():
    texts = core_texts()
    assert {"Reward model", "learning", "{seconds} s", "Learning rate"} <= set(texts)
    assert len(texts) == len(set(texts))
