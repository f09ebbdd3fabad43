"""The picture of the tax: held-out text against reward, while the arms train."""

import io
from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from rlhf_studio.report.colours import LIGHT

_SIZE_INCHES, _DPI = (8.0, 4.5), 125
_COLOURS = (LIGHT.models["ppo"], LIGHT.models["ppo-ptx"], "#7f8c9b", "#b58900")
_MARKS = ("o", "s", "^", "v")


def draw_tax(seeds: Sequence[Mapping[str, Any]], arms: Mapping[str, str]) -> bytes:
    """One line per arm and seed, from the first probe to the last, as a PNG."""
    figure = Figure(figsize=_SIZE_INCHES, dpi=_DPI, layout="constrained", facecolor=LIGHT.background)
    FigureCanvasAgg(figure)  # attaches itself: no pyplot, no window system
    axes = figure.subplots()
    for (arm, name), colour, mark in zip(arms.items(), _COLOURS, _MARKS, strict=True):
        for place, seed in enumerate(seeds):
            points = seed["curves"][arm]
            xs, ys = [point[1] for point in points], [point[2] - seed["start_loss"] for point in points]
            axes.plot(xs, ys, color=colour, linewidth=1, alpha=0.6, label=name if place == 0 else None)
            axes.plot(xs[-1:], ys[-1:], marker=mark, markersize=7, color=colour)
    axes.axhline(0, color=LIGHT.text, linestyle=":", linewidth=1)
    axes.set_xlabel("reward of held-out prompts (each arm ends at its mark)")
    axes.set_ylabel("loss of held-out text over the start's, nats per token")
    axes.set_facecolor(LIGHT.background)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=9)
    out = io.BytesIO()
    figure.savefig(out, format="png", facecolor=LIGHT.background, metadata={"Software": "RLHF Studio"})
    return out.getvalue()
