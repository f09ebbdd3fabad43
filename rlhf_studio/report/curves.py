"""Metrics over steps, read back from a run's events."""

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from rlhf_studio.events import SettingChanged, StepMetrics, TrainEvent


class Curve(NamedTuple):
    """One metric: its values and the steps at which it was measured, in order."""

    steps: tuple[int, ...]
    values: tuple[float, ...]

    @property
    def last(self) -> float:
        return self.values[-1]


def read_curves(events: Iterable[TrainEvent]) -> dict[str, Curve]:
    """Every metric of a run, in the order in which they first appear."""
    points: dict[str, dict[int, float]] = {}
    for event in events:
        if isinstance(event, StepMetrics):
            for name, value in event.values.items():
                points.setdefault(name, {})[event.step] = value
    return {
        name: Curve(tuple(sorted(by_step)), tuple(by_step[s] for s in sorted(by_step)))
        for name, by_step in points.items()
    }


def read_changes(events: Iterable[TrainEvent]) -> tuple[SettingChanged, ...]:
    """What a person changed while the run went on, in order."""
    return tuple(event for event in events if isinstance(event, SettingChanged))


def curves_csv(curves: Mapping[str, Curve], changes: Sequence[SettingChanged] = ()) -> str:
    """One row per step, one column per metric; a metric that was not measured at a step leaves its cell empty.

    Where settings were changed while the run went on, a last column ``changed`` tells them at the step from which they
    hold, such as ``kl_coef=0.1 clip=0.3``.
    """
    by_name: dict[str, dict[int, float | str]] = {
        name: dict(zip(curve.steps, curve.values, strict=True)) for name, curve in curves.items()
    }
    for change in changes:
        told = by_name.setdefault("changed", {})
        told[change.step] = f"{told.get(change.step, '')} {change.name}={change.value:g}".strip()
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["step", *by_name])
    for step in sorted({step for points in by_name.values() for step in points}):
        writer.writerow([step, *(points.get(step, "") for points in by_name.values())])
    return out.getvalue()
