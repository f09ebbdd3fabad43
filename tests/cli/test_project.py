from rlhf_studio.cli import entry
from rlhf_studio.schema import NewCompletion
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


def test_a_target_is_told_chosen_and_taken_back(project, capsys):
    with open_project(project) as store:
        store.add_ranking(1, [[1], [2]], labeler="Ada")
        new = [NewCompletion(1, text, "m") for text in ("One.", "One two three. " * 20, "")]
        ids = store.add_completions(new).ids
        store.add_ranking(1, [[i] for i in ids], labeler="script", is_simulated=True)
    assert entry.main(["project", "target", str(project)]) == 0
    said = capsys.readouterr().out
    assert "happy (Happy endings): A story should end well" in said
    assert "brief (Brief answers): An answer should be short" in said
    assert entry.main(["project", "target", str(project), "--rubric", "brief"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("Brief answers: An answer should be short")
    with open_project(project) as store:
        counts = store.counts()
        assert store.simulated_labelers() == ("scripted: brief",)
        assert "6 sets hold answers that it finds equally good; they wait" in said
        assert "1 simulated rankings were made anew; 1 by people stay as they are." in said
        assert (counts.rankings_simulated, counts.rankings_by_people, counts.sets_waiting) == (1, 1, 6)
    assert entry.main(["project", "target", str(project), "--rubric", "brief"]) == 0
    assert "already" in capsys.readouterr().out
    assert entry.main(["project", "target", str(project)]) == 0
    assert "brief (Brief answers, in use)" in capsys.readouterr().out
    assert entry.main(["project", "undo", str(project)]) == 0
    assert capsys.readouterr().out == "Taken back: another target of the simulated rankings.\n"
    with open_project(project) as store:
        assert store.simulated_labelers() == ("script",)


def test_simulated_rankings_are_removed_and_brought_back(project, tmp_path, capsys):
    assert entry.main(["project", "delete-simulated", str(project)]) == 0
    said = capsys.readouterr().out
    assert said == "6 simulated rankings were removed; 0 by people are left, and 6 sets of answers wait to be ranked.\n"
    assert entry.main(["project", "undo", str(project)]) == 0
    assert "the removal of simulated rankings" in capsys.readouterr().out
    with open_project(project) as store:
        assert store.counts().rankings_simulated == 6
    entry.main(["project", "new", str(tmp_path / "mine")])
    assert entry.main(["project", "undo", str(tmp_path / "mine")]) == 0
    assert capsys.readouterr().out.endswith("There is nothing to undo.\n")


def test_a_target_that_is_not_there_names_those_that_are(project, tmp_path, capsys):
    assert entry.main(["project", "target", str(project), "--rubric", "sad"]) == 3
    assert "There is no rubric 'sad'. Choose one of: happy, brief." in capsys.readouterr().err
    entry.main(["project", "new", str(tmp_path / "mine")])
    assert entry.main(["project", "target", str(tmp_path / "mine"), "--rubric", "brief"]) == 3
    assert "has no simulated rankings" in capsys.readouterr().err
