"""The page of the tax: what was asked, what was found, arm by arm."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from rlhf_studio.report.effects import interval
from rlhf_studio.report.tax_plot import draw_tax

ARMS: Mapping[str, str] = {
    "ppo": "PPO",
    "ppo-ptx": "PPO-ptx",
    "beta x 2": "PPO, beta times 2",
    "beta x 4": "PPO, beta times 4",
}
_ENOUGH = 2 / 3  # of the rise shall be gone

Seed = Mapping[str, Any]  # a TaxResult, as it lies in its file
Figure = Callable[[Seed], float]
Row = tuple[str, ...]

_LEAD = """\
Written by `python -m rlhf_studio.report.tax --base models/{model} --out DIR --page FILE`: {seeds} seeds of training and
sampling, {minutes:.0f} minutes of CPU together, one thread. Every arm starts from the same RL start (the base, two
epochs on the demonstrations with 10 % of pretraining text; appendix C.3), and its reward model is trained from that.
Reward is the reward model's mean score of 64 held-out prompts, sampled at temperature 1; natural text is held out from
pretraining and from ptx. Mean, and half the width of the 95 % interval over seeds (Student's t); differences are taken
seed by seed.
"""
_EQUAL = """\
The loss of held-out pretraining text, in nats per token over the start's, when an arm first had the reward that both it
and PPO-ptx reached.
"""


def write_tax_page(path: Path, model: str, seeds: Sequence[Seed]) -> None:
    """Write the tables as Markdown, and the picture into ``images`` beside it."""
    image = path.parent / "images" / f"{path.stem}.png"
    image.parent.mkdir(parents=True, exist_ok=True)
    image.write_bytes(draw_tax(seeds, ARMS))
    minutes = sum(seed["cpu"] for seed in seeds) / 60
    parts = [
        "# The alignment tax\n",
        _LEAD.format(model=model, seeds=len(seeds), minutes=minutes),
        f"![Held-out text against reward during the runs](images/{image.name})\n",
        "## What was asked\n",
        _table(("what", "bar", "found", "so"), verdicts(seeds)),
        "## Arm by arm, at the end\n",
        _table(
            ("model", "reward", "KL, nats", "natural text, bits per byte", "share of PPO's rise that is gone"),
            _ends(seeds),
        ),
        "## At equal reward\n",
        _EQUAL,
        _table(("arm", "the arm's rise", "PPO-ptx's rise at that reward"), _at_equal_reward(seeds)),
    ]
    path.write_text("\n".join(parts), encoding="utf-8")


def rise(seed: Seed, arm: str) -> float:
    """Bits per byte of natural text that an arm has lost to the start."""
    return float(seed["bits"][arm] - seed["bits"]["start"])


def share_gone(seed: Seed, arm: str) -> float:
    """How much of plain PPO's rise an arm does not have."""
    return 1 - rise(seed, arm) / rise(seed, "ppo")


def reward(seed: Seed, arm: str) -> float:
    """Mean score of the held-out prompts at an arm's end."""
    return float(seed["curves"][arm][-1][1])


def loss_at(seed: Seed, arm: str, score: float) -> float:
    """Loss of held-out text, over the start's, when an arm first had this score: linear between two probes.

    Raises:
        ValueError: If it never had.
    """
    before: Sequence[float] | None = None
    for point in seed["curves"][arm]:
        if point[1] >= score:
            share = 0.0 if before is None else (score - before[1]) / (point[1] - before[1])
            loss = point[2] if before is None else before[2] + share * (point[2] - before[2])
            return float(loss - seed["start_loss"])
        before = point
    raise ValueError(f"{arm} never had a score of {score}")


def common_reward(seed: Seed, arm: str) -> float:
    """The highest score that both this arm and PPO-ptx reached."""
    return float(min(max(point[1] for point in seed["curves"][one]) for one in (arm, "ppo-ptx")))


def verdicts(seeds: Sequence[Seed]) -> list[Row]:
    """Each claim with its bar and what was found; nothing here is typed in."""
    rises, gone = interval([rise(s, "ppo") for s in seeds]), interval([share_gone(s, "ppo-ptx") for s in seeds])
    apart = _reward_apart(seeds, "ppo")
    return [
        ("PPO: natural text rises, bits per byte", "> 0", _said(rises, "+.3f"), _met(rises[0] - rises[1] > 0)),
        ("PPO-ptx: share of that rise that is gone", ">= 67%", _said(gone, ".0%"), _met(gone[0] >= _ENOUGH)),
        ("PPO-ptx's reward less PPO's", "0 is in the interval, or more", _said(apart, "+.2f"), _met(sum(apart) >= 0)),
        *(_beta_verdict(seeds, arm) for arm in ARMS if arm.startswith("beta")),
    ]


def _beta_verdict(seeds: Sequence[Seed], arm: str) -> Row:
    """A larger beta would repair it if two thirds of the rise were gone, with a reward no lower than PPO-ptx's."""
    gone, apart = interval([share_gone(s, arm) for s in seeds]), _reward_apart(seeds, arm)
    repairs = gone[0] >= _ENOUGH and apart[0] - apart[1] <= 0
    found = f"{_said(gone, '.0%')} gone; PPO-ptx's reward is {_said(apart, '+.2f')} above"
    return f"{ARMS[arm]} repairs it at equal reward", "no", found, "**yes, it does**" if repairs else "no, it does not"


def _reward_apart(seeds: Sequence[Seed], arm: str) -> tuple[float, float]:
    return interval([reward(s, "ppo-ptx") - reward(s, arm) for s in seeds])


def _ends(seeds: Sequence[Seed]) -> list[Row]:
    def bits(name: str) -> str:
        return _said(interval([float(s["bits"][name]) for s in seeds]), ".3f")

    rows: list[Row] = [("base", "", "", bits("base"), ""), ("RL start", "", "0", bits("start"), "")]
    for arm, name in ARMS.items():
        scores = _said(interval([reward(s, arm) for s in seeds]), "+.2f")
        kl = _said(interval([float(s["curves"][arm][-1][3]) for s in seeds]), ".1f")
        gone = "" if arm == "ppo" else _said(interval([share_gone(s, arm) for s in seeds]), ".0%")
        rows.append((name, scores, kl, bits(arm), gone))
    return rows


def _at_equal_reward(seeds: Sequence[Seed]) -> list[Row]:
    def cell(arm: str, other: str) -> str:
        return _said(interval([loss_at(s, arm, common_reward(s, other)) for s in seeds]), "+.3f")

    return [(name, cell(arm, arm), cell("ppo-ptx", arm)) for arm, name in ARMS.items() if arm != "ppo-ptx"]


def _met(is_met: bool) -> str:
    return "yes" if is_met else "**no**"


def _said(found: tuple[float, float], form: str) -> str:
    return f"{format(found[0], form)} ± {format(found[1], form.replace('+', ''))}"


def _table(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [f"| {' | '.join(heads)} |", "|---" * len(heads) + "|"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows), ""])
