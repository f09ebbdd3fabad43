"""What a demonstration was before: who changed which words when, and the way back."""

from datetime import datetime
from functools import partial

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QColor, QKeySequence, QShortcut, QTextCharFormat
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from rlhf_studio.stats.text_diff import Change, word_changes
from rlhf_studio.store.writing import DemonstrationVersion
from rlhf_studio.ui.theme import Theme
from rlhf_studio.ui.widgets.parts import GRID, Button, Card, Tag, row
from rlhf_studio.ui.widgets.text import PlainLabel
from rlhf_studio.ui.write.conversation import ReadingBox

_MOST = 40  # versions that are shown
_TEXT_PX = 320


class ChangesBox(ReadingBox):
    """A text with the words that are new in it underlined, and those that are gone struck through."""

    def __init__(self, before: str, after: str, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent=parent, is_flat=True)
        self._theme = theme
        self._pieces: list[tuple[str, Change]] = word_changes(before, after) if before else [(after, "same")]
        self.set_limit(_TEXT_PX)
        self._write()
        theme.changed.connect(self._write)

    def _write(self) -> None:
        self.clear()
        cursor = self.textCursor()
        for text, kind in self._pieces:
            cursor.insertText(text, self._format(kind))

    def _format(self, kind: Change) -> QTextCharFormat:
        shape, colours = QTextCharFormat(), self._theme.colours
        if kind == "new":
            shape.setBackground(QColor(colours.changed))
            shape.setFontUnderline(True)
        elif kind == "gone":
            shape.setForeground(QColor(colours.muted))
            shape.setFontStrikeOut(True)
        return shape


class HistoryPage(QWidget):
    """The versions of one demonstration, newest first."""

    restored = Signal(int, str)  # the demonstration that counts now, and the text it shall have again
    closed = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.prompt = PlainLabel("", "muted", wraps=True)
        self.back = Button(self.tr("Back to writing"), self.tr("Close the history"), "primary", keys=self.tr("Esc"))
        self.legend = PlainLabel(
            self.tr("Underlined words are new in a version, those struck through are gone."), "muted", wraps=True
        )
        self.cards: list[Card] = []
        page = QWidget()
        page.setProperty("look", "page")
        self._column = QVBoxLayout(page)
        self._column.setContentsMargins(0, 0, GRID, 0)
        self._column.setSpacing(GRID)
        self._column.addStretch(1)
        self.area = QScrollArea()
        self.area.setFrameShape(QFrame.Shape.NoFrame)
        self.area.setWidgetResizable(True)
        self.area.setWidget(page)
        self.area.setAccessibleName(self.tr("Versions"))
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID)
        column.addLayout(row(PlainLabel(self.tr("History of a demonstration"), "title"), None, self.back))
        column.addWidget(self.prompt)
        column.addWidget(self.legend)
        column.addWidget(self.area, 1)
        self.back.clicked.connect(self.closed)
        escape = QShortcut(QKeySequence("Esc"), self, context=Qt.ShortcutContext.WidgetWithChildrenShortcut)
        escape.activated.connect(self.closed)

    def show_versions(self, prompt: str, versions: tuple[DemonstrationVersion, ...], *, is_read_only: bool) -> None:
        """Show a demonstration's versions, newest first, each against the one before it."""
        for card in self.cards:
            self._column.removeWidget(card)
            card.hide()
            card.deleteLater()
        self.prompt.setText(prompt)
        older = [version.text for version in versions[1:]] + [""]
        self.cards = [
            self._card(version, before, len(versions) - place, versions[0].id, is_read_only=is_read_only)
            for place, (version, before) in enumerate(zip(versions, older, strict=True))
        ][:_MOST]
        for place, card in enumerate(self.cards):
            self._column.insertWidget(place, card)
        self.area.verticalScrollBar().setValue(0)
        self.back.setFocus(Qt.FocusReason.OtherFocusReason)

    def _card(
        self, version: DemonstrationVersion, before: str, number: int, current: int, *, is_read_only: bool
    ) -> Card:
        card = Card("raised")
        card.body.setContentsMargins(GRID, GRID, GRID, GRID)
        card.body.setSpacing(4)
        name = self.tr("Version {number}").format(number=number)
        about = PlainLabel(self._about(version), "muted", wraps=True)
        if version.is_live:
            last: QWidget = Tag(self.tr("in use"), self.tr("SFT learns from this version"))
        else:
            last = self._restore_button(version, name, current, is_read_only=is_read_only)
        head = row(PlainLabel(name, "heading"), about, last)
        head.setStretch(1, 1)
        card.body.addLayout(head)
        text = ChangesBox(before, version.text, self._theme)
        text.setAccessibleName(name)
        card.body.addWidget(text)
        return card

    def _restore_button(self, version: DemonstrationVersion, name: str, current: int, *, is_read_only: bool) -> Button:
        restore = Button(
            self.tr("Restore this version"), self.tr("Use this text again, as a new version; can be undone"), "quiet"
        )
        restore.setAccessibleName(self.tr("Restore {version}").format(version=name))
        restore.setEnabled(not is_read_only)
        restore.clicked.connect(partial(self.restored.emit, current, version.text))
        return restore

    def _about(self, version: DemonstrationVersion) -> str:
        author = version.author or self.tr("unknown author")
        when = f"{datetime.fromisoformat(version.created).astimezone():%d %b %Y %H:%M}"
        if version.model:
            return self.tr("{author}, {when}, from an answer of {model}").format(
                author=author, when=when, model=version.model
            )
        return self.tr("{author}, {when}").format(author=author, when=when)
