"""Shares with their intervals below each other, beside lines to compare them with."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QFontMetrics

from rlhf_studio.stats.intervals import Share
from rlhf_studio.stats.preferences import Floats
from rlhf_studio.ui.plots.figure_panel import FigurePanel
from rlhf_studio.ui.theme import Theme
from rlhf_studio.ui.widgets.parts import GRID

_PERCENT = 100
_LONGEST_NAME = 28
_ROW_LINES = 1.7  # of text, for each row
_HIGH_PX, _MOST_NAMES_PX = 96, 240


@dataclass(frozen=True, slots=True)
class ShareRow:
    """One line of the plot; ``is_apart`` leaves room above it."""

    name: str
    share: Share
    is_apart: bool = False


class ShareRows(FigurePanel):
    """A dot and a bar for each share: full where the interval leaves ``chance`` out, hollow where it does not."""

    def __init__(self, theme: Theme, axis: str, chance: float) -> None:
        self.rows: tuple[ShareRow, ...] = ()
        self._axis, self._chance = axis, chance
        self._lines: tuple[float, ...] = ()
        super().__init__(theme)
        self.view.showAxis("right")
        self.view.getAxis("right").setStyle(tickLength=0)
        self._on_theme_changed()

    def show_rows(self, rows: Sequence[ShareRow], lines: Sequence[float] = ()) -> None:
        """Draw other rows; dashed lines stand at ``lines``, a dotted one at chance."""
        self.rows, self._lines = tuple(rows), tuple(lines)
        self.updateGeometry()
        self.redraw()

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(480, self.minimumSizeHint().height())

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        line = QFontMetrics(self.font()).height()
        places = self._places()
        high = (float(-places[-1]) + 1 if len(places) else 1) * _ROW_LINES * line
        return QSize(320, round(high) + _HIGH_PX)

    def redraw(self) -> None:
        self.view.clear()
        if not self.rows:
            return
        shares = [row.share for row in self.rows]
        values, low, high = (np.array([getattr(share, name) for share in shares]) for name in ("value", "low", "high"))
        y = self._places()
        self.view.addItem(pg.InfiniteLine(self._chance, 90, pen=self.pen("base", Qt.PenStyle.DotLine, 1.5)))
        for value in self._lines:
            self.view.addItem(pg.InfiniteLine(value, 90, pen=self.pen("base", Qt.PenStyle.DashLine)))
        pen = self.pen("accent", width=1.5)
        self.view.addItem(pg.ErrorBarItem(x=values, y=y, left=values - low, right=high - values, pen=pen))
        is_sure = (low > self._chance) | (high < self._chance)
        brushes = [self.colour("accent" if sure else "surface") for sure in is_sure]
        self.view.addItem(pg.ScatterPlotItem(values, y, size=9, brush=brushes, pen=pen))
        self._label(self.view.getAxis("left"), y, [_shortened(row.name) for row in self.rows])
        self._label(self.view.getAxis("right"), y, [_figures(row.share) for row in self.rows])
        self.view.setXRange(0.0, 1.0, padding=0.02)
        self.view.setYRange(float(y[-1]) - 0.6, 0.6, padding=0)
        self.view.getAxis("bottom").setScale(_PERCENT)
        self.set_axes(self._axis)
        self.setAccessibleDescription("; ".join(f"{row.name}: {share_text(row.share)}" for row in self.rows))

    def _label(self, axis: pg.AxisItem, y: Floats, words: Sequence[str]) -> None:
        axis.setTicks([list(zip(y.tolist(), words, strict=True))])
        metrics = QFontMetrics(self.font())
        axis.setWidth(min(_MOST_NAMES_PX, max(metrics.horizontalAdvance(word) for word in words) + 3 * GRID))

    def _on_theme_changed(self) -> None:
        super()._on_theme_changed()
        axis = self.view.getAxis("right")
        axis.setPen(self.colour("surface"))
        axis.setTextPen(self.colour("muted"))

    def _places(self) -> Floats:
        """Heights of the rows, the first at 0, downwards."""
        return -np.cumsum([0.0 if i == 0 else 1.0 + 0.5 * row.is_apart for i, row in enumerate(self.rows)], dtype=float)


def share_text(share: Share) -> str:
    """``78.1 % (95 %: 70.2 to 84.3; n = 210)``."""
    low, high = _PERCENT * share.low, _PERCENT * share.high
    return f"{_PERCENT * share.value:.1f} % (95 %: {low:.1f} to {high:.1f}; n = {share.count:,})"


def _figures(share: Share) -> str:
    return f"{_PERCENT * share.value:.0f} %, n = {share.count:,}"


def _shortened(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1].rstrip()}…"
