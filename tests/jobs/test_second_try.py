"""A run that diverges goes back to its last checkpoint with half the learning rates, once."""

import pytest

from rlhf_studio.errors import DivergedError
from rlhf_studio.events import Notice, RunFinished, RunStarted, SettingChanged, StepMetrics
from rlhf_studio.jobs.recipes import drive, start_project_run
from rlhf_studio.jobs.run_folder import RunFolder
from rlhf_studio.lm.heads import ScalarModel
from rlhf_studio.schema import RunSpec
from rlhf_studio.train import compute as compute_module
from rlhf_studio.train.compute import Compute
from rlhf_studio.train.control import RunControl

SFT = {"epochs": 4, "batch_size": 3, "threads": 1, "learning_rate": 1e-3, "checkpoint_seconds": 1e-9}
PPO = {"steps": 3, "batch_size": 2, "minibatch_size": 1, "max_new_tokens": 2, "epochs": 1, "ptx_coef": 0, "threads": 1}


class Diverges:
    """Gradients that are not finite at given calls of ``clip_gradients``."""

    def __init__(self, monkeypatch, *calls):
        self.calls, self.count = set(calls), 0
        true = Compute.clip_gradients

        def clip(compute, parameters, *, step):
            self.count += 1
            if self.count in self.calls:
                raise DivergedError("gradient", float("nan"), step)
            return true(compute, parameters, step=step)

        monkeypatch.setattr(compute_module.Compute, "clip_gradients", clip)


@pytest.fixture
def sft(project, model_folder):
    return start_project_run(project, RunSpec("sft", SFT, {"base": str(model_folder)}))


def rates(events):
    return {event.step: event.values["lr"] for event in events if isinstance(event, StepMetrics) and event.step}


def test_it_goes_back_to_the_checkpoint_and_on_with_half_the_rate(sft, monkeypatch, project, model_folder):
    plain = start_project_run(project, RunSpec("sft", SFT, {"base": str(model_folder)}))
    list(drive(plain, RunControl()))
    Diverges(monkeypatch, 5)  # the gradient of step 5, after the checkpoint of step 4
    seen = list(drive(sft, RunControl()))
    notice = Notice(4, "run.went_back", {"cause": "gradient nan at step 5", "step": 4, "rate": 5e-4})
    events = sft.events()
    assert [event for event in events if isinstance(event, Notice) and event.message == "run.went_back"] == [notice]
    assert notice in seen
    assert [event.step for event in events if isinstance(event, RunStarted)] == [0, 4]
    assert [event.step for event in events if isinstance(event, StepMetrics)] == list(range(9))  # none twice
    before, after = rates(plain.events()), rates(events)
    assert [after[step] / before[step] for step in range(1, 9)] == pytest.approx([1, 1, 1, 1, 0.5, 0.5, 0.5, 0.5])
    assert events[-1] == RunFinished(8, "completed")
    assert RunFolder.open(sft.path).spec.settings["learning_rate"] == 5e-4  # also for whoever resumes it


def test_without_a_checkpoint_it_begins_anew(project, model_folder, monkeypatch):
    slow = {**SFT, "checkpoint_seconds": 60}
    run = start_project_run(project, RunSpec("sft", slow, {"base": str(model_folder)}))
    Diverges(monkeypatch, 2)  # within the first epoch, whose end has a checkpoint
    list(drive(run, RunControl()))
    events = run.events()
    assert [event.step for event in events if isinstance(event, RunStarted)] == [0]
    assert [event.step for event in events if isinstance(event, StepMetrics)] == list(range(9))
    assert rates(events)[1] == 5e-4
    assert events[-1].outcome == "completed"


def test_the_second_time_it_stops_with_both_causes_and_can_be_resumed(sft, monkeypatch):
    Diverges(monkeypatch, 3, 4)
    last = list(drive(sft, RunControl()))[-1]
    assert last.outcome == "failed"
    assert last.message.startswith("The gradient became nan at step 3.")
    assert "It was gradient nan at step 3 before; half the learning rate (0.0005) did not help." in last.message
    assert sft.latest().step == 2
    assert list(drive(sft, RunControl()))[-1] == RunFinished(8, "completed")


def test_other_failures_get_no_second_try(sft, monkeypatch):
    def broken(*_, **__):
        raise ZeroDivisionError

    monkeypatch.setattr(compute_module.Compute, "clip_gradients", broken)
    events = list(drive(sft, RunControl()))
    assert events[-1].outcome == "failed"
    assert [event.step for event in sft.events() if isinstance(event, RunStarted)] == [0]


@pytest.mark.parametrize(("cadence", "step", "back"), [(60.0, 3, 0), (1e-9, 3, 2)])
def test_both_rates_of_ppo_are_halved_and_what_a_person_changed_stays(
    project, model_folder, tiny_lm, tmp_path, monkeypatch, cadence, step, back
):
    """With the shorter cadence the last good state lies in the middle of a step, after its first minibatch."""
    ScalarModel.from_language_model(tiny_lm, seed=0).save(tmp_path / "reward")
    models = {"policy": str(model_folder), "reward": str(tmp_path / "reward")}
    settings = {**PPO, "learning_rate": 4e-4, "value_learning_rate": 8e-4, "warmup_steps": 0}
    run = start_project_run(project, RunSpec("ppo", {**settings, "checkpoint_seconds": cadence}, models))
    Diverges(monkeypatch, 11)  # the second minibatch of step 3; each has a policy and a value network
    control, events = RunControl(), []
    for event in drive(run, control):
        events.append(event)
        if isinstance(event, StepMetrics) and event.step == 1 and len(rates(events)) == 1:
            control.change("kl_coef", 0.7)
            control.change("learning_rate", 2e-4)
    (notice,) = [event for event in events if isinstance(event, Notice) and event.message == "run.went_back"]
    assert notice.values == {"cause": f"gradient nan at step {step}", "step": back, "rate": 1e-4}
    assert events[-1] == RunFinished(3, "completed")
    kept = [event for event in run.events() if isinstance(event, SettingChanged)]
    assert {(e.name, e.value) for e in kept if e.step == back + 1} == {
        ("learning_rate", 1e-4),
        ("value_learning_rate", 4e-4),
        *({("kl_coef", 0.7)} if back == 0 else ()),
    }
    state = run.latest().state
    assert (state["learning_rate"], state["value_learning_rate"], state["kl_coef"]) == (1e-4, 4e-4, 0.7)
