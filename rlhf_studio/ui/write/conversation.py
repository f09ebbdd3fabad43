"""Texts of people and models that are read, not written: plain, wrapped anywhere, as high as they need."""

from PySide6.QtCore import QSize, Qt, QTimer
from PySide6.QtGui import QColor, QFont, QResizeEvent, QTextCharFormat, QTextCursor, QTextOption
from PySide6.QtWidgets import QFrame, QPlainTextEdit, QSizePolicy, QWidget

from rlhf_studio.schema import Turn
from rlhf_studio.ui.theme import Theme

_SLACK_PX = 8


class ReadingBox(QPlainTextEdit):
    """A read-only text that is as high as its lines, up to a limit from which on it scrolls."""

    def __init__(self, text: str = "", parent: QWidget | None = None, *, is_flat: bool = False) -> None:
        super().__init__(parent)
        self.setReadOnly(True)
        self.setProperty("flat", is_flat)
        self.setUndoRedoEnabled(False)
        self.setTabChangesFocus(True)
        self.setProperty("look", "reading")
        self.setWordWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Maximum)
        self.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self._limit_px = 240
        self.setPlainText(text)
        self.document().documentLayout().documentSizeChanged.connect(self._on_document_size_changed)

    def set_limit(self, pixels: int) -> None:
        """Grow no higher than this."""
        if pixels != self._limit_px:
            self._limit_px = pixels
            self.updateGeometry()

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(super().sizeHint().width(), max(self._line_px() + self._edges_px(), self._wanted_px()))

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        return QSize(120, min(self._wanted_px(), 2 * self._line_px() + self._edges_px()))

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        if event.oldSize().width() != event.size().width():
            self.updateGeometry()

    def _line_px(self) -> int:
        return self.fontMetrics().lineSpacing()

    def _edges_px(self) -> int:
        """Margins and frame, and what keeps Qt from offering to scroll a text that is seen whole."""
        return 2 * round(self.document().documentMargin()) + self.height() - self.viewport().height() + _SLACK_PX

    def _wanted_px(self) -> int:
        lines = round(self.document().size().height())  # a plain document counts its height in lines
        return min(lines * self._line_px() + self._edges_px(), self._limit_px)

    def _on_document_size_changed(self) -> None:
        self.updateGeometry()


class ConversationView(ReadingBox):
    """A prompt: one user's text, or all turns of a conversation with their roles."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent=parent)
        self.setAccessibleName(self.tr("Prompt"))
        self._theme = theme
        self._turns: tuple[Turn, ...] = ()
        self._last_at = 0  # where the last turn begins
        self._settled = QTimer(self)
        self._settled.setSingleShot(True)
        self._settled.setInterval(0)
        self._settled.timeout.connect(self._show_last)
        theme.changed.connect(self._on_theme_changed)

    def show_turns(self, turns: tuple[Turn, ...]) -> None:
        """Show a prompt from its beginning, or, of a conversation, from the turn on that is to be answered."""
        self._turns = turns
        self._write()
        self.moveCursor(QTextCursor.MoveOperation.Start)
        if len(turns) > 1:
            self._settled.start()  # where that is, is known when it is laid out

    def _write(self) -> None:
        self.clear()
        cursor = self.textCursor()
        plain = QTextCharFormat()
        role = QTextCharFormat()
        role.setForeground(QColor(self._theme.colours.muted))
        role.setFontWeight(QFont.Weight.DemiBold)
        for place, turn in enumerate(self._turns):
            if place:
                cursor.insertText("\n\n", plain)
            self._last_at = cursor.position()
            if len(self._turns) > 1:
                cursor.insertText(self._role_word(turn.role) + "\n", role)
            cursor.insertText(turn.content, plain)

    def _show_last(self) -> None:
        block = self.document().findBlock(self._last_at)
        self.verticalScrollBar().setValue(block.firstLineNumber())  # a plain document scrolls by lines

    def _role_word(self, role: str) -> str:
        return {"system": self.tr("System"), "user": self.tr("Person"), "assistant": self.tr("Assistant")}[role]

    def _on_theme_changed(self) -> None:
        self._write()
