"""What training loses while sets of answers are sampled beside it: how long it waits for its turn on the processor."""

import time
from collections import deque
from collections.abc import Callable

from rlhf_studio.jobs.turns import Turns

WINDOW_S = 30.0  # of the share that is told while both go on


class SamplingCost:
    """Measures, by the clock, the share of a run's time in which its thread waits for a turn that inference holds.

    Only stretches in which the run goes on count; of these the ones in which sets are sampled make the share of now.
    Whatever else asks models meanwhile (Compare, an estimate) is in it, too. Where models compute on a GPU there are no
    turns, so nothing can be told.
    """

    def __init__(self, turns: Turns, clock: Callable[[], float] = time.perf_counter) -> None:
        self._turns, self._clock = turns, clock
        self._at, self._waited = clock(), turns.training_waited_s
        self._is_training = self._is_sampling = False
        self._recent: deque[tuple[float, float]] = deque()  # seconds, of them lost; while both went on
        self._run_s = self._lost_s = 0.0

    def begin(self) -> None:
        """Another run begins."""
        self._recent.clear()
        self._run_s = self._lost_s = 0.0
        self._at, self._waited = self._clock(), self._turns.training_waited_s

    def note(self, *, is_training: bool, is_sampling: bool) -> None:
        """Tell how things stand from now on; to be called at each change, and now and then between."""
        now, waited = self._clock(), self._turns.training_waited_s
        seconds, lost = now - self._at, waited - self._waited
        if self._is_training:
            self._run_s += seconds
            self._lost_s += lost
            if self._is_sampling:
                self._recent.append((seconds, lost))
        while sum(part for part, _ in self._recent) - (self._recent[0][0] if self._recent else 0.0) > WINDOW_S:
            self._recent.popleft()
        self._at, self._waited = now, waited
        self._is_training, self._is_sampling = is_training, is_sampling

    @property
    def now(self) -> float | None:
        """Share of training's time, 0 to 1, over the last half minute in which both went on; None before a second."""
        seconds = sum(part for part, _ in self._recent)
        return min(1.0, sum(lost for _, lost in self._recent) / seconds) if seconds >= 1.0 else None

    @property
    def of_run(self) -> float | None:
        """Share of the run's time so far, 0 to 1; None before a second of it."""
        return min(1.0, self._lost_s / self._run_s) if self._run_s >= 1.0 else None
