"""Curves of the stages as PNG pictures; no pyplot, so that any thread may draw."""

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from rlhf_studio import words
from rlhf_studio.report.colours import LIGHT, NAMES, ModelKey, Theme
from rlhf_studio.report.curves import Curve
from rlhf_studio.report.material import StageFacts

_SIZE_INCHES = (3.6, 2.35)  # small, so that the words stay readable where the picture is shown small
_DPI = 200
_MARKED = 40  # a curve with fewer points than this also shows where they are


@dataclass(frozen=True, slots=True)
class Line:
    """One curve of a plot; ``level`` draws only where it started, as a horizontal line in that model's colour."""

    stage: ModelKey
    metric: str
    label: str
    style: str = "-"
    level: ModelKey | None = None


@dataclass(frozen=True, slots=True)
class Plot:
    """One picture: its file name, its words and what is drawn."""

    name: str
    title: str
    caption: str
    y_label: str
    lines: tuple[Line, ...]
    x_label: str = "step"
    reference: float | None = None  # a dotted horizontal line
    reference_label: str = ""
    y_range: tuple[float, float] | None = None


def _both(metric: str) -> tuple[Line, ...]:
    return (Line("ppo", metric, NAMES["ppo"], "--"), Line("ppo-ptx", metric, NAMES["ppo-ptx"]))


PLOTS: tuple[Plot, ...] = (
    Plot(
        "sft-loss",
        "SFT: loss of demonstrations",
        "Falls as the model learns to answer as the demonstrations do. The held-out loss may rise again while the "
        "answers still improve.",
        "loss (nats per token)",
        (Line("sft", "loss/train", "train", "-"), Line("sft", "loss/valid", "held out", "--")),
    ),
    Plot(
        "reward-loss",
        "Reward model: ranking loss",
        "ln 2 = 0.69 is guessing. Held-out loss that rises while the training loss falls is overfitting.",
        "loss (nats per pair)",
        (Line("reward", "loss/train", "train", "-"), Line("reward", "loss/valid", "held out", "--")),
        reference=0.6931,
        reference_label="guessing",
    ),
    Plot(
        "reward-accuracy",
        "Reward model: accuracy",
        "Share of answer pairs that the reward model puts in the same order as the labeler.",
        "pairs in the right order",
        (Line("reward", "accuracy/train", "train", "-"), Line("reward", "accuracy/valid", "held out", "--")),
        reference=0.5,
        reference_label="guessing",
        y_range=(0.0, 1.02),
    ),
    Plot(
        "ppo-score",
        "PPO: reward of sampled answers",
        "What PPO raises: the reward model's score, averaged over the answers of a step.",
        "reward",
        _both("objective/scores"),
    ),
    Plot(
        "ppo-kl",
        "PPO: distance from SFT",
        "KL of the policy from its start, summed over an answer. The penalty beta keeps it small.",
        "KL (nats per answer)",
        _both("objective/kl"),
    ),
    Plot(
        "ppo-text-loss",
        "PPO: natural text not trained on",
        "What fine-tuning makes the model forget. The pretraining part of PPO-ptx is there to bring it down.",
        "loss (nats per token)",
        (*_both("loss/text_valid"), Line("sft", "loss/text_valid", "base model", ":", level="base")),
    ),
    Plot(
        "ppo-entropy",
        "PPO: entropy",
        "How varied the answers still are. A fall to nothing means that the policy always says the same.",
        "entropy (nats per answer)",
        _both("objective/entropy"),
    ),
    Plot(
        "ppo-length",
        "PPO: answer length",
        "A reward that grows with length alone is a classic way to be fooled.",
        "answer (tokens)",
        _both("answer/length"),
    ),
    Plot(
        "ppo-ended",
        "PPO: answers that end by themselves",
        "The rest were cut at the length limit, and the reward model read half an answer.",
        "share of answers",
        _both("answer/finished"),
        y_range=(0.0, 1.02),
    ),
)


def available_plots(stages: Sequence[StageFacts]) -> list[Plot]:
    """The plots for which at least one curve was measured."""
    curves = {stage.key: stage.curves for stage in stages}
    return [
        plot
        for plot in PLOTS
        if any(line.level is None and line.metric in curves.get(line.stage, {}) for line in plot.lines)
    ]


def draw(plot: Plot, stages: Sequence[StageFacts], theme: Theme = LIGHT) -> bytes:
    """One plot as a PNG of 720 x 470 pixels."""
    figure = Figure(figsize=_SIZE_INCHES, dpi=_DPI, layout="constrained", facecolor=theme.background)
    FigureCanvasAgg(figure)  # attaches itself: no pyplot, no window system
    axes = figure.add_subplot()
    _dress(axes, plot, theme)
    by_key = {stage.key: stage for stage in stages}
    for line in plot.lines:
        stage = by_key.get(line.stage)
        curve = stage.curves.get(line.metric) if stage is not None else None
        if stage is not None and curve is not None:
            _draw_line(axes, line, curve, theme)
            if line.level is None:
                _draw_changes(axes, stage, theme)
    if plot.y_range is not None:
        axes.set_ylim(*plot.y_range)
    if plot.reference is not None:
        axes.axhline(
            plot.reference, color=theme.models["base"], linestyle=":", linewidth=1.8, label=plot.reference_label
        )
    figure.legend(
        loc="outside upper left",
        ncols=3,
        frameon=False,
        fontsize=8.5,
        labelcolor=theme.text,
        handlelength=2.8,
        columnspacing=1.2,
    )
    out = io.BytesIO()
    figure.savefig(
        out, format="png", facecolor=theme.background, metadata={"Title": plot.title, "Software": "RLHF Studio"}
    )
    return out.getvalue()


def draw_all(stages: Sequence[StageFacts], theme: Theme = LIGHT) -> Mapping[str, bytes]:
    """Every available plot by name."""
    return {plot.name: draw(plot, stages, theme) for plot in available_plots(stages)}


def _dress(axes: Axes, plot: Plot, theme: Theme) -> None:
    axes.set_facecolor(theme.background)
    axes.set_xlabel(plot.x_label, color=theme.text, fontsize=9)
    axes.set_ylabel(plot.y_label, color=theme.text, fontsize=9)
    axes.tick_params(colors=theme.text, labelsize=8.5, length=0)
    axes.grid(visible=True, color=theme.grid, linewidth=0.8)
    axes.set_axisbelow(True)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True, steps=[1, 2, 5, 10]))
    axes.yaxis.set_major_locator(MaxNLocator(nbins=5, steps=[1, 2, 2.5, 5, 10]))
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(theme.grid)


def _draw_changes(axes: Axes, stage: StageFacts, theme: Theme) -> None:
    """A line across the plot where a person changed settings while the run went on, with what was changed."""
    told: dict[int, list[str]] = {}
    for change in stage.changes:
        told.setdefault(change.step, []).append(words.mark(change.name, change.value))
    middle = sum(axes.get_xlim()) / 2
    for place, (step, changes) in enumerate(sorted(told.items())):
        is_left = step > middle  # so that the words stay inside
        axes.axvline(step, linestyle=(0, (1, 2)), linewidth=1.2, color=theme.models[stage.key], zorder=0.5)
        axes.annotate(
            ", ".join(changes),
            xy=(step, 0.97 - 0.09 * (place % 3)),  # neighbours do not lie on each other
            xycoords=("data", "axes fraction"),
            xytext=(-3 if is_left else 3, 0),
            textcoords="offset points",
            va="top",
            ha="right" if is_left else "left",
            fontsize=7.5,
            color=theme.models[stage.key],
            bbox={"facecolor": theme.background, "edgecolor": "none", "pad": 1.0},
            zorder=0.6,  # under the curves, which are never hidden
        )


def _draw_line(axes: Axes, line: Line, curve: Curve, theme: Theme) -> None:
    if line.level is not None:
        colour = theme.models[line.level]
        axes.axhline(curve.values[0], linestyle=line.style, color=colour, linewidth=2.0, label=line.label)
        return
    axes.plot(
        curve.steps,
        curve.values,
        linestyle=line.style,
        color=theme.models[line.stage],
        linewidth=1.8,
        alpha=0.55 if line.metric.endswith("/train") else 1.0,
        marker="o" if len(curve.steps) < _MARKED else "",
        markersize=3.0,
        label=line.label,
    )
