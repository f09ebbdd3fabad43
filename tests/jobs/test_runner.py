import threading

import pytest

from rlhf_studio.errors import RunError
from rlhf_studio.events import Progress, RunFinished, StepMetrics
from rlhf_studio.jobs.runner import JobRunner
from rlhf_studio.jobs.turns import Turns

PATIENCE_S = 30


@pytest.fixture
def runner():
    runner = JobRunner()
    yield runner
    runner.request_stop()
    assert runner.join(PATIENCE_S), "the training thread outlived its test"


class Steps:
    """Takes a step whenever it is let."""

    def __init__(self):
        self.go = threading.Semaphore(0)
        self.taken = threading.Semaphore(0)

    def __call__(self, control):
        for step in range(1, 100):
            self.go.acquire(timeout=PATIENCE_S)
            if control.is_stopping:
                yield RunFinished(step - 1, "stopped")
                return
            yield StepMetrics(step, dict(control.take_changes()))
            self.taken.release()

    def take(self, count):
        for _ in range(count):
            self.go.release()
            assert self.taken.acquire(timeout=PATIENCE_S)


def test_events_are_drained_once_and_in_order(runner):
    steps = Steps()
    runner.start(steps)
    steps.take(2)
    assert runner.drain() == [StepMetrics(1), StepMetrics(2)]
    runner.control.change("kl_coef", 0.5)
    steps.take(1)
    assert runner.drain() == [StepMetrics(3, {"kl_coef": 0.5})]
    assert runner.is_running
    runner.request_stop()
    steps.go.release()
    assert runner.join(PATIENCE_S)
    assert runner.drain() == [RunFinished(3, "stopped")]
    assert not runner.is_running


def test_one_run_at_a_time_and_a_new_one_after_it(runner):
    steps = Steps()
    runner.start(steps)
    with pytest.raises(RunError, match="going on already"):
        runner.start(steps)
    runner.request_stop()
    steps.go.release()
    assert runner.join(PATIENCE_S)
    runner.drain()
    runner.start(lambda control: iter([StepMetrics(1, {"stopping": float(control.is_stopping)})]))
    assert runner.join(PATIENCE_S)
    assert runner.drain() == [StepMetrics(1, {"stopping": 0.0})]


@pytest.mark.parametrize(
    ("error", "message"), [(RunError("The disk is full."), "The disk is full."), (ValueError("odd"), "ValueError: odd")]
)
def test_a_failure_on_the_thread_is_the_last_event(runner, error, message):
    def broken(_control):
        yield Progress(4, 9, "update")
        raise error

    runner.start(broken)
    assert runner.join(PATIENCE_S)
    assert runner.drain() == [Progress(4, 9, "update"), RunFinished(4, "failed", message)]


def test_a_source_that_cannot_begin_is_told_too(runner):
    def refuse(_control):
        raise RunError("There is no run in x.")

    runner.start(refuse)
    assert runner.join(PATIENCE_S)
    assert runner.drain() == [RunFinished(0, "failed", "There is no run in x.")]


def test_an_idle_runner_does_nothing(runner):
    assert runner.join(0)
    assert runner.drain() == []


def test_the_owner_says_how_a_failure_looks():
    runner = JobRunner(failed=lambda step, message: (step, message))
    runner.start(lambda _control: iter([Progress(2, 9, "sample"), 1 / 0]))
    assert runner.join(PATIENCE_S)
    assert runner.drain() == [(0, "ZeroDivisionError: division by zero")]


def test_items_of_any_kind_are_carried():
    runner = JobRunner(failed=lambda step, message: (step, message))
    runner.start(lambda _control: iter(["a", "b"]))
    assert runner.join(PATIENCE_S)
    assert runner.drain() == ["a", "b"]


class Paused:
    """A source that is paused by its control from within, as a run in step mode is."""

    def __init__(self):
        self.is_waiting, self.was_let = threading.Event(), threading.Event()

    def __call__(self, control):
        yield Progress(1, 2, "sample")
        control.pause()
        self.is_waiting.set()
        control.wait_if_paused()  # the recorder does this inside of ``next``
        self.was_let.set()
        yield Progress(1, 2, "update")


def test_a_paused_run_holds_no_turn():
    turns, source = Turns(), Paused()
    runner = JobRunner(turns)
    runner.start(source)
    assert source.is_waiting.wait(PATIENCE_S)
    taken = threading.Event()

    def infer():
        for _ in range(3):
            with turns.inference():
                pass
        taken.set()

    thread = threading.Thread(target=infer, daemon=True)
    thread.start()
    assert taken.wait(PATIENCE_S), "the paused run keeps its turn"
    assert not source.was_let.is_set()
    runner.control.resume()
    assert runner.join(PATIENCE_S)
    assert source.was_let.is_set()
    thread.join(PATIENCE_S)


def test_a_run_takes_turns_with_inference():
    turns = Turns()
    inside = threading.Lock()

    def steps(_control):
        for step in range(200):
            assert inside.acquire(blocking=False), "training computes while inference does"
            inside.release()
            yield Progress(step, 200, "update")

    runner = JobRunner(turns)
    runner.start(steps)
    for _ in range(200):
        with turns.inference(), inside:
            pass
    assert runner.join(PATIENCE_S)
    assert [event for event in runner.drain() if isinstance(event, RunFinished)] == []


def test_a_pause_between_two_items_is_obeyed_before_the_turn_is_taken():
    turns = Turns()
    steps = Steps()
    runner = JobRunner(turns)
    runner.start(steps)
    steps.take(1)
    runner.control.pause()
    steps.go.release()  # the step that is under way
    with turns.inference():  # comes through although the run is paused
        pass
    runner.request_stop()
    steps.go.release()
    assert runner.join(PATIENCE_S)
