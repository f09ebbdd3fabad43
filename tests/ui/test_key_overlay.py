import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QLineEdit, QListWidget, QPlainTextEdit, QVBoxLayout, QWidget

from rlhf_studio.ui.key_overlay import KeyOverlay
from rlhf_studio.ui.tabs.tab import KeyHelp


class Window(QWidget):
    def __init__(self):
        super().__init__()
        self.page = "Write"
        self.editor, self.line, self.list = QPlainTextEdit(), QLineEdit(), QListWidget()
        layout = QVBoxLayout(self)
        for widget in (self.editor, self.line, self.list):
            layout.addWidget(widget)
        self.list.addItems(["one", "two"])

    def key_help(self):
        return (KeyHelp("Ctrl+1", "Write"), KeyHelp("F1", "Keys of this page"))

    def tab_key_help(self):
        return self.page, (KeyHelp("Ctrl+Enter", f"Save and next, in {self.page}"),)


@pytest.fixture
def window(qtbot, theme):
    window = Window()
    window.resize(1024, 700)
    qtbot.addWidget(window)
    window.overlay = KeyOverlay(window)
    window.show()
    qtbot.waitExposed(window)
    window.activateWindow()
    window.list.setFocus()
    qtbot.waitUntil(window.list.hasFocus)
    return window


def press(qtbot, widget):
    qtbot.keyClick(widget, Qt.Key.Key_Question, Qt.KeyboardModifier.ShiftModifier)


def texts(overlay):
    return [label.text() for label in overlay._card.findChildren(QLabel)]


def test_a_question_mark_shows_the_keys_of_the_window_and_of_the_page(window, qtbot):
    press(qtbot, window.list)
    assert window.overlay.isVisible()
    assert {"On this page: Write", "Everywhere", "Ctrl+Enter", "Ctrl+1"} <= set(texts(window.overlay))
    assert window.overlay.geometry() == window.rect()
    assert "Ctrl+Enter: Save and next, in Write" in window.overlay.accessibleDescription()
    window.overlay.close_overlay()
    window.page = "Rank"
    window.overlay.toggle()
    assert "On this page: Rank" in texts(window.overlay)


@pytest.mark.parametrize("name", ["editor", "line"])
def test_a_question_mark_in_an_editor_is_text(window, qtbot, name):
    editor = getattr(window, name)
    editor.setFocus()
    qtbot.keyClicks(editor, "why?")
    assert (editor.toPlainText() if name == "editor" else editor.text()) == "why?"
    assert not window.overlay.isVisible()


@pytest.mark.parametrize("way", ["escape", "question mark", "click"])
def test_it_closes_and_gives_the_focus_back(window, qtbot, way):
    press(qtbot, window.list)
    assert window.overlay.hasFocus()
    if way == "escape":
        qtbot.keyClick(window.overlay, Qt.Key.Key_Escape)
    elif way == "question mark":
        press(qtbot, window.overlay)
    else:
        qtbot.mouseClick(window.overlay, Qt.MouseButton.LeftButton)
    assert not window.overlay.isVisible()
    assert window.list.hasFocus()


def test_what_lies_below_cannot_be_reached(window, qtbot):
    press(qtbot, window.list)
    qtbot.keyClick(window.overlay, Qt.Key.Key_Tab)
    assert window.overlay.hasFocus()


def test_it_covers_the_window_after_a_resize(window, qtbot):
    press(qtbot, window.list)
    window.resize(1280, 800)
    assert window.overlay.geometry() == window.rect()


def test_a_long_list_scrolls_by_key(window, qtbot, monkeypatch):
    monkeypatch.setattr(window, "key_help", lambda: tuple(KeyHelp(f"F{i}", "something") for i in range(60)))
    press(qtbot, window.list)
    bar = window.overlay._area.verticalScrollBar()
    qtbot.waitUntil(lambda: bar.maximum() > 0)
    qtbot.keyClick(window.overlay, Qt.Key.Key_PageDown)
    assert bar.value() > 0
