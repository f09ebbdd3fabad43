"""kill -9 at random moments: the run goes on, and ends as if nothing had happened, bit for bit."""

import json
import multiprocessing
import random
import sys
from pathlib import Path

import kill_child
import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from rlhf_studio.events import CheckpointSaved, ModelSaved, RolloutSaved, RunFinished, SampleShown, StepMetrics
from rlhf_studio.jobs.recipes import start_run
from rlhf_studio.jobs.run_folder import RunFolder
from rlhf_studio.lm.heads import ScalarModel
from rlhf_studio.schema import RunSpec

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL and no fork server")

PATIENCE_S = 120
# a checkpoint wherever one may be: after every step, and in PPO after every minibatch
OFTEN = {"threads": 1, "checkpoint_seconds": 1e-6}
SETTINGS = {
    "sft": {**OFTEN, "epochs": 6, "batch_size": 2, "dropout": 0.2, "pretraining_share": 0.2},
    "reward": {**OFTEN, "epochs": 20, "batch_size": 2},  # long enough to be killed twenty times
    "ppo": {
        **OFTEN,
        "steps": 8,
        "batch_size": 8,
        "minibatch_size": 4,
        "epochs": 2,
        "max_new_tokens": 6,
        "ptx_coef": 0.5,
        "ptx_window": 8,
        "ema_decay": 0.9,
        "rollout_every": 2,
        "probe_every": 3,
    },
}


@pytest.fixture(scope="module")
def processes():
    """Children that start in milliseconds: torch and transformers are loaded once, before the fork."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["kill_child", "rlhf_studio.lm.loading", "transformers.models.llama.modeling_llama"])
    return context


@pytest.fixture
def new_run(project, model_folder, tiny_lm, tmp_path):
    """Start the same run any number of times."""
    reward = tmp_path / "reward"
    ScalarModel.from_language_model(tiny_lm, seed=3).save(reward)
    models = {"base": str(model_folder), "policy": str(model_folder), "reward": str(reward), "judge": str(reward)}

    def start(kind, name):
        return start_run(project, RunSpec(kind, SETTINGS[kind], models), project.runs_dir / name)

    return start


def run_in_child(processes, folder, sampled_model, is_moment):
    """Let a child train until ``is_moment(message)`` gives a number of seconds, wait so long, and kill it.

    Returns whether it was killed before it was done.
    """
    ours, theirs = processes.Pipe(duplex=False)
    child = processes.Process(target=kill_child.train, args=(str(folder.path), theirs, sampled_model))
    child.start()
    theirs.close()
    delay = None
    try:
        while delay is None and ours.poll(PATIENCE_S):
            delay = is_moment(ours.recv())
        child.join(delay)
    except EOFError:
        child.join(PATIENCE_S)
    finally:
        child.kill()
        child.join()
        ours.close()
    assert child.exitcode in (0, -9), "the child failed by itself"
    return child.exitcode == -9


def kill_and_resume(processes, folder, total, kills, sampled_model):
    """Kill the run so many times at moments spread over it, every second time while it writes; then let it end."""
    dice = random.Random(f"{folder.spec.kind} {kills}")
    killed = 0
    for number in range(kills):
        at_step = round((total - 4) * (number + dice.random()) / kills)
        is_writing = number % 2 == 0
        skip, delay = dice.randrange(4), dice.random() * (0.05 if is_writing else 0.02)
        if number == 0:  # surely in the middle of a PPO step, after its first minibatch
            skip, delay = 2, 0.002

        def is_moment(message, at_step=at_step, is_writing=is_writing, delay=delay, left=[skip]):  # noqa: B006
            name, step = message
            if step < at_step or (is_writing and name != "save"):
                return None
            left[0] -= 1
            return delay if left[0] < 0 else None

        killed += run_in_child(processes, folder, sampled_model, is_moment)
    assert not run_in_child(processes, folder, sampled_model, lambda _: None)
    return killed


def metrics(folder):
    """What was recorded of every step, apart from the clock; as text, in which NaN equals itself."""
    rows = [event for event in folder.events() if isinstance(event, StepMetrics)]
    return [(r.step, repr({k: v for k, v in r.values.items() if not k.startswith("time/")})) for r in rows]


def told(folder, *kinds):
    return [repr(event) for event in folder.events() if isinstance(event, kinds)]


def weights(folder):
    """Every tensor of the saved models and of the last checkpoint, and the JSON beside it."""
    path = Path(folder.path)
    newest = max((path / "checkpoints").iterdir(), key=lambda p: [int(n) for n in p.name.split("-")[1:]])
    files = {str(f.relative_to(path)): f for f in (path / "models").rglob("*.safetensors")}
    tensors = {f"{name}:{key}": t for name, f in files.items() for key, t in load_file(f).items()}
    tensors |= load_file(newest / "state.safetensors")
    return tensors, json.loads((newest / "state.json").read_text())["state"]


def check_equal(resumed, reference):
    assert metrics(resumed) == metrics(reference)
    kinds = (SampleShown, RolloutSaved, ModelSaved, RunFinished)
    assert told(resumed, *kinds) == told(reference, *kinds)
    (ours, our_state), (theirs, their_state) = weights(resumed), weights(reference)
    assert our_state == their_state
    assert ours.keys() == theirs.keys()
    assert [name for name in ours if not torch.equal(ours[name], theirs[name])] == []
    for path in (reference.path / "rollouts").glob("*.npz"):
        with np.load(path) as expected, np.load(resumed.path / "rollouts" / path.name) as found:
            assert all(np.array_equal(expected[name], found[name], equal_nan=True) for name in expected.files)


def campaign(processes, new_run, kind, kills, sampled_model=None):
    reference, resumed = new_run(kind, "whole"), new_run(kind, "killed")
    assert not run_in_child(processes, reference, None, lambda _: None)
    ending = reference.ending()
    assert ending.outcome == "completed"
    saved = [e for e in reference.events() if isinstance(e, CheckpointSaved)]
    assert len(saved) >= ending.step  # a checkpoint a step
    killed = kill_and_resume(processes, resumed, ending.step, kills, sampled_model)
    assert killed >= 2 * kills // 3  # a busy machine may be late for one or the other
    check_equal(RunFolder.open(resumed.path), reference)


@pytest.mark.whole
@pytest.mark.parametrize("kind", SETTINGS)
def test_a_run_killed_three_times_while_something_samples_ends_the_same(processes, new_run, model_folder, kind):
    campaign(processes, new_run, kind, 3, str(model_folder))


@pytest.mark.slow
@pytest.mark.parametrize("kind", SETTINGS)
def test_a_run_killed_twenty_times_ends_the_same(processes, new_run, kind):
    campaign(processes, new_run, kind, 20)
