"""How one prompt looks in the list: two lines of plain text, its use case, and a mark if it is answered."""

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPointF, QRect, QSize, Qt
from PySide6.QtGui import QColor, QFont, QIcon, QPainter, QTextLayout, QTextOption
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem, QWidget

from rlhf_studio.store.prompt_list import PromptItem
from rlhf_studio.ui.icons import icon
from rlhf_studio.ui.itemmodels.paged import ItemRole
from rlhf_studio.ui.itemmodels.prompts import one_line
from rlhf_studio.ui.theme import Theme
from rlhf_studio.ui.use_cases import use_case_word
from rlhf_studio.ui.widgets.parts import GRID

_LINES = 2
_ICON_PX = 16
_Index = QModelIndex | QPersistentModelIndex


class PromptDelegate(QStyledItemDelegate):
    """Paints rows of equal height."""

    def __init__(self, theme: Theme, parent: QWidget) -> None:
        super().__init__(parent)
        self._theme = theme
        self._icons: dict[str, QIcon] = {}
        theme.changed.connect(self._on_theme_changed)

    def sizeHint(self, option: QStyleOptionViewItem, index: _Index) -> QSize:  # noqa: ARG002, N802
        line = option.fontMetrics.lineSpacing()
        return QSize(10 * GRID, (_LINES + 1) * line + 2 * GRID + 4)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: _Index) -> None:
        item = index.data(ItemRole)
        if not isinstance(item, PromptItem):
            return
        painter.save()
        painter.setClipRect(option.rect)
        self._paint_ground(painter, option)
        box = option.rect.adjusted(GRID + 4, GRID, -GRID, -GRID)
        line = option.fontMetrics.lineSpacing()
        head = QRect(box.left(), box.top(), box.width(), line)
        self._paint_head(painter, head, item)
        painter.setPen(QColor(self._theme.colours.text))
        text = QRect(box.left(), head.bottom() + 3, box.width(), _LINES * line + 2)
        paint_lines(painter, text, one_line(item.text), option.font)
        painter.restore()

    def _paint_ground(self, painter: QPainter, option: QStyleOptionViewItem) -> None:
        state, colours = option.state, self._theme.colours
        rect: QRect = option.rect
        if state & QStyle.StateFlag.State_Selected:
            painter.fillRect(rect, QColor(colours.selection))
            painter.fillRect(QRect(rect.left(), rect.top(), 3, rect.height()), QColor(colours.accent))
        elif state & QStyle.StateFlag.State_MouseOver:
            painter.fillRect(rect, QColor(colours.raised))
        painter.setPen(QColor(colours.border))
        painter.drawLine(rect.bottomLeft(), rect.bottomRight())

    def _paint_head(self, painter: QPainter, rect: QRect, item: PromptItem) -> None:
        colours = self._theme.colours
        mark = None
        if item.demonstrations:
            mark = self._icon("mdi6.check-circle", colours.success)
        elif item.has_draft:
            mark = self._icon("mdi6.pencil", colours.warning)
        if mark is not None:
            place = QRect(rect.right() - _ICON_PX, rect.center().y() - _ICON_PX // 2, _ICON_PX, _ICON_PX)
            mark.paint(painter, place)
            rect = rect.adjusted(0, 0, -_ICON_PX - 4, 0)
        painter.setPen(QColor(colours.muted))
        word = painter.fontMetrics().elidedText(use_case_word(item.use_case), Qt.TextElideMode.ElideRight, rect.width())
        painter.drawText(rect, Qt.AlignmentFlag.AlignVCenter | Qt.AlignmentFlag.AlignLeft, word)

    def _icon(self, name: str, colour: str) -> QIcon:
        if name not in self._icons:
            self._icons[name] = icon(name, colour)
        return self._icons[name]

    def _on_theme_changed(self) -> None:
        self._icons.clear()


def paint_lines(painter: QPainter, rect: QRect, text: str, font: QFont) -> None:
    """Draw plain text into two lines, the second elided."""
    layout = QTextLayout(text, font)
    option = QTextOption()
    option.setWrapMode(QTextOption.WrapMode.WrapAtWordBoundaryOrAnywhere)
    layout.setTextOption(option)
    layout.beginLayout()
    top = 0.0
    metrics = painter.fontMetrics()
    for number in range(_LINES):
        line = layout.createLine()
        if not line.isValid():
            break
        line.setLineWidth(rect.width())
        if number == _LINES - 1:
            rest = text[line.textStart() :]
            shown = metrics.elidedText(rest, Qt.TextElideMode.ElideRight, rect.width())
            place = QRect(rect.left(), rect.top() + round(top), rect.width(), metrics.lineSpacing())
            painter.drawText(place, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, shown)
        else:
            line.draw(painter, QPointF(rect.left(), rect.top() + top))
        top += metrics.lineSpacing()
    layout.endLayout()
