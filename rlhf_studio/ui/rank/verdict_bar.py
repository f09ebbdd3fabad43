"""How sure the labeler is, and what there is to say in words."""

from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLineEdit, QSizePolicy, QVBoxLayout, QWidget

from rlhf_studio.ui.rank.sheet import MAX_NOTE
from rlhf_studio.ui.widgets.composing import Composing
from rlhf_studio.ui.widgets.parts import Button, row
from rlhf_studio.ui.widgets.text import PlainLabel


class NoteField(QLineEdit):
    """A line of text; Enter that confirms what an input method composes is the input method's alone."""

    left = Signal()  # Escape: back to the answers

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setMaxLength(MAX_NOTE)
        self._composing = Composing(self)

    @property
    def is_composing(self) -> bool:
        """Whether an input method has text that is not confirmed yet."""
        return self._composing.is_on

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        if event.key() == Qt.Key.Key_Escape:
            self.left.emit()
        else:
            super().keyPressEvent(event)


class VerdictBar(QWidget):
    """Three degrees of confidence, of which one or none is chosen, and a note."""

    changed = Signal()  # by the person

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.confidence: int | None = None
        title = PlainLabel(self.tr("How sure?"), "muted")
        self.chips = [
            self._make_chip(1, self.tr("A guess")),
            self._make_chip(2, self.tr("Fairly sure")),
            self._make_chip(3, self.tr("Sure")),
        ]
        self.field = NoteField()
        self.field.setPlaceholderText(self.tr("Note, or why these answers cannot be ranked"))
        self.field.setAccessibleName(self.tr("Note"))
        self.field.setToolTip(self.tr("Kept with the ranking; Enter submits, Escape leaves the field"))
        self.field.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.field.setMinimumWidth(120)
        self.field.textEdited.connect(self._on_field_text_edited)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        parts = row(title, *self.chips, self.field)
        parts.setStretch(parts.count() - 1, 1)
        layout.addLayout(parts)

    @property
    def note(self) -> str:
        """What was typed."""
        return self.field.text()

    def show_verdict(self, confidence: int | None, note: str) -> None:
        """Show what was said of a set."""
        self._show_confidence(confidence)
        if self.field.text() != note:  # setting a text anew would move the cursor and forget what can be undone
            self.field.setText(note)

    def choose(self, confidence: int) -> None:
        """Say how sure, or, said twice, nothing about it."""
        if self.isEnabled():
            self._show_confidence(None if self.confidence == confidence else confidence)
            self.changed.emit()

    def _make_chip(self, confidence: int, words: str) -> Button:
        chip = Button(words, self.tr("How sure you are of this order"), "chip")
        chip.setCheckable(True)
        chip.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves the keyboard where it is
        chip.clicked.connect(partial(self.choose, confidence))
        return chip

    def _show_confidence(self, confidence: int | None) -> None:
        self.confidence = confidence
        for place, chip in enumerate(self.chips, start=1):
            chip.setChecked(place == confidence)

    def _on_field_text_edited(self) -> None:
        self.changed.emit()
