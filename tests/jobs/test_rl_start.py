"""The RL start: a run of its own that PPO begins with and is measured from, and the judge of the epochs before it."""

import json

import pytest
import torch

from rlhf_studio.errors import DataError, RunError
from rlhf_studio.events import Notice, RunFinished, SampleShown, StepMetrics
from rlhf_studio.jobs.catalog import dependents, list_runs, rebuild_index
from rlhf_studio.jobs.data import prepare
from rlhf_studio.jobs.forking import fork_run
from rlhf_studio.jobs.judges import newest_judge
from rlhf_studio.jobs.models import language_models, usable
from rlhf_studio.jobs.needs import missing
from rlhf_studio.jobs.pipeline import InstructPipeline
from rlhf_studio.jobs.provenance import read_provenance, run_card
from rlhf_studio.jobs.recipes import drive, start_run
from rlhf_studio.jobs.run_folder import RunFolder
from rlhf_studio.jobs.run_tree import run_tree, walk
from rlhf_studio.jobs.stages import begins_with, in_order
from rlhf_studio.lm.codec import Codec
from rlhf_studio.lm.heads import ScalarModel
from rlhf_studio.lm.loading import load_language_model
from rlhf_studio.lm.model import LanguageModel
from rlhf_studio.lm.tokenizer_training import train_tokenizer
from rlhf_studio.schema import RunSpec
from rlhf_studio.settings import STAGE_SETTINGS, find_preset
from rlhf_studio.store.bundle import PRETRAINING
from rlhf_studio.store.rows import Counts
from rlhf_studio.train.control import RunControl

COMMON = {"threads": 1}
SHORT = {
    "sft": {**COMMON, "epochs": 2, "batch_size": 3},
    "reward": {**COMMON, "epochs": 1, "batch_size": 3},
    "rl-start": {**COMMON, "batch_size": 3},
    "ppo": {
        **COMMON,
        "steps": 1,
        "batch_size": 4,
        "minibatch_size": 4,
        "max_new_tokens": 3,
        "ptx_window": 8,
        "ptx_ratio": 1.0,
    },
}
PAPER = {stage: {**find_preset("paper").of(stage), **SHORT[stage]} for stage in SHORT}
ALL = ("sft", "reward", "rl-start", "ppo-ptx")


def run(pipeline):
    told = list(pipeline.run(RunControl()))
    endings = {stage: event.outcome for stage, event in told if isinstance(event, RunFinished)}
    return told, endings


def summaries(project):
    return {run.id: run for run in list_runs(project.folder).runs}


@pytest.fixture
def papers(project, model_folder):
    """The paper's preset on next to nothing, as the window trains it."""
    pipeline = InstructPipeline(project, model_folder, PAPER, stages=("sft", "reward", "ppo-ptx"))
    return pipeline, *run(pipeline)


def test_the_papers_preset_trains_an_rl_start_that_ppo_begins_with_and_is_measured_from(project, model_folder, papers):
    pipeline, told, endings = papers
    assert endings == dict.fromkeys(ALL, "completed")
    assert list(endings) == list(ALL)
    sft, reward, start, ppo = (pipeline.folder(stage) for stage in ALL)
    assert pipeline.folder("ppo-ptx").spec.models == {
        "policy": f"runs/{start.id}/models/policy",
        "reward": f"runs/{reward.id}/models/reward",
    }
    assert reward.spec.models == {"base": f"runs/{sft.id}/models/policy"}  # it still begins with SFT
    assert start.spec.models["base"] == sft.spec.models["base"] == str(model_folder)  # fresh from the base
    settings = start.spec.settings
    assert (settings["epochs"], settings["pretraining_share"], settings["learning_rate"]) == (2, 0.1, 5e-6)
    assert all("loss/ptx" in e.values for s, e in told if s == "rl-start" and isinstance(e, StepMetrics) and e.step)
    assert [(run.id, run.kind) for run in project.runs()] == [
        (sft.id, "sft"),
        (reward.id, "reward"),
        (start.id, "rl-start"),
        (ppo.id, "ppo"),
    ]

    # the KL is measured from it
    first = [e for stage, e in told if stage == "ppo-ptx" and isinstance(e, SampleShown) and e.step == 0]
    assert [e.kl for e in first] == [0.0]
    models = [load_language_model(folder.path / "models" / "policy").module for folder in (start, sft)]
    pairs = zip(*(model.parameters() for model in models), strict=True)
    assert not all(torch.equal(one, other) for one, other in pairs)  # so that the 0 says which of them it is


def test_the_tree_shows_ppo_under_the_rl_start_and_the_card_where_all_came_from(project, papers):
    pipeline, _, _ = papers
    sft, reward, start, ppo = (pipeline.runs[stage] for stage in ALL)
    rebuild_index(project)
    found = [(depth, node.name) for depth, node in walk(run_tree(list_runs(project.folder).runs))]
    assert found == [(0, "base"), (1, sft), (2, reward), (1, start), (2, ppo)]
    card = run_card(project.runs_dir / ppo, 1)
    assert f"- policy: policy, of the run {start}" in card
    assert f"  - base: base, SHA-256 {pipeline.folder('rl-start').run_file.models['base']}" in card
    page = (project.runs_dir / start / "models" / "policy" / "README.md").read_text()
    assert page.startswith("# RL start: policy\n")
    assert "| pretraining_share | 0.1 |" in page

    with pytest.raises(DataError, match="The setting 'start' has done its work"):
        fork_run(project.runs_dir / ppo, 1, {"start": "sft", "steps": 2})
    project.delete_run(reward)
    found = [(depth, node.name) for depth, node in walk(run_tree(list_runs(project.folder).runs))]
    assert found == [(0, "base"), (1, sft), (1, start), (2, ppo)]


def test_a_small_project_reuses_the_sft_model(project, model_folder):
    pipeline = InstructPipeline(project, model_folder, SHORT, stages=("sft", "reward", "ppo"))
    _, endings = run(pipeline)
    assert list(endings) == ["sft", "reward", "ppo"]
    sft, reward, ppo = (pipeline.runs[stage] for stage in endings)
    assert pipeline.folder("ppo").spec.models["policy"] == f"runs/{sft}/models/policy"
    found = [(depth, node.name) for depth, node in walk(run_tree(list_runs(project.folder).runs))]
    assert found == [(0, "base"), (1, sft), (2, reward), (3, ppo)]
    for preset in ("toy", "no-kl", "triple-rate", "few-rankings"):
        assert begins_with({"ppo": find_preset(preset).of("ppo")}, "ppo") == "sft"


def test_the_second_time_the_reward_model_of_the_first_judges_the_epochs(project, model_folder):
    first = InstructPipeline(project, model_folder, SHORT, stages=("sft", "reward"))
    told, _ = run(first)
    ids = [e.message for stage, e in told if stage == "sft" and isinstance(e, Notice)]
    assert ids == ["sft.no_judge", "sft.best.loss", "sft.kept.last"]
    second = InstructPipeline(project, model_folder, {**SHORT, "sft": {**SHORT["sft"], "epochs": 3}}, stages=("sft",))
    told, _ = run(second)
    scores = {e.step: e.values["valid/scores"] for _, e in told if isinstance(e, StepMetrics) and not e.step % 2}
    assert sorted(scores) == [0, 2, 4, 6]
    best = max((2, 4, 6), key=lambda step: (scores[step], -step))
    folder = second.folder("sft")
    kept = next(e for _, e in told if isinstance(e, Notice) and e.message.startswith("sft.kept"))
    assert (kept.message, kept.values) == ("sft.kept.score", {"epoch": best // 2, "of": 3})
    assert usable(summaries(project)[folder.id]).step == best
    known = read_provenance(folder.path / "models" / "policy")
    assert (known["step"], known["chosen"]["epoch"]) == (best, best // 2)
    assert known["made_from"]["judge"]["provenance"]["run"] == first.runs["reward"]
    page = run_card(folder.path, best)
    assert f"| best epoch by held-out score | {best // 2} ({scores[best]:.4f}) |" in page
    assert "| chosen by | the reward model's score of answers to held-out prompts |" in page
    assert [choice.step for choice in language_models(project.folder, model_folder.parent)][-1] == best
    weights = load_language_model(folder.path / "models" / "policy")
    tensors = folder.weights(best)
    assert all(torch.equal(t, tensors[f"policy.{name}"]) for name, t in weights.module.named_parameters())
    # the judge is no ancestor, but without it the run cannot go on
    runs = summaries(project)
    assert runs[folder.id].under == ()
    assert [run.id for run in dependents(runs.values(), first.runs["reward"])] == [folder.id]


def test_the_newest_complete_reward_model_judges(project, model_folder):
    assert newest_judge(project.folder) is None
    pipeline = InstructPipeline(project, model_folder, SHORT, stages=("sft", "reward"))
    run(pipeline)
    model = pipeline.folder("reward").path.absolute() / "models" / "reward"
    assert newest_judge(project.folder) == model
    again, control = InstructPipeline(project, model_folder, SHORT, pipeline.runs, stages=("reward",)), RunControl()
    del again.runs["reward"]
    for _, event in again.run(control):
        if isinstance(event, StepMetrics):
            control.request_stop()
    assert newest_judge(project.folder) == model  # the newer one was stopped


@pytest.fixture
def judged(project, model_folder, tiny_lm, tmp_path):
    """Make an SFT run with a judge."""

    def make(judge=None, name="judged", **changes):
        (judge or ScalarModel.from_language_model(tiny_lm, seed=3)).save(tmp_path / "judge")
        models = {"base": str(model_folder), "judge": str(tmp_path / "judge")}
        spec = RunSpec("sft", {**SHORT["sft"], "epochs": 4, **changes}, models, "SFT")
        return start_run(project, spec, project.runs_dir / name)

    return make


def test_a_judge_of_other_tokens_is_told_and_scores_nothing(judged, tiny_lm):
    other = LanguageModel(tiny_lm.module, Codec(train_tokenizer(["another text altogether"], 290)), 128, None)
    folder = judged(ScalarModel.from_language_model(other, seed=3))
    events = list(drive(folder, RunControl()))
    ids = [event.message for event in events if isinstance(event, Notice)]
    assert ids[:2] == ["sft.judge_of_other_tokens", "sft.no_judge"]
    assert events[-1].outcome == "completed"
    assert not any("valid/scores" in event.values for event in events if isinstance(event, StepMetrics))


def test_weights_of_one_epoch_at_most_lie_beside_the_checkpoints(judged):
    folder = judged(keep_checkpoints=1)
    for event in drive(folder, RunControl()):
        if isinstance(event, StepMetrics):
            assert len(list(folder.path.glob("epochs/step-*"))) <= 2  # for as long as the newer one is not safe
    assert len(list(folder.path.glob("epochs/step-*"))) == 1
    assert len(list(folder.path.glob("checkpoints/step-*"))) == 1
    (kept,) = folder.path.glob("epochs/step-*")
    weights, whole = (path.stat().st_size for path in (kept / "state.safetensors", *_states(folder)))
    assert weights < whole / 2  # without the optimizer's moments


def _states(folder):
    return list(folder.path.glob("checkpoints/step-*/state.safetensors"))


def test_weights_that_are_damaged_are_told(judged):
    folder = judged()
    list(drive(folder, RunControl()))
    (kept,) = folder.path.glob("epochs/step-*")
    (kept / "state.safetensors").write_bytes(b"damaged")
    step = int(kept.name.split("-")[1])
    with pytest.raises(RunError, match=f"keeps no whole weights of step {step} .*is not what was written"):
        RunFolder.open(folder.path).weights(step)


def test_a_fork_takes_the_weights_of_an_earlier_epoch_along_or_chooses_among_its_own(judged):
    folder = judged(checkpoint_seconds=1e-6, keep_checkpoints=100, choose_by="loss", learning_rate=1e-30)
    events = list(drive(folder, RunControl()))
    chosen = next(event for event in events if isinstance(event, Notice) and event.message == "sft.kept.loss")
    step = 2 * chosen.values["epoch"]
    assert step == 2, "nothing is learnt, so that the first of equals is the best"
    fork = fork_run(folder.path, 7)
    assert [path.name for path in fork.path.glob("epochs/*")] == [f"step-{step:08d}"]
    assert chosen in list(drive(fork, RunControl()))
    folder.drop_weights(but=0)
    folder.close()
    without = fork_run(folder.path, 7)
    state = json.loads((without.path / "checkpoints" / "step-00000007" / "state.json").read_text())["state"]
    assert (state["epochs"]["kept"], state["epochs"]["first"]) == (0, 3)
    assert Notice(8, "sft.kept.loss", {"epoch": 4, "of": 4}) in list(drive(without, RunControl()))


def test_the_stages_are_put_in_order_and_the_rl_start_is_added_where_ppo_needs_it():
    paper = {"ppo": {"start": "rl-start"}}
    assert in_order(("ppo", "sft", "reward"), {}) == ("sft", "reward", "ppo")
    assert in_order(("sft", "reward", "ppo", "ppo-ptx"), paper) == ("sft", "reward", "rl-start", "ppo", "ppo-ptx")
    assert in_order(("ppo-ptx",), paper, {"rl-start", "reward"}) == ("ppo-ptx",)
    assert in_order(("sft",), paper) == ("sft",)
    assert begins_with({**paper, "ppo-ptx": {"start": "sft"}}, "ppo-ptx") == "sft"


def test_what_an_rl_start_lacks_is_named():
    counts = Counts(9, {"ppo": 3}, {}, {}, 5, 0, 1, 2, 3, sets_waiting=0)
    found = missing(counts, {"sft", "reward"}, "ppo", start="rl-start")
    assert [(one.message, one.remedy) for one in found] == [("no_rl_start", "rl-start")]
    assert missing(counts, {"rl-start", "reward"}, "ppo", start="rl-start") == ()
    assert missing(counts, (), "rl-start") == ()


def test_an_rl_start_without_pretraining_text_says_what_to_do(project):
    (project.folder / PRETRAINING).unlink()
    with pytest.raises(DataError, match=r"The pretraining mix of the RL start \(share 0.1\) needs pretraining text"):
        prepare(project, RunSpec("rl-start", {}, {"base": "x"}))
    assert prepare(project, RunSpec("rl-start", {"pretraining_share": 0}, {"base": "x"})).pretraining == ()


def test_the_presets_say_what_the_paper_does():
    paper = find_preset("paper")
    settings = {stage: STAGE_SETTINGS[stage](**paper.of(stage)) for stage in ("sft", "rl-start", "ppo")}
    assert settings["sft"].choose_by == "score"  # C.1
    start = settings["rl-start"]
    assert (start.epochs, start.pretraining_share, start.learning_rate, start.batch_size) == (2, 0.1, 5e-6, 32)  # C.3
    assert (settings["ppo"].start, STAGE_SETTINGS["ppo"]().start) == ("rl-start", "sft")
