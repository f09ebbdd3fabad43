"""How long rankings take: seconds of attention, and what is usual for a person."""

import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from PySide6.QtCore import QEvent, QObject, Signal

from rlhf_studio.store.project import Store

IDLE_S = 60.0  # without a key, a move of the mouse or of its wheel, the rest of a pause is none of ranking
_INPUT = frozenset(
    {
        QEvent.Type.KeyPress,
        QEvent.Type.MouseMove,
        QEvent.Type.MouseButtonPress,
        QEvent.Type.Wheel,
        QEvent.Type.TouchBegin,
        QEvent.Type.InputMethod,
    }
)


class Stopwatch:
    """Counts the seconds in which something was worked at.

    It is held while the window is in the background or the page is not shown. While it runs, a pause between two
    signs of life (``note_input``) counts at most ``IDLE_S``: who reads a long answer touches nothing for a while, who
    went for coffee for longer. So the first minute of a pause counts, what is beyond it does not.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept = 0.0
        self._since: float | None = None  # the last sign of life, None while it is held

    @property
    def seconds(self) -> float:
        """Counted so far."""
        return self._kept + (0.0 if self._since is None else min(self._clock() - self._since, IDLE_S))

    def restart(self, kept: float = 0.0) -> None:
        """Begin from nothing, or from what was counted earlier."""
        self._kept, self._since = kept, self._clock()

    def note_input(self) -> None:
        """Somebody is there."""
        if self._since is not None:
            self.restart(self.seconds)

    def hold(self) -> None:
        """Count no more until ``go_on``."""
        self._kept, self._since = self.seconds, None

    def go_on(self) -> None:
        """Count on."""
        if self._since is None:
            self._since = self._clock()


class InputWatch(QObject):
    """Tells of keys and the mouse; made to watch the system's window, which gets each input once, not every widget."""

    noted = Signal()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        if event.type() in _INPUT:
            self.noted.emit()
        return super().eventFilter(watched, event)


@dataclass(frozen=True, slots=True)
class Pace:
    """What is usual for one person and one number of answers, in seconds.

    Attributes:
        k: Answers in a set.
        median: Half of the rankings took no longer.
        p90: Nine in ten took no longer (nearest rank).
    """

    k: int
    median: float
    p90: float


def pace(store: Store, labeler: str, k: int) -> Pace | None:
    """Of a person's latest rankings of ``k`` answers; None before the first one.

    Raises:
        StudioError: If the project cannot be read.
    """
    taken = sorted(store.ranking_seconds(labeler, k))
    return Pace(k, median(taken), nearest_rank(taken, 0.9)) if taken else None


def nearest_rank(ascending: Sequence[float], share: float) -> float:
    """The smallest value that at least this share of the values does not exceed."""
    return ascending[max(0, math.ceil(share * len(ascending)) - 1)]
