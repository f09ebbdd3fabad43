import pytest
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QEnterEvent
from PySide6.QtWidgets import QApplication, QLineEdit, QVBoxLayout, QWidget

from rlhf_studio.ui import toasts
from rlhf_studio.ui.messages import Message
from rlhf_studio.ui.toasts import ToastArea


@pytest.fixture
def window(qtbot):
    window = QWidget()
    window.resize(900, 600)
    window.editor = QLineEdit(window)
    QVBoxLayout(window).addWidget(window.editor)
    qtbot.addWidget(window)
    window.show()
    qtbot.waitExposed(window)
    window.activateWindow()
    window.editor.setFocus()
    qtbot.waitUntil(window.editor.hasFocus)
    return window


@pytest.fixture
def area(window, theme):
    return ToastArea(window, theme)


def test_a_notice_lies_over_the_foot_in_the_middle_and_follows_the_window(area, window):
    area.show_message(Message("Saved."))
    assert area.isVisible()
    assert abs(area.geometry().center().x() - window.width() // 2) <= 2
    window.resize(700, 500)
    assert abs(area.geometry().center().x() - 350) <= 2
    assert 500 - 100 < area.geometry().bottom() < 500


def test_text_is_plain_and_wraps(area):
    toast = area.show_message(Message("<b>bold</b> " * 40))
    assert toast.label.textFormat() is Qt.TextFormat.PlainText
    assert toast.label.width() <= 560
    assert toast.height() > 3 * toast.label.fontMetrics().height()
    assert area.geometry().contains(toast.geometry().translated(area.pos()))


def test_at_most_three_and_errors_stay_longest(area):
    area.show_message(Message("first", "error"))
    for text in ("second", "third", "fourth"):
        area.show_message(Message(text))
    assert [toast.message.text for toast in area.toasts] == ["first", "third", "fourth"]


def test_the_same_notice_is_shown_once(area):
    first = area.show_message(Message("Saved."))
    first.timer.stop()
    assert area.show_message(Message("Saved.")) is first
    assert first.timer.isActive()


def test_it_goes_by_itself_and_errors_later(area, monkeypatch, qtbot):
    monkeypatch.setattr(toasts, "SHOWN_MS", 20)
    monkeypatch.setattr(toasts, "ERROR_MS", 60_000)
    error = area.show_message(Message("bad", "error"))
    toast = area.show_message(Message("good"))
    with qtbot.waitSignal(toast.closed):
        pass
    assert area.toasts == (error,)


def test_time_stands_still_under_the_mouse(area):
    toast = area.show_message(Message("Saved."))
    at = QPointF(3, 3)
    QApplication.sendEvent(toast, QEnterEvent(at, at, at))
    assert not toast.timer.isActive()
    QApplication.sendEvent(toast, QEvent(QEvent.Type.Leave))
    assert toast.timer.isActive()


def test_f8_reaches_the_newest_button_and_esc_gives_the_focus_back(area, window, qtbot):
    area.show_message(Message("old", action="Old"))
    toast = area.show_message(Message("new", action="Show"))
    qtbot.keyClick(window.editor, Qt.Key.Key_F8)
    assert toast.action_button.hasFocus()
    assert not toast.timer.isActive()
    qtbot.keyClick(toast.action_button, Qt.Key.Key_Escape)
    assert toast not in area.toasts
    assert window.editor.hasFocus()


def test_without_an_action_f8_reaches_dismiss(area, window, qtbot):
    toast = area.show_message(Message("Saved."))
    qtbot.keyClick(window.editor, Qt.Key.Key_F8)
    assert toast.close_button.hasFocus()
    qtbot.keyClick(toast.close_button, Qt.Key.Key_Space)
    assert not area.isVisible()


def test_the_button_acts_once(area, qtbot):
    acts = []
    toast = area.show_message(Message("Removed.", action="Bring back", act=lambda: acts.append(1)))
    qtbot.mouseClick(toast.action_button, Qt.MouseButton.LeftButton)
    assert acts == [1]
    assert area.toasts == ()


def test_an_undo_notice_asks_for_undo(area, qtbot):
    toast = area.show_message(Message("Ranking saved.", "undo"))
    assert toast.action_button.text() == "Undo"
    with qtbot.waitSignal(area.undo_requested):
        qtbot.mouseClick(toast.action_button, Qt.MouseButton.LeftButton)


def test_everything_is_named_for_screen_readers(area):
    toast = area.show_message(Message("Disk full.", "error", action="Open folder"))
    assert toast.accessibleName() == "Error: Disk full."
    assert toast.action_button.accessibleName() == "Open folder"
    assert toast.close_button.accessibleName() == "Dismiss"


def test_closing_the_window_leaves_no_timer(area, window):
    made = [area.show_message(Message(text)) for text in ("a", "b")]
    window.close()
    assert not any(toast.timer.isActive() for toast in made)
    area.clear()
    assert area.toasts == ()


def test_it_grows_with_the_text(area, theme, qtbot):
    toast = area.show_message(Message("Demonstration saved.", "undo"))
    width = toast.label.width()
    theme.set_font_points(theme.font_points * 2)
    assert toast.label.width() > 1.5 * width
    qtbot.waitUntil(lambda: area.width() >= toast.sizeHint().width())
