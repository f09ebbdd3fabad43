"""Ctrl+C while a run goes on: the first asks it to stop with a checkpoint, the second ends the program."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from rlhf_studio.train.control import RunControl

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interruption:
    """Whether a person wants the run to stop, and whether that was said already.

    The handler itself prints nothing: it may run in the middle of another print.
    """

    def __init__(self, control: RunControl) -> None:
        self._control = control
        self.was_asked = False
        self._is_said = False

    def take_news(self) -> bool:
        """True once, after the first Ctrl+C."""
        is_new = self.was_asked and not self._is_said
        self._is_said = self.was_asked
        return is_new

    def handle(self, _number: int, _frame: FrameType | None) -> None:
        """The signal handler."""
        if self.was_asked:
            raise KeyboardInterrupt
        self.was_asked = True
        self._control.request_stop()


@contextmanager
def interruptible(control: RunControl) -> Iterator[Interruption]:
    """Let Ctrl+C and a polite kill stop the run. Signals belong to the main thread: elsewhere nothing changes."""
    interruption = Interruption(control)
    if threading.current_thread() is not threading.main_thread():
        yield interruption
        return
    before = {number: signal.signal(number, interruption.handle) for number in _SIGNALS}
    try:
        yield interruption
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
