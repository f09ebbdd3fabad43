"""The page of effects: what the example project is asked to show, and what it showed, over seeds."""

from collections.abc import Callable, Mapping, Sequence
from functools import partial, reduce
from operator import getitem
from pathlib import Path
from typing import Any

from rlhf_studio.report.effects import interval
from rlhf_studio.report.effects_plots import draw_effects
from rlhf_studio.report.material import NATURAL

RIGHT_USE_CASES = {"tiny": 5, "small": 7}  # that SFT has to be good at, by base model
_RIGHT = 0.8

Seeds = Sequence[Mapping[str, Any]]  # what the experiment has written, one for each seed
Figure = Callable[[Mapping[str, Any]], float]
Bar = tuple[str, float, str, Figure]  # what, at least, format, figure; all figures are such that more is better

_NAMES = {
    "base": "base",
    "sft": "SFT",
    "sft+mix": "SFT with 10 % pretraining mix",
    "ppo": "PPO",
    "ppo-ptx": "PPO-ptx",
    "no-kl": "PPO without KL penalty",
}
_LEAD = """\
Written by `python -m rlhf_studio.report.experiment --base models/{model} --out DIR --page FILE` from {seeds} of
training and sampling; the prompts that are counted are the same ones each time and held out from everything.
{mean}
What the base model knows and looks up: [its card](../../models/{model}/README.md). How long training takes: the README,
by `tests/bench/demo_time.py`.
"""


def write_page(path: Path, model: str, seeds: Seeds) -> None:
    """Write all tables as Markdown, and the picture into ``images`` beside it."""
    image = path.parent / "images" / f"{path.stem}.png"
    image.parent.mkdir(parents=True, exist_ok=True)
    image.write_bytes(draw_effects(seeds))
    parts = [
        f"# What training does to `{model}`\n",
        _lead(model, len(seeds)),
        f"![Accuracy, gold against KL, natural text, the reward model's curve](images/{image.name})\n",
        "## The bars\n",
        _table(("what", "bar", "found", "met"), [_use_cases(model, seeds), *(_bar(seeds, *bar) for bar in BARS)]),
        *_missed(seeds),
        "## Right answers by rule, greedy, held-out prompts\n",
        _accuracy(seeds),
        "## Stories about held-out topics, sampled at temperature 1\n",
        _stories(seeds),
        "## Held-out text, bits per byte\n",
        _bits(seeds),
        "## The reward model: pairs of held-out rankings that it orders as the (noisy) labeler did\n",
        _rewards(seeds),
        "## Best of n answers of SFT by the reward model\n",
        _best(seeds),
        "## The first ten held-out prompts by id, first seed, greedy; nothing was chosen\n",
        *(_text(row) for row in seeds[0]["texts"]),
    ]
    path.write_text("\n".join(parts), encoding="utf-8")


def _lead(model: str, seeds: int) -> str:
    if seeds == 1:
        return _LEAD.format(model=model, seeds="one seed", mean="One seed says little, and there are no intervals.")
    mean = "Mean, and half the width of the 95 % interval over seeds (Student's t)."
    return _LEAD.format(model=model, seeds=f"{seeds} seeds", mean=mean)


def _bar(seeds: Seeds, what: str, least: float, form: str, figure: Figure) -> tuple[str, str, str, str]:
    mean, _ = interval([figure(seed) for seed in seeds])
    return what, f">= {format(least, form)}", _said(seeds, figure, form), _met(mean >= least)


def _missed(seeds: Seeds) -> list[str]:
    missed = [what for what, least, _, figure in BARS if interval([figure(seed) for seed in seeds])[0] < least]
    if not missed:
        return []
    lines = [f"- {what}: {TRIED.get(what, 'nothing else was tried yet.')}" for what in missed]
    return ["## What was missed, and what was tried\n", "\n".join([*lines, ""])]


def _drop(seed: Mapping[str, Any], after: str, before: str, name: str) -> float:
    """What is kept of a figure, as a share of what it was."""
    return float(seed["effects"][after][name] / max(1e-9, seed["effects"][before][name]))


def _at(*path: str) -> Figure:
    """The figure that lies there."""
    return lambda seed: float(reduce(getitem, path, seed))  # type: ignore[arg-type]


def _natural(seed: Mapping[str, Any], key: str) -> float:
    return float(seed["effects"][key]["bits_per_byte"][NATURAL])


def _accuracy_of(seed: Mapping[str, Any], key: str) -> float:
    right = seed["effects"][key]["right"]
    return float(sum(right.values()) / len(right))


def right_use_cases(seeds: Seeds) -> int:
    """The number of use cases in which SFT's answers, mean over seeds, are right at least 80 % of the time."""
    cases = seeds[0]["effects"]["sft"]["right"]
    means = [interval([seed["effects"]["sft"]["right"][case] for seed in seeds])[0] for case in cases]
    return sum(mean >= _RIGHT for mean in means)


def _use_cases(model: str, seeds: Seeds) -> tuple[str, str, str, str]:
    least, found = RIGHT_USE_CASES.get(model, RIGHT_USE_CASES["small"]), right_use_cases(seeds)
    alone = ", ".join(str(right_use_cases([seed])) for seed in seeds)
    said = f"{found} (each seed alone: {alone})" if len(seeds) > 1 else str(found)
    return "use cases in which SFT is right at least 80 % of the time", f">= {least}", said, _met(found >= least)


def _met(is_met: bool) -> str:
    return "yes" if is_met else "**no**"


BARS: tuple[Bar, ...] = (
    ("answers of SFT that end", 0.95, ".0%", lambda s: s["effects"]["sft"]["ended"]),
    (
        "share of plain SFT's loss of natural text that the 10 % mix avoids",
        0.5,
        ".0%",
        lambda s: 1 - (_natural(s, "sft+mix") - _natural(s, "base")) / (_natural(s, "sft") - _natural(s, "base")),
    ),
    (
        "reward model: held-out pairs in the labeler's order (noise allows 90 %)",
        0.87,
        ".0%",
        lambda s: s["pair_accuracy"]["reward"],
    ),
    ("PPO: friendly ends", 0.9, ".0%", lambda s: s["effects"]["ppo"]["happy"]),
    ("PPO: nats of KL left of 10", 0.0, ".1f", lambda s: 10 - s["effects"]["ppo"]["kl"]),
    ("PPO: topic kept, of SFT's", 0.95, ".0%", lambda s: _drop(s, "ppo", "sft", "topic")),
    ("PPO: distinct-2, of SFT's", 0.75, ".0%", lambda s: _drop(s, "ppo", "sft", "distinct_2")),
    ("PPO: accuracy less SFT's", -0.05, "+.0%", lambda s: _accuracy_of(s, "ppo") - _accuracy_of(s, "sft")),
    ("no KL penalty: KL", 30.0, ".0f", lambda s: s["effects"]["no-kl"]["kl"]),
    (
        "no KL penalty: reward model's score above PPO's",
        0.0,
        "+.2f",
        lambda s: s["effects"]["no-kl"]["score"] - s["effects"]["ppo"]["score"],
    ),
    (
        "no KL penalty: largest fall of gold, topic or distinct-2 below SFT's",
        0.05,
        ".2f",
        lambda s: max(
            s["effects"]["sft"]["gold"]["happy"] - s["effects"]["no-kl"]["gold"]["happy"],
            s["effects"]["sft"]["topic"] - s["effects"]["no-kl"]["topic"],
            s["effects"]["sft"]["distinct_2"] - s["effects"]["no-kl"]["distinct_2"],
        ),
    ),
    (
        "ptx: share of PPO's rise of natural text over the base that is gone",
        2 / 3,
        ".0%",
        lambda s: 1 - (_natural(s, "ppo-ptx") - _natural(s, "base")) / (_natural(s, "ppo") - _natural(s, "base")),
    ),
    ("ptx: accuracy less PPO's", -0.05, "+.0%", lambda s: _accuracy_of(s, "ppo-ptx") - _accuracy_of(s, "ppo")),
)


# what was tried for the bars that `tiny` or `small` misses; the log has the figures
TRIED: Mapping[str, str] = {
    "reward model: held-out pairs in the labeler's order (noise allows 90 %)": (
        "rates from 5e-4 to 3e-3, two epochs and batches of four gave 72 to 77 % with `tiny`. The model sees how a "
        "story ends; whether the topic comes back, which the rubric asks as well, it hardly sees."
    ),
    "PPO: friendly ends": (
        "a smaller beta with a larger rate (0.15, 1.2e-4) gave 96 % with `tiny` and one seed, at 7.5 nats, 73 % of "
        "SFT's variety and 5 points less accuracy. With the same seed the default keeps 76 % and loses 2 points."
    ),
    "PPO: distinct-2, of SFT's": (
        "a larger beta keeps more and ends less friendly: 0.3 with a rate of 1e-4 gave 89 % of SFT's variety and 71 % "
        "friendly ends with `tiny`. For `small` nothing else was tried; its policy goes further with the same settings."
    ),
    "PPO: topic kept, of SFT's": "the reward model hardly sees the topic (see above); nothing else was tried.",
}


def _accuracy(seeds: Seeds) -> str:
    effects = seeds[0]["effects"]
    rows = [
        (use_case, *(_said(seeds, _at("effects", key, "right", use_case), ".0%") for key in effects))
        for use_case in effects["base"]["right"]
    ]
    mean = [_said(seeds, partial(_accuracy_of, key=key), ".0%") for key in effects]
    ended = [_said(seeds, _at("effects", key, "ended"), ".0%") for key in effects]
    rows += [("**all**", *mean), ("answers that end", *ended)]
    asked = effects["base"]["asked"]
    return _table((f"{asked} prompts each", *(_NAMES[key] for key in effects)), rows)


def _stories(seeds: Seeds) -> str:
    def cell(key: str, name: str, form: str) -> str:
        return _said(seeds, _at("effects", key, name), form)

    rows = [
        (
            _NAMES[key],
            cell(key, "happy", ".0%"),
            cell(key, "topic", ".2f"),
            cell(key, "distinct_2", ".2f"),
            *(_said(seeds, _at("effects", key, "gold", rubric), ".2f") for rubric in ("happy", "brief")),
            cell(key, "score", "+.2f"),
            cell(key, "kl", ".1f"),
        )
        for key in seeds[0]["effects"]
    ]
    heads = ("model", "friendly end", "topic", "distinct-2", "gold: happy", "gold: brief", "reward model", "KL, nats")
    return _table(heads, rows)


def _bits(seeds: Seeds) -> str:
    sources = seeds[0]["effects"]["base"]["bits_per_byte"]
    rows = [
        (
            _NAMES[key],
            *(_said(seeds, _at("effects", key, "bits_per_byte", source), ".3f") for source in sources),
        )
        for key in seeds[0]["effects"]
    ]
    return _table(("model", *sources), rows)


def _rewards(seeds: Seeds) -> str:
    names = seeds[0]["pair_accuracy"]
    rows = [
        (
            name.removeprefix("reward-") if "-" in name else "all",
            _said(seeds, _at("pair_accuracy", name), ".0%"),
        )
        for name in names
    ]
    return _table(("rankings", "pairs in the labeler's order"), rows)


def _best(seeds: Seeds) -> str:
    rows = [
        (n, *(_said(seeds, _at("best_of", n, name), ".2f") for name in seeds[0]["best_of"][n]))
        for n in seeds[0]["best_of"]
    ]
    first = next(iter(seeds[0]["best_of"].values()))
    return _table(("n", *first), rows)


def _text(row: Mapping[str, str]) -> str:
    answers = [f"- {_NAMES[key]}: {_inline(text)}" for key, text in row.items() if key in _NAMES]
    return "\n".join([f"**{_inline(row['prompt'])}**\n", *answers, ""])


def _inline(text: str) -> str:
    return (
        " / ".join(line.strip() for line in text.split("\n") if line.strip()).replace("*", "\\*").replace("<", "&lt;")
    )


def _said(seeds: Seeds, figure: Figure, form: str) -> str:
    mean, half = interval([figure(seed) for seed in seeds])
    return format(mean, form) + (f" ± {format(half, form.replace('+', ''))}" if len(seeds) > 1 else "")


def _table(heads: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    return "\n".join([*lines, *(f"| {' | '.join(map(str, row))} |" for row in rows), ""])
