"""The pair matrix: for every two answers, how sure a reward model is that one is preferred to the other.

Rows and columns stand in the labeler's order, so that above the diagonal is what the order claims. A cell is the
darker the surer the model is, in one colour where it sides with the row and in another where it sides with the column;
pairs on which it disagrees with the order have a frame.
"""

from collections.abc import Sequence
from typing import Literal

from PySide6.QtCore import QEvent, QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFocusEvent,
    QFont,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPen,
    QResizeEvent,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from rlhf_studio.stats.pair_matrix import OrderCost, order_cost, preferred
from rlhf_studio.ui.theme import Theme
from rlhf_studio.ui.widgets.text import tool_tip

Tiers = Sequence[Sequence[int]]
_MOST_PX, _LEAST_PX = 40, 18  # width of a cell
_HEIGHT_PX = 24  # at most
_FRAME_PX = 2
_TEXT_PX = 11
_ARROWS: dict[int, tuple[int, int]] = {
    Qt.Key.Key_Left: (0, -1),
    Qt.Key.Key_Right: (0, 1),
    Qt.Key.Key_Up: (-1, 0),
    Qt.Key.Key_Down: (1, 0),
}


class PairMatrix(QWidget):
    """K x K cells; the one under the mouse, or under the arrow keys, is told in numbers."""

    cell_changed = Signal()  # which cell is looked at

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self.scores: tuple[float, ...] = ()
        self.order: tuple[int, ...] = ()  # answers as rows and columns, counted from 0
        self.cost = OrderCost(0.0, 0, frozenset(), {})
        self._probabilities = preferred(())
        self._cell: tuple[int, int] | None = None  # row and column
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setAccessibleName(self.tr("Pair matrix of the reward model"))
        theme.changed.connect(self.update)

    # --- what is shown

    def show_order(self, scores: Sequence[float], tiers: Tiers, tie_divisor: Literal["pairs", "all"]) -> None:
        """Show what the model thinks of every pair, in a labeler's order; answers without a place come last."""
        placed = [index for tier in tiers for index in tier]
        rest = [index for index in range(len(scores)) if index not in placed]
        self.scores, self.order = tuple(scores), (*placed, *rest)
        self.cost = order_cost(scores, tiers, tie_divisor)
        self._probabilities = preferred(scores)
        if self._cell is not None and max(self._cell) >= len(self.order):
            self._cell = None
        self.setAccessibleDescription(self.summary())
        self.updateGeometry()
        self.update()
        self.cell_changed.emit()

    def summary(self) -> str:
        """``The model disagrees on 2 of 6 pairs``."""
        words = self.tr("The model disagrees on {n} of {pairs} pairs")
        return words.format(n=len(self.cost.disagreed), pairs=self.cost.pairs)

    @property
    def cell(self) -> tuple[int, int] | None:
        """The answers of the cell that is looked at, counted from 0: the row's and the column's."""
        return None if self._cell is None else (self.order[self._cell[0]], self.order[self._cell[1]])

    def explain(self) -> str:
        """The number of the cell that is looked at, with its formula and what is put into it."""
        if self.cell is None:
            return ""
        row, column = self.cell
        if row == column:
            words = self.tr("r({a}) = {score}: the reward of answer {a}.")
            return words.format(a=row + 1, score=_signed(self.scores[row]))
        words = self.tr("P({a} over {b}) = sigmoid(r({a}) - r({b})) = sigmoid({x} - {y}) = {p}")
        text = words.format(
            a=row + 1,
            b=column + 1,
            x=_signed(self.scores[row]),
            y=_bracketed(self.scores[column]),
            p=f"{self._probabilities[row, column]:.2f}",
        )
        return "\n".join(part for part in (text, self._explain_pair(row, column)) if part)

    def _explain_pair(self, row: int, column: int) -> str:
        """What the labeler's order says of a pair, and what that costs."""
        pair = next((pair for pair in ((row, column), (column, row)) if pair in self.cost.losses), None)
        if pair is None:
            return ""
        words = self.tr("Your order puts {better} above {worse}: loss -ln {p} = {loss} nats.")
        if pair in self.cost.disagreed:
            words = self.tr("Your order puts {better} above {worse}, the model does not: loss -ln {p} = {loss} nats.")
        better, worse = pair
        return words.format(
            better=better + 1,
            worse=worse + 1,
            p=f"{self._probabilities[better, worse]:.2f}",
            loss=f"{self.cost.losses[pair]:.2f}",
        )

    # --- geometry

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(160, self._cell_size().height() * (len(self.order) + 1) + _FRAME_PX)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        return QSize(_LEAST_PX * (len(self.order) + 1), self.sizeHint().height())

    def _cell_size(self) -> QSize:
        """Of a cell; the headings take as much as a row and a column."""
        width = max(_LEAST_PX, min(_MOST_PX, (self.width() - _FRAME_PX) // max(1, len(self.order) + 1)))
        return QSize(width, min(width, max(_HEIGHT_PX, self.fontMetrics().height() + 6)))

    def _rect(self, row: int, column: int) -> QRect:
        """Of a cell; -1 is the heading."""
        size = self._cell_size()
        return QRect((column + 1) * size.width(), (row + 1) * size.height(), size.width(), size.height())

    def _cell_at(self, point: QPoint) -> tuple[int, int] | None:
        size = self._cell_size()
        row, column = point.y() // size.height() - 1, point.x() // size.width() - 1
        is_inside = 0 <= row < len(self.order) and 0 <= column < len(self.order)
        return (row, column) if is_inside else None

    def _look_at(self, cell: tuple[int, int] | None) -> None:
        if cell != self._cell:
            self._cell = cell
            self.setAccessibleDescription(self.explain() or self.summary())
            self.update()
            self.cell_changed.emit()

    # --- events

    def event(self, event: QEvent) -> bool:
        """The numbers of the cell under the mouse are its tooltip."""
        if event.type() == QEvent.Type.ToolTip and isinstance(event, QHelpEvent):
            if self._cell is not None:
                self._tell_at(self._cell)
            return True
        return super().event(event)

    def _tell_at(self, cell: tuple[int, int]) -> None:
        corner = self.mapToGlobal(self._rect(*cell).bottomLeft())
        QToolTip.showText(corner, tool_tip(self.explain()), self)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        if event.oldSize().width() != event.size().width():
            self.updateGeometry()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        self._look_at(self._cell_at(event.position().toPoint()))

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802
        super().leaveEvent(event)
        if not self.hasFocus():
            self._look_at(None)

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        super().focusInEvent(event)
        if self._cell is None and len(self.order) > 1:
            self._look_at((0, 1))

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        super().focusOutEvent(event)
        self._look_at(None)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        step = _ARROWS.get(event.key())
        if step is None or event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier or self._cell is None:
            event.ignore()  # digits are the ranking's
            return
        last = len(self.order) - 1
        row, column = (min(last, max(0, place + move)) for place, move in zip(self._cell, step, strict=True))
        self._look_at((row, column))
        self._tell_at((row, column))

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        font = QFont(self.font())
        font.setPixelSize(max(_TEXT_PX, min(round(self.fontMetrics().height() * 0.8), self._cell_size().height() - 6)))
        painter.setFont(font)
        self._paint_headings(painter)
        for row in range(len(self.order)):
            for column in range(len(self.order)):
                self._paint_cell(painter, row, column)
        for row in range(len(self.order)):
            for column in range(len(self.order)):
                self._paint_frame(painter, row, column)
        painter.end()

    def _paint_headings(self, painter: QPainter) -> None:
        painter.setPen(QColor(self._theme.colours.muted))
        for place, index in enumerate(self.order):
            for rect in (self._rect(-1, place), self._rect(place, -1)):
                painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, str(index + 1))

    def _paint_cell(self, painter: QPainter, row: int, column: int) -> None:
        rect, colours = self._rect(row, column).adjusted(1, 1, -1, -1), self._theme.colours
        if row == column:
            painter.fillRect(rect, QColor(colours.border))
            return
        share = float(self._probabilities[self.order[row], self.order[column]])
        painter.fillRect(rect, QColor(colours.surface))
        ground = QColor(colours.sft if share >= 0.5 else colours.reward)
        ground.setAlphaF(min(1.0, 0.1 + 0.9 * abs(2 * share - 1)) * 0.55)
        painter.fillRect(rect, ground)
        painter.setPen(QColor(colours.text))
        painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, f"{100 * share:.0f}")

    def _paint_frame(self, painter: QPainter, row: int, column: int) -> None:
        """The frame of a pair on which model and labeler disagree, and that of the cell that is looked at."""
        pair = self.order[row], self.order[column]
        rect = self._rect(row, column)
        if pair in self.cost.disagreed or pair[::-1] in self.cost.disagreed:
            pen = QPen(QColor(self._theme.colours.danger), _FRAME_PX)
            pen.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
            painter.setPen(pen)
            painter.drawRect(rect.adjusted(1, 1, -1, -1))
        if (row, column) == self._cell:
            painter.setPen(QPen(QColor(self._theme.colours.text), 1, Qt.PenStyle.DotLine))
            painter.drawRect(rect.adjusted(3, 3, -4, -4))


def _signed(score: float) -> str:
    return f"{score:.2f}".replace("-", "\N{MINUS SIGN}")


def _bracketed(score: float) -> str:
    text = _signed(score)
    return f"({text})" if score < 0 else text
