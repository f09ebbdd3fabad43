"""How a person steers a run that is going on."""

import threading
from collections import deque
from collections.abc import Callable, Collection
from contextlib import AbstractContextManager, nullcontext


class RunControl:
    """Stop, pause, single phases and setting changes; safe to use from another thread.

    A trainer reads ``is_stopping`` after each micro-batch and takes setting changes between steps.
    Whoever drives the generator calls ``wait_if_paused`` before asking for the next event.
    """

    def __init__(self, while_paused: Callable[[], AbstractContextManager[object]] = nullcontext) -> None:
        """A run that goes on.

        Args:
            while_paused: Is held by the waiting thread during a pause, to let go of what others could use meanwhile.
        """
        self._while_paused = while_paused
        self._stop = threading.Event()
        self._go = threading.Event()
        self._go.set()
        self._phases = 0
        self._lock = threading.Lock()
        self._changes: deque[tuple[str, float, int]] = deque()  # name, value, the step it may hold from

    @property
    def is_stopping(self) -> bool:
        return self._stop.is_set()

    @property
    def is_paused(self) -> bool:
        return not self._go.is_set()

    def request_stop(self) -> None:
        """Ask the run to end at the next chance, with a checkpoint; returns at once."""
        self._stop.set()
        self._go.set()

    def pause(self) -> None:
        """Hold the run before its next event."""
        if not self.is_stopping:
            self._go.clear()

    def resume(self) -> None:
        """Let a paused run go on."""
        with self._lock:
            self._phases = 0
        self._go.set()

    def next_phase(self) -> None:
        """Let a paused run go on until its next phase begins (step mode)."""
        with self._lock:
            self._phases += 1
        self._go.set()

    def phase_began(self) -> None:
        """Tell that a phase begins: pauses again when the phases asked for are used up."""
        with self._lock:
            if self._phases == 0:
                return
            self._phases -= 1
            is_used_up = self._phases == 0
        if is_used_up:
            self.pause()

    def change(self, name: str, value: float, step: int = 0) -> None:
        """Set ``kl_coef``, a learning rate or ``clip`` from the next step on, but not before ``step``."""
        with self._lock:
            self._changes.append((name, value, step))

    def take_changes(self, names: Collection[str] | None = None, step: int | None = None) -> list[tuple[str, float]]:
        """Every change asked for since the last call, oldest first.

        With ``names``, others wait for a later call; with ``step``, those that shall hold from a later step.
        """
        taken: list[tuple[str, float]] = []
        waiting: deque[tuple[str, float, int]] = deque()
        with self._lock:
            for change in self._changes:
                name, value, first = change
                if (names is None or name in names) and (step is None or first <= step):
                    taken.append((name, value))
                else:
                    waiting.append(change)
            self._changes = waiting
        return taken

    def wait_if_paused(self) -> None:
        """Block while the run is paused; a stop request ends the wait."""
        if self._go.is_set():
            return
        with self._while_paused():
            self._go.wait()
