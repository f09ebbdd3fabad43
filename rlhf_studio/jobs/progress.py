"""How long a run still takes, from the speed it had so far."""

from collections import deque
from collections.abc import Callable
from statistics import median
from time import monotonic

STEPS_REMEMBERED = 30


class SpeedMeter:
    """Measures steps as they end; pauses are left out."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self.start(0, 0)

    def start(self, step: int, total: int) -> None:
        """A run begins, or goes on, after ``step`` of ``total`` steps."""
        self.step, self.total = step, total
        self.began = self._last = self._clock()
        self._paused_at: float | None = None
        self._seconds: deque[float] = deque(maxlen=STEPS_REMEMBERED)  # a step

    def reached(self, step: int) -> None:
        """A step has ended."""
        now = self._clock()
        if step > self.step:
            self._seconds.append((now - self._last) / (step - self.step))
            self._last = now
        self.step = max(self.step, step)

    def pause(self) -> None:
        """Time does not count from now on."""
        if self._paused_at is None:
            self._paused_at = self._clock()

    def resume(self) -> None:
        """Time counts again."""
        if self._paused_at is not None:
            gone = self._clock() - self._paused_at
            self._last += gone
            self.began += gone
            self._paused_at = None

    @property
    def elapsed_s(self) -> float:
        """Seconds since the start, without pauses."""
        return (self._paused_at or self._clock()) - self.began

    @property
    def step_s(self) -> float | None:
        """Seconds of a usual step: the median, since a step that measures takes longer; None before the first."""
        return median(self._seconds) if self._seconds else None

    @property
    def left_s(self) -> float | None:
        """Seconds to go; None before the first step. Uses the mean, which the slow steps belong to."""
        if not self._seconds:
            return None
        return max(0, self.total - self.step) * sum(self._seconds) / len(self._seconds)
