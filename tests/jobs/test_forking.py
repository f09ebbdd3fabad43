"""A fork goes on from a checkpoint as the run itself would have, or otherwise where its settings say so."""

import pytest
import torch
from safetensors.torch import load_file

from rlhf_studio.errors import DataError, RunError
from rlhf_studio.events import RunStarted, StepMetrics
from rlhf_studio.jobs.catalog import list_runs, rebuild_index
from rlhf_studio.jobs.forking import _total, fork_run
from rlhf_studio.jobs.models import kept_steps
from rlhf_studio.jobs.recipes import drive, start_run
from rlhf_studio.jobs.run_file import Fork
from rlhf_studio.jobs.run_folder import RunFolder
from rlhf_studio.jobs.run_tree import run_tree, space, walk
from rlhf_studio.jobs.stages import fork_stage
from rlhf_studio.lm.heads import ScalarModel
from rlhf_studio.schema import Answer, RankedRow, RewardData, RunSpec, Turn
from rlhf_studio.settings import PpoSettings
from rlhf_studio.train.control import RunControl

OFTEN = {"threads": 1, "checkpoint_seconds": 1e-6, "keep_checkpoints": 100}
SFT = {**OFTEN, "epochs": 2, "batch_size": 2}
PPO = {**OFTEN, "steps": 2, "batch_size": 4, "minibatch_size": 2, "epochs": 1, "max_new_tokens": 4, "ptx_coef": 0.0}


@pytest.fixture
def sft(project, model_folder):
    """A complete SFT run of six steps with a checkpoint after each."""
    spec = RunSpec("sft", SFT, {"base": str(model_folder)}, "SFT")
    folder = start_run(project, spec, project.runs_dir / "20260101-1-sft")
    list(drive(folder, RunControl()))
    return folder


@pytest.fixture
def ppo(project, model_folder, tiny_lm, tmp_path):
    ScalarModel.from_language_model(tiny_lm, seed=3).save(tmp_path / "judge")
    models = {"policy": str(model_folder), "reward": str(tmp_path / "judge")}
    folder = start_run(project, RunSpec("ppo", PPO, models, "PPO"), project.runs_dir / "20260101-2-ppo")
    list(drive(folder, RunControl()))
    return folder


def metrics(events):
    return [
        (event.step, {name: value for name, value in event.values.items() if not name.startswith("time/")})
        for event in events
        if isinstance(event, StepMetrics)
    ]


def test_a_fork_without_changes_repeats_the_run_bit_for_bit(sft):
    assert kept_steps(sft.path) == (6, 5, 4, 3, 2, 1)
    fork = fork_run(sft.path, 2)
    assert fork.run_file.fork == Fork(sft.id, 2)
    assert fork.spec.settings == sft.spec.settings
    told = list(drive(fork, RunControl()))
    assert told[0] == RunStarted(2, 6, "sft", "cpu", "float32")
    assert metrics(fork.events()) == metrics(sft.events())
    ours, theirs = (load_file(run.path / "models" / "policy" / "model.safetensors") for run in (fork, sft))
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    assert kept_steps(sft.path) == (6, 5, 4, 3, 2, 1)  # it has not been touched


def test_other_settings_hold_from_the_fork_on(sft):
    fork = fork_run(sft.path, 4, {"learning_rate": "1e-5", "epochs": 3}, "Gentle")
    assert fork.spec.title == "Gentle"
    list(drive(fork, RunControl()))
    ours, theirs = metrics(fork.events()), metrics(sft.events())
    assert ours[:5] == theirs[:5]
    assert ours[5] != theirs[5]
    assert ours[-1][0] == 9


def test_what_steers_ppo_wins_over_the_checkpoint(ppo):
    fork = fork_run(ppo.path, 1, {"kl_coef": 0.5})
    list(drive(fork, RunControl()))
    assert [values["kl_coef"] for step, values in metrics(fork.events()) if step] == [PpoSettings().kl_coef, 0.5]


def test_a_half_done_step_is_sampled_anew_where_its_shape_changes(ppo):
    shelf = ppo.path / "checkpoints"
    half = next(name for name in sorted(path.name for path in shelf.iterdir()) if name.startswith("step-00000001-"))
    for path in shelf.iterdir():
        if path.name != half:  # only one between minibatches is left
            ppo._shelf.set_aside(path.name)
    assert "update" in ppo.checkpoint(1).state
    assert "update" in fork_run(ppo.path, 1, {"kl_coef": 0.5}).checkpoint(1).state
    fork = fork_run(ppo.path, 1, {"minibatch_size": 4})
    assert "update" not in fork.checkpoint(1).state
    assert list(drive(fork, RunControl()))[-1].outcome == "completed"


@pytest.mark.parametrize(
    ("changes", "step", "words"),
    [
        ({}, 6, "ends at step 6, so a fork at step 6 has nothing left to do. Raise 'epochs'"),
        ({"pretraining_share": 0.1}, 2, "'pretraining_share' cannot be switched on in a fork"),
        ({"epochs": -1}, 2, "The setting 'epochs' cannot be -1"),
        ({"kl_coef": 1}, 2, "There is no setting 'kl_coef' in this stage"),
    ],
)
def test_what_cannot_be_is_refused_and_leaves_nothing(project, sft, changes, step, words):
    with pytest.raises(DataError, match=words):
        fork_run(sft.path, step, changes)
    assert [path.name for path in project.runs_dir.iterdir()] == [sft.id]


def test_a_step_that_is_not_kept_is_told(project, sft):
    with pytest.raises(RunError, match=r"keeps no whole checkpoint of step 7. Choose one of its steps: 1, 2, 3"):
        fork_run(sft.path, 7)
    (sft.path / "checkpoints" / "step-00000003" / "state.safetensors").write_bytes(b"")
    with pytest.raises(RunError, match="step 3 is damaged"):
        fork_run(sft.path, 3)


def test_an_average_cannot_begin_in_a_fork(project, ppo):
    off = fork_run(ppo.path, 1, {"ema_decay": 0})
    list(drive(off, RunControl()))
    with pytest.raises(DataError, match="'ema_decay' cannot be switched on in a fork"):
        fork_run(off.path, 1, {"ema_decay": 0.9, "steps": 9})


def test_a_fork_stands_alone_and_hangs_under_its_origin(project, sft):
    events = list(fork_stage(sft.path, 4, RunControl(), {"learning_rate": 1e-5}))
    assert {event.run_id for event in events} == {events[0].run_id}
    assert events[-1].event.outcome == "completed"
    fork = RunFolder.open(project.runs_dir / events[0].run_id)
    rebuild_index(project)
    roots = run_tree(list_runs(project.folder).runs)
    assert [(depth, node.name) for depth, node in walk(roots)] == [(0, "base"), (1, sft.id), (2, fork.id)]
    assert space(sft.path) > (sft.path / "checkpoints" / "step-00000001" / "state.safetensors").stat().st_size
    project.delete_run(sft.id)
    assert [run.id for run in list_runs(project.folder).runs] == [fork.id]
    again = fork_run(fork.path, 4, {"epochs": 3})  # the checkpoint is its own
    assert list(drive(again, RunControl()))[-1].outcome == "completed"
    project.empty_trash()
    assert fork.checkpoint(5).read().step == 5


def test_a_run_on_shuffled_pairs_is_as_long_as_its_pairs():
    turns, answers = (Turn("user", "hi"),), tuple(Answer(text) for text in "abcd")
    rows = (RankedRow(1, turns, answers, (1, 2, 3, 3)), RankedRow(2, turns, answers[:2], (1, 2)))
    data, models = RewardData(rows), {"base": "tiny"}
    shuffled = {"pair_batches": "shuffled", "batch_size": 4, "epochs": 3}
    assert _total(RunSpec("reward", {"batch_size": 4, "epochs": 3}, models), data) == 3
    assert _total(RunSpec("reward", shuffled, models), data) == 6  # 5 and 1 pairs, 2 updates an epoch
