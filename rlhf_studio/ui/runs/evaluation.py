"""How good a reward model is, as the Runs tab shows it: not measured yet, being measured, or measured."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QProgressBar, QScrollArea, QStackedWidget, QVBoxLayout, QWidget

from rlhf_studio.jobs.reward_evaluation import CrossValidation, RewardEvaluation
from rlhf_studio.stats.intervals import Share
from rlhf_studio.stats.preferences import PAPER_AGREEMENT
from rlhf_studio.ui.plots.evaluation_plots import AccuracyPanel, CalibrationPanel, ScoresPanel
from rlhf_studio.ui.theme import Theme
from rlhf_studio.ui.widgets.parts import GRID, Button, EmptyState, row
from rlhf_studio.ui.widgets.text import PlainLabel

_HUNDRED = 100


class EvaluationView(QWidget):
    """Figures and pictures of one reward run; measures nothing by itself."""

    measure_requested = Signal()
    cancel_requested = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.found: RewardEvaluation | None = None
        self.empty = EmptyState(
            self.tr("Not measured yet"),
            self.tr(
                "Scores the rankings that this run held out, its demonstrations, and answers of the models before and "
                "after it. It takes some seconds with the bundled model, and training goes on beside it."
            ),
            self.tr("Measure"),
            self.tr("How often it is right, how sure it is, and what it gives to whom"),
        )
        self.failure = PlainLabel("", "danger", wraps=True)
        self.share = PlainLabel("", "muted")
        self.bar = QProgressBar()
        self.cancel = Button(self.tr("Cancel"), self.tr("Give the measurement up"), "quiet")
        self.figure = PlainLabel("", "number")
        self.headline = PlainLabel("", "", wraps=True)
        self.ceiling = PlainLabel("", "muted", wraps=True)
        self.others = PlainLabel("", "muted", wraps=True)
        self.notes = PlainLabel("", "warning", wraps=True)
        self.again = Button(self.tr("Measure again"), self.tr("For instance with policies that are newer"), "quiet")
        self.accuracy, self.calibration, self.scores = AccuracyPanel(theme), CalibrationPanel(theme), ScoresPanel(theme)
        self._stack = QStackedWidget()
        self._lay_out()
        self.empty.acted.connect(self.measure_requested)
        self.again.clicked.connect(self.measure_requested)
        self.cancel.clicked.connect(self.cancel_requested)

    @property
    def is_measured(self) -> bool:
        """Whether figures are in front."""
        return self._stack.currentIndex() == 2

    def show_nothing(self, why_not: str = "", *, can_measure: bool = True) -> None:
        """Nothing was measured: say why it failed, and offer the button where there is a model."""
        self.found = None
        self.failure.setText(why_not)
        self.failure.setVisible(bool(why_not))
        self.empty.button.setVisible(can_measure)
        self.empty.button.setEnabled(can_measure)
        self._stack.setCurrentIndex(0)

    def show_share(self, share: float) -> None:
        """It is being measured."""
        self.bar.setValue(round(_HUNDRED * share))
        self.share.setText(self.tr("Measuring: {share} %").format(share=round(_HUNDRED * share)))
        self._stack.setCurrentIndex(1)

    def show_found(self, found: RewardEvaluation, folds: CrossValidation | None = None) -> None:
        """It was measured; its recipe perhaps also on labelers whom it did not learn from."""
        is_news = found != self.found  # the list of runs is read anew often
        self.found = found
        self.others.setText(self._others(found, folds))
        self.figure.setText(f"{_HUNDRED * found.accuracy.value:.1f} %" if found.accuracy is not None else "")
        self.figure.setVisible(found.accuracy is not None)
        self.headline.setText(self._headline(found))
        self.ceiling.setText(self._ceiling(found))
        self.notes.setText("\n".join(found.notes))
        self.notes.setVisible(bool(found.notes))
        self.accuracy.setVisible(found.accuracy is not None)
        self.calibration.setVisible(found.accuracy is not None)
        self.scores.setVisible(bool(found.samples))
        for panel in (self.accuracy, self.calibration, self.scores):
            if is_news:
                panel.show_found(found)
        self._stack.setCurrentIndex(2)

    def _headline(self, found: RewardEvaluation) -> str:
        if found.accuracy is None:
            return self.tr(
                "No ranking was held out, so there is nothing to measure it on. Rank prompts of the validation split, "
                "and train again."
            )
        words = self.tr(
            "of {pairs} held-out pairs ({rankings} rankings) in the labeler's order; 95 % interval {low} to {high} %. "
            "Loss {loss} nats per pair (guessing 0.69), certainty off by {error} points."
        ).format(
            pairs=found.accuracy.count,
            rankings=found.rankings,
            **_ends(found.accuracy),
            loss=f"{found.loss or 0.0:.2f}",
            error=f"{_HUNDRED * (found.calibration_error or 0.0):.1f}",
        )
        if found.simulated == found.rankings:
            words += " " + self.tr("A script ranked all of them.")
        return words

    def _ceiling(self, found: RewardEvaluation) -> str:
        between, within = found.agreement.between, found.agreement.within
        said = []
        if between is not None:
            words = self.tr(
                "Labelers agree with each other on {value} % ({low} to {high}) of {pairs} pairs: the ceiling."
            )
            said.append(words.format(value=f"{_HUNDRED * between.value:.1f}", pairs=between.count, **_ends(between)))
        if within is not None:
            words = self.tr(
                "Ranking the same answers twice, a labeler gave the same order to {value} % ({low} to {high}) of pairs."
            )
            said.append(words.format(value=f"{_HUNDRED * within.value:.1f}", **_ends(within)))
        if between is None:
            own, held_out = (f"{_HUNDRED * value:.1f}" for value, _ in PAPER_AGREEMENT)
            words = self.tr(
                "No two labelers ranked the same answers, so the ceiling is not known here; the paper's labelers agree "
                "on {own} % of pairs, held-out labelers on {held_out} %."
            )
            said.append(words.format(own=own, held_out=held_out))
        return " ".join(said)

    def _others(self, found: RewardEvaluation, folds: CrossValidation | None) -> str:
        if folds is not None and folds.others is not None:
            words = self.tr(
                "Trained without each group of labelers: {value} % of their pairs ({low} to {high}; the paper: 69.6 %)."
            ).format(value=f"{_HUNDRED * folds.others.value:.1f}", **_ends(folds.others))
            if folds.own is None:
                return words
            own = self.tr("{value} % of the other labelers' ({low} to {high}; the paper: 72.4 %).")
            return f"{words} {own.format(value=f'{_HUNDRED * folds.own.value:.1f}', **_ends(folds.own))}"
        if found.labelers < 2:
            return self.tr(
                "All rankings come from one labeler, so it cannot be tested on people it did not learn from; that "
                "takes the rankings of two, and of five as in the paper."
            )
        return self.tr(
            "{count} labelers ranked. To test on those it did not learn from: rlhf-studio evaluate labelers {run}"
        ).format(count=found.labelers, run=found.run)

    def _lay_out(self) -> None:
        self.failure.setVisible(False)
        self.bar.setRange(0, _HUNDRED)
        self.bar.setTextVisible(False)
        self.bar.setAccessibleName(self.tr("Share measured"))
        self._stack.addWidget(_column(self.failure, self.empty, None))
        line = row(self.bar, self.cancel)
        line.setStretch(0, 1)
        busy = QWidget()
        column = QVBoxLayout(busy)
        column.addStretch(1)
        column.addWidget(self.share)
        column.addLayout(line)
        column.addStretch(2)
        self._stack.addWidget(busy)
        self._stack.addWidget(self._result())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self._stack)

    def _result(self) -> QScrollArea:
        page = QWidget()
        page.setProperty("look", "page")
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID)
        line = row(self.figure, self.headline, self.again, spacing=2 * GRID)
        line.setStretch(1, 1)
        column.addLayout(line)
        column.addWidget(self.ceiling)
        column.addWidget(self.others)
        column.addWidget(self.notes)
        grid = QGridLayout()
        grid.setSpacing(GRID)
        grid.addWidget(self.accuracy, 0, 0)
        grid.addWidget(self.calibration, 0, 1)
        grid.addWidget(self.scores, 1, 0, 1, 2)
        for place in range(2):
            grid.setColumnStretch(place, 1)
            grid.setRowStretch(place, 1)
        column.addLayout(grid, 1)
        area = QScrollArea()
        area.setWidgetResizable(True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setAccessibleName(self.tr("What was measured"))
        area.setWidget(page)
        return area


def _ends(share: Share) -> dict[str, str]:
    return {"low": f"{_HUNDRED * share.low:.1f}", "high": f"{_HUNDRED * share.high:.1f}"}


def _column(*widgets: QWidget | None) -> QWidget:
    holder = QWidget()
    layout = QVBoxLayout(holder)
    layout.setContentsMargins(0, 0, 0, 0)
    for widget in widgets:
        if widget is None:
            layout.addStretch(0)
        else:
            layout.addWidget(widget)
    return holder
