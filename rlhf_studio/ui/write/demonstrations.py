"""The demonstrations a prompt has already."""

from collections.abc import Sequence
from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from rlhf_studio.schema import Demonstration
from rlhf_studio.ui.theme import Theme
from rlhf_studio.ui.widgets.markdown import MarkdownView
from rlhf_studio.ui.widgets.parts import GRID, Button, Card, row
from rlhf_studio.ui.widgets.text import PlainLabel
from rlhf_studio.ui.write.conversation import ReadingBox

_PAGE_PX = 240


class DemonstrationList(QWidget):
    """Author, text, and buttons to edit each, see its older versions, and take it back."""

    edit_requested = Signal(int)  # a demonstration's id
    history_requested = Signal(int)
    taken_back = Signal(int)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._shown: tuple[Demonstration, ...] = ()
        self._is_read_only = self._is_markdown = False
        self._edited: int | None = None
        self._edit_buttons: dict[int, Button] = {}
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
        self._make_cards()

    def read_markdown(self, *, is_read: bool) -> None:
        """Show texts as the pages that their Markdown means, or as they were written."""
        if is_read != self._is_markdown:
            self._is_markdown = is_read
            self._make_cards()

    def mark_edited(self, demonstration_id: int | None) -> None:
        """Say which one is being edited."""
        self._edited = demonstration_id
        for known, button in self._edit_buttons.items():
            self._name_edit(button, is_edited=known == demonstration_id)

    def _name_edit(self, button: Button, *, is_edited: bool) -> None:
        button.setText(self.tr("Being edited") if is_edited else self.tr("Edit"))
        button.setEnabled(not is_edited and not self._is_read_only)

    def _make_cards(self) -> None:
        self._edit_buttons.clear()
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
        author = PlainLabel(self._origin(demonstration), "muted", wraps=True)
        head = row(author, *self._buttons(demonstration), spacing=0)
        head.setStretch(0, 1)
        card.body.addLayout(head)
        text = self._text(demonstration.text)
        name = self.tr("Demonstration by {author}")
        text.setAccessibleName(name.format(author=demonstration.author or self.tr("unknown author")))
        card.body.addWidget(text)
        return card

    def _buttons(self, demonstration: Demonstration) -> list[Button]:
        edit = Button(self.tr("Edit"), self.tr("Write a new version; the one before stays in the history"), "quiet")
        history = Button(self.tr("History"), self.tr("See what it was before, and bring that back"), "quiet")
        take_back = Button(self.tr("Take back"), self.tr("Leave this demonstration out of training"), "quiet")
        for button, signal in (
            (edit, self.edit_requested),
            (history, self.history_requested),
            (take_back, self.taken_back),
        ):
            button.clicked.connect(partial(signal.emit, demonstration.id))
        self._edit_buttons[demonstration.id] = edit
        self._name_edit(edit, is_edited=demonstration.id == self._edited)
        take_back.setEnabled(not self._is_read_only)
        if demonstration.replaces is None:  # what has no parent yet must not be shown: it would be a window
            history.hide()
        return [edit, history, take_back]

    def _text(self, text: str) -> ReadingBox | MarkdownView:
        if not self._is_markdown:
            return ReadingBox(text, is_flat=True)
        page = MarkdownView(self._theme, is_flat=True)
        page.fit(_PAGE_PX)
        page.show_markdown(text)
        return page

    def _origin(self, demonstration: Demonstration) -> str:
        author = demonstration.author or self.tr("unknown author")
        if not demonstration.model:
            return author
        return self.tr("{author}, from an answer of {model}").format(author=author, model=demonstration.model)
