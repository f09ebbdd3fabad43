"""The control of a run that several processes train: a stop or a change reaches all of them at the same place."""

from collections.abc import Collection, Iterator
from contextlib import contextmanager

from rlhf_studio.train.control import RunControl
from rlhf_studio.train.team import Team


class AgreedControl(RunControl):
    """What was asked of this process's control, as all processes have agreed on it.

    Between two agreements nothing changes, so that all processes take the same branches and wait at the same places.
    A stop may be asked of any of them; everything else is asked of the first, and the others wait where it waits.
    """

    def __init__(self, asked: RunControl, team: Team) -> None:
        super().__init__()
        self._asked, self._team = asked, team
        self._is_stopping = self._is_attempt = False

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Do what is inside to its end, whatever is asked meanwhile; then agree on it."""
        self._is_attempt = True
        try:
            yield
        finally:
            self._is_attempt = False
        self._is_stopping = any(self._team.exchange("stop", self._asked.is_stopping))

    @property
    def is_stopping(self) -> bool:
        return self._is_stopping and not self._is_attempt

    @property
    def is_paused(self) -> bool:
        return self._asked.is_paused

    def request_stop(self) -> None:
        self._asked.request_stop()

    def pause(self) -> None:
        if self._team.rank == 0:
            self._asked.pause()

    def resume(self) -> None:
        self._asked.resume()

    def next_phase(self) -> None:
        self._asked.next_phase()

    def phase_began(self) -> None:
        self._asked.phase_began()

    def change(self, name: str, value: float, step: int = 0) -> None:
        self._asked.change(name, value, step)

    def take_changes(self, names: Collection[str] | None = None, step: int | None = None) -> list[tuple[str, float]]:
        return self._team.exchange("changes", self._asked.take_changes(names, step))[0]

    def wait_if_paused(self) -> None:
        self._asked.wait_if_paused()
