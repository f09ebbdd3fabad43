"""Labels and editors for text of people and models, which is plain text wherever it is shown."""

import html

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QPlainTextEdit, QSizePolicy, QWidget

from rlhf_studio.ui.widgets.composing import Composing


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
        self._composing = Composing(self)

    @property
    def is_composing(self) -> bool:
        """Whether an input method has text that is not confirmed yet: its Enter belongs to it alone."""
        return self._composing.is_on


def set_look(widget: QWidget, look: str) -> None:
    """Give a widget another look of the style sheet, at once."""
    if widget.property("look") != look:
        widget.setProperty("look", look)
        widget.style().unpolish(widget)
        widget.style().polish(widget)


def tool_tip(text: str) -> str:
    """Text of people or models for a tooltip, which Qt would take for HTML."""
    return f"<p>{html.escape(text).replace(chr(10), '<br>')}</p>"
