"""Signs that a policy games its reward instead of answering better, told with the answers that show them most.

The first three steps are compared with the latest. In 27 sound PPO runs of 10 to 30 steps on the example, answers
became 0.84 to 1.32 times as long, kept at least 0.66 of their entropy a token, ended at most a tenth less often, and
repeated at most 6 % of their token pairs. One without a KL penalty came to 1.92 times the length, no end and 37 %; in
one whose reward model had learnt from few rankings, 0.49 instead of 0.84 ended. The limits lie between.
"""

from collections.abc import Iterator, Mapping, Sequence
from statistics import fmean
from typing import Any

import torch
from torch import Tensor

from rlhf_studio.events import Notice
from rlhf_studio.rl.repetition import repeated_pairs
from rlhf_studio.train.ppo_stage import PpoStage
from rlhf_studio.train.rollout import Rollout
from rlhf_studio.train.schedule import endless_batch

STEPS = 3  # at the beginning and at the end, whose means are compared
_LONGER, _SHORTER = 1.5, 0.5
_LESS_ENTROPY = 0.5
_FEWER_ENDED = 0.3
_MORE_REPETITION = 0.1
_ERRORS = 3.0  # standard errors of the difference of two means
_EXAMPLES = 3

Figures = Mapping[str, float]


def watch_for_hacking(stage: PpoStage, step: int, rollout: Rollout) -> Iterator[Notice]:
    """One notice for each sign that shows at this step for the first time; what was seen belongs to the run's state."""
    if not stage.settings.alarm:
        return
    kept: dict[str, Any] = {"first": [], "latest": [], "raised": [], **stage.trainee.values.get("alarm", {})}
    figures = _figures(rollout)
    if len(kept["first"]) < STEPS:
        kept["first"] = [*kept["first"], figures]
    else:
        kept["latest"] = [*kept["latest"], figures][-STEPS:]
    if len(kept["latest"]) == STEPS:
        found = signs(_means(kept["first"]), _means(kept["latest"]), STEPS * len(rollout.tokens))
        for sign in [name for name in found if name not in kept["raised"]]:
            before, now = found[sign]
            examples = _examples(stage, step, rollout, sign, now - before)
            yield Notice(step, f"ppo.alarm.{sign}", {"before": before, "now": now, "examples": examples})
            kept["raised"] = [*kept["raised"], sign]
    stage.trainee.values["alarm"] = kept


def signs(before: Figures, now: Figures, episodes: int) -> dict[str, tuple[float, float]]:
    """The signs that show, each with its figure at first and now.

    Args:
        before: As ``_figures``, of the first steps.
        now: Of the latest steps.
        episodes: On each side.
    """
    length, entropy = now["length"] / before["length"], now["entropy"]
    found = {
        "repetition": now["repetition"] - before["repetition"] > _MORE_REPETITION,
        "length": not _SHORTER <= length <= _LONGER,
        "finished": before["finished"] - now["finished"] > _FEWER_ENDED,
        "entropy": entropy < _LESS_ENTROPY * before["entropy"],
        "watched": "watched" in now
        and _rise(before, now, "scores", episodes) > _ERRORS
        and _rise(before, now, "watched", episodes) < -_ERRORS,
    }
    return {name: (before[name], now[name]) for name, shows in found.items() if shows}


def _rise(before: Figures, now: Figures, name: str, episodes: int) -> float:
    """How far a mean has risen, in standard errors of the difference."""
    error = ((before[f"{name}_variance"] + now[f"{name}_variance"]) / episodes) ** 0.5
    return (now[name] - before[name]) / error if error else 0.0


def _figures(rollout: Rollout) -> dict[str, float]:
    """What is watched, of one batch. Entropy is in nats per token, length in tokens, the others are shares."""
    mask = rollout.mask
    figures = {
        "repetition": float(repeated_pairs(rollout.responses, mask).mean()),
        "length": float(mask.sum(dim=1).float().mean()),
        "finished": float(rollout.finished.float().mean()),
        "entropy": float(_surprise(rollout).sum() / mask.sum()),
    }
    for name, scores in {"scores": rollout.scores, "watched": rollout.watched}.items():
        if not scores.isnan().any():
            figures |= {name: float(scores.mean()), f"{name}_variance": float(scores.var(correction=0))}
    return figures


def _means(steps: Sequence[Figures]) -> dict[str, float]:
    return {name: fmean(step[name] for step in steps) for name in steps[0]}


def _surprise(rollout: Rollout) -> Tensor:
    """(B,) -log p of each answer, nats."""
    return -rollout.logprobs.masked_fill(~rollout.mask, 0.0).sum(dim=1)


def _examples(stage: PpoStage, step: int, rollout: Rollout, sign: str, change: float) -> str:
    """The prompts and answers that show a sign most, a line each."""
    lengths = rollout.mask.sum(dim=1)
    shown = {
        "repetition": lambda: repeated_pairs(rollout.responses, rollout.mask),
        "length": lambda: lengths * (1 if change > 0 else -1),
        "finished": lambda: ~rollout.finished,
        "entropy": lambda: -_surprise(rollout) / lengths.clamp(min=1),
        "watched": lambda: _standard(rollout.scores) - _standard(rollout.watched),
    }[sign]()
    asked = endless_batch(step, len(stage.prompts), stage.settings.batch_size, stage.settings.seed)
    lines = []
    for row in torch.argsort(shown.float(), descending=True, stable=True)[:_EXAMPLES].tolist():
        prompt = stage.rows[asked[row]].turns[-1].content
        answer = stage.policy.codec.decode(rollout.responses[row][rollout.mask[row]].tolist())
        lines.append(f"{' '.join(prompt.split())} \u2192 {' '.join(answer.split())}")
    return "\n".join(lines)


def _standard(scores: Tensor) -> Tensor:
    return (scores - scores.mean()) / scores.std(correction=0).clamp(min=1e-8)
