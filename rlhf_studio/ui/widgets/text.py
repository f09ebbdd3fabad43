"""Labels and editors for text of people and models, which is plain text wherever it is shown."""

import html

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QFocusEvent, QInputMethodEvent, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QLabel, QPlainTextEdit, QSizePolicy, QWidget


class PlainLabel(QLabel):
    """A label that never takes its text for HTML; ``look`` is a name of the style sheet."""

    def __init__(self, text: str = "", look: str = "", parent: QWidget | None = None, *, wraps: bool = False) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setWordWrap(wraps)
        if look:
            self.setProperty("look", look)
        if wraps:  # a wrapping label must not push its neighbours away
            self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.MinimumExpanding)
        self.setText(text)

    def set_look(self, look: str) -> None:
        """Change the look, e.g. to "danger"."""
        set_look(self, look)


class ReadingLabel(PlainLabel):
    """A prompt or an answer, large enough to read aloud, selectable by mouse and keyboard."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(text, "reading", parent, wraps=True)
        self.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)


class PlainEditor(QPlainTextEdit):
    """An editor that pastes plain text and knows whether an input method is composing."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("look", "reading")
        self.setTabChangesFocus(True)
        self._is_composing = False

    @property
    def is_composing(self) -> bool:
        """Whether an input method has text that is not confirmed yet: its Enter belongs to it alone."""
        return self._is_composing

    def event(self, event: QEvent) -> bool:
        """In an empty editor there is nothing to undo: the key is the window's, which undoes labels."""
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent):
            is_untouched = self.document().isEmpty() and not self.document().isUndoAvailable()
            if is_untouched and event.matches(QKeySequence.StandardKey.Undo):
                event.ignore()
                return False
        return super().event(event)

    def inputMethodEvent(self, event: QInputMethodEvent) -> None:  # noqa: N802
        self._is_composing = bool(event.preeditString())
        super().inputMethodEvent(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        if self._is_composing and event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
            event.accept()
            return
        super().keyPressEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        self._is_composing = False
        super().focusOutEvent(event)


def set_look(widget: QWidget, look: str) -> None:
    """Give a widget another look of the style sheet, at once."""
    if widget.property("look") != look:
        widget.setProperty("look", look)
        widget.style().unpolish(widget)
        widget.style().polish(widget)


def tool_tip(text: str) -> str:
    """Text of people or models for a tooltip, which Qt would take for HTML."""
    return f"<p>{html.escape(text).replace(chr(10), '<br>')}</p>"
