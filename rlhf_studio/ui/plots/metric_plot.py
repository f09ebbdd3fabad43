"""One panel of live curves."""

from collections.abc import Mapping
from dataclasses import dataclass

import pyqtgraph as pg
from PySide6.QtCore import QElapsedTimer, QEvent, QObject, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QGridLayout, QSizePolicy, QWidget

from rlhf_studio.stats.pyramid import Pyramid
from rlhf_studio.ui.plots.figures import CurveSpec, PanelSpec, words
from rlhf_studio.ui.plots.marks import Marks
from rlhf_studio.ui.theme import Theme
from rlhf_studio.ui.widgets.parts import GRID, Card, row
from rlhf_studio.ui.widgets.text import PlainLabel

RANGE_MS = 1000  # a range that follows every point costs more than the curve
MAX_POINTS = 2000
_AXIS_PX, _WIDE_AXIS_PX = 56, 76  # the wide one has room for 0.0005 beside its unit


@dataclass(slots=True)
class _Curve:
    spec: CurveSpec
    points: Pyramid
    item: pg.PlotDataItem
    key: "LineKey"
    word: PlainLabel
    value: PlainLabel

    def show_entry(self, is_shown: bool) -> None:
        """Show or hide what the legend says of it."""
        for part in (self.key, self.value, *([self.word] if self.spec.word else [])):
            part.setVisible(is_shown)


class LineKey(QWidget):
    """A short piece of a curve's line, for a legend."""

    def __init__(self, theme: Theme, spec: CurveSpec) -> None:
        super().__init__()
        self._theme, self._spec = theme, spec
        self.setFixedSize(QSize(2 * GRID, 2 * GRID))
        theme.changed.connect(self.update)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        painter.setPen(pen_of(self._theme, self._spec))
        middle = self.height() // 2
        painter.drawLine(0, middle, self.width(), middle)
        painter.end()


def pen_of(theme: Theme, spec: CurveSpec) -> QPen:
    """Colour and dash of a curve. A cosmetic pen of width 1 is drawn several times faster than a wider one."""
    pen = QPen(QColor(str(getattr(theme.colours, spec.paint))))
    pen.setCosmetic(True)
    pen.setWidthF(1.0 if spec.is_dashed else 1.5)
    pen.setStyle(Qt.PenStyle.DashLine if spec.is_dashed else Qt.PenStyle.SolidLine)
    return pen


class MetricPlot(Card):
    """A panel of one to three curves; hidden it collects and does not paint."""

    def __init__(self, theme: Theme, spec: PanelSpec, parent: QWidget | None = None) -> None:
        super().__init__(parent=parent)
        self.spec = spec
        self._theme = theme
        self._x_max = 1.0
        self._is_stale = False
        self._has_numbers = True
        self._range_age = QElapsedTimer()
        self._last_values: dict[str, float] = {}
        self.setAccessibleName(words(spec.title))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(240, 112)
        self.body.setContentsMargins(GRID, GRID, GRID, GRID // 2)
        self.body.setSpacing(0)
        axis_px = _WIDE_AXIS_PX if spec.form.endswith("e") else _AXIS_PX
        self.view = plain_view(axis_px)
        self.view.viewport().installEventFilter(self)
        self.marks = Marks(theme, self.view)
        self.curves = [self._add_curve(curve) for curve in spec.curves]
        self.body.addWidget(PlainLabel(words(spec.title), "heading"))
        self.body.addLayout(row(*self._legend(), None, spacing=GRID // 2))
        for curve in self.curves:
            curve.show_entry(not curve.spec.is_rare)
        self.body.addWidget(self.view, 1)
        self.empty = PlainLabel(words(spec.empty) or self.tr("no data yet"), "muted")
        holder = QGridLayout(self.view)
        holder.setContentsMargins(axis_px, 0, 0, 0)
        holder.addWidget(self.empty, 0, 0, Qt.AlignmentFlag.AlignCenter)
        self._show_numbers(is_shown=False)
        theme.changed.connect(self._on_theme_changed)
        self._on_theme_changed()
        self._explain()

    @property
    def is_stale(self) -> bool:
        """Whether there is something that is not drawn yet."""
        return self._is_stale

    def add(self, step: int, values: Mapping[str, float]) -> bool:
        """Take what concerns this panel; return whether anything did. Nothing is drawn yet."""
        found = False
        for curve in self.curves:
            if curve.spec.metric in values:
                curve.points.append(float(step), values[curve.spec.metric])
                found = True
        if found:
            self._is_stale = True
            self._x_max = max(self._x_max, float(step))
        return found

    def set_length(self, steps: int) -> None:
        """Let the axis of steps reach to the end of the run."""
        self._x_max = max(1.0, float(steps))
        self._range_age.invalidate()
        self._is_stale = True

    def clear(self) -> None:
        """Forget every point."""
        for curve in self.curves:
            curve.points = Pyramid()
            curve.item.setData([], [])
            curve.value.clear()
            if curve.spec.is_rare:
                curve.show_entry(False)
        self.marks.show({})
        self._show_numbers(is_shown=False)
        self._x_max = 1.0
        self._range_age.invalidate()
        self._is_stale = False

    def redraw(self) -> None:
        """Draw what came since the last time."""
        self._is_stale = False
        has_points = False
        for curve in self.curves:
            x, y = curve.points.points(MAX_POINTS)
            curve.item.setData(x, y, connect="all")
            curve.item.setSymbol("o" if len(x) == 1 else None)
            has_points = has_points or len(x) > 0
            if curve.spec.is_rare:
                curve.show_entry(len(x) > 0)
            if curve.points.last is not None:
                curve.value.setText(format(curve.points.last, self.spec.form))
                curve.value.setMinimumWidth(max(curve.value.minimumWidth(), curve.value.sizeHint().width()))
        self._show_numbers(is_shown=has_points)
        if has_points and (self._has_left() or not self._range_age.isValid() or self._range_age.elapsed() > RANGE_MS):
            self.fit()
            self._range_age.start()
        self._explain()

    def fit(self) -> None:
        """Show the whole curve; also what a double click does."""
        box = self.view.getViewBox()
        low, high = self._extent()
        spare = max(0.0, self.spec.least_span - (high - low)) / 2  # noise is not blown up to a curve
        margin = (high - low + 2 * spare) * 0.08 + spare
        box.setRange(xRange=(0, self._x_max), yRange=(low - margin, high + margin), padding=0.0)

    def _extent(self) -> tuple[float, float]:
        drawn = [y for curve in self.curves if len(y := curve.points.points(MAX_POINTS)[1])]
        return min((float(y.min()) for y in drawn), default=0.0), max((float(y.max()) for y in drawn), default=1.0)

    def _show_numbers(self, *, is_shown: bool) -> None:
        """An axis without a curve has no numbers to tell."""
        if self._has_numbers is is_shown:
            return
        self._has_numbers = is_shown
        self.empty.setVisible(not is_shown)
        for side in ("left", "bottom"):
            self.view.getAxis(side).setStyle(showValues=is_shown)

    def _fit_unit(self) -> None:
        """A low panel leaves the unit to its tooltip: a word that is cut off says nothing."""
        room = self.view.height() - self.view.getAxis("bottom").height()
        self.view.getAxis("left").showLabel(room >= self.fontMetrics().horizontalAdvance(words(self.spec.unit)))

    def _has_left(self) -> bool:
        """Whether the curve has left what is seen: then the range must not wait."""
        (x_low, x_high), (y_low, y_high) = self.view.getViewBox().viewRange()
        low, high = self._extent()
        return bool(low < y_low or high > y_high or self._x_max > x_high or x_low > 0)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """The wheel scrolls the page, as everywhere else; a double click shows the whole curve again."""
        if event.type() == QEvent.Type.Wheel:
            event.ignore()
            return True
        if event.type() == QEvent.Type.MouseButtonDblClick:
            self.fit()
            return True
        if event.type() == QEvent.Type.Resize:
            self._fit_unit()
        return super().eventFilter(watched, event)

    def _add_curve(self, spec: CurveSpec) -> _Curve:
        item = pg.PlotDataItem(antialias=False, skipFiniteCheck=True, symbolSize=6)
        self.view.addItem(item)
        value = PlainLabel("", "heading")
        value.setMinimumWidth(44)  # a number that grows must not push the others about
        word = PlainLabel(words(spec.word), "muted")
        return _Curve(spec, Pyramid(), item, LineKey(self._theme, spec), word, value)

    def _legend(self) -> list[QWidget]:
        parts: list[QWidget] = []
        for curve in self.curves:
            parts.append(curve.key)
            if curve.spec.word:
                parts.append(curve.word)
            parts.append(curve.value)
        return parts

    def _explain(self) -> None:
        now = ", ".join(
            f"{words(curve.spec.word) or words(self.spec.title)} {format(curve.points.last, self.spec.form)}"
            for curve in self.curves
            if curve.points.last is not None
        )
        unit = f"{words(self.spec.title)} ({words(self.spec.unit)})"
        self.setToolTip("\n".join(part for part in (unit, now, words(self.spec.help)) if part))

    def _on_theme_changed(self) -> None:
        colours = self._theme.colours
        self.view.setBackground(colours.surface)
        for curve in self.curves:
            curve.item.setPen(pen_of(self._theme, curve.spec))
            curve.item.setSymbolBrush(QColor(str(getattr(colours, curve.spec.paint))))
            curve.item.setSymbolPen(None)
        for side in ("left", "bottom"):
            axis = self.view.getAxis(side)
            axis.setPen(QColor(colours.border))
            axis.setTextPen(QColor(colours.muted))
        self.view.getAxis("left").setLabel(words(self.spec.unit), color=colours.muted)
        self.marks.restyle()


def plain_view(axis_px: int) -> pg.PlotWidget:
    """A plot without menu, buttons and mouse: what it shows, it shows whole."""
    view = pg.PlotWidget()
    view.setMenuEnabled(False)
    view.hideButtons()
    view.setMouseEnabled(x=False, y=False)
    view.setFrameShape(pg.PlotWidget.Shape.NoFrame)
    view.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    view.getPlotItem().layout.setContentsMargins(0, GRID, GRID, 0)  # the topmost number needs half its height
    view.setXRange(0, 1, padding=0)
    view.setYRange(0, 1, padding=0)
    view.getAxis("left").setWidth(axis_px)
    view.getAxis("left").enableAutoSIPrefix(False)
    view.getAxis("bottom").enableAutoSIPrefix(False)
    return view
