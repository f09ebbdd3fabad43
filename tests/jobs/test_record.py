import threading

import pytest
import torch

from rlhf_studio.errors import RunError
from rlhf_studio.events import CheckpointSaved, Notice, Progress, RunFinished, RunStarted, StepMetrics
from rlhf_studio.jobs.record import record
from rlhf_studio.jobs.run_folder import RunFolder
from rlhf_studio.train.control import RunControl
from rlhf_studio.train.run import Checkpoint


def trainer(run, control, steps=4, fail_at=0, error=None):
    """Counts; its weights are the sum of the steps so far. Saves at every second step."""
    checkpoint = run.latest()
    start = checkpoint.step if checkpoint else 0
    weights = checkpoint.tensors["weights"] if checkpoint else torch.zeros(2)
    yield RunStarted(start, steps, "sft", "cpu", "float32")
    for step in range(start + 1, steps + 1):
        yield Progress(step, steps, "update", 0.5)
        if step == fail_at:
            raise error
        if control.is_stopping:
            yield run.save(Checkpoint(step - 1, {"weights": weights}, {}))
            yield RunFinished(step - 1, "stopped")
            return
        weights = weights + step
        yield StepMetrics(step, {"sum": float(weights[0])})
        if step % 2 == 0:
            yield run.save(Checkpoint(step, {"weights": weights}, {}))
    yield RunFinished(steps, "completed")


def drive(folder, control=None, **options):
    control = control or RunControl()
    folder.resume_cut()
    return list(record(trainer(folder, control, **options), folder, control))


def test_every_event_but_progress_is_written_once(folder):
    seen = drive(folder)
    assert folder.events() == [event for event in seen if not isinstance(event, Progress)]
    assert [type(event) for event in folder.events()] == [
        RunStarted,
        StepMetrics,
        StepMetrics,
        CheckpointSaved,
        StepMetrics,
        StepMetrics,
        CheckpointSaved,
        RunFinished,
    ]


def test_an_event_is_on_disk_before_it_is_passed_on(folder):
    control = RunControl()
    for event in record(trainer(folder, control), folder, control):
        if not isinstance(event, Progress):
            assert folder.events()[-1] == event


@pytest.mark.parametrize("fail_at", [1, 2, 3, 4])
def test_after_a_failure_the_run_goes_on_as_if_nothing_had_happened(folder, fail_at):
    first = drive(folder, fail_at=fail_at, error=RunError("The loss became nan."))
    assert first[-1] == RunFinished(fail_at, "failed", "The loss became nan.")
    assert folder.events()[-1] == first[-1]
    drive(folder)
    events = folder.events()
    assert [(e.step, e.values["sum"]) for e in events if isinstance(e, StepMetrics)] == [
        (1, 1),
        (2, 3),
        (3, 6),
        (4, 10),
    ]
    assert [e for e in events if isinstance(e, RunFinished)] == [RunFinished(4, "completed")]


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (RunError("As it is."), "As it is."),
        (
            MemoryError(),
            "The memory is exhausted (micro-batch 32). The last checkpoint is kept. Resume with micro_batch 16",
        ),
        (torch.OutOfMemoryError("CUDA out of memory"), "Resume with micro_batch 16"),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes."), "micro_batch 16"),
        (OSError(28, "No space left on device"), "The disk is full"),
        (
            RuntimeError("CUDA error: unspecified launch failure\nCUDA kernel errors might be"),
            "The device stopped answering (CUDA error: unspecified launch failure). The last checkpoint is kept. Start",
        ),
        (RuntimeError("MPS backend is not available"), "with device cpu if the device does not come back."),
        (RuntimeError("CUDA error: device-side assert triggered"), "This should not happen; the details"),
        (OSError(5, "Input/output error"), "OSError: [Errno 5] Input/output error. This should not happen"),
        (
            ValueError("no response token\nin batch 1"),
            "ValueError: no response token. This should not happen; the details",
        ),
        (KeyError(), "KeyError. This should not happen"),
    ],
)
def test_failures_end_the_run_in_words(folder, error, words):
    last = drive(folder, fail_at=1, error=error)[-1]
    assert last.outcome == "failed"
    assert words in last.message
    is_foreseen = "should not happen" not in words
    assert (folder.path / "crash.log").exists() != is_foreseen


def test_memory_words_know_when_halving_is_over(folder):
    folder.amend({"micro_batch": 1})
    last = drive(folder, fail_at=1, error=MemoryError())[-1]
    assert "(micro-batch 1)" in last.message
    assert "Close other programs" in last.message


def test_the_crash_log_tells_where(folder):
    last = drive(folder, fail_at=2, error=ZeroDivisionError("division by zero"))[-1]
    log = (folder.path / "crash.log").read_text()
    assert str(folder.path / "crash.log") in last.message
    assert "in trainer" in log
    assert "ZeroDivisionError: division by zero" in log


def test_a_trainer_that_just_ends_has_failed(folder):
    events = list(record(iter([StepMetrics(1)]), folder, RunControl()))
    assert events[-1].outcome == "failed"
    assert "ended without saying how" in events[-1].message


def test_nothing_comes_after_the_end(folder):
    source = iter([RunFinished(3, "completed"), StepMetrics(4)])
    assert list(record(source, folder, RunControl())) == [RunFinished(3, "completed")]


def test_a_listener_that_goes_away_leaves_a_run_that_can_go_on(folder):
    control = RunControl()
    events = record(trainer(folder, control), folder, control)
    while next(events) != StepMetrics(3, {"sum": 6.0}):
        pass
    events.close()
    assert folder.ending() == RunFinished(3, "stopped", "interrupted; the run can be resumed from its last checkpoint")
    drive(folder)
    assert [e.step for e in folder.events() if isinstance(e, StepMetrics)] == [1, 2, 3, 4]


def test_a_listener_that_leaves_after_the_end_adds_nothing(folder):
    control = RunControl()
    events = record(trainer(folder, control), folder, control)
    for event in events:
        if isinstance(event, RunFinished):
            break
    events.close()
    assert [e for e in folder.events() if isinstance(e, RunFinished)] == [RunFinished(4, "completed")]


def test_a_second_interrupt_ends_the_run_at_once(folder):
    control = RunControl()
    events = record(trainer(folder, control, fail_at=3, error=KeyboardInterrupt()), folder, control)
    with pytest.raises(KeyboardInterrupt):
        list(events)
    assert folder.ending().outcome == "stopped"
    assert folder.latest().step == 2


def test_a_stop_request_ends_with_a_checkpoint(folder):
    control = RunControl()
    control.request_stop()
    assert drive(folder, control)[-1] == RunFinished(0, "stopped")
    assert folder.latest().step == 0
    drive(folder)
    assert [e.step for e in folder.events() if isinstance(e, StepMetrics)] == [1, 2, 3, 4]


def test_a_run_that_cannot_write_its_end_still_tells_it(folder, monkeypatch):
    def full(_):
        raise RunError("The disk is full.")

    monkeypatch.setattr(folder, "append", full)
    events = list(record(trainer(folder, RunControl()), folder, RunControl()))
    assert events == [RunFinished(0, "failed", "The disk is full. (The disk is full.)")]


def test_notices_of_the_folder_become_events(folder):
    drive(folder)
    damaged = folder.path / "checkpoints" / "step-00000004" / "state.json"
    damaged.write_text("{")
    folder.close()
    again = RunFolder.open(folder.path)
    seen = drive(again, steps=6)
    expected = Notice(
        0, "run.checkpoint_damaged", {"checkpoint": "step-00000004", "reason": "state.json is incomplete"}
    )
    assert [event for event in seen if isinstance(event, Notice)] == [expected]
    assert expected in again.events()
    assert [e.step for e in again.events() if isinstance(e, StepMetrics)] == [1, 2, 3, 4, 5, 6]
    again.close()


class WatchedControl(RunControl):
    """Lets a paused run go on after it was seen waiting."""

    def __init__(self):
        super().__init__()
        self.waits = 0

    def wait_if_paused(self):
        if self.is_paused:
            self.waits += 1
            self.next_phase()
        super().wait_if_paused()


def test_a_paused_run_waits_and_in_step_mode_stops_at_each_phase(folder):
    phases = [Progress(1, 2, name) for name in ("sample", "sample", "score", "update")]
    events = [RunStarted(0, 2, "ppo", "cpu", "float32"), *phases, StepMetrics(1), RunFinished(1, "completed")]
    control = WatchedControl()
    control.pause()
    waits = [control.waits for _ in record(iter(events), folder, control)]
    # before the start, and after the first event of "sample", "score" and "update"
    assert waits == [1, 1, 2, 2, 3, 4, 4]


def test_a_stop_request_wakes_a_paused_run(folder):
    control = RunControl()
    control.pause()
    result = []
    thread = threading.Thread(target=lambda: result.extend(drive(folder, control)))
    thread.start()
    control.request_stop()
    thread.join(30)
    assert result[-1] == RunFinished(0, "stopped")
