"""Metrics over steps, read back from a run's events."""

import csv
import io
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from rlhf_studio.events import StepMetrics, TrainEvent


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


def curves_csv(curves: Mapping[str, Curve]) -> str:
    """One row per step, one column per metric; a metric that was not measured at a step leaves its cell empty."""
    by_name = {name: dict(zip(curve.steps, curve.values, strict=True)) for name, curve in curves.items()}
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(["step", *by_name])
    for step in sorted({step for points in by_name.values() for step in points}):
        writer.writerow([step, *(points.get(step, "") for points in by_name.values())])
    return out.getvalue()
