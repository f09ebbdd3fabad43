"""The editor for answers: what is pasted cannot make it hang, and holds nothing that a project cannot keep."""

import re

from PySide6.QtCore import QMimeData, Signal
from PySide6.QtWidgets import QWidget

from rlhf_studio.ui.widgets.text import PlainEditor

MAX_CHARACTERS = 50_000  # far over what a model here reads; one line of twice as much takes Qt 0.3 s at each key
_NO_TEXT = re.compile("[\0-\x08\x0b\x0e-\x1f\x7f]")  # control characters other than tab and line ends
_LINE_END = re.compile("\r\n|[\r\x0c\x85\u2028\u2029]")
_HALF = re.compile("[\ud800-\udfff]")


def clean(text: str) -> tuple[str, int]:
    """A text with plain line ends, without control characters, and with U+FFFD for halves of characters.

    Returns:
        The text, and how many characters were taken out or replaced; line ends do not count.
    """
    text, gone = _NO_TEXT.subn("", _LINE_END.sub("\n", text))
    text, halves = _HALF.subn("\ufffd", text)
    return text, gone + halves


class AnswerEditor(PlainEditor):
    """A plain editor that takes at most ``MAX_CHARACTERS`` and says what it left out of a pasted text."""

    objected = Signal(str)  # a sentence to show beside it

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)

    @property
    def text(self) -> str:
        """What was written; a character of which one half has arrived shows as U+FFFD until the other comes."""
        return clean(self.toPlainText())[0]

    def insertFromMimeData(self, source: QMimeData) -> None:  # noqa: N802
        """Paste or drop plain text, as one step of undo."""
        if self.isReadOnly() or not source.hasText():
            return
        text, faults = clean(source.text())
        cursor = self.textCursor()
        length = self.document().characterCount() - 1 - len(cursor.selectedText()) + len(text)
        if length > MAX_CHARACTERS:
            words = self.tr("That would make {count} characters, and at most {most} fit here. Nothing was pasted.")
            self.objected.emit(words.format(count=f"{length:,}", most=f"{MAX_CHARACTERS:,}"))
            return
        cursor.insertText(text)
        self.setTextCursor(cursor)
        self.ensureCursorVisible()
        if faults:
            words = self.tr("Characters that are no text were left out or replaced: {count}.")
            self.objected.emit(words.format(count=faults))
