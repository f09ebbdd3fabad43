"""What a reward model is refitted to: new rankings, and a replay of those it knows."""

import pytest

from rlhf_studio.errors import DataError, RunError
from rlhf_studio.jobs.catalog import list_runs
from rlhf_studio.jobs.data import prepare
from rlhf_studio.jobs.provenance import run_card
from rlhf_studio.jobs.recipes import drive, start_project_run, start_run
from rlhf_studio.jobs.refit import drawn, learned_rankings, refit_data
from rlhf_studio.jobs.run_tree import run_tree, walk
from rlhf_studio.lm.heads import ScalarModel
from rlhf_studio.schema import NewCompletion, RunSpec
from rlhf_studio.settings import RewardSettings
from rlhf_studio.train.control import RunControl

FAST = {"threads": 1, "batch_size": 4}


@pytest.fixture
def judge(project, model_folder):
    """The model of a complete reward-model run on the project's six rankings."""
    spec = RunSpec("reward", FAST, {"base": str(model_folder)}, "Reward model")
    folder = start_run(project, spec, project.runs_dir / "20260101-1-reward")
    list(drive(folder, RunControl()))
    return folder.path / "models" / "reward"


def rank(store, prompt_id, labeler="Tess"):
    """A person ranks new answers, so that it can be undone; returns the ranking's id."""
    texts = [f"{prompt_id}: {word} {len(store.rankings(prompt_id))}" for word in ("a", "b", "c")]
    made = store.add_answer_set(prompt_id, [NewCompletion(prompt_id, text, "m") for text in texts])
    answers = store.answer_set(made.ids[0])
    return store.rank_set(answers.id, [[i] for i in answers.completion_ids], 1.0, labeler).ids[0]


def numbers(rows):
    return [row.prompt_id for row in rows]


def test_new_rankings_and_so_many_old_ones_of_each(project, judge):
    for prompt_id in (2, 5):
        rank(project, prompt_id)
    data = refit_data(project, RewardSettings(replay=2), judge)
    assert numbers(data.train) == [2, 5]
    assert all(row.labeler == "Tess" for row in data.train)
    old = learned_rankings(judge.parent.parent)
    assert len(old) == 6
    assert len(data.replay) == 4  # two for each of two
    assert set(data.replay) < old
    assert data.replay == drawn([row for row in project.ranked_rows("train") if row in old], 4, 0)
    assert numbers(data.valid) == [7]
    assert refit_data(project, RewardSettings(replay=2), judge) == data
    assert refit_data(project, RewardSettings(replay=2, seed=3), judge).replay != data.replay
    assert refit_data(project, RewardSettings(replay=0), judge).replay == ()
    assert set(refit_data(project, RewardSettings(replay=100), judge).replay) == old
    assert len(refit_data(project, RewardSettings(max_rankings=1), judge).train) == 1


def test_what_was_undone_is_not_learned_and_what_was_taken_back_is_not_replayed(project, judge):
    rank(project, 2)
    kept = rank(project, 3)
    project.undo("Tess")
    assert numbers(refit_data(project, RewardSettings(), judge).train) == [2]
    project.redo("Tess")
    assert numbers(refit_data(project, RewardSettings(), judge).train) == [2, 3]
    project.retract_ranking(kept)
    project.retract_ranking(1)
    data = refit_data(project, RewardSettings(replay=100), judge)
    assert numbers(data.train) == [2]
    assert numbers(data.replay) == [2, 3, 4, 5, 6]


def test_without_anything_new_it_says_what_there_is(project, judge):
    with pytest.raises(DataError, match=r"0 rankings .* has not learned from; 6 it has"):
        refit_data(project, RewardSettings(), judge)
    rank(project, 7)  # held out
    with pytest.raises(DataError, match="those of held-out prompts only measure it"):
        refit_data(project, RewardSettings(), judge)
    ids = project.add_completions([NewCompletion(1, text, "m") for text in ("x", "y")]).ids
    project.add_ranking(1, [ids])
    with pytest.raises(DataError, match="In the 1 new rankings all answers are tied"):
        refit_data(project, RewardSettings(), judge)


def test_a_refit_of_a_refit_knows_what_both_have_learned(project, judge, model_folder):
    rank(project, 2)
    spec = RunSpec("reward", {**FAST, "replay": 1}, {"base": str(model_folder), "from": str(judge)}, "Again")
    folder = start_project_run(project, spec, "reward")
    assert folder.spec.models["from"] == "runs/20260101-1-reward/models/reward"
    told = list(drive(folder, RunControl()))
    assert told[-1].outcome == "completed"
    assert len(folder.data().train) == len(folder.data().replay) == 1
    assert len(learned_rankings(folder.path)) == 7
    rank(project, 4)
    again = prepare(project, RunSpec("reward", FAST, {"from": f"runs/{folder.id}/models/reward"}))
    assert numbers(again.train) == [4]
    assert len(again.replay) == 4
    tree = [(depth, node.name) for depth, node in walk(run_tree(list_runs(project.folder).runs))]
    assert tree[-2:] == [(1, "20260101-1-reward"), (2, folder.id)]
    card = run_card(folder.path, 1)
    assert "- from: reward, of the run 20260101-1-reward" in card
    assert "| replay | 1 |" in card
    assert "Rankings: 1 by 1 people (1), 0 simulated" not in card  # the replayed one counts, too
    assert "Rankings: 3 by" in card


def test_a_model_of_another_tool_has_learned_from_nothing_that_is_known(project, tiny_lm, tmp_path):
    folder = tmp_path / "run" / "models" / "reward"
    ScalarModel.from_language_model(tiny_lm, seed=1).save(folder)
    data = refit_data(project, RewardSettings(), folder)
    assert (len(data.train), data.replay) == (6, ())


def test_a_policy_is_no_reward_model_to_refit(project, model_folder):
    spec = RunSpec("sft", FAST, {"base": str(model_folder)}, "SFT")
    folder = start_project_run(project, spec, "sft")
    with pytest.raises(RunError, match="has left no reward model"):
        refit_data(project, RewardSettings(), folder.path / "models" / "policy")
