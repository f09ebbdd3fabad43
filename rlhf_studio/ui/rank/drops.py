"""Where a dragged answer would go: marks, drops, and scrolling while something is dragged near an edge."""

from PySide6.QtCore import QPoint, QRect, Qt, QTimer, Signal
from PySide6.QtGui import (
    QColor,
    QDragEnterEvent,
    QDragLeaveEvent,
    QDragMoveEvent,
    QDropEvent,
    QHideEvent,
    QPainter,
    QPaintEvent,
)
from PySide6.QtWidgets import QAbstractScrollArea, QScrollBar, QWidget

from rlhf_studio.ui.rank.card import answer_in
from rlhf_studio.ui.theme import Theme

EDGE_SHARE = 0.28  # of a rank's extent: nearer to its edge than this, a drop means a rank of its own
SCROLL_PX = 28  # nearer to an edge of the area than this, it scrolls
_TICK_MS = 16
_STEP_PX = 8
_MARK_PX = 3
_ROUND_PX = 10


class DropField(QWidget):
    """Ranks in a line, best first; a drop on a rank ties, a drop between ranks makes one."""

    dropped = Signal(int, int, bool)  # answer, tier, whether as a new one before it

    def __init__(self, theme: Theme, orientation: Qt.Orientation) -> None:
        super().__init__()
        self.setProperty("look", "page")
        self.setAcceptDrops(True)
        self.tier_count = 0
        self._theme, self._is_across = theme, orientation is Qt.Orientation.Horizontal
        self._mark: tuple[int, bool] | None = None
        self._at: QPoint | None = None  # where something is dragged
        self._timer = QTimer(self)
        self._timer.setInterval(_TICK_MS)
        self._timer.timeout.connect(self._on_tick)

    def boxes(self) -> list[QRect]:
        """Of the ranks that there are, then of those that there could be."""
        raise NotImplementedError

    @property
    def mark(self) -> tuple[int, bool] | None:
        """Where what is dragged would go, as ``target`` tells it; None while nothing is dragged here."""
        return self._mark

    def target(self, point: QPoint) -> tuple[int, bool]:
        """The rank at a point, and whether a new one is made before it."""
        place = self._along(point)
        for tier, box in enumerate(self.boxes()[: self.tier_count]):
            first, extent = self._span(box)
            if place < first + EDGE_SHARE * extent:
                return tier, True
            if place <= first + extent - EDGE_SHARE * extent:
                return tier, False
        return self.tier_count, True

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802
        if answer_in(event.mimeData()) is not None:
            event.acceptProposedAction()

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:  # noqa: N802
        self._drag_to(event.position().toPoint())
        event.acceptProposedAction()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:  # noqa: N802, ARG002
        self._drag_to(None)

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802
        super().hideEvent(event)
        self._drag_to(None)

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        index = answer_in(event.mimeData())
        self._drag_to(None)
        if index is not None:
            event.acceptProposedAction()
            tier, is_new = self.target(event.position().toPoint())
            self.dropped.emit(index, tier, is_new)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        super().paintEvent(event)
        if self._mark is None:
            return
        tier, is_new = self._mark
        boxes = self.boxes()
        painter = QPainter(self)
        colour = QColor(self._theme.colours.accent)
        if not is_new or self.tier_count <= tier < len(boxes):  # a rank that there is, or could be
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(colour)
            painter.drawRoundedRect(
                boxes[tier].adjusted(-_MARK_PX, -_MARK_PX, _MARK_PX, _MARK_PX), _ROUND_PX, _ROUND_PX
            )
        elif tier < self.tier_count:
            painter.fillRect(self._bar(self._span(boxes[tier])[0] - _MARK_PX - 2), colour)
        else:
            end = sum(self._span(boxes[-1])) + _MARK_PX + 2 if boxes else _MARK_PX
            painter.fillRect(self._bar(end), colour)
        painter.end()

    # --- inside

    def _along(self, point: QPoint) -> int:
        return point.x() if self._is_across else point.y()

    def _span(self, box: QRect) -> tuple[int, int]:
        return (box.x(), box.width()) if self._is_across else (box.y(), box.height())

    def _bar(self, place: int) -> QRect:
        place = max(0, place)
        return QRect(place, 0, _MARK_PX, self.height()) if self._is_across else QRect(0, place, self.width(), _MARK_PX)

    def _drag_to(self, point: QPoint | None) -> None:
        self._at = point
        self._mark = None if point is None else self.target(point)
        self.update()
        if point is None or not self._scroll_step():
            self._timer.stop()
        elif not self._timer.isActive():
            self._timer.start()

    def _area(self) -> QAbstractScrollArea | None:
        parent = self.parentWidget()
        area = parent.parentWidget() if parent is not None else None
        return area if isinstance(area, QAbstractScrollArea) else None

    def _scroll_step(self) -> int:
        """Pixels to scroll because of where something is dragged; 0 in the middle and where there is no more."""
        area = self._area()
        if area is None or self._at is None:
            return 0
        seen = area.viewport()
        place = self._along(self.mapTo(seen, self._at))
        extent = seen.width() if self._is_across else seen.height()
        bar = self._bar_of(area)
        if place < SCROLL_PX and bar.value() > bar.minimum():
            return -_STEP_PX
        if place > extent - SCROLL_PX and bar.value() < bar.maximum():
            return _STEP_PX
        return 0

    def _bar_of(self, area: QAbstractScrollArea) -> QScrollBar:
        return area.horizontalScrollBar() if self._is_across else area.verticalScrollBar()

    def _on_tick(self) -> None:
        """The pointer rests near the edge: what lies there moves on, and with it what a drop would mean."""
        area, step = self._area(), self._scroll_step()
        if area is None or self._at is None or not step:
            self._timer.stop()
            return
        bar = self._bar_of(area)
        before = bar.value()
        bar.setValue(before + step)
        moved = bar.value() - before
        self._drag_to(self._at + (QPoint(moved, 0) if self._is_across else QPoint(0, moved)))
