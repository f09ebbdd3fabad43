"""The picture on the page of effects: accuracy, gold against KL, natural text and the reward model's curve."""

import io
from collections.abc import Callable, Mapping, Sequence
from statistics import fmean
from typing import Any

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from rlhf_studio.report.colours import LIGHT, NAMES, ModelKey
from rlhf_studio.report.material import NATURAL

Seeds = Sequence[Mapping[str, Any]]  # as effects_page reads them
_SIZE_INCHES, _DPI = (9.6, 7.2), 125
_SHOWN: tuple[ModelKey, ...] = ("base", "sft", "ppo", "ppo-ptx")
_LAST_LABEL = "PPO without KL penalty"


def draw_effects(seeds: Seeds) -> bytes:
    """Draw the four panels, means over seeds, as a PNG of 1200 x 900 pixels."""
    figure = Figure(figsize=_SIZE_INCHES, dpi=_DPI, layout="constrained", facecolor=LIGHT.background)
    FigureCanvasAgg(figure)  # attaches itself: no pyplot, no window system
    panels = figure.subplots(2, 2)
    _accuracy(panels[0, 0], seeds)
    _gold(panels[0, 1], seeds)
    _natural(panels[1, 0], seeds)
    _rankings(panels[1, 1], seeds)
    for axes in panels.flat:
        _dress(axes)
    out = io.BytesIO()
    figure.savefig(out, format="png", facecolor=LIGHT.background, metadata={"Software": "RLHF Studio"})
    return out.getvalue()


def _mean(seeds: Seeds, figure: Callable[[Mapping[str, Any]], float]) -> float:
    return fmean(figure(seed) for seed in seeds)


def _accuracy(axes: Axes, seeds: Seeds) -> None:
    cases = list(seeds[0]["effects"]["base"]["right"])
    for place, key in enumerate(_SHOWN):
        shares = [_mean(seeds, lambda s, k=key, c=case: s["effects"][k]["right"][c]) for case in cases]  # type: ignore[misc]
        heights = [row + 0.19 * (place - 1.5) for row in range(len(cases))]
        axes.barh(heights, shares, height=0.18, color=LIGHT.models[key], label=NAMES[key])
    axes.axvline(0.8, color=LIGHT.text, linestyle=":", linewidth=1)
    axes.set_yticks(range(len(cases)), [case.replace("_", " ") for case in cases])
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.set_title("Right answers by rule, held-out prompts (dotted: 80 %)")
    axes.legend(frameon=False, fontsize=8, loc="upper center", bbox_to_anchor=(0.5, -0.06), ncols=len(_SHOWN))


def _gold(axes: Axes, seeds: Seeds) -> None:
    best = list(seeds[0]["best_of"])
    kl = [_mean(seeds, lambda s, n=n: s["best_of"][n]["kl"]) for n in best]  # type: ignore[misc]
    gold = [_mean(seeds, lambda s, n=n: s["best_of"][n]["gold: happy"]) for n in best]  # type: ignore[misc]
    axes.plot(kl, gold, marker="o", color=LIGHT.models["sft"], label="best of n answers of SFT")
    for n, x, y in zip(best, kl, gold, strict=True):
        axes.annotate(f"n = {n}", (x, y), textcoords="offset points", xytext=(6, -11), fontsize=8)
    marks = (("ppo", NAMES["ppo"], "o"), ("ppo-ptx", NAMES["ppo-ptx"], "s"), ("no-kl", _LAST_LABEL, "x"))
    for key, name, mark in marks:
        x = _mean(seeds, lambda s, k=key: s["effects"][k]["kl"])  # type: ignore[misc]
        y = _mean(seeds, lambda s, k=key: s["effects"][k]["gold"]["happy"])  # type: ignore[misc]
        colour = LIGHT.models["ppo-ptx" if key == "ppo-ptx" else "ppo"]
        axes.plot([x], [y], mark, color=colour, label=name, linestyle="none", markersize=8)
    axes.set_xscale("symlog", linthresh=1)
    axes.set_ylim(0, 1)
    axes.set_xlabel("KL from SFT (nats per answer)")
    axes.set_title("The rubric's score of stories, against KL")
    axes.legend(frameon=False, fontsize=8, loc="lower left")


def _natural(axes: Axes, seeds: Seeds) -> None:
    keys = list(seeds[0]["effects"])
    names = {str(key): name for key, name in NAMES.items()}
    names |= {"sft+mix": "SFT with\n10 % mix", "no-kl": "PPO without\nKL penalty"}
    bits = [_mean(seeds, lambda s, k=key: s["effects"][k]["bits_per_byte"][NATURAL]) for key in keys]  # type: ignore[misc]
    colours = [LIGHT.models.get(key, LIGHT.grid) for key in keys]
    bars = axes.bar([names[key] for key in keys], bits, color=colours, width=0.65)
    axes.bar_label(bars, fmt="%.2f", fontsize=8)
    axes.tick_params(axis="x", labelsize=8)
    axes.set_title("Held-out natural text (bits per byte; lower is better)")


def _rankings(axes: Axes, seeds: Seeds) -> None:
    accuracy = {name: _mean(seeds, lambda s, n=name: s["pair_accuracy"][n]) for name in seeds[0]["pair_accuracy"]}  # type: ignore[misc]
    counts = [name.removeprefix("reward-") if "-" in name else "all" for name in accuracy]
    axes.plot(counts, list(accuracy.values()), marker="o", color=LIGHT.models["reward"])
    axes.axhline(0.9, color=LIGHT.text, linestyle=":", linewidth=1)
    axes.axhline(0.5, color=LIGHT.text, linestyle=":", linewidth=1)
    axes.set_ylim(0.45, 0.95)
    axes.set_xlabel("rankings trained on")
    axes.set_title("Reward model: held-out pairs in order (dotted: chance, noise)")


def _dress(axes: Axes) -> None:
    axes.title.set_fontsize(9.5)
    axes.tick_params(colors=LIGHT.text, length=0, labelsize=8)
    axes.grid(visible=True, color=LIGHT.grid, linewidth=0.8)
    axes.set_axisbelow(True)
    for side in ("top", "right", "left"):
        axes.spines[side].set_visible(False)
