"""The door between the threads and the window, with sources of events that need no model."""

import threading
from pathlib import Path

import pytest

from rlhf_studio.errors import RunError
from rlhf_studio.events import RunFinished, StepMetrics
from rlhf_studio.jobs import stages
from rlhf_studio.jobs.stages import StageEvent, StagePlan
from rlhf_studio.store.database import Changes
from rlhf_studio.ui import session as session_module
from rlhf_studio.ui.session import TrainingState

PLAN = StagePlan(("sft",), Path("base"))


@pytest.fixture
def play(monkeypatch):
    """Let a function of a RunControl stand for the pipeline."""

    def use(source):
        monkeypatch.setattr(session_module, "train_stages", lambda project, plan, control: source(control))

    return use


def steps(count):
    def source(control):
        for step in range(1, count + 1):
            yield StageEvent("sft", "", StepMetrics(step, {"loss/train": 1.0 / step}))
        yield StageEvent("sft", "", RunFinished(count, "completed"))

    return source


def until_stopped(control):
    step = 0
    pause = threading.Event()
    while not control.is_stopping:
        step += 1
        yield StageEvent("sft", "", StepMetrics(step))
        control.wait_if_paused()
        pause.wait(0.005)  # a step takes its time
    yield StageEvent("sft", "", RunFinished(step, "stopped"))


def test_events_come_in_order_and_the_end_is_told_after_them(qtbot, session, play):
    play(steps(100))
    seen = []
    session.events_arrived.connect(seen.extend)
    with qtbot.waitSignal(session.training_finished) as finished:
        session.train(PLAN)
    assert [item.event.step for item in seen] == [*range(1, 101), 100]
    assert finished.args[0].event == RunFinished(100, "completed")
    assert session.state is TrainingState.IDLE


def test_a_run_is_paused_resumed_and_stopped(qtbot, session, play):
    play(until_stopped)
    states = []
    session.training_state_changed.connect(states.append)
    with qtbot.waitSignal(session.events_arrived):
        session.train(PLAN)
    session.pause()
    session.pause()
    session.resume()
    with qtbot.waitSignal(session.training_finished) as finished:
        session.stop()
    assert finished.args[0].event.outcome == "stopped"
    assert states == [
        TrainingState.RUNNING,
        TrainingState.PAUSED,
        TrainingState.RUNNING,
        TrainingState.STOPPING,
        TrainingState.IDLE,
    ]


def test_a_paused_run_can_be_stopped(qtbot, session, play):
    play(until_stopped)
    with qtbot.waitSignal(session.events_arrived):
        session.train(PLAN)
    session.pause()
    with qtbot.waitSignal(session.training_finished):
        session.stop()


def test_one_run_at_a_time(qtbot, session, play):
    play(until_stopped)
    session.train(PLAN)
    with pytest.raises(RunError, match="going on already"):
        session.train(PLAN)
    with qtbot.waitSignal(session.training_finished):
        session.stop()


def test_a_plan_that_cannot_begin_says_why(qtbot, session):
    with qtbot.waitSignal(session.training_finished, timeout=60_000) as finished:
        session.train(StagePlan(("ppo",), Path("nowhere")))
    assert finished.args[0].event.outcome == "failed"
    assert "SFT" in finished.args[0].event.message
    assert finished.args[0].run_id == ""


def test_a_source_that_breaks_ends_as_a_failure(qtbot, session, play):
    def broken(control):
        yield StageEvent("reward", "", StepMetrics(3))
        raise ValueError("no response token in batch 4")

    play(broken)
    with qtbot.waitSignal(session.training_finished) as finished:
        session.train(PLAN)
    assert "no response token in batch 4" in finished.args[0].event.message
    assert session.state is TrainingState.IDLE


def test_a_run_whose_folder_was_removed_is_said_and_the_rest_is_still_shown(qtbot, session, play):
    def source(control):
        yield StageEvent("sft", "20260101-000000-gone", StepMetrics(1))
        yield StageEvent("sft", "20260101-000000-gone", RunFinished(1, "failed", "The folder is gone."))

    play(source)
    said = []
    session.messaged.connect(said.append)
    with qtbot.waitSignal(session.training_finished) as finished:
        session.train(PLAN)
    assert finished.args[0].event.message == "The folder is gone."
    assert "20260101-000000-gone" in said[0].text


def test_no_timer_runs_when_nothing_goes_on(qtbot, session, play):
    from PySide6.QtCore import QTimer

    def running():
        return [timer for timer in session.findChildren(QTimer) if timer.isActive()]

    assert running() == []
    play(steps(1))
    with qtbot.waitSignal(session.training_finished):
        session.train(PLAN)
    assert running() == []


def test_every_view_hears_of_a_write_and_nobody_of_none(qtbot, session):
    with qtbot.waitSignal(session.store_changed) as changed:
        session.changed(Changes(frozenset({"ranking"})), session)
    assert changed.args == [Changes(frozenset({"ranking"})), session]
    with qtbot.assertNotEmitted(session.store_changed):
        session.changed(Changes(frozenset()))


def test_a_plan_names_its_stages_in_the_order_of_the_paper():
    assert stages.STAGE_KEYS == ("sft", "reward", "rl-start", "ppo", "ppo-ptx")
