"""Which checkpoints stay beside the newest ones: the best, and some to fork from, spread over the run.

However long a run is, at most ``most_checkpoints`` stay.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from rlhf_studio.events import TrainEvent
from rlhf_studio.jobs.best import best_checkpoint
from rlhf_studio.schema import RunSpec

KEPT = 2  # where a run's settings say nothing: a second one in case the disk damages the first


def most_checkpoints(settings: Mapping[str, Any]) -> int:
    """How many checkpoints a run with these settings keeps at most."""
    newest, best = int(settings.get("keep_checkpoints", KEPT)), bool(settings.get("keep_best"))
    spread = int(settings.get("fork_points", 0)) if settings.get("checkpoint_steps") else 0
    return newest + best + spread


def count_kept(settings: Mapping[str, Any], steps: Sequence[int]) -> tuple[int, int]:
    """How many checkpoints there are at the end of a run, and at one time at most: the newest before older ones go.

    Args:
        settings: Of the run.
        steps: After which it writes one, in order.
    """
    newest, best = int(settings.get("keep_checkpoints", KEPT)), bool(settings.get("keep_best"))
    every, points = int(settings.get("checkpoint_steps", 0)), int(settings.get("fork_points", 0))
    names: list[str] = []
    most = 0
    for step in steps:
        names = [f"step-{step:08d}", *names]
        most = max(most, min(len(names) + best, len(steps)))
        stay = fork_points(names, every, points) if every else set()
        names = [name for place, name in enumerate(names) if place < newest or name in stay]
    return min(len(names) + best, len(steps)), most


def spared(spec: RunSpec, names: Sequence[str], events: Callable[[], Sequence[TrainEvent]]) -> set[str]:
    """The checkpoints that stay, whatever their age.

    Args:
        spec: Of the run.
        names: Of its checkpoints, newest first.
        events: Reads what the run has told; called where that is asked for.
    """
    settings = spec.settings
    kept = {best_checkpoint(spec.kind, names, events())} if settings.get("keep_best") else set()
    every, most = int(settings.get("checkpoint_steps", 0)), int(settings.get("fork_points", 0))
    return kept | (fork_points(names, every, most) if every else set())


def fork_points(names: Sequence[str], every: int, most: int) -> set[str]:
    """At most ``most`` checkpoints at multiples of ``every`` steps, or of twice that, and so on.

    Of several checkpoints of a step it is the first, which a fork begins from.
    """
    first = {int(name.split("-")[1]): name for name in names}  # the oldest of a step comes last
    points = {step: name for step, name in first.items() if step and step % every == 0}
    while len(points) > most > 0:
        every *= 2
        points = {step: name for step, name in points.items() if step % every == 0}
    return set(points.values()) if most else set()
