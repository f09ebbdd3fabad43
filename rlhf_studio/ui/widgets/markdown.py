"""Markdown as it would be read: Qt's own, without HTML, and nothing that it names is loaded or can be opened."""

from typing import Any, NamedTuple

from PySide6.QtCore import QSize, Qt, QUrl
from PySide6.QtGui import (
    QColor,
    QFont,
    QResizeEvent,
    QShowEvent,
    QTextBlock,
    QTextBlockFormat,
    QTextCharFormat,
    QTextCursor,
    QTextDocument,
    QTextList,
    QTextTable,
)
from PySide6.QtWidgets import QFrame, QSizePolicy, QTextEdit, QWidget

from rlhf_studio.ui.theme import Theme

# Qt needs 0.3 ms for each cell of a table and 0.1 ms for each item of a list; all else is far below this
_MOST = {"\n": 300, "|": 120, "![": 60}
MAX_CHARACTERS = 6000
_FEATURES = QTextDocument.MarkdownFeature.MarkdownDialectGitHub | QTextDocument.MarkdownFeature.MarkdownNoHTML
_SLACK_PX = 8
_PARAGRAPH_PX = 8


class Bounded(NamedTuple):
    """The beginning of a text that can be shown at once, and whether that is all of it."""

    text: str
    is_whole: bool


def bounded(markdown: str) -> Bounded:
    """As much of a text as Qt turns into a page within some tens of milliseconds, whatever stands in it."""
    end = min(len(markdown), MAX_CHARACTERS)
    for mark, most in _MOST.items():
        if markdown.count(mark, 0, end) > most:
            place = -1
            for _ in range(most):
                place = markdown.index(mark, place + 1)
            end = place
    return Bounded(markdown[:end], end == len(markdown))


class _Document(QTextDocument):
    """Loads nothing."""

    def loadResource(self, kind: int, name: QUrl | str) -> Any:  # noqa: ARG002, N802
        return None


class MarkdownView(QTextEdit):
    """A read-only page; links are no links, and of a picture only its description is shown."""

    def __init__(self, theme: Theme, parent: QWidget | None = None, *, is_flat: bool = False) -> None:
        super().__init__(parent)
        self._theme = theme
        self._markdown = ""
        self._limit_px = 0
        self.setReadOnly(True)
        self.setProperty("look", "reading")
        self.setProperty("flat", is_flat)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setTabChangesFocus(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        theme.changed.connect(self._on_theme_changed)

    def loadResource(self, kind: int, name: QUrl | str) -> Any:  # noqa: ARG002, N802
        """Nothing: what a text names is somewhere else, and stays there."""
        return None

    def show_markdown(self, markdown: str) -> bool:
        """Show a text; return whether all of it is shown."""
        self._markdown = markdown
        part = bounded(markdown)
        self._write(part.text)
        return part.is_whole

    def fit(self, limit_px: int) -> None:
        """Be as high as the text, up to a limit from which on it scrolls."""
        self._limit_px = limit_px
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Maximum)
        self.updateGeometry()

    def sizeHint(self) -> QSize:  # noqa: N802
        hint = super().sizeHint()
        return QSize(hint.width(), self._wanted_px()) if self._limit_px else hint

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        return QSize(120, min(self._wanted_px(), 64) if self._limit_px else 64)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        if event.oldSize().width() != event.size().width():
            self.updateGeometry()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        """Stay where the page is: Qt scrolls to the cursor, which a page that is read does not have."""
        place = self.verticalScrollBar().value()
        super().showEvent(event)
        self.verticalScrollBar().setValue(place)

    def _wanted_px(self) -> int:
        edges = self.height() - self.viewport().height()
        return min(round(self.document().size().height()) + edges + _SLACK_PX, self._limit_px)

    def _write(self, markdown: str) -> None:
        """Read the text into a document that is not shown yet, since what is laid out is loaded."""
        scrolled = self.verticalScrollBar().value()
        before = self.document()
        document = _Document(self)
        document.setDefaultFont(self.font())
        document.setMarkdown(markdown, _FEATURES)
        _describe_pictures(document)
        _set_apart(document, QColor(self._theme.colours.muted))
        self.setDocument(document)
        if isinstance(before, _Document):
            before.deleteLater()
        self.verticalScrollBar().setValue(min(scrolled, self.verticalScrollBar().maximum()))
        self.updateGeometry()

    def _on_theme_changed(self) -> None:
        self._write(bounded(self._markdown).text)  # colours of links are part of the document


def _describe_pictures(document: QTextDocument) -> None:
    """Put words in the place of pictures. From the end, so that places before stay where they are."""
    pictures = []
    block: QTextBlock = document.begin()
    while block.isValid():
        part = block.begin()
        while not part.atEnd():
            fragment = part.fragment()
            shown = fragment.charFormat()
            if shown.isImageFormat():
                image = shown.toImageFormat()
                words = str(image.property(QTextCharFormat.Property.ImageAltText) or "") or image.name()
                pictures += [(fragment.position() + i, words) for i in range(fragment.length())]
            part += 1
        block = block.next()
    for place, words in reversed(pictures):
        cursor = QTextCursor(document)
        cursor.setPosition(place)
        cursor.setPosition(place + 1, QTextCursor.MoveMode.KeepAnchor)
        cursor.insertText(f"[{words}]", QTextCharFormat())


def _set_apart(document: QTextDocument, quiet: QColor) -> None:
    """Give paragraphs room, headings a size that fits beside text, heads of tables the same weight, quotes less."""
    block: QTextBlock = document.begin()
    while block.isValid():
        cursor = QTextCursor(block)
        cursor.select(QTextCursor.SelectionType.BlockUnderCursor)
        shape = block.blockFormat()
        table: QTextTable | None = cursor.currentTable()
        items: QTextList | None = block.textList()
        apart = QTextBlockFormat()
        apart.setTopMargin(0)
        apart.setBottomMargin(0 if table is not None or items is not None else _PARAGRAPH_PX)
        look = QTextCharFormat()
        if shape.headingLevel():
            look.setProperty(QTextCharFormat.Property.FontSizeAdjustment, max(0, 3 - shape.headingLevel()))
        if table is not None and table.cellAt(cursor).row() == 0:
            look.setFontWeight(QFont.Weight.Bold)
        if shape.intProperty(QTextBlockFormat.Property.BlockQuoteLevel):
            look.setForeground(quiet)
        cursor.mergeBlockFormat(apart)
        if look.properties():
            cursor.mergeCharFormat(look)
        block = block.next()
