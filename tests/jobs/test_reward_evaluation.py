import shutil
import time
from contextlib import nullcontext
from dataclasses import replace

import pytest
import torch

from fakes import drain
from rlhf_studio.errors import RunError
from rlhf_studio.jobs.inference import (
    EvaluationDone,
    EvaluationProgress,
    InferenceService,
    RequestDone,
    RequestFailed,
)
from rlhf_studio.jobs.inference_question import Listener
from rlhf_studio.jobs.inference_work import evaluate
from rlhf_studio.jobs.model_reading import ModelShelf
from rlhf_studio.jobs.recipes import drive, start_project_run
from rlhf_studio.jobs.reward_evaluation import (
    EVALUATION_FILE,
    labelers_agreement,
    read_evaluation,
    write_evaluation,
)
from rlhf_studio.jobs.reward_scoring import evaluate_reward, score_rankings
from rlhf_studio.jobs.turns import Turns
from rlhf_studio.lm.heads import load_scalar_model
from rlhf_studio.lm.saving import save_language_model
from rlhf_studio.schema import Answer, NewCompletion, NewPrompt, RankedRow, RunSpec, Turn
from rlhf_studio.settings import RewardSettings
from rlhf_studio.store.project import create_project, open_project
from rlhf_studio.train.compute import Compute
from rlhf_studio.train.control import RunControl
from rlhf_studio.train.packing import Example
from rlhf_studio.train.reward import score_examples

PATIENCE_S = 60
QUICK = {
    "sft": {"epochs": 1, "batch_size": 4},
    "reward": {"epochs": 1, "batch_size": 4, "learning_rate": 1e-2},
    "ppo": {"steps": 1, "batch_size": 4, "minibatch_size": 4, "epochs": 1, "max_new_tokens": 4, "ptx_window": 8},
}


def run_of(project, kind, models, **changes):
    settings = {**QUICK[kind], "threads": 1, "device": "cpu", **changes}
    folder = start_project_run(project, RunSpec(kind, settings, {r: str(p) for r, p in models.items()}))
    assert list(drive(folder, RunControl()))[-1].outcome == "completed"
    return folder.path


@pytest.fixture(autouse=True)
def _few_answers(monkeypatch):
    monkeypatch.setattr("rlhf_studio.jobs.reward_scoring._ENOUGH", 4)


@pytest.fixture(scope="module")
def trained(tmp_path_factory, _tiny_llama):
    """Three runs of a little project; prompts 1 to 6 train, 7 is held out."""
    folder = tmp_path_factory.mktemp("trained")
    save_language_model(_tiny_llama.clone(), folder / "base")
    uses = frozenset({"demonstrate", "rank", "ppo"})
    with create_project(folder / "project", "Little") as store:
        splits = ("train",) * 6 + ("valid",)
        prompts = [NewPrompt((Turn("user", f"Say {i}."),), purposes=uses, split=s) for i, s in enumerate(splits)]
        for prompt_id in store.add_prompts(prompts).ids:
            store.add_demonstration(prompt_id, "yes", "Ada")
            ids = store.add_completions([NewCompletion(prompt_id, text, "m") for text in ("yes", "no", "why")]).ids
            store.add_ranking(prompt_id, [ids[:1], ids[1:]])
        sft = run_of(store, "sft", {"base": folder / "base"})
        reward = run_of(store, "reward", {"base": sft / "models" / "policy"})
        models = {"policy": sft / "models" / "policy", "reward": reward / "models" / "reward"}
        ppo = run_of(store, "ppo", models, ptx_coef=0.0)
    return folder / "project", {"sft": sft.name, "reward": reward.name, "ppo": ppo.name}


@pytest.fixture
def runs(trained, tmp_path):
    """A copy of the runs for each test."""
    source, names = trained
    copy = shutil.copytree(source, tmp_path / "copy")
    return {kind: copy / "runs" / name for kind, name in names.items()}


def shelf():
    return ModelShelf(torch.device("cpu"))


def test_it_measures_what_was_held_out_and_scores_the_models_before_and_after(runs):
    work, shares = evaluate_reward(runs["reward"], shelf(), lambda _: None), []
    while True:
        try:
            shares.append(next(work))
        except StopIteration as end:
            found = end.value
            break
    assert shares == sorted(shares)
    assert 0 < shares[0] <= shares[-1] <= 1
    assert (found.run, found.rankings, found.left_out, found.labelers) == (runs["reward"].name, 1, 0, 1)
    assert found.accuracy.count == 2  # one better than two that are tied
    assert [name for name, _ in found.by_size] == ["3"]
    assert [name for name, _ in found.by_distance] == ["1"]
    assert sum(each.observed.count for each in found.calibration) == 2
    assert [(s.key, s.run) for s in found.samples] == [
        ("demonstrations", ""),
        ("base", ""),
        ("sft", runs["sft"].name),
        ("ppo", runs["ppo"].name),
    ]
    assert [len(s.scores) for s in found.samples] == [6, 4, 4, 4]  # one prompt, answered often
    assert found.samples[0].mean == pytest.approx(0, abs=1e-5)  # what the bias is for
    assert found.bias == pytest.approx(load_scalar_model(runs["reward"] / "models" / "reward").bias)
    assert found.notes == ()


def test_the_figures_are_those_that_training_told(runs):
    from rlhf_studio.events import StepMetrics
    from rlhf_studio.jobs.run_folder import RunFolder

    found = drain(evaluate_reward(runs["reward"], shelf(), lambda _: None))
    told = [e for e in RunFolder.open(runs["reward"]).events() if isinstance(e, StepMetrics)][-1].values
    assert found.accuracy.value == pytest.approx(told["accuracy/valid"])
    assert found.loss == pytest.approx(told["loss/valid"], abs=1e-5)


def test_it_is_kept_in_the_run_and_is_no_more_true_once_the_run_has_gone_on(runs):
    run = runs["reward"]
    assert read_evaluation(run, 1) is None
    found = drain(evaluate_reward(run, shelf(), lambda _: None))
    write_evaluation(run, found)
    assert read_evaluation(run, found.step) == found
    assert read_evaluation(run, found.step + 1) is None
    write_evaluation(run, replace(found, accuracy=None, loss=None, calibration=(), samples=()))
    assert read_evaluation(run, found.step).accuracy is None
    (run / EVALUATION_FILE).write_text('{"form": 1, "found": {}}')
    with pytest.raises(RunError, match="Evaluate it again"):
        read_evaluation(run, found.step)


def test_a_run_of_another_kind_and_one_without_a_model_are_refused(runs):
    with pytest.raises(RunError, match="trains no reward model"):
        drain(evaluate_reward(runs["sft"], shelf(), lambda _: None))
    models = {"base": str(runs["sft"] / "models" / "policy")}
    with open_project(runs["sft"].parent.parent) as store:
        begun = start_project_run(store, RunSpec("reward", {}, models))
    with pytest.raises(RunError, match="has left no model yet"):
        drain(evaluate_reward(begun.path, shelf(), lambda _: None))


def test_a_model_that_cannot_be_used_is_named_and_the_others_are_measured(runs):
    config = runs["ppo"] / "models" / "policy" / "config.json"
    config.write_text("{}")
    found = drain(evaluate_reward(runs["reward"], shelf(), lambda _: None))
    assert [s.key for s in found.samples] == ["demonstrations", "base", "sft"]
    assert len(found.notes) == 1


def test_without_held_out_rankings_there_are_no_figures_but_the_bias(project, model_folder):
    for ranking in project.rankings():
        prompt = next(p for p in project.prompts() if p.id == ranking.prompt_id)
        if prompt.split == "valid":
            project.retract_ranking(ranking.id)
    run = run_of(project, "reward", {"base": model_folder})
    found = drain(evaluate_reward(run, shelf(), lambda _: None))
    assert (found.accuracy, found.loss, found.calibration, found.rankings) == (None, None, (), 0)
    assert [s.key for s in found.samples] == ["demonstrations"]
    assert found.bias != 0


def test_scores_go_to_their_answers_whatever_their_length(runs):
    model = load_scalar_model(runs["reward"] / "models" / "reward")
    row = RankedRow(1, (Turn("user", "Say it."),), tuple(Answer("no " * n) for n in (30, 1, 12)), (2, 1, 3))
    (ranking,) = score_rankings(model, [row])
    prompt = tuple(model.codec.encode_prompt(row.turns))
    examples = [Example(prompt, tuple(model.codec.encode_answer(a.text))) for a in row.answers]
    expected = score_examples(model, Compute(RewardSettings(threads=1, device="cpu")), examples)
    assert ranking.scores == pytest.approx(expected.tolist(), abs=1e-5)
    assert ranking.ranks == (2, 1, 3)


def test_labelers_are_matched_by_their_answers():
    turns, (a, b, c) = (Turn("user", "hi"),), (Answer("a"), Answer("b"), Answer("c", (1, 2)))
    rows = [
        RankedRow(1, turns, (a, b, c), (1, 2, 3), "Ada"),
        RankedRow(1, turns, (b, a), (1, 2), "Bo"),
        RankedRow(2, turns, (a, c), (1, 2), "Ada"),
    ]
    found = labelers_agreement(rows)
    assert (found.between.value, found.between.count) == (0.0, 1)
    assert found.within is None


def test_the_inference_thread_measures_it_and_tells_only_the_newest_share(runs):
    service = InferenceService(Turns(), device="cpu", threads=1)
    told = []
    try:
        request = service.evaluate(runs["reward"])
        deadline = time.monotonic() + PATIENCE_S
        while not any(isinstance(event, RequestDone) for event in told):
            assert time.monotonic() < deadline, told
            assert not [event for event in told if isinstance(event, RequestFailed)]
            time.sleep(0.01)
            batch = service.drain()
            assert sum(isinstance(event, EvaluationProgress) for event in batch) <= 1
            told += batch
    finally:
        assert service.close(PATIENCE_S)
    (found,) = [event.found for event in told if isinstance(event, EvaluationDone)]
    assert all(event.request == request for event in told if isinstance(event, EvaluationProgress | EvaluationDone))
    assert read_evaluation(runs["reward"], found.step) == found


def test_what_cannot_be_kept_is_shown_all_the_same(runs, monkeypatch):
    def refuse(_run, _found):
        raise RunError("The disk is full.")

    monkeypatch.setattr("rlhf_studio.jobs.inference_work.write_evaluation", refuse)
    told = []
    listener = Listener(
        loading=lambda _: None,
        written=lambda *_: None,
        done=lambda *_: None,
        evaluating=lambda _: None,
        evaluated=told.append,
        estimated=lambda _: None,
        scored=lambda _: None,
        is_cancelled=lambda: False,
        turn=nullcontext,
        other_stretch=lambda: 0.0,
    )
    drain(evaluate(runs["reward"], shelf(), listener))
    assert told[0].notes == ("The disk is full.",)
    assert told[0].accuracy is not None
