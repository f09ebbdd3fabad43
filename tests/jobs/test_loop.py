"""Once round the loop: refit, PPO from where the policy stands, the same prompts before and after."""

import shutil

import pytest

from rlhf_studio.errors import DataError
from rlhf_studio.events import RunFinished, StepMetrics
from rlhf_studio.jobs.catalog import list_runs, rebuild_index
from rlhf_studio.jobs.loop import LearningLoop
from rlhf_studio.jobs.loop_answers import ordered_pairs, sample_answers, shown_prompts
from rlhf_studio.jobs.loop_news import LOOP_PARTS, AnswersShown, JudgeRefitted, LoopBegan, PartDone, mean_scores
from rlhf_studio.jobs.loop_plan import focused
from rlhf_studio.jobs.pipeline import InstructPipeline
from rlhf_studio.jobs.run_folder import RunFolder
from rlhf_studio.jobs.run_tree import run_tree, walk
from rlhf_studio.lm.heads import ScalarModel
from rlhf_studio.schema import Answer, NewCompletion, PpoData, PromptRow, RankedRow, Turn
from rlhf_studio.settings import LoopSettings, RewardSettings
from rlhf_studio.train.compute import Compute
from rlhf_studio.train.control import RunControl

FAST = {"threads": 1, "batch_size": 4, "epochs": 1}
STAGES = {
    "sft": FAST,
    "reward": FAST,
    "ppo": {**FAST, "steps": 1, "minibatch_size": 4, "max_new_tokens": 4, "ptx_window": 8},
}
SHORT = LoopSettings(refit_epochs=2, ppo_steps=2, batch_size=4, prompts=3, answers=2)
_TRAINED = {}  # the runs of a trained project, made once


@pytest.fixture
def trained(project, model_folder, tmp_path_factory):
    """The little project after SFT, reward model and PPO-ptx."""
    if "runs" not in _TRAINED:
        pipeline = InstructPipeline(project, model_folder, STAGES, stages=("sft", "reward", "ppo-ptx"))
        assert [e.outcome for _, e in pipeline.run(RunControl()) if isinstance(e, RunFinished)] == ["completed"] * 3
        _TRAINED["runs"] = tmp_path_factory.mktemp("trained") / "runs"
        shutil.copytree(project.runs_dir, _TRAINED["runs"])
    else:
        shutil.copytree(_TRAINED["runs"], project.runs_dir, dirs_exist_ok=True)
    rebuild_index(project)
    return project


def rank(store, prompt_id, words=("yes", "no", "why", "so")):
    ids = store.add_completions([NewCompletion(prompt_id, text, "m") for text in words]).ids
    return store.add_ranking(prompt_id, [[i] for i in ids], labeler="Tess").ids[0]


def go_round(store, settings=SHORT, control=None, stop_at=None):
    """Everything that a round tells: events of runs, and news."""
    control, loop, news, events = control or RunControl(), LearningLoop(store.folder, settings), [], []
    for item in loop.run(control):
        events.append(item)
        news += loop.take()
        if stop_at is not None and (item.stage, item.event.step) == stop_at and isinstance(item.event, StepMetrics):
            control.request_stop()
    return events, news + loop.take()


def of_kind(news, kind):
    return [one for one in news if isinstance(one, kind)]


def runs_by_kind(store, kind):
    return [run for run in list_runs(store.folder).runs if run.kind == kind]


def test_a_round_leaves_two_runs_under_those_before(trained):
    rank(trained, 2)
    events, news = go_round(trained)
    sft, old_judge, old_policy, judge, policy = list_runs(trained.folder).runs
    assert [run.outcome for run in (judge, policy)] == ["completed", "completed"]
    assert (judge.title, policy.title) == ("Reward model: refitted", "PPO-ptx: after a refit")
    assert judge.parents == (sft.id, old_judge.id)
    assert set(policy.parents) == {sft.id, old_policy.id, judge.id}
    depths = {node.name: depth for depth, node in walk(run_tree(list_runs(trained.folder).runs))}
    assert (depths[judge.id], depths[policy.id]) == (depths[old_judge.id] + 1, depths[old_policy.id] + 1)
    models = RunFolder.open(policy.path).spec.models
    assert models["policy"] == f"runs/{sft.id}/models/policy"  # the KL is still measured to SFT
    assert models["from"] == f"runs/{old_policy.id}/models/policy"
    assert models["value"] == f"runs/{old_policy.id}/models/value"
    assert {item.run_id for item in events if isinstance(item.event, StepMetrics)} == {judge.id, policy.id}
    assert [part.part for part in of_kind(news, PartDone)] == list(LOOP_PARTS)
    assert all(part.seconds > 0 and part.cpu_seconds > 0 for part in of_kind(news, PartDone))
    assert of_kind(news, LoopBegan) == [LoopBegan(1, 1)]


def test_what_is_shown_is_the_ranked_prompt_and_probes_scored_by_both(trained):
    rank(trained, 2)
    _, news = go_round(trained)
    first, second, last = (one.prompts for one in of_kind(news, AnswersShown))
    assert [(one.prompt_id, one.is_ranked) for one in last] == [(2, True), (8, False)]
    assert all(answer.new_score is None and not one.after for one in first for answer in one.before)
    assert all(answer.new_score is not None for one in second for answer in one.before)
    assert all(len(one.before) == len(one.after) == 2 for one in last)
    for one, other in zip(first, last, strict=True):
        assert [a.text for a in one.before] == [a.text for a in other.before]
        assert [a.old_score for a in one.before] == pytest.approx([a.old_score for a in other.before])
    assert mean_scores(first) is None
    assert mean_scores(last)[1] == pytest.approx(sum(a.new_score for one in last for a in one.after) / 4)
    (judge,) = of_kind(news, JudgeRefitted)
    assert judge.new_pairs == 6
    assert None not in (judge.held_out_before, judge.held_out_after)


def test_with_the_same_random_numbers_a_policy_that_learned_nothing_says_the_same(trained):
    rank(trained, 2)
    _, news = go_round(trained, LoopSettings(**{**SHORT.model_dump(), "learning_rate": 1e-30, "refit_rate": 1e-30}))
    last = of_kind(news, AnswersShown)[-1].prompts
    for one in last:
        assert [a.text for a in one.before] == [a.text for a in one.after]
        assert [a.new_score for a in one.before] == pytest.approx([a.new_score for a in one.after], abs=1e-6)


def test_answers_depend_on_seed_and_prompt_not_on_their_company(tiny_lm):
    rows = [PromptRow(number, (Turn("user", "The sky"),)) for number in (3, 4)]
    both = sample_answers(tiny_lm, rows, LoopSettings(answers=3), 6)
    assert sample_answers(tiny_lm, rows[1:], LoopSettings(answers=3), 6) == both[1:]
    texts = {answer.token_ids for answers in both for answer in answers}
    assert len(texts) == 6
    assert sample_answers(tiny_lm, rows, LoopSettings(answers=3, seed=1), 6) != both


def test_a_round_that_was_stopped_in_the_refit_goes_on_with_it(trained):
    rank(trained, 2)
    _, news = go_round(trained, stop_at=("reward", 1))
    assert [run.outcome for run in runs_by_kind(trained, "reward")] == ["completed", "stopped"]
    assert len(runs_by_kind(trained, "ppo")) == 1
    assert [part.part for part in of_kind(news, PartDone)] == ["before", "refit"]
    assert not of_kind(news, JudgeRefitted)
    _, news = go_round(trained)
    assert [run.outcome for run in runs_by_kind(trained, "reward")] == ["completed", "completed"]
    assert [run.outcome for run in runs_by_kind(trained, "ppo")] == ["completed", "completed"]
    assert of_kind(news, PartDone)[-1].part == "after"


def test_a_new_ranking_after_the_stop_makes_another_refit(trained):
    rank(trained, 2)
    go_round(trained, stop_at=("reward", 1))
    rank(trained, 3)
    _, news = go_round(trained)
    assert of_kind(news, LoopBegan)[0].new == 2
    assert [run.outcome for run in runs_by_kind(trained, "reward")] == ["completed", "stopped", "completed"]


def test_a_round_that_was_stopped_in_ppo_goes_on_with_the_policy_only(trained):
    rank(trained, 2)
    _, before = go_round(trained, stop_at=("ppo-ptx", 1))
    assert [run.outcome for run in runs_by_kind(trained, "ppo")] == ["completed", "stopped"]
    _, news = go_round(trained)
    assert len(runs_by_kind(trained, "reward")) == 2
    assert [run.outcome for run in runs_by_kind(trained, "ppo")] == ["completed", "completed"]
    (first, *_), last = of_kind(before, AnswersShown), of_kind(news, AnswersShown)[-1]
    assert [a.text for one in first.prompts for a in one.before] == [a.text for one in last.prompts for a in one.before]
    with pytest.raises(DataError, match="0 rankings"):  # and then there is nothing left to do
        go_round(trained)


def test_without_a_policy_it_goes_on_from_sft(trained):
    shutil.rmtree(runs_by_kind(trained, "ppo")[0].path)
    rebuild_index(trained)
    rank(trained, 2)
    settings = LoopSettings(**{**SHORT.model_dump(), "ppo_steps": 1})
    go_round(trained, settings)
    (policy,) = runs_by_kind(trained, "ppo")
    assert set(RunFolder.open(policy.path).spec.models) == {"policy", "reward"}


def test_without_a_reward_model_it_says_what_to_do(project):
    rank(project, 2)
    with pytest.raises(DataError, match=r"0 trained reward models.*Train the stages once first"):
        go_round(project)


def test_many_rankings_get_fewer_passes(trained):
    for prompt_id in (1, 2, 3, 4, 5, 6):
        rank(trained, prompt_id)
    settings = LoopSettings(**{**SHORT.model_dump(), "refit_epochs": 8, "refit_updates": 6})
    control = RunControl()
    go_round(trained, settings, control, stop_at=("reward", 1))
    run = RunFolder.open(runs_by_kind(trained, "reward")[-1].path)
    assert (len(run.data().train), len(run.data().replay)) == (6, 6)
    assert run.spec.settings["epochs"] == 2  # three updates a pass


def test_the_newest_ranked_prompts_come_first_and_half_are_probes(project):
    rows = [RankedRow(i, (Turn("user", f"Say {i}."),), (Answer("a"), Answer("b")), (1, 2)) for i in (1, 2, 3, 2)]
    shown = [(row.prompt_id, is_ranked) for row, is_ranked in shown_prompts(project, rows, 4)]
    assert shown == [(2, True), (3, True), (1, True), (8, False)]
    assert [row.prompt_id for row, _ in shown_prompts(project, rows, 1)] == [2]


def test_pairs_are_counted_by_hand(tiny_lm):
    """Three answers, the first two tied: two pairs."""
    judge = ScalarModel.from_language_model(tiny_lm, seed=0)
    compute = Compute(RewardSettings(threads=1))
    rows = [RankedRow(1, (Turn("user", "say"),), (Answer("aa"), Answer("bb"), Answer("cc")), (1, 1, 2))]
    right, pairs = ordered_pairs(judge, compute, rows)
    flipped, _ = ordered_pairs(judge, compute, [RankedRow(1, rows[0].turns, rows[0].answers, (2, 2, 1))])
    assert pairs == 2
    assert right + flipped == 2


def test_half_of_the_prompts_of_ppo_are_those_just_ranked(project):
    rows = [RankedRow(i, (Turn("user", f"Say {i}."),), (Answer("a"), Answer("b")), (1, 2)) for i in (1, 2, 2)]
    data = PpoData(project.prompt_rows("ppo", "train"))
    prompts = [row.prompt_id for row in focused(project, data, rows, 0.5).prompts]
    assert prompts == [3, 4, 5, 6, 1, 2, 1, 2]
    assert len(focused(project, data, rows, 0.75).prompts) == 4 + 12
    assert focused(project, data, rows, 0.0) == data
