"""How long rankings take."""

import time
from statistics import median

from rlhf_studio.store.project import Store


class Stopwatch:
    """Counts the seconds in which something was looked at."""

    def __init__(self) -> None:
        self._kept = 0.0
        self._since: float | None = None

    @property
    def seconds(self) -> float:
        """Counted so far."""
        return self._kept + (0.0 if self._since is None else time.monotonic() - self._since)

    def restart(self) -> None:
        """Begin from nothing."""
        self._kept, self._since = 0.0, time.monotonic()

    def hold(self) -> None:
        """Count no more until ``go_on``."""
        self._kept, self._since = self.seconds, None

    def go_on(self) -> None:
        """Count on."""
        if self._since is None:
            self._since = time.monotonic()


def median_seconds(store: Store, labeler: str) -> float | None:
    """The median of what a person's rankings took; None before the first one.

    Raises:
        StudioError: If the project cannot be read.
    """
    taken = [row.seconds for row in store.rankings() if row.labeler == labeler and not row.is_simulated]
    return median(taken) if taken else None
