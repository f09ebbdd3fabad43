import json

import pytest

from rlhf_studio.cli import entry
from rlhf_studio.jobs.catalog import list_runs
from rlhf_studio.jobs.reward_evaluation import read_evaluation, read_folds
from rlhf_studio.store.project import open_project


@pytest.fixture
def reward(project, base):
    words = ["--project", str(project), "--epochs", "1", "--batch-size", "4", "--threads", "1"]
    assert entry.main(["train", "sft", "--base", str(base), *words]) == 0
    assert entry.main(["train", "reward", *words]) == 0
    return list_runs(project).runs[-1]


def test_a_reward_model_is_measured_kept_and_put_on_a_page(project, reward, tmp_path, capsys):
    capsys.readouterr()
    out = tmp_path / "out"
    words = ["evaluate", "reward", reward.id, "--project", str(project), "--out", str(out), "--threads", "1"]
    assert entry.main(words) == 0
    said = capsys.readouterr().out
    assert "of 2 pairs of 1 held-out rankings" in said
    assert "A script made all of these rankings" in said
    assert "No two labelers ranked the same answers here" in said
    assert "K = 3" in said
    assert "score of demonstrations" in said
    assert "score of sft" in said
    assert str(out / "reward.html") in said
    assert (out / "reward.html").is_file()
    assert read_evaluation(reward.path, reward.last_step).accuracy.count == 2


def test_one_labeler_is_told_what_is_needed(project, reward, capsys):
    capsys.readouterr()
    assert entry.main(["evaluate", "labelers", reward.id, "--project", str(project)]) == 3
    assert "come from one labeler (script)" in capsys.readouterr().err
    assert entry.main(["evaluate", "labelers", reward.id, "--project", str(project), "--seeds", "0"]) == 3


def test_labelers_are_tested_on_each_other(project, base, tmp_path, capsys):
    with open_project(project) as store:
        for place, ranking in enumerate(store.rankings()):
            store.retract_ranking(ranking.id)
            store.add_ranking(ranking.prompt_id, ranking.tiers, labeler=("Ada", "Bo")[place % 2])
    words = ["--project", str(project), "--epochs", "1", "--batch-size", "4", "--threads", "1"]
    assert entry.main(["train", "reward", "--base", str(base), *words]) == 0
    run = list_runs(project).runs[-1]
    capsys.readouterr()
    out = tmp_path / "out"
    assert entry.main(["evaluate", "labelers", run.id, "--project", str(project), "--out", str(out)]) == 0
    said = capsys.readouterr().out
    assert "Without Ada (seed 0, 2 rankings): " in said
    assert "Labelers it did not learn from: " in said
    assert "69.6 ± 0.9 %" in said
    assert len(json.loads((out / "labelers.json").read_text())["folds"]) == 2
    assert len(read_folds(run.path).folds) == 2
