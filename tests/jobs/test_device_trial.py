"""The trial of a device is made before the first training there, told by the run, and not made again."""

import pytest
import torch

from rlhf_studio import words
from rlhf_studio.events import Notice, RunStarted, StepMetrics
from rlhf_studio.jobs import device_trial
from rlhf_studio.jobs.recipes import drive, start_run
from rlhf_studio.jobs.run_folder import RunFolder
from rlhf_studio.lm.heads import ScalarModel
from rlhf_studio.schema import RunSpec
from rlhf_studio.train.control import RunControl

SHORT = {
    "sft": {"threads": 1, "epochs": 1, "batch_size": 3},
    "reward": {"threads": 1, "epochs": 1, "batch_size": 3},
    "ppo": {"threads": 1, "steps": 2, "batch_size": 2, "minibatch_size": 2, "epochs": 1, "max_new_tokens": 2},
}
ROLES = {"sft": ("base",), "reward": ("base",), "ppo": ("policy", "reward")}


@pytest.fixture
def start(project, model_folder, tiny_lm, tmp_path):
    ScalarModel.from_language_model(tiny_lm, seed=3).save(tmp_path / "judge")
    models = {"base": str(model_folder), "policy": str(model_folder), "reward": str(tmp_path / "judge")}

    def make(kind, **changes):
        spec = RunSpec(kind, {**SHORT[kind], **changes}, {role: models[role] for role in ROLES[kind]}, kind)
        return start_run(project, spec, project.runs_dir / f"20260101-{kind}")

    return make


@pytest.fixture
def another_device(monkeypatch):
    """The CPU by another name: what is moved there stays here."""

    class Named:
        type = "cuda"

        def __str__(self):
            return "cuda"

    true = device_trial.move_and_compare
    monkeypatch.setattr(device_trial, "resolve_device", lambda _: Named())
    monkeypatch.setattr(
        device_trial, "move_and_compare", lambda model, _, precision: true(model, torch.device("cpu"), "bfloat16")
    )


def trials(events):
    return [event for event in events if isinstance(event, Notice) and event.message == "run.device_agrees"]


def test_nothing_is_tried_on_the_cpu(start):
    assert trials(drive(start("sft"), RunControl())) == []


@pytest.mark.parametrize("kind", SHORT)
def test_every_model_of_a_stage_is_tried_and_the_run_says_what_was_found(start, another_device, kind):
    folder = start(kind, precision="bfloat16")
    events = list(drive(folder, RunControl()))
    assert events[-1].outcome == "completed"
    told = trials(folder.events())
    assert [event.values["model"] for event in told] == list(ROLES[kind])
    for event in told:
        assert event.values["device"] == "cuda"
        assert 0 < event.values["difference"] < event.values["limit"]
        assert words.notice(event.message, event.values).startswith(
            "Tried before training: on cuda in bfloat16 what the "
        )


def test_a_device_that_computes_something_else_ends_the_run_before_it_trains(start, another_device, monkeypatch):
    true = device_trial.move_and_compare
    monkeypatch.setattr(device_trial, "move_and_compare", lambda *args: true(*args)._replace(difference=99.0))
    folder = start("sft")
    events = list(drive(folder, RunControl()))
    assert [type(event).__name__ for event in events] == ["RunFinished"]
    assert events[0].outcome == "failed"
    assert "The device cuda computes something else than the CPU: what the base model says" in events[0].message
    assert "Nothing was trained. Choose device cpu" in events[0].message


def test_a_run_that_goes_on_does_not_try_again_unless_the_device_is_new(start, another_device, monkeypatch):
    folder, control = start("ppo", ptx_coef=0.0), RunControl()
    for event in drive(folder, control):
        if isinstance(event, StepMetrics) and event.step == 1:
            control.request_stop()
    assert len(trials(folder.events())) == 2  # its events name the cpu, where it really was
    again = list(drive(RunFolder.open(folder.path), RunControl()))
    assert len(trials(again)) == 2
    started = [event for event in folder.events() if isinstance(event, RunStarted)]
    assert device_trial._has_trained_on(folder, "cpu")
    assert not device_trial._has_trained_on(folder, "cuda")
    assert {event.device for event in started} == {"cpu"}
