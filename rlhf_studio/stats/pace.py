"""How long rankings take, by labeler and by how many answers were ranked."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Pace:
    """What the rankings of K answers took one labeler.

    Attributes:
        size: K.
        count: Rankings.
        median: Seconds.
        p90: Seconds that nine of ten rankings stayed under; between two of them it is interpolated.
    """

    labeler: str
    size: int
    count: int
    median: float
    p90: float


def paces(times: Iterable[tuple[str, int, float]]) -> tuple[Pace, ...]:
    """Median and 90th percentile of (labeler, K, seconds), by labeler and then by K."""
    taken: dict[tuple[str, int], list[float]] = {}
    for labeler, size, seconds in times:
        taken.setdefault((labeler, size), []).append(seconds)
    return tuple(
        Pace(labeler, size, len(found), *(float(q) for q in np.quantile(found, (0.5, 0.9))))
        for (labeler, size), found in sorted(taken.items())
    )
