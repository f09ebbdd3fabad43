"""What is counted before a run, against what the trainers then compute."""

from collections import Counter

import pytest
import torch

from rlhf_studio.jobs import disk
from rlhf_studio.jobs.data import prepare
from rlhf_studio.jobs.probe import Probe, representative, total_seconds
from rlhf_studio.jobs.recipes import drive, start_run
from rlhf_studio.jobs.run_file import stage_settings
from rlhf_studio.jobs.text_lengths import text_sizes
from rlhf_studio.jobs.workload import Pass, TextSizes, Workload, Writing, count_work
from rlhf_studio.lm.loading import load_language_model
from rlhf_studio.schema import RunSpec
from rlhf_studio.settings import PpoSettings, PretrainSettings, RewardSettings, SftSettings
from rlhf_studio.train.control import RunControl

FAST = {"threads": 1, "device": "cpu"}
SHORT = {
    "sft": {"epochs": 2, "batch_size": 4, "micro_batch": 3},
    "reward": {"epochs": 2, "batch_size": 4, "micro_batch": 6},
    "ppo": {"steps": 2, "batch_size": 4, "minibatch_size": 3, "epochs": 2, "max_new_tokens": 6, "ptx_window": 8},
}


@pytest.fixture
def counted(monkeypatch):
    """Tokens of every pass through a transformer, by whether it learns, and how many there were."""
    found = Counter()
    call = torch.nn.Module.__call__

    def counting(module, *args, **kwargs):
        if type(module).__name__ == "LlamaModel":
            kind = "learn" if torch.is_grad_enabled() else "read"
            found[kind] += kwargs["input_ids"].numel()
            found[f"{kind} passes"] += 1
        return call(module, *args, **kwargs)

    monkeypatch.setattr(torch.nn.Module, "__call__", counting)
    return found


def spec_of(kind, folder, runs):
    models = {"policy": str(runs / "sft/models/policy"), "reward": str(runs / "reward/models/reward")}
    if kind == "sft":
        models = {"base": str(folder)}
    elif kind == "reward":
        models = {"base": models["policy"]}
    return RunSpec(kind, {**FAST, **SHORT[kind]}, models)


def finish(store, spec, path):
    folder = start_run(store, spec, path)
    assert list(drive(folder, RunControl()))[-1].outcome == "completed"
    return folder


@pytest.fixture
def runs(project, model_folder):
    """SFT and a reward model that were trained in no time."""
    folder = project.folder / "runs"
    for kind in ("sft", "reward"):
        finish(project, spec_of(kind, model_folder, folder), folder / kind)
    return folder


def tokens_of(work: Workload, kind):
    passes = {one: times for one, times in work.passes.items() if one.kind.startswith(kind)}
    return sum(one.tokens * times for one, times in passes.items()), sum(passes.values())


@pytest.mark.parametrize("kind", ["sft", "reward"])
def test_every_token_of_a_run_is_counted_before(kind, project, model_folder, runs, counted):
    spec = spec_of(kind, model_folder, runs)
    model = load_language_model(model_folder)
    settings = stage_settings(spec)
    work = count_work(settings, text_sizes(settings, model, prepare(project, spec)).sizes)
    counted.clear()
    finish(project, spec, project.folder / "runs" / "again")
    assert tokens_of(work, "learn") == (counted["learn"], counted["learn passes"])
    assert tokens_of(work, "read") == pytest.approx((counted["read"], counted["read passes"]), rel=0.02)


def test_passes_of_ppo_are_those_of_answers_of_these_lengths():
    sizes = TextSizes(train=[[(5, 0)]] * 8, probes=[5, 6], answers=(6,), context=128)
    work = count_work(PpoSettings(**SHORT["ppo"]), sizes)
    assert work.steps == 2
    assert (work.language_steps, work.scalar_steps, work.averages, work.comparisons) == (8, 8, 8, 8)
    # minibatches of 3 and 1, twice in each of two steps; each is read by policy and value network
    assert work.passes[Pass("learn", 3, 10, 6)] == work.passes[Pass("learn_scalar", 3, 10)] == 4
    # half a window for each episode: two for three, and one at least
    assert work.passes[Pass("learn", 2, 8, 8)] == work.passes[Pass("learn", 1, 8, 8)] == 4
    assert work.writings[Writing(5, (6,) * 4)] == 2


def test_settings_of_no_stage_are_refused():
    with pytest.raises(TypeError, match="no count for PretrainSettings"):
        count_work(PretrainSettings(), TextSizes(train=[[(5, 5)]]))


@pytest.mark.parametrize("kind", ["sft", "reward", "ppo"])
def test_bytes_of_checkpoints_and_models_are_known_before(kind, project, model_folder, runs):
    spec = spec_of(kind, model_folder, runs)
    model = load_language_model(model_folder)
    probe = Probe(model, stage_settings(spec))
    folder = finish(project, spec, project.folder / "runs" / "again").path
    checkpoint = max((folder / "checkpoints").iterdir())  # each epoch of SFT ends with one
    written = sum(path.stat().st_size for path in checkpoint.iterdir())
    assert disk.checkpoint_bytes(stage_settings(spec), model, probe.scalar) == pytest.approx(written, abs=1_500)
    models = sum(path.stat().st_size for path in (folder / "models").rglob("*") if path.is_file())
    said = disk.models_bytes(stage_settings(spec), model, probe.scalar, model_folder)
    assert said == pytest.approx(models, rel=0.1)
    weights = [path.stat().st_size for path in (folder / "models").rglob("*.safetensors")]
    bare = disk.models_bytes(stage_settings(spec), model, probe.scalar, folder / "models")  # no tokenizer lies there
    assert bare - len(weights) * disk.CARD_BYTES == pytest.approx(sum(weights), abs=5_000)


@pytest.mark.parametrize(
    ("settings", "written", "kept"),
    [
        (SftSettings(), 1, (1, 1)),
        (SftSettings(), 5, (2, 3)),
        (RewardSettings(keep_checkpoints=1), 5, (1, 2)),
        (SftSettings(keep_checkpoints=3, keep_best=True), 9, (4, 5)),
        (PpoSettings(steps=30), 3, (3, 3)),
        (PpoSettings(steps=100), 10, (4, 5)),  # the newest two, and 40 and 80
        (PpoSettings(steps=30), 40, (5, 6)),  # those by the clock among them
        (PpoSettings(steps=30, checkpoint_steps=0), 40, (2, 3)),
    ],
)
def test_checkpoints_are_kept_by_the_policy_of_the_settings(settings, written, kept):
    assert disk.checkpoints_kept(settings, written) == kept


def test_passes_between_two_timed_ones_lie_on_a_line_and_larger_ones_go_by_size():
    passes = {Pass("read", n, 10): 2.0 for n in (1, 5, 10, 20)}
    timed = {Pass("read", 1, 10): 1.0, Pass("read", 10, 10): 10.0}
    assert total_seconds(passes, timed) == pytest.approx(2 * (1 + 5 + 10 + 20))
    chosen = representative({**passes, Pass("learn", 4, 4): 1.0})
    assert {one.kind for one in chosen} == {"read", "learn"}
    assert len(chosen) <= 3
