"""The same prompts, answered before and after, side by side, with the words that differ marked."""

from PySide6.QtCore import Signal
from PySide6.QtGui import (
    QColor,
    QFont,
    QPaintEvent,
    QTextCharFormat,
    QTextCursor,
    QTextFrameFormat,
    QTextLength,
    QTextTable,
    QTextTableFormat,
)
from PySide6.QtWidgets import QTextEdit, QWidget

from rlhf_studio.jobs.loop_news import PromptAnswers, ScoredAnswer
from rlhf_studio.stats.text_diff import changed_words
from rlhf_studio.ui.theme import Theme

_PADDING_PX = 8


class ChangesView(QTextEdit):
    """Plain text with formats of its own: what a model wrote is never read as HTML."""

    painted = Signal()  # once after each ``show_prompts``, when it is on screen

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._prompts: tuple[PromptAnswers, ...] = ()
        self._hint = ""
        self._is_fresh = False
        self.setReadOnly(True)
        self.setProperty("look", "reading")
        self.setTabChangesFocus(True)
        self.setAccessibleName(self.tr("Answers before and after"))
        theme.changed.connect(self._refresh)

    def show_prompts(self, prompts: tuple[PromptAnswers, ...], hint: str = "") -> None:
        """Show all of them as far as they are known, and stay where the reader is; without any, the hint."""
        if prompts is not self._prompts or hint != self._hint:
            self._prompts, self._hint = prompts, hint
            self._refresh()

    def await_paint(self) -> None:
        """Say ``painted`` when what is to be shown has been drawn."""
        self._is_fresh = True
        self.viewport().update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        super().paintEvent(event)
        if self._is_fresh:
            self._is_fresh = False
            self.painted.emit()

    def _refresh(self) -> None:
        place = self.verticalScrollBar().value()
        self.clear()
        cursor = self.textCursor()
        if self._prompts:
            table = self._table(cursor)
            for number, one in enumerate(self._prompts):
                self._fill(table, 1 + 2 * number, one)
        else:
            cursor.insertText(self._hint, self._muted())
        self.verticalScrollBar().setValue(place)

    def _table(self, cursor: QTextCursor) -> QTextTable:
        form = QTextTableFormat()
        form.setBorderStyle(QTextFrameFormat.BorderStyle.BorderStyle_None)
        form.setCellPadding(_PADDING_PX)
        half = QTextLength(QTextLength.Type.PercentageLength, 50)
        form.setColumnWidthConstraints([half, half])
        form.setWidth(QTextLength(QTextLength.Type.PercentageLength, 100))
        table = cursor.insertTable(1 + 2 * len(self._prompts), 2, form)
        for column, words in enumerate((self.tr("Before"), self.tr("After"))):
            table.cellAt(0, column).firstCursorPosition().insertText(words, self._strong())
        return table

    def _fill(self, table: QTextTable, at: int, one: PromptAnswers) -> None:
        table.mergeCells(at, 0, 1, 2)
        head = table.cellAt(at, 0)
        form = head.format()
        form.setBackground(QColor(self._theme.colours.raised))
        head.setFormat(form)
        cursor = head.firstCursorPosition()
        kind = self.tr("you ranked its answers") if one.is_ranked else self.tr("a probe: nobody ranked it")
        cursor.insertText(one.prompt, self._strong())
        cursor.insertText(f"  {kind}", self._muted())
        before, after = one.before[0], one.after[0] if one.after else None
        self._write(table.cellAt(at + 1, 0).firstCursorPosition(), before, after)
        cursor = table.cellAt(at + 1, 1).firstCursorPosition()
        if after is None:
            cursor.insertText(self.tr("not yet"), self._muted())
        else:
            self._write(cursor, after, before)

    def _write(self, cursor: QTextCursor, answer: ScoredAnswer, other: ScoredAnswer | None) -> None:
        """An answer, what of it the other one does not have, and its score."""
        colours = self._theme.colours
        plain, changed = QTextCharFormat(), QTextCharFormat()
        for form in (plain, changed):
            form.setForeground(QColor(colours.text))
        changed.setBackground(QColor(colours.changed))
        changed.setUnderlineStyle(QTextCharFormat.UnderlineStyle.DotLine)  # not by colour alone
        pieces = [(answer.text, False)] if other is None else changed_words(other.text, answer.text)
        for text, is_changed in pieces:
            cursor.insertText(text, changed if is_changed else plain)
        cursor.insertText(f"\n{self._figures(answer)}", self._muted())

    def _figures(self, answer: ScoredAnswer) -> str:
        if answer.new_score is None:
            return self.tr("reward {old:+.2f}").format(old=answer.old_score)
        words = self.tr("reward {new:+.2f} (before the refit {old:+.2f})")
        return words.format(new=answer.new_score, old=answer.old_score)

    def _muted(self) -> QTextCharFormat:
        muted = QTextCharFormat()
        muted.setForeground(QColor(self._theme.colours.muted))
        muted.setProperty(QTextCharFormat.Property.FontPixelSize, max(11, self._theme.reading_px - 3))
        return muted

    def _strong(self) -> QTextCharFormat:
        strong = QTextCharFormat()
        strong.setForeground(QColor(self._theme.colours.text))
        strong.setFontWeight(QFont.Weight.DemiBold)
        return strong
