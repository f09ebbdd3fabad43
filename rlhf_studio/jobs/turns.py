"""Training and inference share one machine: each computes while the other rests."""

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Literal

Side = Literal["training", "inference"]


class Turns:
    """Lets one of two threads compute at a time, in the order they asked; who does not ask is not waited for."""

    def __init__(self, clock: Callable[[], float] = time.perf_counter) -> None:
        self._clock = clock
        self._changed = threading.Condition()
        self._queue: deque[object] = deque()  # whoever holds the turn stands first
        self._has_training_turn = False
        self._began = 0.0  # of the present turn
        self._training_stretch_s = 0.0
        self._waited: dict[Side, float] = {"training": 0.0, "inference": 0.0}

    @property
    def training_waited_s(self) -> float:
        """Seconds that training has lost so far."""
        return self._waited["training"]

    @property
    def inference_waited_s(self) -> float:
        """Seconds that inference has waited so far."""
        return self._waited["inference"]

    @property
    def training_stretch_s(self) -> float:
        """How long training held its last turn: inference may take as long where a person waits for it."""
        return self._training_stretch_s

    @contextmanager
    def training(self) -> Iterator[None]:
        """Hold the turn for one stretch between two events of a trainer."""
        with self._turn("training"):
            self._has_training_turn = True
            try:
                yield
            finally:
                self._has_training_turn = False

    @contextmanager
    def inference(self) -> Iterator[None]:
        """Hold the turn for a few tokens; whoever holds it long keeps training waiting."""
        with self._turn("inference"):
            yield

    @contextmanager
    def training_put_aside(self) -> Iterator[None]:
        """Give the training turn up while the trainer waits for a person; to be called on its thread only.

        Where training does not hold the turn this does nothing.
        """
        if not self._has_training_turn:
            yield
            return
        self._has_training_turn = False
        self._leave("training")
        try:
            yield
        finally:
            self._enter("training")
            self._has_training_turn = True

    @contextmanager
    def _turn(self, side: Side) -> Iterator[None]:
        self._enter(side)
        try:
            yield
        finally:
            self._leave(side)

    def _enter(self, side: Side) -> None:
        ticket = object()
        began = self._clock()
        with self._changed:
            self._queue.append(ticket)
            try:
                self._changed.wait_for(lambda: self._queue[0] is ticket)
            except BaseException:  # the command line is interrupted: a ticket that nobody holds would stop all others
                self._queue.remove(ticket)
                self._changed.notify_all()
                raise
            self._began = self._clock()
            self._waited[side] += self._began - began

    def _leave(self, side: Side) -> None:
        with self._changed:
            if side == "training":
                self._training_stretch_s = self._clock() - self._began
            self._queue.popleft()
            self._changed.notify_all()
