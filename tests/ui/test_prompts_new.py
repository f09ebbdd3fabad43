"""Forms for few-shot, user-based and multi-turn prompts: what is typed is kept, and one act makes the prompts."""

import json
import os
import signal
import subprocess
import sys

import pytest
from pictured import take_pictures
from PySide6.QtCore import Qt
from PySide6.QtGui import QInputMethodEvent
from PySide6.QtWidgets import QApplication, QMenu, QWidget
from window_checks import faults_of

from rlhf_studio.prompt_kinds import user_based_prompts
from rlhf_studio.store.project import create_project, open_project
from rlhf_studio.ui.prompts_new.window import FORMS, add_kinds, open_new_prompt
from rlhf_studio.ui.tabs.prompts_tab import PromptsTab
from rlhf_studio.ui.tabs.tab import GoTo
from rlhf_studio.ui.tabs.write_tab import WriteTab

ALT, CTRL, SHIFT = (
    Qt.KeyboardModifier.AltModifier,
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.ShiftModifier,
)
PAIRS = (("I love it!", "Positive"), ("Never again.", "Negative"), ("It is blue.", "Neutral"))


@pytest.fixture
def open_form(qtbot, session):
    """Open the window of a kind in sight."""
    parent = QWidget()
    qtbot.addWidget(parent)

    def make(kind):
        window = open_new_prompt(session, kind, parent)
        qtbot.waitExposed(window)
        qtbot.waitUntil(window.isActiveWindow)
        return window

    return make


def fill_few_shot(form):
    form.instruction.setPlainText("Give the sentiment.")
    while len(form.pairs.rows) < len(PAIRS):
        form.more.click()
    for row, (query, answer) in zip(form.pairs.rows, PAIRS, strict=True):
        row.query.setPlainText(query)
        row.answer.setPlainText(answer)


def new_prompts(store):
    return [p for p in store.prompts() if p.id > 3]  # three are of the fixture


def test_three_pairs_become_three_answered_prompts_in_one_act(qtbot, session, open_form):
    window = open_form("few_shot")
    form, store = window.form, session.store
    fill_few_shot(form)
    assert form.add.text() == "Add 3 prompts"
    assert form.which.text() == "Example 1 of 3"
    assert form.preview.toPlainText().endswith("Input: It is blue.\nOutput: Neutral\n\nInput: I love it!\nOutput:")
    assert form.expected.text() == "Demonstration: Positive"
    qtbot.mouseClick(form.after, Qt.MouseButton.LeftButton)
    assert form.expected.text() == "Demonstration: Negative"
    said = []
    session.messaged.connect(said.append)
    with qtbot.waitSignals([window.added, session.store_changed]):
        qtbot.keyClick(form.instruction, Qt.Key.Key_Return, CTRL)
    assert [(p.source, p.use_case, p.author) for p in new_prompts(store)] == [
        ("few_shot", "classification", "Tess")
    ] * 3
    assert [d.text for d in store.demonstrations()] == ["Positive", "Negative", "Neutral"]
    assert store._read("SELECT DISTINCT tag FROM prompt_tag") == [("few-shot: Give the sentiment.",)]
    assert (said[-1].text, said[-1].kind) == ("3 prompts added.", "undo")
    store.undo()
    assert store.demonstrations() == ()


def test_what_is_missing_is_said_and_nothing_saved(qtbot, session, open_form):
    form = open_form("few_shot").form
    fill_few_shot(form)
    form.pairs.rows[1].answer.clear()
    assert "Pair 2 has no answer" in form.preview.toPlainText()
    form.add.click()
    assert form.problem.isVisible()
    assert "Pair 2 has no answer" in form.problem.text()
    assert new_prompts(session.store) == []
    form.pairs.rows[1].answer.setPlainText("Negative")
    assert not form.problem.isVisible()


@pytest.mark.parametrize("kind", FORMS)
def test_what_was_typed_is_on_disk_soon_and_comes_back(qtbot, session, open_form, kind):
    window = open_form(kind)
    form, store = window.form, session.store
    editor = form.findChildren(type(form.focusWidget()))[0]
    editor.setPlainText("half a thought")
    qtbot.waitUntil(lambda: "half a thought" in (store.get_meta(f"ui.new.{kind}") or ""), timeout=1000)
    state = form.whole_state()
    with qtbot.waitSignal(window.destroyed):
        qtbot.keyClick(editor, Qt.Key.Key_Escape)
    again = open_form(kind).form
    assert again.whole_state() == state
    assert "half a thought" in str(state)


def test_another_program_reads_what_was_typed(qtbot, session, open_form):
    """As after kill -9: nothing is closed in order."""
    fill_few_shot(open_form("few_shot").form)
    store = session.store
    qtbot.waitUntil(lambda: "Neutral" in (store.get_meta("ui.new.few_shot") or ""), timeout=1000)
    with open_project(store.folder, read_only=True) as other:
        assert "Never again." in other.get_meta("ui.new.few_shot")


def test_a_form_that_was_handed_in_begins_empty(qtbot, session, open_form):
    window = open_form("few_shot")
    fill_few_shot(window.form)
    with qtbot.waitSignal(window.destroyed):
        window.form.submit()
    form = open_form("few_shot").form
    assert form.instruction.toPlainText() == ""
    assert [row.shot.query for row in form.pairs.rows] == ["", ""]


def test_one_window_for_each_kind(open_form):
    assert open_form("few_shot") is open_form("few_shot")
    assert open_form("conversation") is not open_form("few_shot")


def test_pairs_are_moved_and_removed_by_keys(qtbot, open_form):
    form = open_form("few_shot").form
    fill_few_shot(form)
    last = form.pairs.rows[2]
    last.answer.setFocus()
    qtbot.keyClick(last.answer, Qt.Key.Key_Up, ALT)
    assert [row.shot.answer for row in form.pairs.rows] == ["Positive", "Neutral", "Negative"]
    assert last.answer.hasFocus()
    assert last.number.text() == "Pair 2"
    qtbot.keyClick(last.answer, Qt.Key.Key_Delete, CTRL | SHIFT)
    assert [row.shot.answer for row in form.pairs.rows] == ["Positive", "Negative"]
    assert form.pairs.rows[1].query.hasFocus()
    assert not any(row.remove.isEnabled() for row in form.pairs.rows)
    qtbot.keyClick(form.pairs.rows[1].query, Qt.Key.Key_Delete, CTRL | SHIFT)
    assert len(form.pairs.rows) == 2


def test_labels_and_tag_are_as_chosen(session, open_form):
    form = open_form("few_shot").form
    fill_few_shot(form)
    form.labels[0].setText("Q:")
    form.labels[1].setText("A:")
    form.own_line.setChecked(True)
    form.tag.setText(" my  pairs ")
    form.submit()
    assert new_prompts(session.store)[0].text.endswith("Q:\nI love it!\nA:")
    assert session.store._read("SELECT DISTINCT tag FROM prompt_tag") == [("my pairs",)]


def test_prompts_of_a_use_case_keep_its_description(session, open_form):
    form = open_form("user_based").form
    form.brief.setPlainText("Tenants write to landlords.")
    form.prompts.rows[0].editor.setPlainText("The heating is broken.")
    form.more.click()
    form.prompts.rows[2].editor.setPlainText("Ask for a receipt.")
    assert form.add.text() == "Add 2 prompts"
    form.submit()
    made = new_prompts(session.store)
    assert [(p.text, p.source) for p in made] == [
        ("The heating is broken.", "user_based"),
        ("Ask for a receipt.", "user_based"),
    ]
    assert {session.store.brief(p.id) for p in made} == {"Tenants write to landlords."}
    assert session.store.demonstrations() == ()


def test_a_conversation_ends_with_the_person(session, open_form):
    form = open_form("conversation").form
    form.system.click()
    assert not form.system.isEnabled()
    for row, words in zip(form.turns.rows, ("Be brief.", "Hi", "Hello.", "Why?"), strict=True):
        row.editor.setPlainText(words)
    form.more.click()
    form.turns.rows[4].editor.setPlainText("Because.")
    assert form.turns.rows[4].turn.role == "assistant"
    form.submit()
    assert "must end with a turn of the person" in form.problem.text()
    form.turns.rows[4].remove.click()
    form.submit()
    (made,) = new_prompts(session.store)
    assert [(t.role, t.content) for t in made.turns] == [
        ("system", "Be brief."),
        ("user", "Hi"),
        ("assistant", "Hello."),
        ("user", "Why?"),
    ]


def test_enter_of_an_input_method_submits_nothing(qtbot, session, open_form):
    form = open_form("few_shot").form
    fill_few_shot(form)
    QApplication.sendEvent(form.instruction, QInputMethodEvent("zheng", []))
    qtbot.keyClick(form.instruction, Qt.Key.Key_Return, CTRL)
    assert new_prompts(session.store) == []
    qtbot.keyClick(form.instruction, Qt.Key.Key_Escape)
    assert form.isVisible()


def test_the_close_of_the_main_window_keeps_what_waits(qtbot, session, open_form):
    window = open_form("conversation")
    window.form.turns.rows[0].editor.setPlainText("not yet on disk")
    window.parentWidget().close()
    assert "not yet on disk" in session.store.get_meta("ui.new.conversation")


def test_a_draft_that_is_not_ours_is_an_empty_form(session, open_form):
    session.store.set_meta("ui.new.few_shot", '{"queries": 3, "labels": ["a"], "instruction": [1]}')
    session.store.set_meta("ui.new.conversation", "{half")
    form = open_form("few_shot").form
    assert (form.instruction.toPlainText(), len(form.pairs.rows), form.labels[0].text()) == ("", 2, "Input:")
    assert len(open_form("conversation").form.turns.rows) == 3


@pytest.mark.parametrize("kind", FORMS)
def test_every_part_is_named_reached_and_whole_in_both_themes(qtbot, session, open_form, kind):
    window = open_form(kind)
    if kind == "few_shot":
        fill_few_shot(window.form)
    qtbot.waitUntil(lambda: faults_of(window, 920, 660) == [])
    take_pictures(window, session.theme, f"new-{kind}")


_CHILD = """
import os, signal, sys
from pathlib import Path
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QWidget
from rlhf_studio.store.project import create_project, open_project
from rlhf_studio.ui.preferences import Preferences
from rlhf_studio.ui.prompts_new.window import open_new_prompt
from rlhf_studio.ui.session import Session
from rlhf_studio.ui.theme import Theme

app = QApplication(["test"])
folder = Path(sys.argv[1])
home = QWidget()
session = Session(open_project(folder), Theme("light"), Preferences(folder / "w.ini"))
form = open_new_prompt(session, "few_shot", home).form
form.pairs.rows[1].answer.setFocus()
QTest.qWait(1)
QTest.keyClicks(form.pairs.rows[1].answer, "Nothing of this is lost")
QTest.qWait(1000)
os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="nothing kills like SIGKILL there")
def test_a_form_outlives_the_death_of_the_program(tmp_path):
    create_project(tmp_path / "killed", "Killed").close()
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    arguments = [sys.executable, "-c", _CHILD, str(tmp_path / "killed")]
    assert subprocess.run(arguments, env=environment, timeout=60, check=False).returncode == -signal.SIGKILL
    with open_project(tmp_path / "killed") as store:
        assert json.loads(store.get_meta("ui.new.few_shot"))["answers"][1] == "Nothing of this is lost"


def test_the_write_tab_offers_them_and_shows_what_was_made(qtbot, session):
    tab = WriteTab(session)
    qtbot.addWidget(tab)
    tab.resize(1024, 600)
    with qtbot.waitExposed(tab):
        tab.show()
    tab.begin_prompt()
    tab.form.kinds.buttons["few_shot"].click()
    (window,) = tab.findChildren(QWidget, "new_few_shot")
    fill_few_shot(window.form)
    with qtbot.waitSignal(window.destroyed):
        window.form.submit()
    assert not tab.page.is_form_open
    assert tab.answer.brief.isHidden()
    assert tab.answer.conversation.toPlainText().startswith("Give the sentiment.")


def test_a_menu_offers_the_three_kinds(qtbot, session):
    parent = QWidget()
    qtbot.addWidget(parent)
    menu = QMenu(parent)
    add_kinds(menu, session, parent)
    assert [action.text() for action in menu.actions()] == ["Few-shot…", "User-based…", "Conversation…"]
    menu.actions()[2].trigger()
    assert parent.findChild(QWidget, "new_conversation").isVisible()


def test_the_library_makes_them_and_chooses_what_was_made(qtbot, session):
    tab = PromptsTab(session)
    qtbot.addWidget(tab)
    tab.resize(1024, 600)
    with qtbot.waitExposed(tab):
        tab.show()
    next(action for action in tab.page.new_menu.actions() if action.text() == "Few-shot…").trigger()
    (window,) = tab.findChildren(QWidget, "new_few_shot")
    fill_few_shot(window.form)
    with qtbot.waitSignal(window.destroyed):
        window.form.submit()
    assert tab.table.current_id() == 4
    assert tab.page.reading.text.toPlainText().startswith("Give the sentiment.")


def test_the_library_reads_what_a_prompt_was_written_for(qtbot, session):
    made = session.store.add_prompts(user_based_prompts("Tenants write to landlords.", ["The heating is broken."]))
    tab = PromptsTab(session)
    qtbot.addWidget(tab)
    with qtbot.waitExposed(tab):
        tab.show()
    tab.table.choose(made.ids[0])
    assert tab.page.reading.brief.whole == "Written for: Tenants write to landlords."
    tab.table.choose(1)
    assert tab.page.reading.brief.isHidden()
    tab.page.reading.marks.toggle.click()
    tab.page.reading.marks.chips["ambiguous"].click()
    assert session.store.marks(1, "Tess") == {"ambiguous"}


def test_write_says_what_a_prompt_was_written_for(qtbot, session):
    made = session.store.add_prompts(user_based_prompts("Tenants write to landlords.", ["The heating is broken."]))
    tab = WriteTab(session)
    qtbot.addWidget(tab)
    tab.resize(1024, 600)
    with qtbot.waitExposed(tab):
        tab.show()
    assert tab.answer.brief.isHidden()
    tab.go_to(GoTo("write", prompt_id=made.ids[0]))
    assert tab.answer.brief.isVisible()
    assert tab.answer.brief.whole == "Written for: Tenants write to landlords."
