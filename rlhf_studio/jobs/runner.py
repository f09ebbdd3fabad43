"""One training run at a time, on a thread of its own."""

import logging
import threading
from collections import deque
from collections.abc import Callable, Iterator
from typing import Generic, TypeVar, cast, overload

from rlhf_studio.errors import RunError, StudioError
from rlhf_studio.events import RunFinished, TrainEvent
from rlhf_studio.jobs.torch_loading import load_torch
from rlhf_studio.jobs.turns import Turns
from rlhf_studio.train.control import RunControl

__all__ = ["EventSource", "JobRunner", "RunControl"]

_LOG = logging.getLogger("rlhf_studio")

Item = TypeVar("Item")
EventSource = Callable[[RunControl], Iterator[TrainEvent]]


class JobRunner(Generic[Item]):
    """Drives a generator of events on its own thread; the owner drains the events and steers by ``control``."""

    @overload
    def __init__(self: "JobRunner[TrainEvent]", turns: Turns | None = None) -> None: ...

    @overload
    def __init__(self, turns: Turns | None = None, *, failed: Callable[[int, str], Item]) -> None: ...

    def __init__(self, turns: Turns | None = None, *, failed: Callable[[int, str], Item] | None = None) -> None:
        """Nothing runs yet.

        Args:
            turns: Taken for each item, so that inference gets on beside the run; None where nothing else computes.
            failed: Makes the last item of a source that raised, from the last step and what went wrong.
        """
        self._turns = turns or Turns()
        self._failed = failed or cast("Callable[[int, str], Item]", _failed_run)
        self._items: deque[Item] = deque()  # append and popleft are atomic
        self._thread: threading.Thread | None = None
        self._control = RunControl()

    @property
    def is_running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    @property
    def control(self) -> RunControl:
        """Stop, pause, phases and setting changes of the present run, or of the last one."""
        return self._control

    def start(self, source: Callable[[RunControl], Iterator[Item]]) -> None:
        """Run ``source(control)`` to its end on a new thread; torch and the models are loaded there too.

        Raises:
            RunError: If a run is going on.
        """
        if self.is_running:
            raise RunError("A run is going on already. Stop it before you start another.")
        self._control = RunControl(while_paused=self._turns.training_put_aside)
        self._thread = threading.Thread(target=self._run, args=(source, self._control), name="training", daemon=True)
        self._thread.start()

    def request_stop(self) -> None:
        """Ask the run to end with a checkpoint; returns at once."""
        self._control.request_stop()

    def join(self, timeout_s: float) -> bool:
        """Wait for the thread; return whether it has ended."""
        if self._thread is not None:
            self._thread.join(timeout_s)
        return not self.is_running

    def drain(self) -> list[Item]:
        """Take every item so far, oldest first."""
        return [self._items.popleft() for _ in range(len(self._items))]

    def _run(self, source: Callable[[RunControl], Iterator[Item]], control: RunControl) -> None:
        step = 0
        try:
            load_torch()
            for item in self._by_turns(source(control), control):
                step = getattr(item, "step", step)
                self._items.append(item)
        except StudioError as error:
            self._items.append(self._failed(step, str(error)))
        except Exception as error:  # noqa: BLE001  the thread's boundary: report, never lose
            _LOG.exception("The training thread failed")
            self._items.append(self._failed(step, f"{type(error).__name__}: {error}"))

    def _by_turns(self, items: Iterator[Item], control: RunControl) -> Iterator[Item]:
        """The same items, each made while inference rests."""
        while True:
            control.wait_if_paused()
            with self._turns.training():
                try:
                    item = next(items)
                except StopIteration:
                    return
            yield item


def _failed_run(step: int, message: str) -> TrainEvent:
    return RunFinished(step, "failed", message)
