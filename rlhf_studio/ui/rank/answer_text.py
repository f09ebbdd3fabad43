"""The text of an answer: plain, broken anywhere where it must be, with words marked that differ from another answer."""

import re
from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPointF, QRectF, QSize, Qt
from PySide6.QtGui import (
    QColor,
    QFontDatabase,
    QPainter,
    QPaintEvent,
    QPalette,
    QTextCharFormat,
    QTextLayout,
    QTextOption,
)
from PySide6.QtWidgets import QSizePolicy, QWidget

from rlhf_studio.ui.theme import Theme
from rlhf_studio.ui.widgets.text import PlainLabel

Span = tuple[int, int]  # first character, and the one after the last

_FENCED = re.compile(r"^```[^\n`]*\n(.*?)(?:^```[ \t]*$|\Z)", re.DOTALL | re.MULTILINE)
_LEAST_PX = 80
_TAB_SPACES = 4


class AnswerText(PlainLabel):
    """Lays its text out by itself: a label could break no long word and mark none.

    A layout for each width is costly for a long answer and asked for again and again, so heights are remembered.
    """

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__("", "reading", parent, wraps=True)
        self._theme = theme
        self._layout: QTextLayout | None = None
        self._width = 0
        self._heights: dict[int, int] = {}
        self._spans: tuple[Span, ...] = ()
        self.setMinimumWidth(_LEAST_PX)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)  # only that: the height of the narrowest shape is no lower limit
        self.setSizePolicy(policy)
        theme.changed.connect(self._on_theme_changed)

    @property
    def marks(self) -> tuple[Span, ...]:
        """What is marked, in characters."""
        return self._spans

    def setText(self, text: str) -> None:  # noqa: N802
        if text != self.text():
            self._spans = ()
            super().setText(text)
            self._forget()

    def mark(self, spans: Sequence[Span]) -> None:
        """Mark parts of the text by colour and a line below."""
        if tuple(spans) != self._spans:
            self._spans = tuple(spans)
            self._layout = None  # marks change no widths
            self.update()

    def hasHeightForWidth(self) -> bool:  # noqa: N802
        return True

    def heightForWidth(self, width: int) -> int:  # noqa: N802
        if width not in self._heights:
            self._laid_out(width)
        return self._heights[width]

    def sizeHint(self) -> QSize:  # noqa: N802
        width = max(_LEAST_PX, self.width())
        return QSize(width, self.heightForWidth(width))

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        return QSize(_LEAST_PX, self.fontMetrics().lineSpacing())

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        super().changeEvent(event)
        if event.type() in {QEvent.Type.FontChange, QEvent.Type.StyleChange}:
            self._forget()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        painter.setPen(self.palette().color(QPalette.ColorRole.WindowText))
        self._laid_out(self.width()).draw(painter, QPointF(0, 0), [], QRectF(event.rect()))
        painter.end()

    def _forget(self) -> None:
        self._layout = None
        self._heights.clear()
        self.updateGeometry()
        self.update()

    def _laid_out(self, width: int) -> QTextLayout:
        if self._layout is not None and self._width == width:
            return self._layout
        self.ensurePolished()
        layout = QTextLayout(self.text().replace("\n", "\u2028"), self.font())
        option = QTextOption(Qt.AlignmentFlag.AlignLeft)
        option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
        option.setTabStopDistance(_TAB_SPACES * self.fontMetrics().horizontalAdvance(" "))
        layout.setTextOption(option)
        layout.setFormats(self._formats())
        height = 0.0
        layout.beginLayout()
        while (line := layout.createLine()).isValid():
            line.setLineWidth(max(width, _LEAST_PX))
            line.setPosition(QPointF(0, height))
            height += line.height()
        layout.endLayout()
        self._layout, self._width = layout, width
        self._heights[width] = max(round(height + 0.5), self.fontMetrics().lineSpacing())
        return layout

    def _formats(self) -> list[QTextLayout.FormatRange]:
        colours = self._theme.colours
        code = QTextCharFormat()
        code.setFontFamilies(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont).families())
        code.setFontFixedPitch(True)
        look = QTextCharFormat()
        look.setBackground(QColor(colours.changed))
        look.setUnderlineStyle(QTextCharFormat.UnderlineStyle.SingleUnderline)  # never colour alone
        look.setUnderlineColor(QColor(colours.warning))
        ranges = [_marked(first, last, code) for first, last in _in_utf16(self.text(), _code_of(self.text()))]
        ranges += [_marked(first, last, look) for first, last in _in_utf16(self.text(), self._spans)]
        return ranges

    def _on_theme_changed(self) -> None:
        self._layout = None
        self.update()


def _marked(first: int, last: int, look: QTextCharFormat) -> QTextLayout.FormatRange:
    marked = QTextLayout.FormatRange()
    marked.start, marked.length, marked.format = first, last - first, look
    return marked


def _code_of(text: str) -> list[Span]:
    """What stands between fences, as Markdown has it; indented lines of it must stay in line."""
    return [found.span(1) for found in _FENCED.finditer(text)] if "```" in text else []


def _in_utf16(text: str, spans: Sequence[Span]) -> Sequence[Span]:
    """Qt counts a character beyond U+FFFF (emoji, rare Chinese ones) as two."""
    if not spans or text.isascii() or max(text) <= "\uffff":
        return spans
    places, place = [], 0
    for character in text:
        places.append(place)
        place += 1 + (character > "\uffff")
    places.append(place)
    return [(places[first], places[last]) for first, last in spans]
