import re
import shutil

import pytest
import torch

from rlhf_studio.errors import DataError, ModelError, RunError
from rlhf_studio.events import RunFinished, StepMetrics
from rlhf_studio.jobs.best_policy import best_policy
from rlhf_studio.jobs.checkpoint_models import with_checkpoints
from rlhf_studio.jobs.checkpoints import CheckpointShelf
from rlhf_studio.jobs.export_job import exportable
from rlhf_studio.jobs.exporting import export_model
from rlhf_studio.jobs.model_reading import ModelShelf, read_language_model, read_reward_model
from rlhf_studio.jobs.models import ModelChoice, language_models, reward_models
from rlhf_studio.jobs.recipes import drive, start_run
from rlhf_studio.jobs.run_folder import RunFolder
from rlhf_studio.lm.heads import ScalarModel, load_scalar_model
from rlhf_studio.lm.loading import load_language_model
from rlhf_studio.lm.saving import save_language_model
from rlhf_studio.schema import RunSpec
from rlhf_studio.train.control import RunControl

CPU = torch.device("cpu")
OFTEN = {"threads": 1, "checkpoint_seconds": 1e-6}  # a checkpoint after every step
SETTINGS = {
    "sft": {**OFTEN, "epochs": 3, "batch_size": 2},
    "reward": {**OFTEN, "epochs": 3, "batch_size": 2},
    "ppo": {**OFTEN, "steps": 2, "batch_size": 4, "minibatch_size": 4, "max_new_tokens": 4},
}


@pytest.fixture
def base_models(model_folder, tmp_path):
    """A folder of two bundled models."""
    for name in ("tiny", "small"):
        shutil.copytree(model_folder, tmp_path / "bundled" / name)
    return tmp_path / "bundled"


@pytest.fixture
def new_run(project, model_folder, tiny_lm, tmp_path):
    ScalarModel.from_language_model(tiny_lm, seed=3).save(tmp_path / "judge")
    models = {"base": str(model_folder), "policy": str(model_folder), "reward": str(tmp_path / "judge")}
    roles = {"sft": ("base",), "reward": ("base",), "ppo": ("policy", "reward")}

    def start(kind, name, **changes):
        spec = RunSpec(kind, {**SETTINGS[kind], **changes}, {role: models[role] for role in roles[kind]}, name)
        return start_run(project, spec, project.runs_dir / name)

    return start


def run_to_the_end(folder):
    assert list(drive(folder, RunControl()))[-1].outcome == "completed"


def stop_after(folder, step):
    control = RunControl()
    for event in drive(folder, control):
        if isinstance(event, StepMetrics) and event.step == step:
            control.request_stop()
    assert isinstance(event, RunFinished)


def cut_off_after(folder, step):
    events = drive(folder, RunControl())
    for event in events:
        if isinstance(event, StepMetrics) and event.step == step + 1:  # the checkpoint of ``step`` is written
            break
    events.close()


def state(model):
    return {name: tensor.clone() for name, tensor in model.module.state_dict().items()}


def same(one, other):
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def test_bundled_models_come_first_then_runs_by_their_age(project, base_models, new_run):
    second, first = new_run("sft", "b-sft"), new_run("sft", "a-sft")
    for folder in (second, first):  # "b" was made before "a"
        run_to_the_end(folder)
    found = language_models(project.folder, base_models)
    assert [choice.key for choice in found] == ["base:tiny", "base:small", "run:b-sft", "run:a-sft"]
    assert found[0] == ModelChoice("base:tiny", "Base model (tiny)", "base", base_models / "tiny", "", 0)
    assert (found[2].stage, found[2].run_id, found[2].step) == ("sft", "b-sft", 9)
    assert found[2].path == second.path / "models" / "policy"
    assert found[2].title.startswith("SFT: b-sft, ")
    assert reward_models(project.folder) == ()


def test_ppo_with_pretraining_gradients_is_a_stage_of_its_own(project, base_models, new_run):
    run_to_the_end(new_run("ppo", "plain", ptx_coef=0.0))
    run_to_the_end(new_run("ppo", "mixed", ptx_coef=0.5, ptx_window=8))
    found = language_models(project.folder, base_models)[2:]
    named = [(choice.stage, choice.title.split(",")[0]) for choice in found]
    assert named == [("ppo", "PPO: plain"), ("ppo-ptx", "PPO-ptx: mixed")]


def test_a_stopped_run_leaves_a_model_that_can_be_used_and_resumed(project, base_models, new_run):
    folder = new_run("sft", "stopped")
    stop_after(folder, 2)
    choice = language_models(project.folder, base_models)[-1]
    assert choice.path == folder.path / "models" / "policy"
    assert choice.step == 2
    assert choice.title.endswith("(stopped at step 2)")
    kept = folder.latest()
    model = load_language_model(choice.path)
    assert all(torch.equal(tensor, kept.tensors[f"module.policy.{n}"]) for n, tensor in model.module.named_parameters())
    other = new_run("sft", "unbroken")
    for run in (RunFolder.open(folder.path), other):
        run_to_the_end(run)
    assert same(*(state(load_language_model(run.path / "models" / "policy")) for run in (folder, other)))


def test_a_run_that_was_cut_off_is_used_from_its_checkpoint(project, base_models, new_run):
    folder = new_run("sft", "cut")
    assert language_models(project.folder, base_models)[-1].stage == "base"  # no checkpoint yet
    cut_off_after(folder, 3)
    choice = language_models(project.folder, base_models)[-1]
    assert choice.path == folder.path / "checkpoints" / "step-00000003"
    assert choice.step == 3
    assert choice.title.endswith("(checkpoint at step 3)")
    before = sorted(folder.path.rglob("*"))
    model = read_language_model(choice.path, CPU)
    tensors = CheckpointShelf(folder.path / "checkpoints").check("step-00000003").read().tensors
    assert all(torch.equal(t, tensors[f"module.policy.{name}"]) for name, t in model.module.named_parameters())
    assert sorted(folder.path.rglob("*")) == before  # reading leaves the run as it is


def test_each_checkpoint_answers_by_its_own_weights(project, base_models, new_run):
    folder = new_run("sft", "20260102-000000-sft", keep_checkpoints=9)
    run_to_the_end(folder)
    found = with_checkpoints(project.folder, language_models(project.folder, base_models))
    chosen = next(model for model in found if model.step == 2)
    assert chosen.key == "run:20260102-000000-sft@2"
    tensors = CheckpointShelf(folder.path / "checkpoints").check(chosen.path.name).read().tensors
    for name, tensor in read_language_model(chosen.path, CPU).module.named_parameters():
        assert torch.equal(tensor, tensors[f"module.policy.{name}"])


def test_a_model_of_an_earlier_stop_gives_way_to_a_later_checkpoint(project, base_models, new_run):
    folder = new_run("sft", "twice")
    stop_after(folder, 2)
    cut_off_after(RunFolder.open(folder.path), 5)
    choice = language_models(project.folder, base_models)[-1]
    assert (choice.path.parent.name, choice.step) == ("checkpoints", 5)


def test_several_checkpoints_of_one_step_are_told_apart(project, base_models, new_run):
    folder = new_run("sft", "many")
    for name in ("step-00000003-9", "step-00000003-10", "step-00000002", ".part-step-00000009"):
        (folder.path / "checkpoints" / name).mkdir(parents=True)
    assert language_models(project.folder, base_models)[-1].path.name == "step-00000003-10"


def test_reward_models_are_listed_and_read_from_checkpoints_too(project, base_models, new_run):
    whole, cut = new_run("reward", "whole"), new_run("reward", "cut")
    run_to_the_end(whole)
    cut_off_after(cut, 4)
    first, second = reward_models(project.folder)
    assert (first.stage, first.path) == ("reward", whole.path / "models" / "reward")
    assert same(state(read_reward_model(first.path, CPU)), state(load_scalar_model(first.path)))
    tensors = CheckpointShelf(cut.path / "checkpoints").check(second.path.name).read().tensors
    model = read_reward_model(second.path, CPU)
    assert all(torch.equal(t, tensors[f"module.reward.{name}"]) for name, t in model.module.named_parameters())
    assert language_models(project.folder, base_models)[-1].stage == "base"


def test_a_checkpoint_that_has_gone_is_replaced_by_the_newest(new_run):
    folder = new_run("sft", "cut")
    cut_off_after(folder, 3)
    gone = folder.path / "checkpoints" / "step-00000001"
    newest = read_language_model(folder.path / "checkpoints" / "step-00000003", CPU)
    assert same(state(read_language_model(gone, CPU)), state(newest))
    for path in folder.path.glob("checkpoints/step-*/state.safetensors"):
        path.write_bytes(b"damaged")
    with pytest.raises(RunError, match="No checkpoint of the run"):
        read_language_model(gone, CPU)


@pytest.fixture
def best_run(new_run, monkeypatch):
    """A PPO run of three steps whose policy scored best after the second."""
    from rlhf_studio.train import ppo

    scores = iter((0.1, 0.7, 0.5))

    def answered(stage, step):
        yield from ()
        return {"valid/scores": next(scores), "valid/kl": 0.25}

    monkeypatch.setattr(ppo, "answer_held_out", answered)
    folder = new_run("ppo", "b-ppo", steps=3, probe_every=1, best_kl=1.0, learning_rate=0.01, warmup_steps=0)
    run_to_the_end(folder)
    return folder


def test_the_best_policy_of_a_run_is_listed_before_its_last(project, base_models, best_run):
    listed = language_models(project.folder, base_models)
    best, last = listed[2:]
    assert (best.key, best.step, best.path.name) == ("run:b-ppo:best", 2, "policy-best")
    assert (last.key, last.step, last.path.name) == ("run:b-ppo", 3, "policy")
    assert best.title.endswith(" (best held-out score +0.70, step 2)")
    assert best.title.split(" (")[0] == last.title
    assert best.run_id == last.run_id == "b-ppo"
    shelf = ModelShelf(CPU)
    assert not same(state(shelf.language_model(best.path, Asked())), state(shelf.language_model(last.path, Asked())))


def test_the_card_of_the_best_policy_says_by_what_it_was_chosen_and_goes_with_it(best_run, tmp_path):
    models = best_run.path / "models"
    told = (models / "policy-best" / "README.md").read_text().partition("## Chosen")[2].partition("##")[0]
    for name, value in (("step", 2), ("score", 0.7), ("kl", 0.25), ("chosen by", "held-out score, KL at most 1")):
        assert re.search(rf"\| {name} \| `?\"?{value}\"?`? \|", told), told
    assert "## Chosen" not in (models / "policy" / "README.md").read_text()
    assert exportable(best_run.path, "ppo") == ("raw", "best", "ema", "value")
    export_model(best_run.path, tmp_path / "out", weights="best")
    assert told in (tmp_path / "out" / "README.md").read_text()
    assert same(state(load_language_model(tmp_path / "out")), state(load_language_model(models / "policy-best")))
    with pytest.raises(DataError, match="lies in no checkpoint"):
        export_model(best_run.path, tmp_path / "two", weights="best", step=2)
    shutil.rmtree(models / "policy-best")
    with pytest.raises(RunError, match="has kept no best policy: its setting best_kl was 0"):
        export_model(best_run.path, tmp_path / "two", weights="best")
    assert best_policy(best_run.path) is None


def test_a_damaged_run_is_left_out(project, base_models, new_run):
    run_to_the_end(new_run("sft", "good"))
    (new_run("sft", "bad").path / "run.json").write_text("{")
    assert [choice.run_id for choice in language_models(project.folder, base_models)] == ["", "", "good"]


def test_a_project_without_runs_has_the_bundled_models(base_models, tmp_path):
    assert len(language_models(tmp_path / "nowhere", base_models)) == 2
    assert language_models(tmp_path / "nowhere", tmp_path / "none") == ()


class Asked:
    """Counts what was read from disk."""

    def __init__(self):
        self.count = 0

    def __call__(self):
        self.count += 1


@pytest.fixture
def folders(tiny_lm, tmp_path):
    for number in range(3):
        save_language_model(tiny_lm, tmp_path / f"model-{number}")
    return [tmp_path / f"model-{number}" for number in range(3)]


def test_models_are_kept_while_there_is_room(folders):
    shelf, asked = ModelShelf(CPU), Asked()
    models = [shelf.language_model(folder, asked) for folder in folders]
    assert [shelf.language_model(folder, asked) for folder in folders] == models
    assert asked.count == 3


def test_the_models_used_last_are_kept_where_room_is_scarce(folders, monkeypatch):
    monkeypatch.setattr("rlhf_studio.jobs.model_reading._ROOM", 1)
    shelf, asked = ModelShelf(CPU), Asked()
    for number in (0, 1, 0, 2, 0):  # 1 is forgotten when 2 comes
        shelf.language_model(folders[number], asked)
    assert asked.count == 3
    shelf.language_model(folders[1], asked)
    assert asked.count == 4


def test_a_model_of_the_wrong_kind_is_refused(folders):
    shelf = ModelShelf(CPU)
    shelf.language_model(folders[0], Asked())
    with pytest.raises(ModelError, match="no scalar head"):
        shelf.reward_model(folders[0], Asked())
