from rlhf_studio.cli import entry
from rlhf_studio.store.project import open_project


def test_a_new_project_is_empty(tmp_path, capsys):
    assert entry.main(["project", "new", str(tmp_path / "mine")]) == 0
    assert "Made the project 'mine'" in capsys.readouterr().out
    assert entry.main(["project", "info", str(tmp_path / "mine")]) == 0
    said = capsys.readouterr().out
    assert said.splitlines()[0].startswith("mine (")
    assert "demonstrations       0" in said


def test_info_counts_what_is_there(project, capsys):
    assert entry.main(["project", "info", str(project)]) == 0
    said = " ".join(capsys.readouterr().out.split())
    for words in (
        "prompts 7",
        "demonstrations 6",
        "rankings 6 by people 0, simulated 6",
        "sampled answers 18",
        "ppo 6",
    ):
        assert words in said


def test_a_folder_that_holds_something_is_no_place_for_a_project(tmp_path, capsys):
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "file").write_text("1")
    assert entry.main(["project", "new", str(tmp_path / "full")]) == 3
    assert entry.main(["project", "info", str(tmp_path / "full")]) == 3
    assert entry.main(["project", "new", str(tmp_path / "new"), "--title", " "]) == 3
    assert len(capsys.readouterr().err.strip().splitlines()) == 3


def test_info_lists_runs(project, capsys):
    with open_project(project) as store:
        store.record_run("20260101-sft", "sft", "First", store.runs_dir / "20260101-sft")
    entry.main(["project", "info", str(project)])
    last = capsys.readouterr().out.splitlines()[-1]
    assert last.split() == ["20260101-sft", "SFT", "not", "finished", "First"]
