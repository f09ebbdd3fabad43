"""The loop on the terminal."""

from rlhf_studio.cli import entry
from rlhf_studio.jobs.catalog import list_runs
from rlhf_studio.schema import NewCompletion
from rlhf_studio.store.project import open_project

FAST = ["--threads", "1", "--device", "cpu"]
PPO = ["--steps", "1", "--batch-size", "4", "--minibatch-size", "4", "--max-new-tokens", "6", "--ptx-window", "8"]
SHORT = ["--refit-epochs", "1", "--ppo-steps", "1", "--batch-size", "2", "--prompts", "2", "--answers", "1"]


def train(stage, project, *more):
    return entry.main(["train", stage, "--project", str(project), *FAST, *more])


def newest(project):
    return list_runs(project).runs[-1]


def loop(project, *more):
    return entry.main(["loop", "--project", str(project), *SHORT, *more])


def test_a_ranking_is_learned_and_shown_before_and_after(project, base, capsys):
    assert loop(project) == 3
    assert "0 trained reward models" in capsys.readouterr().err
    assert train("sft", project, "--base", str(base), "--epochs", "1") == 0
    assert train("reward", project, "--epochs", "1") == 0
    assert train("ppo", project, *PPO) == 0
    assert loop(project) == 3
    assert "0 rankings that the reward model has not learned from" in capsys.readouterr().err
    with open_project(project) as store:
        ids = store.add_completions([NewCompletion(2, text, "m") for text in ("so", "\x1b[31mno", "it")]).ids
        store.add_ranking(2, [[i] for i in ids], labeler="Tess")
    assert loop(project) == 0
    said = capsys.readouterr().out
    assert "Say 2. [ranked]\n  before (" in said
    assert "\n  after  (" in said
    assert "of 3\n" in said
    assert " s from the command to here: answers before " in said
    assert "\x1b" not in said
    runs = list_runs(project).runs
    assert [(run.kind, run.outcome) for run in runs[-2:]] == [("reward", "completed"), ("ppo", "completed")]
    with open_project(project) as store:
        assert [run.outcome for run in store.runs()] == ["completed"] * 5
        assert store.metrics(newest(project).id)[-1].step == 1


def test_one_stage_can_go_on_from_a_run(project, base):
    assert train("sft", project, "--base", str(base), "--epochs", "1") == 0
    assert train("reward", project, "--epochs", "1") == 0
    judge = newest(project)
    assert train("reward", project, "--from", judge.id) == 3  # nothing new
    with open_project(project) as store:
        ids = store.add_completions([NewCompletion(2, text, "m") for text in ("so", "no")]).ids
        store.add_ranking(2, [[i] for i in ids], labeler="Tess")
    assert train("reward", project, "--from", judge.id) == 0
    assert judge.id in newest(project).parents
    assert train("ppo", project, *PPO) == 0
    policy = newest(project)
    assert train("ppo", project, *PPO, "--from", policy.id, "--value", policy.id) == 0
    assert policy.id in newest(project).parents
