"""Disk full, a damaged checkpoint, a device that is gone: what a whole run says, what remains, and that it goes on."""

import errno
from contextlib import contextmanager

import pytest
import torch
from safetensors.torch import load_file

from rlhf_studio.events import Notice, RunFinished, StepMetrics
from rlhf_studio.jobs import checkpoints
from rlhf_studio.jobs.event_log import EventLog
from rlhf_studio.jobs.recipes import drive, start_run
from rlhf_studio.jobs.run_folder import RunFolder
from rlhf_studio.lm.heads import ScalarModel
from rlhf_studio.schema import RunSpec
from rlhf_studio.train import ppo_collect, ppo_stage, ppo_update
from rlhf_studio.train.control import RunControl

# a checkpoint after each step, none between minibatches
PPO = {
    "steps": 3,
    "batch_size": 2,
    "minibatch_size": 2,
    "epochs": 1,
    "max_new_tokens": 3,
    "ptx_coef": 0.0,
    "threads": 1,
    "checkpoint_steps": 1,
    "probe_every": 2,
    "kl_coef": 0.1,
}
GONE = "CUDA error: device-side driver shut down\nCUDA kernel errors might be asynchronously reported"


@pytest.fixture
def start(project, model_folder, tiny_lm, tmp_path):
    ScalarModel.from_language_model(tiny_lm, seed=3).save(tmp_path / "judge")
    models = {"policy": str(model_folder), "reward": str(tmp_path / "judge")}

    def make(name="20260101-ppo"):
        return start_run(project, RunSpec("ppo", PPO, models, "PPO"), project.runs_dir / name)

    return make


@pytest.fixture
def whole(start):
    """The same run without any failure."""
    folder = start("20260101-whole")
    list(drive(folder, RunControl()))
    return folder


def told(folder):
    return [
        (event.step, {name: value for name, value in event.values.items() if not name.startswith("time/")})
        for event in folder.events()
        if isinstance(event, StepMetrics)
    ]


def check_the_same(folder, whole):
    """Resumed, a run is what it would have been, bit for bit."""
    assert list(drive(RunFolder.open(folder.path), RunControl()))[-1] == RunFinished(3, "completed")
    assert told(folder) == told(whole)
    for name in ("policy", "value", "policy-ema"):
        ours, theirs = (load_file(run.path / "models" / name / "model.safetensors") for run in (folder, whole))
        assert all(torch.equal(ours[key], theirs[key]) for key in theirs), name


@contextmanager
def full_disk(monkeypatch, what):
    """Nothing of this kind can be written any more once the second step has begun."""
    full = OSError(errno.ENOSPC, "No space left on device")
    with monkeypatch.context() as patch:
        if what == "event":
            true_append = EventLog.append

            def append(self, event):
                if event.step >= 2:
                    raise full
                true_append(self, event)

            patch.setattr(EventLog, "append", append)
        elif what == "checkpoint":
            true_write = checkpoints._write_tensors

            def write(path, tensors):
                if "00000002" in str(path):
                    raise full
                true_write(path, tensors)

            patch.setattr(checkpoints, "_write_tensors", write)
        else:
            patch.setattr(ppo_stage, "save_language_model", lambda *_: (_ for _ in ()).throw(full))
        yield


@pytest.mark.parametrize(
    ("what", "words", "kept"),
    [
        ("event", "an event could not be written to", 1),
        ("checkpoint", "the checkpoint of step 2 could not be written to", 1),
        ("model", "the model 'policy' could not be written to", 3),
    ],
)
def test_a_full_disk_is_said_and_costs_no_step_that_was_kept(start, whole, monkeypatch, what, words, kept):
    folder = start()
    with full_disk(monkeypatch, what):
        last = list(drive(folder, RunControl()))[-1]
    assert last.outcome == "failed"
    assert last.message.startswith(f"The disk is full: {words} {folder.path}. The run's last whole checkpoint")
    assert "free some space and resume the run" in last.message
    again = RunFolder.open(folder.path)
    assert again.latest().step == kept
    assert again.take_notices() == []
    ending = again.ending()
    assert (ending is None) == (what == "event")  # not even that could be written
    check_the_same(folder, whole)


def accelerator_error():
    kind = getattr(torch, "AcceleratorError", RuntimeError)
    return kind(GONE)


@pytest.mark.parametrize("phase", ["sample", "score", "update"])
def test_a_device_that_is_gone_is_said_and_the_run_goes_on_elsewhere(start, whole, monkeypatch, phase):
    folder = start()
    module, name = {
        "sample": (ppo_collect, "generate"),
        "score": (ppo_collect, "_logprobs_of"),
        "update": (ppo_update, "_value_gradient"),
    }[phase]
    true, calls = getattr(module, name), []

    def gone(*args, **kwargs):
        calls.append(name)
        if len(folder.events()) and RunFolder.open(folder.path).latest() is not None:  # after the first step
            raise accelerator_error()
        return true(*args, **kwargs)

    with monkeypatch.context() as patch:
        patch.setattr(module, name, gone)
        events = list(drive(folder, RunControl()))
    assert calls
    assert events[-1].outcome == "failed"
    assert events[-1].message == (
        "The device stopped answering (CUDA error: device-side driver shut down). The last checkpoint is kept. "
        "Start the program again and resume the run, with device cpu if the device does not come back."
    )
    assert not [event for event in events if isinstance(event, Notice) and "halved" in event.message]  # it is no memory
    assert not (folder.path / "crash.log").exists()
    assert RunFolder.open(folder.path).latest().step == 1
    check_the_same(folder, whole)


@pytest.mark.parametrize("damage", ["short", "flipped", "no state", "empty state"])
def test_a_damaged_checkpoint_is_said_and_the_one_before_it_is_used(start, whole, damage):
    folder, control = start(), RunControl()
    for event in drive(folder, control):
        if isinstance(event, StepMetrics) and event.step == 2:
            control.request_stop()
    newest = max((folder.path / "checkpoints").glob("step-*"))
    tensors, state = newest / "state.safetensors", newest / "state.json"
    content = bytearray(tensors.read_bytes())
    if damage == "short":
        tensors.write_bytes(content[: len(content) // 2])
    elif damage == "flipped":
        content[-3] ^= 1
        tensors.write_bytes(content)
    elif damage == "no state":
        state.unlink()
    else:
        state.write_text("")
    again = RunFolder.open(folder.path)
    events = list(drive(again, RunControl()))
    notices = [event for event in events if isinstance(event, Notice)]
    damaged = [event for event in notices if event.message == "run.checkpoint_damaged"]
    assert [event.values["checkpoint"] for event in damaged] == [newest.name]
    assert events[-1] == RunFinished(3, "completed")
    assert told(again) == told(whole)
