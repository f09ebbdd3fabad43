"""A reward model's evaluation in pictures: how often it is right, how sure it is, and what it gives to whom."""

import io
from collections.abc import Callable, Mapping

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator, PercentFormatter

from rlhf_studio.jobs.reward_evaluation import RewardEvaluation, SampleKey
from rlhf_studio.report.colours import DARK, LIGHT, NAMES, ModelKey, Theme
from rlhf_studio.stats.intervals import Share
from rlhf_studio.stats.preferences import BINS, PAPER_AGREEMENT, histogram

_SIZE_INCHES, _DPI = (3.6, 2.35), 200  # as the curves of the report
_DASHES: Mapping[SampleKey, str] = {"demonstrations": "-", "base": ":", "sft": "--", "ppo": "-.", "ppo-ptx": "-"}
_MOST_NAMED = 12  # rows of the picture of accuracy


def sample_name(key: SampleKey) -> str:
    """What a sample of answers is called."""
    return "Demonstrations" if key == "demonstrations" else NAMES[key]


def draw_evaluation(found: RewardEvaluation) -> Mapping[str, tuple[bytes, bytes]]:
    """Every picture there is something for, by name, for light and dark readers; PNG of 720 x 470 pixels."""
    panels: dict[str, Callable[[Axes, RewardEvaluation, Theme], None]] = {}
    if found.accuracy is not None:
        panels |= {"accuracy": _accuracy, "calibration": _calibration}
    if found.samples:
        panels["scores"] = _scores
    return {name: (_draw(panel, found, LIGHT), _draw(panel, found, DARK)) for name, panel in panels.items()}


def _draw(panel: Callable[[Axes, RewardEvaluation, Theme], None], found: RewardEvaluation, theme: Theme) -> bytes:
    figure = Figure(figsize=_SIZE_INCHES, dpi=_DPI, layout="constrained", facecolor=theme.background)
    FigureCanvasAgg(figure)  # attaches itself: no pyplot, no window system
    axes = figure.add_subplot()
    axes.set_facecolor(theme.background)
    axes.tick_params(colors=theme.text, labelsize=7, length=0)
    axes.grid(visible=True, color=theme.grid, linewidth=0.7)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
    axes.spines["bottom"].set_color(theme.grid)
    panel(axes, found, theme)
    axes.xaxis.label.set_color(theme.text)
    axes.yaxis.label.set_color(theme.text)
    out = io.BytesIO()
    figure.savefig(out, format="png", facecolor=theme.background, metadata={"Software": "RLHF Studio"})
    return out.getvalue()


def _accuracy(axes: Axes, found: RewardEvaluation, theme: Theme) -> None:
    """A dot and its interval for each kind of pair; the labelers' own agreement as a band."""
    groups = (("K = ", found.by_size), ("distance ", found.by_distance))
    rows: list[tuple[str, Share]] = [(f"{word}{name}", share) for word, by in groups for name, share in by]
    if found.accuracy is not None:
        rows.insert(0, ("all pairs", found.accuracy))
    rows = rows[:_MOST_NAMED]
    colour = theme.models["reward"]
    for place, (_, share) in enumerate(rows):
        axes.plot([share.low, share.high], [place, place], color=colour, linewidth=1.2)
        axes.plot([share.value], [place], "o", color=colour, markersize=4)
    axes.axvline(0.5, color=theme.models["base"], linestyle=":", linewidth=1)
    between = found.agreement.between
    if between is not None:
        axes.axvspan(between.low, between.high, color=theme.models["base"], alpha=0.2, linewidth=0)
    else:
        for value, _ in PAPER_AGREEMENT:
            axes.axvline(value, color=theme.models["base"], linestyle="--", linewidth=0.8)
    axes.set_yticks(range(len(rows)), [name for name, _ in rows])
    axes.invert_yaxis()
    axes.set_xlim(min(0.4, *(share.low for _, share in rows)), 1.01)
    axes.xaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set_xlabel("pairs in the labeler's order", fontsize=8)


def _calibration(axes: Axes, found: RewardEvaluation, theme: Theme) -> None:
    """What was observed over what was predicted; right on the line is calibrated."""
    colour = theme.models["reward"]
    axes.plot([0.5, 1], [0.5, 1], color=theme.models["base"], linestyle=":", linewidth=1.2)
    x = [each.predicted for each in found.calibration]
    y = [each.observed.value for each in found.calibration]
    ends = [(each.observed.low, each.observed.high) for each in found.calibration]
    axes.vlines(x, [low for low, _ in ends], [high for _, high in ends], color=colour, linewidth=1.2)
    axes.plot(x, y, "o-", color=colour, markersize=4, linewidth=1.2)
    axes.set_xlim(0.49, 1.01)
    axes.set_ylim(min(0.4, *(low for low, _ in ends)), 1.02)
    axes.set_xticks([0.5 + 0.5 * n / BINS for n in range(BINS + 1)])
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set_xlabel("predicted", fontsize=8)
    axes.set_ylabel("observed", fontsize=8)


def _scores(axes: Axes, found: RewardEvaluation, theme: Theme) -> None:
    """Histograms over one axis of scores; 0 is a demonstration, the dotted line was 0 before the bias."""
    edges, shares = histogram([sample.scores for sample in found.samples])
    for sample, heights in zip(found.samples, shares, strict=True):
        colour = _colour(sample.key, theme)
        label = f"{sample_name(sample.key)} {sample.mean:+.2f}"
        axes.stairs(heights, edges, color=colour, linestyle=_DASHES[sample.key], linewidth=1.3, label=label)
    axes.axvline(0.0, color=theme.text, linewidth=0.9)
    axes.axvline(found.bias, color=theme.text, linestyle=":", linewidth=0.9)
    axes.yaxis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10]))  # whole percents
    axes.yaxis.set_major_formatter(PercentFormatter(1.0, decimals=0))
    axes.set_xlabel(f"score (line: 0; dotted: 0 before the bias of {found.bias:+.2f})", fontsize=8)
    axes.set_ylabel("answers", fontsize=8)
    handles, labels = axes.get_legend_handles_labels()
    figure = axes.get_figure(root=True)
    if figure is not None:
        figure.legend(
            handles, labels, loc="outside upper left", ncols=3, frameon=False, fontsize=6.5, labelcolor=theme.text
        )


def _colour(key: SampleKey, theme: Theme) -> str:
    models: Mapping[ModelKey, str] = theme.models
    return models["reward"] if key == "demonstrations" else models[key]
