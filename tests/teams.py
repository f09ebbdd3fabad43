"""Processes that train together, played by threads of this one: each has its own models and its own run."""

import pickle
import threading
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

from rlhf_studio.errors import RunError
from rlhf_studio.train.compute import Compute
from rlhf_studio.train.team import Team, belonging_to

PATIENCE_S = 60
_making = threading.Lock()


class Table:
    """Where the messages lie, by exchange and rank."""

    def __init__(self, size):
        self.size = size
        self.messages = defaultdict(dict)
        self.gone = set()
        self.changed = threading.Condition()


class ThreadLink:
    """Messages are pickled, as between processes."""

    def __init__(self, rank, table):
        self._rank, self._table, self._number = rank, table, 0

    def all_gather(self, message):
        table, self._number = self._table, self._number + 1
        messages = table.messages[self._number]
        with table.changed:
            messages[self._rank] = pickle.dumps(message)
            table.changed.notify_all()
            table.changed.wait_for(lambda: table.gone | set(messages) == set(range(table.size)), PATIENCE_S)
        if len(messages) < table.size:
            raise RunError("Another process of this run has ended or does not answer.")
        return [pickle.loads(messages[rank]) for rank in range(table.size)]

    def all_reduce(self, tensor):
        parts = self.all_gather(tensor)
        tensor.copy_(sum(parts[1:], start=parts[0]))


def together(size, work):
    """``work(rank)`` in each of ``size`` "processes" at once: by rank, what it gave or the exception it ended with."""
    table = Table(size)

    def one(rank):
        try:
            with belonging_to(Team(rank, size, ThreadLink(rank, table))):
                return work(rank)
        except Exception as error:  # noqa: BLE001  what it was is the test's to say
            return error
        finally:
            with table.changed:
                table.gone.add(rank)
                table.changed.notify_all()

    with _one_accelerator_at_a_time(), ThreadPoolExecutor(size) as pool:
        return list(pool.map(one, range(size)))


@contextmanager
def _one_accelerator_at_a_time():
    """accelerate keeps its state for the whole process: nobody may use one while another is being made."""
    make = Compute.__init__

    def make_alone(self, settings):
        with _making:
            make(self, settings)
        self.team.exchange("made", None)

    Compute.__init__ = make_alone
    try:
        yield
    finally:
        Compute.__init__ = make
