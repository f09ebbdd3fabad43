"""The demonstrations a prompt has already."""

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from rlhf_studio.schema import Demonstration
from rlhf_studio.ui.widgets.parts import GRID, Button, Card, row
from rlhf_studio.ui.widgets.text import PlainLabel
from rlhf_studio.ui.write.conversation import ReadingBox


class DemonstrationList(QWidget):
    """Author, text, and a button to take each back."""

    taken_back = Signal(int)  # a demonstration's id

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._shown: tuple[Demonstration, ...] = ()
        self._is_read_only = False
        self.title = PlainLabel("", "heading")
        self.cards: list[Card] = []
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(GRID)
        self._column.addWidget(self.title)
        self.hide()

    def show_all(self, demonstrations: Sequence[Demonstration], *, is_read_only: bool) -> None:
        """Show these, newest first."""
        if self._shown == tuple(demonstrations) and self._is_read_only == is_read_only:
            return
        self._shown, self._is_read_only = tuple(demonstrations), is_read_only
        for card in self.cards:
            self._column.removeWidget(card)
            card.hide()
            card.deleteLater()
        self.cards = [self._card(demonstration) for demonstration in reversed(self._shown)]
        for card in self.cards:
            self._column.addWidget(card)
        self.title.setText(self.tr("Demonstrations of this prompt"))
        self.setVisible(bool(self.cards))

    def _card(self, demonstration: Demonstration) -> Card:
        card = Card("raised")
        card.body.setContentsMargins(GRID, GRID, GRID, GRID)
        card.body.setSpacing(4)
        take_back = Button(self.tr("Take back"), self.tr("Leave this demonstration out of training"), "quiet")
        take_back.setEnabled(not self._is_read_only)
        take_back.clicked.connect(partial(self.taken_back.emit, demonstration.id))
        author = PlainLabel(demonstration.author or self.tr("unknown author"), "muted")
        card.body.addLayout(row(author, None, take_back))
        text = ReadingBox(demonstration.text, is_flat=True)
        text.setAccessibleName(self.tr("Demonstration by {author}").format(author=author.text()))
        card.body.addWidget(text)
        return card
