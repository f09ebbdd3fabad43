"""How one act looks in the history: what and when, the prompt, and what is to be said of it."""

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QRect, QSize, Qt
from PySide6.QtGui import QColor, QFont, QPainter
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from rlhf_studio.store.history import LabelAct
from rlhf_studio.ui.itemmodels.paged import ItemRole
from rlhf_studio.ui.itemmodels.prompts import one_line
from rlhf_studio.ui.labels.words import headline, marks, when
from rlhf_studio.ui.theme import Theme
from rlhf_studio.ui.widgets.parts import GRID

_LINES = 3
_LEFT = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_Index = QModelIndex | QPersistentModelIndex


class ActDelegate(QStyledItemDelegate):
    """Paints rows of equal height; what does not count any more is struck out, too, not only pale."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:  # noqa: ARG002, N802
        return QSize(10 * GRID, _LINES * (option.fontMetrics.lineSpacing() + 2) + 2 * GRID)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        act = index.data(ItemRole)
        if not isinstance(act, LabelAct):
            return
        painter.save()
        painter.setClipRect(option.rect)
        self._paint_ground(painter, option)
        box = option.rect.adjusted(GRID + 4, GRID, -GRID, -GRID)
        height = option.fontMetrics.lineSpacing() + 2
        lines = [QRect(box.left(), box.top() + place * height, box.width(), height) for place in range(_LINES)]
        self._paint_head(painter, option, lines[0], act)
        painter.setPen(QColor(self._theme.colours.text))
        self._write(painter, lines[1], one_line(act.prompt))
        painter.setPen(QColor(self._theme.colours.muted))
        self._write(painter, lines[2], " · ".join((act.who or "-", *marks(act), *filter(None, [one_line(act.note)]))))
        painter.restore()

    def _paint_ground(self, painter: QPainter, option: QStyleOptionViewItem) -> None:
        colours, rect = self._theme.colours, option.rect
        if option.state & QStyle.StateFlag.State_Selected:
            painter.fillRect(rect, QColor(colours.selection))
            painter.fillRect(QRect(rect.left(), rect.top(), 3, rect.height()), QColor(colours.accent))
        elif option.state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(rect, QColor(colours.raised))
        painter.setPen(QColor(colours.border))
        painter.drawLine(rect.bottomLeft(), rect.bottomRight())

    def _paint_head(self, painter: QPainter, option: QStyleOptionViewItem, rect: QRect, act: LabelAct) -> None:
        colours = self._theme.colours
        moment = when(act.created)
        painter.setPen(QColor(colours.muted))
        painter.drawText(rect, _RIGHT, moment)
        is_live = act.state == "live"
        font = QFont(option.font)
        font.setWeight(QFont.Weight.DemiBold)
        font.setStrikeOut(not is_live)
        painter.setFont(font)
        painter.setPen(QColor(colours.text if is_live else colours.muted))
        self._write(
            painter, rect.adjusted(0, 0, -painter.fontMetrics().horizontalAdvance(moment) - GRID, 0), headline(act)
        )
        painter.setFont(option.font)

    def _write(self, painter: QPainter, rect: QRect, text: str) -> None:
        shown = painter.fontMetrics().elidedText(text, Qt.TextElideMode.ElideRight, rect.width())
        painter.drawText(rect, _LEFT, shown)
