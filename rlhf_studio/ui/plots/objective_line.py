"""The objective of PPO-ptx as a live sum: mean score - beta * KL + gamma * ptx (InstructGPT, equation 2)."""

from collections.abc import Mapping
from dataclasses import dataclass

from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from rlhf_studio.ui.theme import Theme
from rlhf_studio.ui.widgets.parts import GRID, Card
from rlhf_studio.ui.widgets.text import PlainLabel


@dataclass(frozen=True, slots=True)
class ObjectiveTerms:
    """The parts of the objective in one step; ``ptx`` is a mean log-likelihood per token, 0 without pretraining."""

    score: float
    kl: float
    beta: float
    ptx: float
    gamma: float

    @property
    def objective(self) -> float:
        """What the policy is to raise."""
        return self.score - self.beta * self.kl + self.gamma * self.ptx


def objective_terms(values: Mapping[str, float]) -> ObjectiveTerms | None:
    """The terms of a PPO step's metrics; None where they are not of PPO."""
    needed = ("objective/scores", "objective/kl", "kl_coef")
    if any(name not in values for name in needed):
        return None
    score, kl, beta = (values[name] for name in needed)
    return ObjectiveTerms(score, kl, beta, -values.get("loss/ptx", 0.0), values.get("ptx_coef", 0.0))


class ObjectiveLine(Card):
    """Four numbers over their words."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent=parent)
        self._theme = theme
        self.terms: ObjectiveTerms | None = None
        self.numbers = {name: PlainLabel("", "number") for name in ("score", "kl", "ptx", "objective")}
        self._words = {name: PlainLabel("", "muted") for name in self.numbers}
        self.body.setContentsMargins(2 * GRID, GRID, 2 * GRID, GRID)
        line = QHBoxLayout()
        for name, sign in (("score", ""), ("kl", "−"), ("ptx", "+"), ("objective", "=")):  # noqa: RUF001  a minus
            if sign:
                line.addWidget(PlainLabel(sign, "number"))
            column = QVBoxLayout()
            column.setSpacing(0)
            column.addWidget(self.numbers[name])
            column.addWidget(self._words[name])
            line.addLayout(column)
            line.addStretch(1)
        self.body.addLayout(line)
        theme.changed.connect(self._on_theme_changed)
        self._on_theme_changed()
        self.clear()

    def show_step(self, values: Mapping[str, float]) -> None:
        """Show the sum of one step's metrics; metrics of another stage change nothing."""
        terms = objective_terms(values)
        if terms is not None:
            self.terms = terms
            self._fill(terms)

    def clear(self) -> None:
        """Show the formula without numbers."""
        self.terms = None
        for label in self.numbers.values():
            label.setText("–")  # noqa: RUF001  nothing yet
        self._words["score"].setText(self.tr("mean score"))
        self._words["kl"].setText(self.tr("beta × KL"))  # noqa: RUF001  a times sign
        self._words["ptx"].setText(self.tr("gamma × ptx"))  # noqa: RUF001
        self._words["objective"].setText(self.tr("objective"))
        self.setToolTip(
            self.tr(
                "What PPO-ptx raises: the mean score of the reward model, minus beta times the KL to the start, plus "
                "gamma times the mean log-likelihood of pretraining text (InstructGPT, equation 2)."
            )
        )

    def _fill(self, terms: ObjectiveTerms) -> None:
        self.numbers["score"].setText(f"{terms.score:+.2f}")
        self.numbers["kl"].setText(f"{terms.beta * terms.kl:.2f}")
        self.numbers["ptx"].setText(f"{terms.gamma * terms.ptx:+.2f}")
        self.numbers["objective"].setText(f"{terms.objective:+.2f}")
        times = self.tr("{coefficient:g} × {what} {value:.2f}")  # noqa: RUF001
        self._words["kl"].setText(times.format(coefficient=terms.beta, what="KL", value=terms.kl))
        self._words["ptx"].setText(times.format(coefficient=terms.gamma, what="ptx", value=terms.ptx))

    def _on_theme_changed(self) -> None:
        colours = self._theme.colours
        paints = {"score": colours.metric_reward, "kl": colours.metric_kl, "ptx": colours.ppo_ptx}
        for name, label in self.numbers.items():
            palette = label.palette()
            palette.setColor(label.foregroundRole(), paints.get(name, colours.text))
            label.setPalette(palette)
