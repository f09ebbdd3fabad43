"""Keys changed by a person in the real window, and the list they are changed in; by keyboard alone."""

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLabel
from window_checks import faults_of
from window_material import FakeInference

from rlhf_studio.ui.keys.dialog import KeysDialog
from rlhf_studio.ui.keys.keymap import Keymap
from rlhf_studio.ui.keys.sequences import chord
from rlhf_studio.ui.main_window import MainWindow
from rlhf_studio.ui.tab_pages import TABS
from rlhf_studio.ui.tabs.tab import GoTo

CTRL, NONE = Qt.KeyboardModifier.ControlModifier, Qt.KeyboardModifier.NoModifier


@pytest.fixture
def keymap(preferences):
    return Keymap(preferences)


@pytest.fixture
def dialog(qtbot, keymap, theme):
    dialog = KeysDialog(keymap, {"rank": "Rank", "write": "Write"})
    qtbot.addWidget(dialog)
    with qtbot.waitExposed(dialog):
        dialog.show()
    dialog.activateWindow()
    qtbot.waitUntil(dialog.isActiveWindow)
    return dialog


@pytest.fixture
def window(qtbot, session, full):
    """The whole window, its menus and its tabs that are asked for."""
    session.inference.close(5)
    session.inference = FakeInference(("one", "two", "three", "four", "five"))
    window = MainWindow(session)
    qtbot.addWidget(window)
    with qtbot.waitExposed(window):
        window.open("write")
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    yield window
    window.close_now()


def press(key, modifiers=NONE):
    QTest.keyClick(QApplication.focusWidget(), key, modifiers)


def choose(dialog, name):
    dialog.view.setFocus()
    dialog.view.setCurrentIndex(dialog.model.index_of(name))


def text_of(dialog, name, column):
    return dialog.model.index_of(name).siblingAtColumn(column).data()


# --- the list


def test_the_list_has_every_act_with_its_key(dialog, keymap):
    for act in keymap.acts:
        assert dialog.model.name_of(dialog.model.index_of(act.name)) == act.name
        assert text_of(dialog, act.name, 1) == keymap.text(act.name)
    assert dialog.model.index(0, 0).data() == "Rank"  # groups as they were given


def test_enter_and_a_chord_give_a_row_another_key(dialog, keymap, preferences):
    choose(dialog, "rank.skip")
    press(Qt.Key.Key_Return)
    assert dialog.recorder.hasFocus()
    assert "“Skip this set”, now Ctrl+Right" in dialog.asked.text()
    press(Qt.Key.Key_F9)
    assert text_of(dialog, "rank.skip", 1) == "F9"
    assert text_of(dialog, "rank.skip", 2) == "Ctrl+Right"
    assert preferences.keys() == {"rank.skip": ("F9",)}
    assert dialog.view.hasFocus()
    assert "F9 now" in dialog.problem.text()


def test_a_click_asks_too(dialog, qtbot):
    index = dialog.model.index_of("write.new")
    dialog.view.scrollTo(index)
    qtbot.mouseClick(dialog.view.viewport(), Qt.MouseButton.LeftButton, pos=dialog.view.visualRect(index).center())
    assert dialog.recorder.hasFocus()


def test_escape_changes_nothing_and_does_not_close(dialog, keymap):
    choose(dialog, "rank.skip")
    press(Qt.Key.Key_Return)
    press(Qt.Key.Key_Escape)
    assert dialog.isVisible()
    assert not keymap.is_changed("rank.skip")
    assert dialog.view.hasFocus()


def test_a_refused_key_says_why_and_asks_again(dialog, keymap):
    choose(dialog, "rank.skip")
    press(Qt.Key.Key_Return)
    press(Qt.Key.Key_K)
    assert "letter or digit" in dialog.problem.text()
    assert dialog.recorder.hasFocus()
    press(Qt.Key.Key_K, CTRL)
    assert keymap.text("rank.skip") == "Ctrl+K"


def test_a_warning_is_told_with_the_change(dialog, keymap):
    choose(dialog, "rank.skip")
    press(Qt.Key.Key_Return)
    press(Qt.Key.Key_Space, CTRL)
    assert keymap.text("rank.skip") == "Ctrl+Space"
    assert "input methods" in dialog.problem.text()


@pytest.mark.parametrize(("way", "other"), [("swap", "Ctrl+Right"), ("take", "none"), ("leave", "Ctrl+U")])
def test_a_key_that_another_act_has(dialog, keymap, way, other):
    choose(dialog, "rank.skip")
    press(Qt.Key.Key_Return)
    press(Qt.Key.Key_U, CTRL)
    assert "Ctrl+U belongs to “These answers cannot be ranked”" in dialog.problem.text()
    assert dialog.swap_button.hasFocus()
    button = {"swap": dialog.swap_button, "take": dialog.take_button, "leave": dialog.cancel_button}[way]
    for _ in range(9):
        if button.hasFocus():
            break
        press(Qt.Key.Key_Tab)
    press(Qt.Key.Key_Space)
    assert keymap.text("rank.skip") == ("Ctrl+Right" if way == "leave" else "Ctrl+U")
    assert text_of(dialog, "rank.unrankable", 1) == other
    assert not dialog.swap_button.isVisible()
    assert not keymap.collisions()


def test_delete_leaves_an_act_without_a_key_and_default_gives_it_back(dialog, keymap, qtbot):
    choose(dialog, "rank.skip")
    press(Qt.Key.Key_Delete)
    assert text_of(dialog, "rank.skip", 1) == "none"
    qtbot.mouseClick(dialog.reset_button, Qt.MouseButton.LeftButton)
    assert keymap.text("rank.skip") == "Ctrl+Right"
    keymap.rebind("write.new", chord("F9"))
    dialog.reset_all_button.click()
    assert not keymap.is_changed("write.new")


def test_what_is_fixed_says_so(dialog, keymap):
    choose(dialog, "rank.place")
    assert not dialog.change_button.isEnabled()
    press(Qt.Key.Key_Return)
    assert "1 to 9 cannot be changed" in dialog.problem.text()
    assert not dialog.recorder.isEnabled()


@pytest.mark.parametrize(("words", "name"), [("skip this", "rank.skip"), ("ctrl+right", "rank.skip"), ("Write", "")])
def test_a_search_finds_words_keys_and_tabs(dialog, words, name):
    dialog.search.setFocus()
    QTest.keyClicks(dialog.search, words)
    assert dialog.view.model().rowCount() >= 1
    press(Qt.Key.Key_Down)
    assert dialog.view.hasFocus()
    assert not name or dialog.model.name_of(dialog.view.currentIndex()) == name
    QTest.keyClicks(dialog.search, " nowhere")
    assert "No act" in dialog.problem.text()
    assert not dialog.change_button.isEnabled()


def test_nothing_is_cut_off_and_everything_has_a_name(dialog):
    dialog.record("rank.skip")
    dialog.recorder.recorded.emit(chord("Ctrl+U"))
    QApplication.processEvents()
    assert faults_of(dialog, 1024, 700) == []


# --- the window


def test_no_two_keys_collide_and_every_act_with_a_key_is_in_the_overlay_of_its_tab(window):
    keymap = window.session.keymap
    acts = [act for act in keymap.acts if keymap.text(act.name)]
    for name in TABS:
        window.go_to(GoTo(name))
        window.overlay.open_overlay()
        shown = {label.text() for label in window.overlay._card.findChildren(QLabel)}
        assert {act.what for act in acts if act.scope in {name, "window"}} <= shown
        window.overlay.close_overlay()
    assert {act.scope for act in keymap.acts} <= {*TABS, "window"}
    assert keymap.collisions() == ()  # with what the tabs and menus have declared


def test_a_changed_key_works_in_the_window_at_once(window, qtbot):
    keymap, tab = window.session.keymap, window.tabs.tab("write")
    keymap.rebind("write.new", chord("Ctrl+J"))
    keymap.rebind("window.rank", chord("F9"))
    tab.answer.focus_editor()
    press(Qt.Key.Key_N, CTRL)
    assert not tab.page.is_form_open
    press(Qt.Key.Key_J, CTRL)
    assert tab.page.is_form_open
    assert "Ctrl+J" in tab.prompts.new_prompt.toolTip()
    assert "Ctrl+J" in {line.keys for line in tab.key_help()}
    press(Qt.Key.Key_F9)
    assert window.tabs.current_name() == "rank"


def test_submit_tie_and_take_back_have_other_keys_too(window, qtbot):
    keymap = window.session.keymap
    keymap.rebind("rank.submit", chord("F9"))
    keymap.rebind("rank.tie", chord("+"))
    keymap.rebind("rank.back", chord("Delete"))
    window.go_to(GoTo("rank", act=True))
    tab = window.tabs.tab("rank")
    qtbot.waitUntil(lambda: bool(window.session.poll_answers() or tab.order.is_open))
    QTest.keyClicks(tab, "12=")
    assert tab.order.entry.tiers == ((0,), (1,))
    press(Qt.Key.Key_Delete)
    QTest.keyClicks(tab, "+3")
    assert tab.order.entry.tiers == ((0, 2),)
    press(Qt.Key.Key_Return)
    assert len(window.session.store.rankings()) == 2
    press(Qt.Key.Key_Delete)
    press(Qt.Key.Key_Delete)
    QTest.keyClicks(tab, "23")
    press(Qt.Key.Key_F9)
    assert len(window.session.store.rankings()) == 3


@pytest.mark.parametrize("modifiers", [Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.GroupSwitchModifier])
def test_the_overlay_opens_where_the_question_mark_needs_another_key(window, modifiers):
    window.go_to(GoTo("runs"))
    window.tabs.setFocus()
    for is_shown in (True, False):
        event = QKeyEvent(QEvent.Type.KeyPress, Qt.Key.Key_Question, modifiers, "?")
        QApplication.sendEvent(QApplication.focusWidget(), event)
        assert window.overlay.isVisible() == is_shown
    press(Qt.Key.Key_F1)
    assert window.overlay.isVisible()


def test_the_overlay_leads_to_the_list_and_the_change_shows_in_it(window, qtbot):
    window.overlay.open_overlay()
    press(Qt.Key.Key_Return)
    dialog = window.findChild(KeysDialog)
    assert dialog.isVisible()
    window.session.keymap.rebind("write.new", chord("F9"))
    assert text_of(dialog, "write.new", 1) == "F9"
    dialog.close()
    window.overlay.open_overlay()
    assert "F9: New prompt" in window.overlay.accessibleDescription()


def test_a_bad_line_in_the_preferences_is_told_when_the_window_opens(qtbot, full, theme, preferences):
    from rlhf_studio.ui.session import Session

    preferences.keep_keys({"rank.skip": ("K",)})
    session = Session(full, theme, preferences)
    window = MainWindow(session)
    qtbot.addWidget(window)
    with qtbot.waitSignal(session.messaged) as told:
        window.open("write")
    assert "letter or digit" in told.args[0].text
    assert session.keymap.text("rank.skip") == "Ctrl+Right"
    window.close_now()
    assert session.close()
