"""A reward model's evaluation in three panels: how often it is right, how sure it is, what it gives to whom."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyqtgraph as pg
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QPen
from PySide6.QtWidgets import QComboBox, QGridLayout, QWidget

from rlhf_studio.jobs.reward_evaluation import RewardEvaluation, SampleKey, ScoreSample
from rlhf_studio.stats.intervals import Share
from rlhf_studio.stats.preferences import PAPER_AGREEMENT, Floats, histogram
from rlhf_studio.ui.plots.figure_panel import FigurePanel
from rlhf_studio.ui.plots.figures import Paint
from rlhf_studio.ui.theme import Theme
from rlhf_studio.ui.widgets.parts import GRID, row
from rlhf_studio.ui.widgets.text import PlainLabel

_NAMES_PX = 92
_PERCENT = 100
_SCORES_PX = 232  # its legend takes three lines
_IN_A_ROW = 3  # samples of the legend
_MOST_ROWS, _LONGEST_NAME = 12, 14
_BAND_ALPHA = 50
_PAINTS: Mapping[SampleKey, tuple[Paint, Qt.PenStyle]] = {
    "demonstrations": ("reward", Qt.PenStyle.SolidLine),
    "base": ("base", Qt.PenStyle.DotLine),
    "sft": ("sft", Qt.PenStyle.DashLine),
    "ppo": ("ppo", Qt.PenStyle.DashDotLine),
    "ppo-ptx": ("ppo_ptx", Qt.PenStyle.SolidLine),
}


class EvaluationPanel(FigurePanel):
    """A plot of what was found of a reward model."""

    found: RewardEvaluation | None = None

    def show_found(self, found: RewardEvaluation) -> None:
        """Draw it."""
        self.found = found
        self.redraw()

    def redraw(self) -> None:
        """Draw what was found last."""
        self.view.clear()
        if self.found is not None:
            self.draw(self.found)

    def draw(self, found: RewardEvaluation) -> None:
        """Put the items of this panel into the empty view."""
        raise NotImplementedError


class AccuracyPanel(EvaluationPanel):
    """A dot and its interval for each kind of pair, beside what labelers agree among themselves."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, _NAMES_PX)
        self.explain(
            self.tr("How often it is right"),
            self.tr(
                "Share of held-out pairs that score in the labeler's order, with 95 % intervals (Wilson; pairs of one "
                "prompt are not independent and count as fewer).\nDotted: guessing. Band: what labelers agree among "
                "themselves. Dashed, where no two ranked the same answers: the paper's labelers, 72.6 % and 77.3 %."
            ),
        )
        self.kinds = QComboBox()
        self.kinds.addItem(self.tr("By distance in rank"), "distance")
        self.kinds.addItem(self.tr("By answers ranked (K)"), "size")
        self.kinds.addItem(self.tr("By labeler"), "labeler")
        self.kinds.setAccessibleName(self.tr("Which pairs are told apart"))
        self.kinds.setToolTip(
            self.tr("Tiers between the two answers, the number of answers ranked together, or who ranked them")
        )
        self.kinds.currentIndexChanged.connect(self.redraw)
        self.body.insertLayout(1, row(self.kinds, None))

    def rows(self, found: RewardEvaluation) -> list[tuple[str, Share]]:
        """What is drawn: all pairs, then those of the chosen kind."""
        chosen = self.kinds.currentData()
        if chosen == "size":
            rows = [(self.tr("K = {k}").format(k=name), share) for name, share in found.by_size]
        elif chosen == "distance":
            rows = [(self.tr("{tiers} apart").format(tiers=name), share) for name, share in found.by_distance]
        else:
            most = sorted(found.by_labeler, key=lambda item: -item[1].count)
            rows = [(_shortened(name or self.tr("nobody named")), share) for name, share in most]
        everything = [(self.tr("all pairs"), found.accuracy)] if found.accuracy is not None else []
        return [*everything, *rows][:_MOST_ROWS]

    def draw(self, found: RewardEvaluation) -> None:
        rows = self.rows(found)
        between = found.agreement.between
        self.view.addItem(pg.InfiniteLine(0.5, 90, pen=self.pen("base", Qt.PenStyle.DotLine)))
        if between is not None:
            band = pg.LinearRegionItem(
                (between.low, between.high),
                movable=False,
                brush=self.colour("base", _BAND_ALPHA),
                pen=self.pen("base", Qt.PenStyle.NoPen),
            )
            self.view.addItem(band)
        else:
            for value, _ in PAPER_AGREEMENT:
                self.view.addItem(pg.InfiniteLine(value, 90, pen=self.pen("base", Qt.PenStyle.DashLine)))
        y = -np.arange(len(rows), dtype=float)
        values, low, high = (np.array([getattr(share, name) for _, share in rows]) for name in ("value", "low", "high"))
        bars = pg.ErrorBarItem(x=values, y=y, left=values - low, right=high - values, pen=self.pen("reward", width=1.5))
        self.view.addItem(bars)
        self.view.addItem(_dots(values, y, self.colour("reward")))
        self.view.getAxis("left").setTicks([[(float(place), name) for place, (name, _) in zip(y, rows, strict=True)]])
        self.view.setXRange(min([0.4, *low]), 1.0, padding=0.02)
        self.view.setYRange(-len(rows) + 0.4, 0.6, padding=0)
        self.view.getAxis("bottom").setScale(_PERCENT)
        self.set_axes(self.tr("% of pairs"))


class CalibrationPanel(EvaluationPanel):
    """What was observed over what was predicted."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme)
        self.explain(
            self.tr("How sure it is"),
            self.tr(
                "Across: what it predicts, sigmoid of the difference of two scores, for the answer that scores higher, "
                "in steps of ten percent. Up: how often the labeler preferred that answer, with 95 % intervals.\n"
                "On the dotted line it is as sure as it is right; below, too sure."
            ),
        )

    def draw(self, found: RewardEvaluation) -> None:
        self.view.plot([0.5, 1.0], [0.5, 1.0], pen=self.pen("base", Qt.PenStyle.DotLine))
        x = np.array([each.predicted for each in found.calibration])
        shares = [each.observed for each in found.calibration]
        values, low, high = (np.array([getattr(share, name) for share in shares]) for name in ("value", "low", "high"))
        if len(x):
            pen = self.pen("reward", width=1.5)
            self.view.addItem(pg.ErrorBarItem(x=x, y=values, bottom=values - low, top=high - values, pen=pen))
            self.view.plot(x, values, pen=pen)
            self.view.addItem(_dots(x, values, self.colour("reward")))
        self.view.setXRange(0.5, 1.0, padding=0.03)
        self.view.setYRange(min([0.4, *low]), 1.0, padding=0.03)
        for side in ("left", "bottom"):
            self.view.getAxis(side).setScale(_PERCENT)
        self.set_axes(self.tr("predicted (%)"), self.tr("observed (%)"))


class ScoresPanel(EvaluationPanel):
    """Histograms of scores over one axis, and where 0 was before the bias."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme)
        self.explain(
            self.tr("What it gives to whom"),
            self.tr(
                "Scores of the training split's demonstrations, and of each model's answers to the held-out prompts at "
                "temperature 1; beside each name its mean.\nThe line is 0, which the bias makes the mean of "
                "the demonstrations; the dotted line was 0 without it."
            ),
        )
        self.setMinimumHeight(_SCORES_PX)
        self.legend = QGridLayout()
        self.legend.setSpacing(GRID // 2)
        self.legend.setColumnStretch(2 * _IN_A_ROW, 1)
        self.body.insertLayout(1, self.legend)
        self.bias = PlainLabel("", "muted")
        self.body.insertWidget(2, self.bias)

    def draw(self, found: RewardEvaluation) -> None:
        edges, shares = histogram([sample.scores for sample in found.samples])
        for sample, heights in zip(found.samples, shares, strict=True):
            paint, style = _PAINTS[sample.key]
            self.view.plot(edges, heights, stepMode="center", pen=self.pen(paint, style, 1.5))
        self.view.addItem(pg.InfiniteLine(0.0, 90, pen=self.pen("text")))
        self.view.addItem(pg.InfiniteLine(found.bias, 90, pen=self.pen("text", Qt.PenStyle.DotLine)))
        low, high = min(0.0, found.bias, edges[0]), max(0.0, found.bias, edges[-1])
        self.view.setXRange(low, high, padding=0.02)
        self.view.setYRange(0, max(0.05, *(float(heights.max()) for heights in shares)) if shares else 1, padding=0.04)
        self.view.getAxis("left").setScale(_PERCENT)
        self.set_axes(self.tr("score"), self.tr("% of answers"))
        self._fill_legend(found.samples)
        self.bias.setText(self.tr("The bias adds {bias} to every score.").format(bias=f"{found.bias:+.2f}"))

    def _fill_legend(self, samples: Sequence[ScoreSample]) -> None:
        while self.legend.count():
            item = self.legend.takeAt(0)
            widget = item.widget() if item is not None else None
            if widget is not None:
                widget.deleteLater()
        words = {
            "demonstrations": self.tr("Demonstrations"),
            "base": self.tr("Base"),
            "sft": self.tr("SFT"),
            "ppo": self.tr("PPO"),
            "ppo-ptx": self.tr("PPO-ptx"),
        }
        for place, sample in enumerate(samples):
            paint, style = _PAINTS[sample.key]
            line, column = divmod(place, _IN_A_ROW)
            label = PlainLabel(f"{words[sample.key]} {sample.mean:+.2f}", "muted")
            label.setToolTip(sample.run)
            self.legend.addWidget(_PenKey(self.pen(paint, style, 1.5)), line, 2 * column)
            self.legend.addWidget(label, line, 2 * column + 1)


class _PenKey(QWidget):
    """A short piece of a line, for a legend."""

    def __init__(self, pen: QPen) -> None:
        super().__init__()
        self._pen = pen
        self.setFixedSize(QSize(3 * GRID, 2 * GRID))

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        painter.setPen(self._pen)
        middle = self.height() // 2
        painter.drawLine(0, middle, self.width(), middle)
        painter.end()


def _dots(x: Floats, y: Floats, colour: QColor) -> pg.ScatterPlotItem:
    return pg.ScatterPlotItem(x, y, size=7, brush=colour, pen=None)


def _shortened(name: str) -> str:
    return name if len(name) <= _LONGEST_NAME else f"{name[: _LONGEST_NAME - 1].rstrip()}…"
