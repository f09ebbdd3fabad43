"""Which of a run's checkpoints is the best, by the figure that its stage is judged by; needs no torch."""

import math
from collections.abc import Mapping, Sequence
from typing import TypeGuard

from rlhf_studio.events import StepMetrics, TrainEvent
from rlhf_studio.schema import RunKind

# the figure, and whether more of it is better
JUDGED_BY: Mapping[RunKind, tuple[str, bool]] = {
    "pretrain": ("loss/valid", False),
    "sft": ("loss/valid", False),
    "rl-start": ("loss/valid", False),
    "reward": ("loss/valid", False),
    "ppo": ("objective/rlhf_reward", True),
}


def best_checkpoint(kind: RunKind, names: Sequence[str], events: Sequence[TrainEvent]) -> str:
    """The name of the best checkpoint, '' where none was measured.

    Each is judged by the newest figure at or before its step. Of equals the oldest wins: the later ones may only not
    have been measured yet.

    Args:
        kind: Of the run.
        names: As the checkpoints' folders are called, newest first.
        events: Of the run.
    """
    metric, is_more_better = JUDGED_BY[kind]
    told = [(event.step, event.values[metric]) for event in events if _tells(event, metric)]
    judged = [(value if is_more_better else -value, name) for name in names if (value := _at(told, name)) is not None]
    return max(reversed(judged), key=lambda pair: pair[0])[1] if judged else ""


def _tells(event: TrainEvent, metric: str) -> TypeGuard[StepMetrics]:
    return isinstance(event, StepMetrics) and math.isfinite(event.values.get(metric, math.nan))


def _at(told: Sequence[tuple[int, float]], name: str) -> float | None:
    step = int(name.split("-")[1])
    return next((value for at, value in reversed(told) if at <= step), None)
