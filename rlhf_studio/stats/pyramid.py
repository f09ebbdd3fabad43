"""Curves of any length in bounded memory: of every stretch the lowest and the highest point are kept.

So no spike is ever dropped, however many steps a run has.
"""

import math

import numpy as np
from numpy.typing import NDArray

CAPACITY = 1000  # stretches kept; two points each, which is as much as is drawn
Floats = NDArray[np.float64]


class Pyramid:
    """Points (x, y) with ascending x; memory stays the same, the stretches grow.

    Attributes:
        count: Points taken so far.
        not_finite: Of those, how many were infinite or not a number; they are kept out of the curve.
        last: The newest finite y, None before the first.
    """

    def __init__(self, capacity: int = CAPACITY) -> None:
        if capacity < 2 or capacity % 2:
            raise ValueError(f"a pyramid needs an even capacity of at least 2, not {capacity}")
        self.count = 0
        self.not_finite = 0
        self.last: float | None = None
        self._low = np.empty((capacity, 2))  # (stretch, [x, y]) of the lowest point
        self._high = np.empty((capacity, 2))  # of the highest
        self._used = 0
        self._width = 1  # points in a whole stretch
        self._filled = 0  # points in the newest stretch

    @property
    def nbytes(self) -> int:
        """Bytes of the arrays, which do not grow."""
        return self._low.nbytes + self._high.nbytes

    def append(self, x: float, y: float) -> None:
        """Take one point; amortised constant time."""
        self.count += 1
        if not math.isfinite(y):
            self.not_finite += 1
            return
        self.last = y
        if self._used == 0 or self._filled == self._width:
            self._begin(x, y)
        elif y < self._low[self._used - 1, 1]:
            self._low[self._used - 1] = x, y
        elif y > self._high[self._used - 1, 1]:
            self._high[self._used - 1] = x, y
        self._filled += 1

    def points(
        self, max_points: int = 2000, x_min: float = -math.inf, x_max: float = math.inf
    ) -> tuple[Floats, Floats]:
        """The curve between two x.

        Args:
            max_points: At most so many are given back, at least 2.
            x_min: Points before it are left out.
            x_max: Points after it are left out.

        Returns:
            x and y, both (n,) float64, x ascending.
        """
        low, high = self._low[: self._used], self._high[: self._used]
        if math.isfinite(x_min) or math.isfinite(x_max):
            seen = (high[:, 0] >= x_min) & (low[:, 0] <= x_max) | (low[:, 0] >= x_min) & (high[:, 0] <= x_max)
            low, high = low[seen], high[seen]
        group = max(1, -(-2 * len(low) // max(2, max_points)))
        if group > 1:
            low, high = _grouped(low, group, lowest=True), _grouped(high, group, lowest=False)
        both = np.concatenate([low, high])
        both = np.unique(both, axis=0)  # sorts by x, and a stretch of one point is one point
        return both[:, 0], both[:, 1]

    def _begin(self, x: float, y: float) -> None:
        if self._used == len(self._low):
            self._halve()
        self._low[self._used] = self._high[self._used] = x, y
        self._used += 1
        self._filled = 0

    def _halve(self) -> None:
        """Two stretches become one."""
        self._used //= 2
        self._low[: self._used] = _grouped(self._low, 2, lowest=True)
        self._high[: self._used] = _grouped(self._high, 2, lowest=False)
        self._width *= 2


def _grouped(points: Floats, size: int, *, lowest: bool) -> Floats:
    """Of every ``size`` neighbours the lowest or the highest: (n, 2) to (ceil(n / size), 2)."""
    starts = np.arange(0, len(points), size)
    chosen = [start + (np.argmin if lowest else np.argmax)(points[start : start + size, 1]) for start in starts]
    return points[chosen]
