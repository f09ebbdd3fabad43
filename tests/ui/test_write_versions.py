"""Editing a saved demonstration, its history, and where a demonstration came from, by keys and by mouse."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication

from rlhf_studio.errors import DataError
from rlhf_studio.store.database import Changes
from rlhf_studio.store.project import open_project
from rlhf_studio.ui.tabs.tab import GoTo
from rlhf_studio.ui.write.history import ChangesBox

CTRL = Qt.KeyboardModifier.ControlModifier
LEFT = Qt.MouseButton.LeftButton


def press(key, modifiers=Qt.KeyboardModifier.NoModifier):
    QTest.keyClick(QApplication.focusWidget(), key, modifiers)


def write(text):
    QTest.keyClicks(QApplication.focusWidget(), text)


def texts(store, prompt_id=1):
    return [demonstration.text for demonstration in store.demonstrations(prompt_id)]


def button(widget, words):
    return next(b for b in widget.findChildren(QAbstractButton) if b.text() == words)


@pytest.fixture
def tab(open_write_tab, session, service, store):
    """Prompt 1 has a demonstration and is open."""
    store.add_demonstration(1, "A red hat flew.", "Ada")
    tab = open_write_tab(session)
    tab.go_to(GoTo("write", prompt_id=1))
    tab.answer.focus_editor()
    return tab


def test_a_demonstration_is_edited_by_keys_into_a_new_version(tab, store, said):
    write("Another answer")
    press(Qt.Key.Key_E, CTRL)
    assert tab.answer.text == "A red hat flew."
    assert tab.answer.heading.text() == "New version"
    assert tab.page.save.text() == "Save version"
    write(" It was happy.")
    press(Qt.Key.Key_Return, CTRL)
    assert texts(store) == ["A red hat flew. It was happy."]
    assert [v.text for v in store.demonstration_history(store.demonstrations(1)[0].id)][1] == "A red hat flew."
    assert store.demonstrations(1)[0].author == "Tess"
    assert [(m.text, m.kind) for m in said] == [("New version saved.", "undo")]
    assert tab.answer.text == "Another answer", "the draft of a new answer waited"
    assert tab.answer.heading.text() == "Your answer"
    assert tab.page.save.text() == "Save and next"


def test_an_edit_is_begun_and_left_by_mouse_and_can_be_brought_back(tab, store, said, qtbot):
    card = tab.answer.demonstrations.cards[0]
    qtbot.mouseClick(button(card, "Edit"), LEFT)
    assert not button(tab.answer.demonstrations.cards[0], "Being edited").isEnabled()
    write(" Really.")
    qtbot.mouseClick(tab.answer.stop_editing, LEFT)
    assert tab.answer.text == ""
    assert store.edits(1) == {}
    assert not tab.answer.stop_editing.isVisible()
    assert said[-1].action == "Bring back"
    said[-1].act()
    assert tab.answer.text == "A red hat flew. Really."
    assert list(store.edits(1).values()) == ["A red hat flew. Really."]


def test_an_unchanged_version_is_refused(tab, store):
    press(Qt.Key.Key_E, CTRL)
    press(Qt.Key.Key_Return, CTRL)
    assert "Nothing has changed" in tab.answer.problem.text()
    press(Qt.Key.Key_E, CTRL)
    assert tab.answer.heading.text() == "Your answer"
    assert store.undoable().kind == "demonstration"


def test_what_cannot_be_saved_stays_in_the_editor(tab, store, said, monkeypatch):
    def full(*_args):
        raise DataError("The disk is full.")

    press(Qt.Key.Key_E, CTRL)
    write("!")
    monkeypatch.setattr(store, "revise_demonstration", full)
    press(Qt.Key.Key_Return, CTRL)
    assert [(m.text, m.kind) for m in said] == [("The disk is full.", "error")]
    assert tab.answer.text == "A red hat flew.!"


def test_an_edit_waits_while_another_prompt_is_answered(tab, store):
    press(Qt.Key.Key_E, CTRL)
    write(" And on.")
    press(Qt.Key.Key_Return, CTRL | Qt.KeyboardModifier.ShiftModifier)
    assert tab._prompt.id == 2
    assert tab.answer.heading.text() == "Your answer"
    write("Because.")
    tab.go_to(GoTo("write", prompt_id=1))
    assert tab.answer.text == "A red hat flew. And on."
    assert tab.answer.heading.text() == "New version"
    assert store.draft(2) == "Because."


def test_undo_puts_the_words_of_a_version_back_and_redo_takes_them(tab, store, session):
    press(Qt.Key.Key_E, CTRL)
    write(" It sang.")
    press(Qt.Key.Key_Return, CTRL)
    session.changed(store.undo("Tess").changes)
    assert texts(store) == ["A red hat flew."]
    assert tab.answer.text == "A red hat flew. It sang."
    assert tab.answer.heading.text() == "New version"
    session.changed(store.redo("Tess").changes)
    assert texts(store) == ["A red hat flew. It sang."]
    assert tab.answer.text == ""
    assert store.edits(1) == {}
    assert tab.answer.heading.text() == "Your answer"


def test_undoing_elsewhere_leaves_what_is_being_typed(tab, store, session):
    press(Qt.Key.Key_E, CTRL)
    write(" It sang.")
    press(Qt.Key.Key_Return, CTRL)
    tab.go_to(GoTo("write", prompt_id=2))
    tab.answer.focus_editor()
    write("Because")
    session.changed(store.undo("Tess").changes)
    assert tab.answer.text == "Because"
    assert list(store.edits(1).values()) == ["A red hat flew. It sang."]


def test_a_demonstration_taken_back_elsewhere_is_no_longer_edited(tab, store, session):
    press(Qt.Key.Key_E, CTRL)
    write(" It sang.")
    made = store.demonstrations(1)[0].id
    session.changed(store.retract_demonstration(made, "Ada"))
    assert tab.answer.heading.text() == "Your answer"
    assert tab.answer.text == ""
    session.changed(store.restore_demonstration(made, "Ada"))
    tab.go_to(GoTo("write", prompt_id=1))
    assert tab.answer.text == "A red hat flew. It sang.", "nothing typed is lost"


# --- history


@pytest.fixture
def revised(tab, store, session):
    """Three versions: (tab, the newest one's id)."""
    first = store.demonstrations(1)[0].id
    second = store.revise_demonstration(first, "A small red hat flew.", "Tess").ids[0]
    third = store.revise_demonstration(second, "A small red hat sang.", "Ada").ids[0]
    session.changed(Changes(frozenset({"demonstration"})))
    return tab, third


def test_the_history_shows_who_changed_which_words(revised, qtbot):
    tab, _ = revised
    qtbot.mouseClick(button(tab.answer.demonstrations.cards[0], "History"), LEFT)
    history = tab.history
    assert history.isVisible()
    assert tab.primary_button() is history.back
    assert not tab.page.save.isVisible()
    assert [len(card.findChildren(QAbstractButton)) for card in history.cards] == [0, 1, 1]
    newest, middle, oldest = (box_of(card).toPlainText() for card in history.cards)
    assert newest == "A small red hat flew. sang."
    assert middle == "A small red hat flew."
    assert oldest == "A red hat flew."
    assert formats_of(history.cards[0]) == {" flew.": "gone", " sang.": "new"}
    print(
        QApplication.focusWidget(),
        QApplication.activeWindow(),
        history.back.isEnabled(),
        history.back.isVisible(),
        tab.isActiveWindow(),
    )
    assert formats_of(history.cards[1]) == {" small": "new"}
    press(Qt.Key.Key_Escape)
    assert not history.isVisible()
    assert QApplication.focusWidget() is tab.answer.editor


def box_of(card):
    return card.findChild(ChangesBox)


def formats_of(card):
    """The marked pieces of a version's text."""
    found, block = {}, box_of(card).document().begin()
    for part in block:
        shape = part.fragment().charFormat()
        if shape.fontUnderline() or shape.fontStrikeOut():
            found[part.fragment().text()] = "new" if shape.fontUnderline() else "gone"
    return found


def test_an_older_version_is_restored_as_a_new_one_and_undone(revised, store, session, said, qtbot):
    tab, third = revised
    press(Qt.Key.Key_H, CTRL)
    qtbot.mouseClick(button(tab.history.cards[2], "Restore this version"), LEFT)
    assert texts(store) == ["A red hat flew."]
    assert len(store.demonstration_history(store.demonstrations(1)[0].id)) == 4
    assert not tab.history.isVisible()
    assert [(m.text, m.kind) for m in said] == [("The older version is in use again.", "undo")]
    session.changed(store.undo("Tess").changes)
    assert [d.id for d in store.demonstrations(1)] == [third]
    assert tab.answer.text == "", "nobody typed the older version again"


def test_without_a_demonstration_there_is_nothing_to_edit_or_to_look_at(tab, said):
    tab.go_to(GoTo("write", prompt_id=2))
    tab.answer.focus_editor()
    press(Qt.Key.Key_E, CTRL)
    press(Qt.Key.Key_H, CTRL)
    assert [m.text for m in said] == [
        "This prompt has no demonstration to edit yet.",
        "This prompt has no demonstration yet.",
    ]
    assert tab.answer.isVisible()


def test_a_project_that_is_read_only_shows_history_and_changes_nothing(revised, store, open_session, open_write_tab):
    with open_project(store.folder, read_only=True) as reader:
        tab = open_write_tab(open_session(reader))
        tab.go_to(GoTo("write", prompt_id=1))
        assert not button(tab.answer.demonstrations.cards[0], "Edit").isEnabled()
        press(Qt.Key.Key_E, CTRL)
        assert tab.answer.heading.text() == "Your answer"
        press(Qt.Key.Key_H, CTRL)
        assert not button(tab.history.cards[1], "Restore this version").isEnabled()
        press(Qt.Key.Key_Escape)


# --- whose answer it was


def ask(tab, service, session, answer):
    press(Qt.Key.Key_M, CTRL)
    service.answer(service.asked[-1], answer)
    session.poll_answers()


def test_a_demonstration_remembers_whose_answer_it_was_made_of(tab, service, session, store, qtbot, open_write_tab):
    ask(tab, service, session, "The hat was red.")
    qtbot.mouseClick(tab.answer.model_answer.use, LEFT)
    write(" It flew.")
    tab.save_state()
    assert store.draft_model(1) == "Base model (tiny)"
    again = open_write_tab(session)  # as after a restart
    again.go_to(GoTo("write", prompt_id=1))
    again.answer.focus_editor()
    assert again.answer.model == "Base model (tiny)"
    press(Qt.Key.Key_Return, CTRL)
    assert store.demonstrations(1)[-1].model == "Base model (tiny)"
    again.go_to(GoTo("write", prompt_id=1))
    newest = again.answer.demonstrations.cards[0]
    assert any(
        getattr(w, "text", str)() == "Tess, from an answer of Base model (tiny)" for w in newest.findChildren(object)
    )
    session.changed(store.undo("Tess").changes)
    assert store.draft_model(1) == "Base model (tiny)", "also when its saving is undone"


@pytest.mark.parametrize("how", ["undone", "deleted"])
def test_words_that_were_taken_out_again_leave_no_trace(how, tab, service, session, store, qtbot):
    write("Mine. ")
    ask(tab, service, session, "The hat was red.")
    qtbot.mouseClick(tab.answer.model_answer.use, LEFT)
    if how == "undone":
        press(Qt.Key.Key_Z, CTRL)
    else:
        tab.answer.editor.selectAll()
        press(Qt.Key.Key_Delete)
        write("Mine. ")
    press(Qt.Key.Key_Return, CTRL)
    assert (store.demonstrations(1)[-1].text, store.demonstrations(1)[-1].model) == ("Mine.", "")
