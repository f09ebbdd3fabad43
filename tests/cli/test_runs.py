"""``fork`` and ``runs``: one run is trained, the others branch off it or are only described."""

import pytest

from rlhf_studio.cli import entry
from rlhf_studio.jobs.catalog import list_runs
from rlhf_studio.jobs.run_folder import RunFolder
from rlhf_studio.schema import RewardData, RunSpec
from rlhf_studio.store.project import open_project


@pytest.fixture
def sft(project, base):
    words = ["--epochs", "1", "--batch-size", "2", "--threads", "1", "--keep-checkpoints", "9"]
    often = ["--checkpoint-seconds", "0.000001"]
    assert entry.main(["train", "sft", "--project", str(project), "--base", str(base), *words, *often]) == 0
    return list_runs(project).runs[0]


def runs(project, action, *words):
    return entry.main(["runs", action, *words, "--project", str(project)])


def test_a_run_is_forked_named_and_listed(project, sft, capsys):
    words = ["fork", sft.id, "--project", str(project), "--step", "1", "--learning-rate", "1e-5"]
    assert entry.main(words) == 0
    said = capsys.readouterr().out
    fork = list_runs(project).runs[-1]
    assert f"Forked {sft.id} at step 1 as {fork.id}." in said
    assert (fork.fork.run, fork.fork.step, fork.outcome) == (sft.id, 1, "completed")
    assert RunFolder.open(fork.path).spec.settings["learning_rate"] == 1e-5
    assert runs(project, "rename", fork.id, "--title", "SFT: gentle") == 0
    assert runs(project, "note", fork.id, "--text", "tried for fun") == 0
    capsys.readouterr()
    assert runs(project, "list") == 0
    base, first, second = capsys.readouterr().out.splitlines()
    assert base == "base  base model"
    assert first.startswith(f"  {sft.id}  SFT, completed; usable: yes, model of step 3; ")
    assert second.startswith(f"    {fork.id}  SFT: gentle, fork at step 1, completed; usable: yes, model of step 3; ")
    assert second.endswith("B  (tried for fun)")
    with open_project(project) as store:
        assert store.runs()[-1].title == "SFT: gentle"
    assert runs(project, "rename", fork.id, "--title", "") == 0
    assert "SFT (tried for fun)" in capsys.readouterr().out
    assert entry.main(["fork", sft.id, "--project", str(project)]) == 3  # nothing is left to do at the newest
    assert "has nothing left to do. Raise 'epochs'" in capsys.readouterr().err


def test_a_run_that_others_began_with_is_only_deleted_on_demand(project, sft, capsys):
    spec = RunSpec("reward", {}, {"base": f"runs/{sft.id}/models/policy"}, "Judge")
    RunFolder.create(project / "runs" / "20990101-reward", spec, RewardData(()))
    assert runs(project, "delete", sft.id) == 3
    said = capsys.readouterr().err
    assert f"1 runs began with the model of {sft.id}: 20990101-reward." in said
    assert runs(project, "delete", sft.id, "--anyway") == 0
    assert f"rlhf-studio project undo {project}" in capsys.readouterr().out
    assert runs(project, "list") == 0
    said = capsys.readouterr().out
    assert "(deleted)" in said
    assert "usable: no, it has not come to its first checkpoint" in said
    assert said.splitlines()[-1] == f"In the trash: {sft.id}"
    assert entry.main(["project", "undo", str(project)]) == 0
    assert "Taken back: the deletion of a run." in capsys.readouterr().out
    assert sft.path.is_dir()
    assert runs(project, "delete", "20990101") == 0
    assert runs(project, "empty-trash") == 0
    assert "1 deleted runs were removed for good." in capsys.readouterr().out
    assert runs(project, "empty-trash") == 0
    assert capsys.readouterr().out == "The trash is empty.\n"


def test_a_damaged_name_hides_no_run(project, sft, capsys):
    (sft.path / "about.json").write_text("{")
    assert runs(project, "list") == 0
    said = capsys.readouterr().out
    assert sft.id in said
    assert "Name the run anew" in said
    assert runs(project, "rename", sft.id, "--title", "Again") == 0
    assert list_runs(project).damaged == ()


def test_a_model_is_exported(project, sft, tmp_path, capsys):
    assert entry.main(["export", sft.id, "--project", str(project), "--out", str(tmp_path / "out")]) == 0
    assert "Wrote a language model of " in capsys.readouterr().out
    assert (tmp_path / "out" / "tokenizer.json").is_file()
    assert entry.main(["export", sft.id, "--project", str(project), "--out", str(tmp_path / "out")]) == 3
    assert "holds something already" in capsys.readouterr().err


def test_the_figures_of_a_run_become_a_table(project, sft, capsys, tmp_path):
    assert runs(project, "curves", sft.id) == 0
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.startswith("step,loss/")
    assert [row.split(",")[0] for row in rows] == ["0", "1", "2", "3"]
    assert runs(project, "curves", sft.id, "--out", str(tmp_path / "a.csv")) == 0
    assert capsys.readouterr().out == f"Wrote the figures of {sft.id} to {tmp_path / 'a.csv'}.\n"
    assert (tmp_path / "a.csv").read_text().splitlines() == [head, *rows]
