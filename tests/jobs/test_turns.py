import threading
import time
from itertools import pairwise

import pytest

from rlhf_studio.jobs.turns import Turns

PATIENCE_S = 30


@pytest.fixture
def turns():
    return Turns()


@pytest.fixture
def in_thread():
    """Starts functions on threads, and sees them end."""
    threads = []

    def start(function):
        thread = threading.Thread(target=function, daemon=True)
        threads.append(thread)
        thread.start()
        return thread

    yield start
    for thread in threads:
        thread.join(PATIENCE_S)
        assert not thread.is_alive(), "a thread waits for a turn that never comes"


def queue_of(turns, count):
    """Wait until so many hold or want the turn."""
    end = time.monotonic() + PATIENCE_S
    while len(turns._queue) < count:
        assert time.monotonic() < end
        time.sleep(0.001)


def test_one_side_alone_never_waits(turns):
    for _ in range(1000):
        with turns.training():
            pass
    for _ in range(1000):
        with turns.inference():
            pass
    assert turns.training_waited_s < 0.1
    assert turns.inference_waited_s < 0.1


def test_two_sides_that_always_want_it_alternate(turns, in_thread):
    order = []

    def work(side):
        for _ in range(50):
            with getattr(turns, side)():
                order.append(side)
                if len(order) < 99:  # the last one is alone
                    queue_of(turns, 2)

    threads = [in_thread(lambda side=side: work(side)) for side in ("training", "inference")]
    for thread in threads:
        thread.join(PATIENCE_S)
    assert len(order) == 100
    assert all(a != b for a, b in pairwise(order))


def test_only_one_side_computes_at_a_time(turns, in_thread):
    inside, most = [], []

    def work(side):
        for _ in range(300):
            with getattr(turns, side)():
                inside.append(side)
                most.append(len(inside))
                inside.remove(side)

    threads = [in_thread(lambda side=side: work(side)) for side in ("training", "inference")]
    for thread in threads:
        thread.join(PATIENCE_S)
    assert max(most) == 1


def test_the_time_that_each_side_waits_is_measured(in_thread):
    now = [0.0]
    turns = Turns(clock=lambda: now[0])

    def train():
        with turns.training():
            pass

    with turns.inference():
        thread = in_thread(train)
        queue_of(turns, 2)
        now[0] = 2.5
    thread.join(PATIENCE_S)
    assert turns.training_waited_s == 2.5
    assert turns.inference_waited_s == 0.0


def test_the_length_of_trainings_last_turn_is_known():
    now = [0.0]
    turns = Turns(clock=lambda: now[0])
    assert turns.training_stretch_s == 0.0
    with turns.training():
        now[0] = 0.5
    with turns.inference():
        now[0] = 9.0
    assert turns.training_stretch_s == 0.5


@pytest.mark.parametrize("side", ["training", "inference"])
def test_a_side_that_fails_gives_its_turn_back(turns, side):
    with pytest.raises(ValueError, match="odd"), getattr(turns, side)():
        raise ValueError("odd")
    with turns.training():
        pass
    with turns.inference():
        pass


def test_a_trainer_that_waits_for_a_person_lets_inference_go_on(turns, in_thread):
    paused, resume, done = threading.Event(), threading.Event(), threading.Event()

    def train():
        with turns.training():
            with turns.training_put_aside():
                paused.set()
                resume.wait(PATIENCE_S)
            assert turns._has_training_turn
        done.set()

    in_thread(train)
    assert paused.wait(PATIENCE_S)
    for _ in range(3):
        with turns.inference():
            pass
    with turns.inference():
        resume.set()
        queue_of(turns, 2)
        assert not done.is_set()  # going on is one more turn to wait for
    assert done.wait(PATIENCE_S)


def test_nothing_is_put_aside_where_training_holds_nothing(turns):
    with turns.training_put_aside(), turns.inference():
        pass
    with turns.inference(), turns.training_put_aside():
        assert len(turns._queue) == 1


def test_a_wait_that_is_broken_off_leaves_no_ticket(turns, monkeypatch):
    def interrupted(_predicate):
        raise KeyboardInterrupt

    monkeypatch.setattr(turns._changed, "wait_for", interrupted)
    with pytest.raises(KeyboardInterrupt), turns.training():
        pass
    monkeypatch.undo()
    with turns.inference():
        pass
