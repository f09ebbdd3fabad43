import json
import os
import signal
import subprocess
import sys

import pytest
from PySide6.QtCore import QEvent, QPoint, QRect, Qt
from PySide6.QtGui import QInputMethodEvent, QKeySequence, QShortcut
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QComboBox, QLineEdit, QPlainTextEdit, QScrollArea
from window_material import MARKUP, add_run

from rlhf_studio.errors import DataError
from rlhf_studio.jobs.inference import RequestDone, RequestFailed
from rlhf_studio.paths import models_dir, resources_dir
from rlhf_studio.schema import USE_CASES, NewPrompt, Turn
from rlhf_studio.store.bundle import open_or_create_example
from rlhf_studio.store.database import Changes
from rlhf_studio.store.project import create_project, open_project
from rlhf_studio.ui.tabs.tab import GoTo
from rlhf_studio.ui.widgets.text import PlainLabel

CTRL, SHIFT, ALT = (
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.AltModifier,
)
LEFT = Qt.MouseButton.LeftButton
SMALLEST = (1024, 560)  # what a window of 1024 x 700 leaves to a tab


@pytest.fixture
def tab(open_write_tab, session, service):
    return open_write_tab(session)


def focus():
    return QApplication.focusWidget()


def press(key, modifiers=Qt.KeyboardModifier.NoModifier):
    QTest.keyClick(focus(), key, modifiers)


def write(text):
    QTest.keyClicks(focus(), text)


def shown(tab):
    return tab.answer.conversation.toPlainText()


def rows(tab):
    model = tab.prompts.model
    return [model.index(row).data() for row in range(model.rowCount())]


def texts(store, prompt_id):
    return [demonstration.text for demonstration in store.demonstrations(prompt_id)]


# --- answering


def test_it_opens_with_the_first_unanswered_prompt_and_the_cursor_in_the_editor(tab, store):
    assert shown(tab) == "Tell a story about a red hat."
    assert focus() is tab.answer.editor
    assert tab.primary_button() is tab.page.save
    assert tab.title() == "Write"


def test_answering_by_keyboard_saves_says_so_and_goes_on(tab, store, said, qtbot, session):
    changes = []
    session.store_changed.connect(lambda change, origin: changes.append((change.tables, origin)))
    write("A red hat flew away.")
    press(Qt.Key.Key_Return, CTRL)
    assert texts(store, 1) == ["A red hat flew away."]
    assert store.demonstrations(1)[0].author == "Tess"
    assert shown(tab) == "Why is the sky blue?"
    assert tab.answer.text == ""
    assert [(m.text, m.kind) for m in said] == [("Demonstration saved.", "undo")]
    assert [origin for tables, origin in changes if "demonstration" in tables] == [tab]
    assert tab.prompts.chips.chips["generation"].text().endswith("1/1")
    assert focus() is tab.answer.editor
    write("Because of the air.")
    press(Qt.Key.Key_Enter, CTRL | Qt.KeyboardModifier.KeypadModifier)
    assert texts(store, 2) == ["Because of the air."]
    assert shown(tab) == "Say hello."


def test_answering_by_mouse(tab, store, qtbot):
    row = tab.prompts.model.row_of(3)
    place = tab.prompts.view.visualRect(tab.prompts.model.index(row)).center()
    qtbot.mouseClick(tab.prompts.view.viewport(), LEFT, pos=place)
    assert shown(tab) == "Say hello."
    qtbot.mouseClick(tab.answer.editor.viewport(), LEFT)
    write("Hello!")
    qtbot.mouseClick(tab.page.save, LEFT)
    assert texts(store, 3) == ["Hello!"]
    assert shown(tab) == "Tell a story about a red hat.", "after the last it goes on from the top"


def test_after_the_last_answer_the_prompt_stays_and_shows_it(tab, store):
    for answer in ("One.", "Two.", "Three."):
        write(answer)
        press(Qt.Key.Key_Return, CTRL)
    assert shown(tab) == "Say hello."
    assert len(tab.answer.demonstrations.cards) == 1
    assert tab.answer.text == ""


@pytest.mark.parametrize("text", ["", "   ", " \n\t "])
def test_a_blank_answer_is_refused_beside_the_editor(text, tab, store, said):
    tab.answer.editor.insertPlainText(text)
    press(Qt.Key.Key_Return, CTRL)
    assert store.counts().demonstrations == 0
    assert tab.answer.problem.isVisible()
    assert "Write an answer first" in tab.answer.problem.text()
    assert said == []
    write("x")
    assert not tab.answer.problem.isVisible()


def test_what_the_store_refuses_is_told_and_stays_in_the_editor(tab, store, said, monkeypatch):
    def full(*_args, **_kwargs):
        raise DataError("The disk is full.")

    write("A red hat.")
    monkeypatch.setattr(store, "add_demonstration", full)
    press(Qt.Key.Key_Return, CTRL)
    assert [(m.text, m.kind) for m in said] == [("The disk is full.", "error")]
    assert tab.answer.text == "A red hat."
    assert shown(tab) == "Tell a story about a red hat."


def test_several_lines_are_one_answer(tab, store):
    write("One line.")
    press(Qt.Key.Key_Return)
    write("Another.")
    press(Qt.Key.Key_Backspace)
    press(Qt.Key.Key_Return, CTRL)
    assert texts(store, 1) == ["One line.\nAnother"]


def test_skipping_saves_nothing_and_keeps_the_draft(tab, store, qtbot):
    write("Perhaps")
    press(Qt.Key.Key_Return, CTRL | SHIFT)
    assert shown(tab) == "Why is the sky blue?"
    assert store.draft(1) == "Perhaps"
    qtbot.mouseClick(tab.page.skip, LEFT)
    assert shown(tab) == "Say hello."
    qtbot.mouseClick(tab.page.skip, LEFT)
    assert shown(tab) == "Tell a story about a red hat."
    assert tab.answer.text == "Perhaps"
    assert store.counts().demonstrations == 0


def test_an_input_method_keeps_its_enter(tab, store):
    write("Hao: ")
    QApplication.sendEvent(focus(), QInputMethodEvent("ni hao", []))
    press(Qt.Key.Key_Return, CTRL)
    press(Qt.Key.Key_Return, CTRL | SHIFT)
    press(Qt.Key.Key_Escape)
    assert focus() is tab.answer.editor
    assert shown(tab) == "Tell a story about a red hat."
    commit = QInputMethodEvent("", [])
    commit.setCommitString("你好")
    QApplication.sendEvent(focus(), commit)
    assert store.counts().demonstrations == 0
    assert tab.answer.text == "Hao: 你好"
    press(Qt.Key.Key_Return, CTRL)
    assert texts(store, 1) == ["Hao: 你好"]


# --- drafts


def test_each_keystroke_is_on_disk_within_a_second_also_while_typing_goes_on(tab, store, qtbot):
    saved = []
    tab._drafts.kept.connect(lambda prompt_id, has_draft: saved.append(store.draft(prompt_id)))
    typed = []

    def is_saved_meanwhile():
        typed.append("a")
        write("a")  # far faster than the timer: a timer started anew by each key would never end
        return bool(saved)

    qtbot.waitUntil(is_saved_meanwhile, timeout=1000)
    qtbot.waitUntil(lambda: store.draft(1) == tab.answer.text, timeout=1000)
    assert len(typed) > 3


def test_a_draft_comes_back_when_its_prompt_is_opened_again(tab, store):
    write("Once there")
    press(Qt.Key.Key_Down, ALT)
    assert shown(tab) == "Why is the sky blue?"
    assert tab.answer.text == ""
    assert tab.prompts.model.item(0).has_draft
    press(Qt.Key.Key_Up, ALT)
    assert tab.answer.text == "Once there"
    tab.answer.editor.selectAll()
    press(Qt.Key.Key_Delete)
    press(Qt.Key.Key_Down, ALT)
    assert store.draft(1) is None
    assert not tab.prompts.model.item(0).has_draft


@pytest.mark.parametrize("leave", ["hide", "save_state"])
def test_leaving_the_tab_keeps_the_draft(leave, tab, store):
    write("Once")
    getattr(tab, leave)()
    assert store.draft(1) == "Once"


def test_a_draft_that_cannot_be_written_is_told_once_and_tried_again(tab, store, said, monkeypatch):
    real = store.save_draft

    def full(*_args):
        raise DataError("The disk is full.")

    monkeypatch.setattr(store, "save_draft", full)
    write("Once there was")
    tab.save_state()
    press(Qt.Key.Key_Down, ALT)
    write("Because")
    press(Qt.Key.Key_Up, ALT)
    assert [m.text for m in said] == ["The disk is full."]
    assert tab.answer.text == "Once there was", "nothing typed is lost"
    monkeypatch.setattr(store, "save_draft", real)
    tab.save_state()
    assert store.drafts() == {1: "Once there was", 2: "Because"}


_CHILD = """
import os, signal, sys
from pathlib import Path
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from rlhf_studio.store.project import open_project
from rlhf_studio.ui.preferences import Preferences
from rlhf_studio.ui.session import Session
from rlhf_studio.ui.tabs.write_tab import WriteTab
from rlhf_studio.ui.theme import Theme

app = QApplication(["test"])
folder = Path(sys.argv[1])
tab = WriteTab(Session(open_project(folder), Theme("light"), Preferences(folder / "window.ini")))
tab.show()
tab._drafts.kept.connect(lambda *_: os.kill(os.getpid(), signal.SIGKILL))
QTest.keyClicks(tab.answer.editor, "Nothing of this is lost")
app.exec()
"""


@pytest.mark.skipif(sys.platform == "win32", reason="nothing kills like SIGKILL there")
def test_a_draft_outlives_the_death_of_the_program(tmp_path, open_session, open_write_tab):
    folder = tmp_path / "killed"
    with create_project(folder, "Killed") as store:
        store.add_prompts([NewPrompt((Turn("user", "Say something."),), "chat")])
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    child = subprocess.run([sys.executable, "-c", _CHILD, str(folder)], env=environment, timeout=60, check=False)
    assert child.returncode == -signal.SIGKILL
    tab = open_write_tab(open_session(open_project(folder)))
    assert tab.answer.text == "Nothing of this is lost"


# --- undo


def test_undoing_a_saved_answer_brings_its_words_back(tab, store, session):
    write("A red hat flew away.")
    press(Qt.Key.Key_Return, CTRL)
    session.changed(store.undo("Tess").changes)  # what the button of the toast does
    assert shown(tab) == "Tell a story about a red hat."
    assert tab.answer.text == "A red hat flew away."
    assert store.draft(1) == "A red hat flew away."
    assert tab.prompts.chips.chips["generation"].text().endswith("0/1")
    session.changed(store.redo("Tess").changes)
    assert tab.answer.text == ""
    assert store.draft(1) is None
    assert [card.isVisible() for card in tab.answer.demonstrations.cards] == [True]


def test_undoing_never_takes_the_place_of_what_is_being_typed(tab, store, session):
    write("A red hat flew away.")
    press(Qt.Key.Key_Return, CTRL)
    write("Because")
    session.changed(store.undo("Tess").changes)
    assert shown(tab) == "Why is the sky blue?"
    assert tab.answer.text == "Because"
    assert store.draft(1) == "A red hat flew away."


def test_undoing_leaves_a_newer_draft_of_the_same_prompt(tab, store, session):
    write("A red hat flew away.")
    press(Qt.Key.Key_Return, CTRL)
    tab.go_to(GoTo("write", prompt_id=1))
    write("Better words")
    session.changed(store.undo("Tess").changes)
    assert tab.answer.text == "Better words"
    assert not tab.answer.demonstrations.isVisible()


def test_in_an_empty_editor_undo_is_the_windows(tab, qtbot):
    undo = QShortcut(QKeySequence("Ctrl+Z"), tab)
    with qtbot.waitSignal(undo.activated, timeout=500):
        press(Qt.Key.Key_Z, CTRL)
    write("word")
    with qtbot.assertNotEmitted(undo.activated):
        press(Qt.Key.Key_Z, CTRL)
    assert tab.answer.text == ""


def test_an_old_undo_is_left_alone(open_write_tab, session, service, store):
    store.add_demonstration(2, "Air.", "Tess")
    store.undo("Tess")
    tab = open_write_tab(session)
    session.changed(Changes(frozenset({"demonstration"})))
    assert store.drafts() == {}
    assert tab.answer.text == ""


def test_a_demonstration_is_taken_back_and_given_again(tab, store, session, said, qtbot):
    store.add_demonstration(1, "Old answer.", "Ada")
    session.changed(Changes(frozenset({"demonstration"})))
    (card,) = tab.answer.demonstrations.cards
    assert any(box.toPlainText() == "Old answer." for box in card.findChildren(QPlainTextEdit))
    button = next(b for b in card.findChildren(QAbstractButton) if b.text() == "Take back")
    qtbot.mouseClick(button, LEFT)
    assert texts(store, 1) == []
    assert not tab.answer.demonstrations.isVisible()
    assert [(m.text, m.kind) for m in said] == [("Demonstration taken back.", "undo")]
    session.changed(store.undo("Tess").changes)
    assert texts(store, 1) == ["Old answer."]
    assert tab.answer.demonstrations.isVisible()
    assert tab.answer.text == "", "what Ada wrote is no draft"


# --- the list


def test_keys_lead_from_list_to_editor_and_back(tab):
    press(Qt.Key.Key_Escape)
    assert focus() is tab.prompts.view
    press(Qt.Key.Key_Down)
    assert shown(tab) == "Why is the sky blue?"
    assert focus() is tab.prompts.view
    press(Qt.Key.Key_Return)
    assert focus() is tab.answer.editor


def test_searching_by_keyboard(tab, qtbot):
    press(Qt.Key.Key_F, CTRL)
    assert focus() is tab.prompts.search
    write("hello")
    press(Qt.Key.Key_Return)
    assert rows(tab) == ["Say hello."]
    assert shown(tab) == "Say hello."
    assert tab.prompts.chips.chips["generation"].text().endswith("0/0")


def test_typing_searches_by_itself(tab, qtbot):
    press(Qt.Key.Key_F, CTRL)
    with qtbot.waitSignal(tab.prompts.model.modelReset, timeout=1000):
        write("sky")
    assert rows(tab) == ["Why is the sky blue?"]
    assert shown(tab) == "Tell a story about a red hat.", "looking for another prompt leaves the open one"


def test_a_search_without_a_match_has_a_way_back(tab, qtbot):
    press(Qt.Key.Key_F, CTRL)
    write("zzz")
    press(Qt.Key.Key_Return)
    nothing = tab.prompts.nothing
    assert nothing.isVisible()
    assert nothing.sentence.text() == "No prompt contains these words."
    assert nothing.button.text() == "Clear search"
    qtbot.mouseClick(nothing.button, LEFT)
    assert tab.prompts.search.text() == ""
    assert len(rows(tab)) == 3
    assert tab.prompts.view.isVisible()


def test_chips_filter_and_count_and_the_same_chip_shows_all_again(tab, qtbot):
    chips = tab.prompts.chips.chips
    assert set(chips) == set(USE_CASES)
    assert chips["open_qa"].text() == "Open question 0/1"
    assert not chips["extract"].isEnabled()
    qtbot.mouseClick(chips["open_qa"], LEFT)
    assert rows(tab) == ["Why is the sky blue?"]
    qtbot.mouseClick(chips["chat"], LEFT)
    assert rows(tab) == ["Say hello."]
    assert not chips["open_qa"].isChecked()
    qtbot.mouseClick(chips["chat"], LEFT)
    assert len(rows(tab)) == 3


def test_use_cases_of_this_project_come_first(tab):
    places = {name: (chip.y(), chip.x()) for name, chip in tab.prompts.chips.chips.items()}
    order = sorted(places, key=places.__getitem__)
    assert order[:3] == ["generation", "open_qa", "chat"]
    assert order[3:] == [name for name in USE_CASES if name not in order[:3]]


def test_only_prompts_to_write_are_shown_when_asked_for(tab, store, qtbot):
    write("A hat.")
    press(Qt.Key.Key_Return, CTRL)
    qtbot.mouseClick(tab.prompts.to_write, LEFT)
    assert rows(tab) == ["Why is the sky blue?", "Say hello."]
    for answer in ("Air.", "Hello!"):
        tab.answer.focus_editor()
        write(answer)
        press(Qt.Key.Key_Return, CTRL)
    assert tab.prompts.nothing.sentence.text() == "Every prompt here has a demonstration."
    qtbot.mouseClick(tab.prompts.nothing.button, LEFT)
    assert len(rows(tab)) == 3


def test_the_next_prompt_is_of_the_same_filter(tab, store, qtbot):
    ids = store.add_prompts([NewPrompt((Turn("user", "Say bye."),), "chat")]).ids
    tab.session.changed(Changes(frozenset({"prompt"})))
    qtbot.mouseClick(tab.prompts.chips.chips["chat"], LEFT)
    tab.go_to(GoTo("write", prompt_id=3))
    tab.answer.focus_editor()
    write("Hello!")
    press(Qt.Key.Key_Return, CTRL)
    assert tab._prompt.id == ids[0]


def test_news_from_elsewhere_keep_selection_scroll_and_text(tab, store, session):
    store.add_prompts([NewPrompt((Turn("user", f"Number {n}"),), "other") for n in range(300)])
    session.changed(Changes(frozenset({"prompt"})))
    tab.go_to(GoTo("write", prompt_id=150))
    tab.answer.focus_editor()
    write("Half an")
    bar = tab.prompts.view.verticalScrollBar()
    bar.setValue(bar.value() - 30)
    scrolled = bar.value()
    store.add_demonstration(290, "An answer.", "Ada")
    session.changed(Changes(frozenset({"demonstration"})))
    assert bar.value() == scrolled > 0
    assert tab.prompts.view.currentIndex().row() == tab.prompts.model.row_of(150)
    assert tab.answer.text == "Half an"
    assert focus() is tab.answer.editor


def test_news_while_hidden_are_read_when_shown(tab, store, session):
    tab.hide()
    store.add_prompts([NewPrompt((Turn("user", "New here"),), "other")])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tab.prompts.model, "reload", lambda: pytest.fail("read while hidden"))
        session.changed(Changes(frozenset({"prompt"})))
    tab.show()
    assert "New here" in rows(tab)


def test_going_to_a_prompt_gives_up_a_filter_that_hides_it(tab, qtbot):
    qtbot.mouseClick(tab.prompts.chips.chips["chat"], LEFT)
    tab.go_to(GoTo("write", prompt_id=2))
    assert shown(tab) == "Why is the sky blue?"
    assert len(rows(tab)) == 3


# --- new prompts


def test_the_first_prompt_is_written_in_an_empty_project(tmp_path, open_session, open_write_tab, qtbot):
    store = create_project(tmp_path / "empty", "Empty")
    tab = open_write_tab(open_session(store))
    assert tab.page.empty.isVisible()
    assert tab.primary_button() is tab.page.empty.button
    qtbot.mouseClick(tab.page.empty.button, LEFT)
    assert tab.primary_button() is tab.form.add
    assert focus() is tab.form.editor
    press(Qt.Key.Key_Return, CTRL)
    assert tab.form.problem.isVisible()
    write("Describe a fox.")
    tab.form.use_case.setCurrentIndex(USE_CASES.index("brainstorming"))
    press(Qt.Key.Key_Return, CTRL)
    (prompt,) = store.prompts()
    assert prompt.turns == (Turn("user", "Describe a fox."),)
    assert (prompt.use_case, prompt.author) == ("brainstorming", "Tess")
    assert prompt.purposes == {"demonstrate", "rank", "ppo"}
    assert shown(tab) == "Describe a fox."
    assert focus() is tab.answer.editor
    assert not tab.page.empty.isVisible()


def test_a_new_prompt_may_wait_half_written(tab, store):
    press(Qt.Key.Key_N, CTRL)
    assert not tab.page.save.isVisible()
    write("Describe")
    press(Qt.Key.Key_Escape)
    assert shown(tab) == "Tell a story about a red hat."
    assert tab.page.save.isVisible()
    press(Qt.Key.Key_N, CTRL)
    assert tab.form.editor.toPlainText() == "Describe"
    write(" a fox.")
    press(Qt.Key.Key_Return, CTRL)
    assert store.prompt(4).text == "Describe a fox."
    press(Qt.Key.Key_N, CTRL)
    assert tab.form.editor.toPlainText() == ""


# --- asking the model


def test_the_models_answer_is_shown_as_it_grows_and_used_only_on_demand(tab, service, session, qtbot, store):
    write("My own words.")
    press(Qt.Key.Key_M, CTRL)
    (request,) = service.asked
    assert request.turns == (Turn("user", "Tell a story about a red hat."),)
    assert (request.k, request.prompt_id, request.step) == (1, 1, 0)
    assert request.model == models_dir() / "tiny"
    card = tab.answer.model_answer
    service.loading(request)
    session.poll_answers()
    assert card.state.text() == "Base model (tiny) is being loaded…"
    service.write(request, "Once a")
    session.poll_answers()
    assert card.text.toPlainText() == "Once a"
    assert not card.use.isEnabled()
    service.answer(request, "Once a <b>hat</b>.")
    service.tell(RequestDone(request.number, 1.0))
    session.poll_answers()
    assert card.text.toPlainText() == "Once a <b>hat</b>."
    assert tab.answer.text == "My own words."
    qtbot.mouseClick(card.use, LEFT)
    assert tab.answer.text == "My own words.\n\nOnce a <b>hat</b>."
    assert focus() is tab.answer.editor
    press(Qt.Key.Key_Z, CTRL)
    assert tab.answer.text == "My own words."
    assert not card.isVisible()


def test_asking_again_gives_another_answer(tab, service, session, qtbot):
    press(Qt.Key.Key_M, CTRL)
    service.answer(service.asked[0], "")
    session.poll_answers()
    card = tab.answer.model_answer
    assert card.state.text() == "Base model (tiny) answered with nothing at all."
    assert not card.use.isEnabled()
    qtbot.mouseClick(card.again, LEFT)
    assert [request.step for request in service.asked] == [0, 1]
    assert service.cancelled == [service.asked[0].number]
    service.answer(service.asked[1], "Cut", is_finished=False)
    session.poll_answers()
    assert "cut off" in card.state.text()
    qtbot.mouseClick(card.dismiss, LEFT)
    assert not card.isVisible()


def test_an_answer_never_lands_at_another_prompt(tab, service, session):
    press(Qt.Key.Key_M, CTRL)
    press(Qt.Key.Key_Down, ALT)
    assert service.cancelled == [service.asked[0].number]
    assert not tab.answer.model_answer.isVisible()
    press(Qt.Key.Key_M, CTRL)
    assert service.asked[1].prompt_id == 2


def test_a_failing_model_says_so_in_the_card(tab, service, session):
    press(Qt.Key.Key_M, CTRL)
    service.tell(RequestFailed(service.asked[0].number, "The model folder is gone. Choose another."))
    session.poll_answers()
    assert tab.answer.model_answer.state.text() == "The model folder is gone. Choose another."
    assert tab.answer.model_answer.again.isEnabled()


def test_the_newest_trained_model_is_asked_unless_another_was_chosen(tab, service, session, store, preferences):
    models = tab.page.models
    assert models.currentText() == "Base model (tiny)"
    path = add_run(store.folder, "20260101-100000-sft", "sft", {"base": str(models_dir() / "tiny")})
    session.runs_changed.emit()
    assert models.choice.path == path
    models.setCurrentIndex(0)
    models.activated.emit(0)  # what a person's choice emits
    add_run(store.folder, "20260101-110000-sft", "sft", {"base": str(models_dir() / "tiny")})
    session.runs_changed.emit()
    assert models.choice.key == "base:tiny"


def test_the_bundled_model_answers(open_write_tab, session, qtbot):
    tab = open_write_tab(session)
    press(Qt.Key.Key_M, CTRL)
    qtbot.waitUntil(tab.answer.model_answer.use.isEnabled, timeout=60_000)
    assert tab.answer.model_answer.text.toPlainText().strip()


# --- how it looks


def test_lengths_are_counted_in_characters_at_once_and_in_tokens_soon(tab, qtbot):
    length = tab.answer.length
    assert length.text() == "0 characters · 0 tokens"
    write("H")
    assert length.text().startswith("1 character ·")
    tab.answer.editor.setPlainText("天空为什么是蓝色的")
    assert length.text().startswith("9 characters")
    from rlhf_studio.jobs.token_counter import TokenCounter

    tokens = TokenCounter(models_dir() / "tiny").count("天空为什么是蓝色的")
    qtbot.waitUntil(lambda: length.text() == f"9 characters · {tokens} tokens", timeout=2000)


def test_text_of_people_is_shown_as_it_was_typed(tab, store, session):
    (prompt_id,) = store.add_prompts([NewPrompt((Turn("user", MARKUP),), "chat")]).ids
    store.add_demonstration(prompt_id, MARKUP, "<i>Ada</i>")
    session.changed(Changes(frozenset({"prompt"})))
    tab.go_to(GoTo("write", prompt_id=prompt_id))
    assert shown(tab) == MARKUP
    card = tab.answer.demonstrations.cards[0]
    assert card.findChild(QPlainTextEdit).toPlainText() == MARKUP
    tab.go_to(GoTo("write", prompt_id=3))
    assert tab.page.guidance.own_example.answer.text() == MARKUP
    assert tab.page.guidance.own_example.answer.textFormat() == Qt.TextFormat.PlainText


def test_a_conversation_is_shown_with_its_roles(tab, store):
    turns = (Turn("system", "Be kind."), Turn("user", "Hi!"), Turn("assistant", "Hello!"), Turn("user", "A joke?"))
    (prompt_id,) = store.add_prompts([NewPrompt(turns, "chat")]).ids
    tab.go_to(GoTo("write", prompt_id=prompt_id))
    assert shown(tab) == "System\nBe kind.\n\nPerson\nHi!\n\nAssistant\nHello!\n\nPerson\nA joke?"
    assert tab.answer.conversation.isReadOnly()


def test_a_long_conversation_is_shown_from_its_last_turn_on(tab, store, qtbot):
    turns = [Turn("user" if i % 2 == 0 else "assistant", f"Turn {i}. " + "Some more words. " * 20) for i in range(15)]
    (prompt_id,) = store.add_prompts([NewPrompt(tuple(turns), "chat")]).ids
    tab.go_to(GoTo("write", prompt_id=prompt_id))
    view = tab.answer.conversation
    bar = view.verticalScrollBar()
    qtbot.waitUntil(lambda: 0 < bar.value() == bar.maximum())
    bar.setValue(0)
    QTest.keyClicks(tab.answer.editor, "An answer")
    assert bar.value() == 0, "whoever looks further up stays there"
    (prompt_id,) = store.add_prompts([NewPrompt((Turn("user", "One long question. " * 200),), "chat")]).ids
    tab.go_to(GoTo("write", prompt_id=prompt_id))
    qtbot.waitUntil(lambda: bar.maximum() > 0)
    assert bar.value() == 0, "one question is read from its beginning"


def test_guidance_fits_the_prompt_and_shows_another_answer_as_example(tab, store, qtbot):
    guides = json.loads((resources_dir() / "example" / "guidance.json").read_text(encoding="utf-8"))
    (other,) = store.add_prompts([NewPrompt((Turn("user", "Say bye."),), "chat")]).ids
    store.add_demonstration(other, "Bye!", "Ada")
    store.add_demonstration(3, "Hello!", "Ada")
    press(Qt.Key.Key_G, CTRL)
    tab.go_to(GoTo("write", prompt_id=3))
    guidance = tab.page.guidance
    assert guidance.isVisible()
    assert guidance.title.text() == "Chat"
    assert guidance.guidance.text() == guides["chat"]["guidance"]
    assert guidance.example.answer.text() == guides["chat"]["answer"]
    assert guidance.own_example.answer.text() == "Bye!"
    criteria = [label.text() for label in guidance.criteria.findChildren(PlainLabel)]
    assert [words.partition(":")[0] for words in criteria if ":" in words] == ["Helpful", "Truthful", "Harmless"]
    tab.go_to(GoTo("write", prompt_id=1))
    assert not guidance.own_example.isVisible()


def test_guidance_hides_in_a_narrow_window_until_it_is_asked_for(tab):
    assert not tab.page.guidance.isVisible()
    press(Qt.Key.Key_G, CTRL)
    assert tab.page.guidance.isVisible()
    assert tab.answer.guidance_button.isChecked()
    tab.resize(1400, 700)
    assert tab.page.guidance.isVisible()
    press(Qt.Key.Key_G, CTRL)
    tab.resize(*SMALLEST)
    assert tab.page.guidance.isVisible(), "each width remembers for itself"


def test_a_project_that_cannot_be_written_says_why_and_lets_read(tmp_path, store, open_session, open_write_tab, said):
    store.add_demonstration(1, "A hat.", "Ada")
    session = open_session(open_project(store.folder))
    tab = open_write_tab(session)
    assert tab.page.banner.isVisible()
    assert "open elsewhere" in session.store.read_only_reason
    assert tab.answer.editor.isReadOnly()
    assert not tab.page.save.isEnabled()
    assert not tab.prompts.new_prompt.isEnabled()
    tab.go_to(GoTo("write", prompt_id=1))
    (card,) = tab.answer.demonstrations.cards
    assert not next(b for b in card.findChildren(QAbstractButton)).isEnabled()


@pytest.mark.parametrize("state", ["empty", "one", "full", "form"])
def test_nothing_is_cut_off_in_the_smallest_window(state, tmp_path, open_session, open_write_tab, service, qtbot):
    if state == "full":
        store = open_or_create_example(tmp_path / "data", resources_dir())
    else:
        store = create_project(tmp_path / "other", "Other")
    if state == "one":
        store.add_prompts([NewPrompt((Turn("user", "w" * 3000),), "chat")])
    session = open_session(store)
    tab = open_write_tab(session, (1900, 1400))
    if state == "full":
        (prompt,) = store.find_prompts(labeled=True, limit=1)
        for number in range(9):
            store.add_demonstration(prompt.id, f"Answer {number}. " * 60, "Ada")
        tab.go_to(GoTo("write", prompt_id=prompt.id))
        press(Qt.Key.Key_M, CTRL)
        session.inference.answer(session.inference.asked[0], "A long answer. " * 60)
        session.poll_answers()
        press(Qt.Key.Key_G, CTRL)
    if state == "form":
        tab.begin_prompt()
    if state == "full":
        qtbot.waitUntil(lambda: tab.answer._extras.height() > 400)  # laid out
    assert tab.answer.minimumSizeHint().height() <= 480, "a large window can be made small again"
    tab.resize(*SMALLEST)
    least = tab.minimumSizeHint()
    assert least.width() <= 1024
    assert least.height() <= 560
    assert tab.size().toTuple() == SMALLEST
    qtbot.waitUntil(lambda: cut_off(tab) == [])


def cut_off(tab):
    """Names of the controls that do not fit into the tab, or have less than the width they need."""
    kinds = (QAbstractButton, QLineEdit, QComboBox, QPlainTextEdit)
    scrolled = tab.findChildren(QScrollArea)
    return [
        widget.accessibleName()
        for widget in (w for kind in kinds for w in tab.page.findChildren(kind) if w.isVisible())
        if not any(scroll.isAncestorOf(widget) for scroll in scrolled)
        and not (
            tab.rect().contains(QRect(widget.mapTo(tab, QPoint(0, 0)), widget.size()))
            and widget.width() >= widget.minimumSizeHint().width()
        )
    ]


def test_every_control_has_a_name_and_a_tip_and_is_reached_by_tab(tab):
    for kind in (QAbstractButton, QLineEdit, QComboBox, QPlainTextEdit):
        for widget in tab.findChildren(kind):
            if widget.objectName().startswith("qt_") or widget.parent() in tab.findChildren(QLineEdit):
                continue  # Qt's own parts of a control
            assert widget.accessibleName(), widget
            if not isinstance(widget, QPlainTextEdit) or not widget.isReadOnly():
                assert widget.toolTip(), widget.accessibleName()
                assert widget.focusPolicy() & Qt.FocusPolicy.TabFocus, widget.accessibleName()


def test_tab_leads_out_of_the_editor(tab):
    press(Qt.Key.Key_Tab)
    assert focus() is not tab.answer.editor
    assert "\t" not in tab.answer.text


def test_the_theme_reaches_roles_and_list(tab, theme, store, qtbot):
    turns = (Turn("user", "Hi!"), Turn("assistant", "Hello!"), Turn("user", "A joke?"))
    (prompt_id,) = store.add_prompts([NewPrompt(turns, "chat")]).ids
    tab.go_to(GoTo("write", prompt_id=prompt_id))
    tab.grab()
    theme.choose("dark")
    cursor = tab.answer.conversation.textCursor()
    cursor.setPosition(1)
    assert cursor.charFormat().foreground().color().name() == theme.colours.muted
    assert tab.grab().toImage().pixelColor(4, 4).name() == theme.colours.window
    theme.choose("light")


def test_the_keys_are_listed(tab):
    listed = " ".join(line.keys for line in tab.key_help())
    for keys in ("Ctrl+Enter", "Ctrl+Shift+Enter", "Alt+Down", "Ctrl+F", "Ctrl+N", "Ctrl+M", "Ctrl+G", "Esc"):
        assert keys in listed


def test_widths_are_remembered(tab, session, service, open_write_tab):
    tab.page._splitter.setSizes([360, 600, 0])
    before = tab.prompts.width()
    tab.save_state()
    again = open_write_tab(session)
    QApplication.sendEvent(again, QEvent(QEvent.Type.PolishRequest))
    assert again.prompts.width() == before


def test_each_use_case_has_guidance_and_an_example(tab, store):
    for use_case in USE_CASES:
        tab.page.guidance.show_for(use_case, 1)
        assert len(tab.page.guidance.guidance.text()) > 60
        assert tab.page.guidance.example.prompt.text()
        assert tab.page.guidance.example.answer.text()
