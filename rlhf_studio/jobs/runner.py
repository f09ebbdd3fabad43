"""One training run at a time, on a thread of its own."""

import threading
from collections import deque
from collections.abc import Callable, Iterator

from rlhf_studio.errors import RunError, StudioError
from rlhf_studio.events import RunFinished, TrainEvent
from rlhf_studio.train.control import RunControl

EventSource = Callable[[RunControl], Iterator[TrainEvent]]


class JobRunner:
    """Drives a generator of events on its own thread; the owner drains the events and steers by ``control``."""

    def __init__(self) -> None:
        self._events: deque[TrainEvent] = deque()  # append and popleft are atomic
        self._thread: threading.Thread | None = None
        self._control = RunControl()

    @property
    def is_running(self) -> bool:
        return self._thread is not None and self._thread.is_alive()

    @property
    def control(self) -> RunControl:
        """Stop, pause, phases and setting changes of the present run, or of the last one."""
        return self._control

    def start(self, source: EventSource) -> None:
        """Run ``source(control)`` to its end on a new thread; models are loaded there too.

        Raises:
            RunError: If a run is going on.
        """
        if self.is_running:
            raise RunError("A run is going on already. Stop it before you start another.")
        self._control = RunControl()
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

    def drain(self) -> list[TrainEvent]:
        """Take every event so far, oldest first."""
        return [self._events.popleft() for _ in range(len(self._events))]

    def _run(self, source: EventSource, control: RunControl) -> None:
        step = 0
        try:
            for event in source(control):
                step = event.step
                self._events.append(event)
        except StudioError as error:
            self._events.append(RunFinished(step, "failed", str(error)))
        except Exception as error:  # noqa: BLE001  the thread's boundary: report, never lose
            self._events.append(RunFinished(step, "failed", f"{type(error).__name__}: {error}"))
