"""``train rl-start``, PPO that begins with it, and who judges the epochs."""

from rlhf_studio.cli import entry
from rlhf_studio.events import StepMetrics
from rlhf_studio.jobs.catalog import list_runs
from rlhf_studio.jobs.run_folder import RunFolder

FAST = ["--threads", "1", "--device", "cpu"]
PPO = ["--steps", "1", "--batch-size", "4", "--minibatch-size", "4", "--max-new-tokens", "6", "--ptx-window", "8"]


def train(stage, project, *more):
    return entry.main(["train", stage, "--project", str(project), *FAST, *more])


def newest(project):
    return list_runs(project).runs[-1]


def scores(run):
    return [e for e in RunFolder.open(run.path).events() if isinstance(e, StepMetrics) and "valid/scores" in e.values]


def test_ppo_begins_with_the_rl_start_where_its_setting_says_so(project, base, capsys):
    assert train("sft", project, "--base", str(base), "--epochs", "1") == 0
    assert scores(newest(project)) == []
    assert train("reward", project, "--epochs", "1") == 0
    reward = newest(project)
    assert train("ppo", project, *PPO, "--start", "rl-start") == 3
    said = capsys.readouterr().err
    assert "PPO starts from an RL start (its setting start says so)" in said
    assert f"rlhf-studio train rl-start --project {project}, or start from the SFT model with --start sft" in said
    assert train("rl-start", project, "--base", str(base)) == 0
    start = newest(project)
    assert (start.kind, start.parents, start.judge) == ("rl-start", (reward.id,), reward.id)
    assert len(scores(start)) == 3  # before it, and after each of two epochs
    assert "RL start: done" in capsys.readouterr().out
    assert train("ppo", project, *PPO, "--start", "rl-start") == 0
    assert newest(project).parents == (start.id, reward.id)


def test_a_person_names_the_judge_or_wants_none(project, base):
    assert train("sft", project, "--base", str(base), "--epochs", "1") == 0
    assert train("reward", project, "--epochs", "1") == 0
    first = newest(project)
    assert train("reward", project, "--epochs", "1") == 0
    assert train("sft", project, "--base", str(base), "--epochs", "1") == 0
    assert newest(project).judge != first.id
    assert train("sft", project, "--base", str(base), "--epochs", "1", "--judge", first.id) == 0
    assert newest(project).judge == first.id
    assert train("sft", project, "--base", str(base), "--epochs", "1", "--judge", "none") == 0
    assert (newest(project).judge, newest(project).parents) == ("", ())
