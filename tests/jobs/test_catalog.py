import sys

import pytest

from rlhf_studio.errors import DataError, RunError
from rlhf_studio.events import RunFinished, RunStarted, StepMetrics
from rlhf_studio.jobs import catalog
from rlhf_studio.jobs.catalog import RunIndexer, find_run, list_runs, new_run_path, rebuild_index
from rlhf_studio.jobs.run_folder import RunFolder
from rlhf_studio.schema import RunSpec, SftData
from rlhf_studio.store.project import open_project

NO_DATA = SftData(train=())


@pytest.fixture
def runs(project):
    """An SFT run that is complete, a reward model trained on it that failed, and one that never began."""
    sft = RunFolder.create(project.runs_dir / "20260101-1-sft", RunSpec("sft", {}, {"base": "/m"}, "One"), NO_DATA)
    reward = RunSpec("reward", {}, {"base": "runs/20260101-1-sft/models/policy"}, "Two")
    reward = RunFolder.create(project.runs_dir / "20260101-2-reward", reward, NO_DATA)
    models = {"policy": "runs/20260101-1-sft/models/policy", "reward": "runs/20260101-2-reward/models/reward"}
    ppo = RunFolder.create(project.runs_dir / "20260102-ppo", RunSpec("ppo", {}, models, "Three"), NO_DATA)
    with sft:
        for event in (StepMetrics(0), StepMetrics(1, {"loss": 2.0}), RunFinished(1, "completed")):
            sft.append(event)
    with reward:
        reward.append(RunFinished(3, "failed", "The disk is full."))
    return sft, reward, ppo


def test_folders_tell_what_became_of_each_run(project, runs):
    found = list_runs(project.folder)
    assert [(r.id, r.kind, r.title, r.outcome, r.message, r.last_step) for r in found.runs] == [
        ("20260101-1-sft", "sft", "One", "completed", "", 1),
        ("20260101-2-reward", "reward", "Two", "failed", "The disk is full.", 3),
        ("20260102-ppo", "ppo", "Three", None, "", 0),
    ]
    assert [r.parents for r in found.runs] == [
        (),
        ("20260101-1-sft",),
        ("20260101-1-sft", "20260101-2-reward"),
    ]
    assert found.damaged == ()


def test_a_damaged_run_does_not_hide_the_others(project, runs):
    (runs[1].path / "run.json").write_text("{")
    (project.runs_dir / "notes").mkdir()
    found = list_runs(project.folder)
    assert [run.kind for run in found.runs] == ["sft", "ppo"]
    assert len(found.damaged) == 1
    assert "is damaged" in found.damaged[0]
    assert list_runs(project.folder / "nowhere").runs == ()


@pytest.mark.parametrize(("prefix", "name"), [("20260102", "20260102-ppo"), ("20260101-1", "20260101-1-sft")])
def test_a_run_is_found_by_the_begin_of_its_name(project, runs, prefix, name):
    assert find_run(project.folder, prefix) == project.runs_dir / name


def test_a_whole_name_wins_over_a_longer_one(project, runs):
    RunFolder.create(project.runs_dir / "20260102-ppo-2", RunSpec("ppo", {}, {}), NO_DATA)
    assert find_run(project.folder, "20260102-ppo").name == "20260102-ppo"


def test_a_name_that_fits_none_or_several_runs_is_told(project, runs):
    with pytest.raises(DataError, match="'2026' begins 3 runs: 20260101-1-sft, 20260101-2-reward, 20260102-ppo"):
        find_run(project.folder, "2026")
    with pytest.raises(DataError, match=r"begins with 'x' \(the newest is 20260102-ppo\)"):
        find_run(project.folder, "x")


def test_names_are_readable_and_never_taken_twice(tmp_path):
    paths = [new_run_path(tmp_path / "runs", "ppo-ptx") for _ in range(20)]
    assert len(set(paths)) == 20
    assert all(path.is_dir() for path in paths)
    date, time, *label = paths[0].name.split("-")
    assert (len(date), len(time), label) == (8, 6, ["ppo", "ptx"])
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="No run can be started in"):
        new_run_path(tmp_path / "file", "sft")


def test_the_index_can_be_made_again_from_the_folders(project, runs):
    project.record_run("gone", "sft", "Gone", project.runs_dir / "gone")
    rebuild_index(project)
    assert [(r.id, r.kind, r.title, r.folder, r.outcome, r.parents) for r in project.runs()] == [
        ("20260101-1-sft", "sft", "One", "runs/20260101-1-sft", "completed", ()),
        ("20260101-2-reward", "reward", "Two", "runs/20260101-2-reward", "failed", ("20260101-1-sft",)),
        ("20260102-ppo", "ppo", "Three", "runs/20260102-ppo", None, ("20260101-1-sft", "20260101-2-reward")),
    ]
    assert project.metrics("20260101-1-sft") == (StepMetrics(0), StepMetrics(1, {"loss": 2.0}))


def test_the_indexer_follows_a_run_and_its_resume(project, runs):
    path, run_id = runs[0].path, runs[0].id
    begin = RunStarted(0, 9, "sft", "cpu", "float32")
    with RunIndexer(project, path) as indexer:
        indexer.take([begin, *(StepMetrics(step, {"loss": 1.0}) for step in range(6)), RunFinished(5, "failed")])
    assert [m.step for m in project.metrics(run_id)] == [0, 1, 2, 3, 4, 5]
    assert project.runs()[0].outcome == "failed"
    with RunIndexer(project, path) as indexer:
        indexer.take([RunStarted(3, 9, "sft", "cpu", "float32")])
        assert [m.step for m in project.metrics(run_id)] == [0, 1, 2, 3]
        assert project.runs()[0].outcome is None
        indexer.take([StepMetrics(4, {"loss": 0.5})])
    assert project.metrics(run_id)[-1] == StepMetrics(4, {"loss": 0.5})  # also of a run that was left
    with RunIndexer(project, path) as indexer:
        indexer.take([begin])
    assert project.metrics(run_id) == ()


def test_long_runs_are_indexed_on_the_way(project, runs, monkeypatch):
    monkeypatch.setattr(catalog, "_BATCH", 3)
    with RunIndexer(project, runs[0].path) as indexer:
        for step in range(4):
            indexer.take([StepMetrics(step)])
        assert len(project.metrics(runs[0].id)) == 3


def test_without_a_writable_project_the_indexer_rests(project, runs, tmp_path):
    with open_project(project.folder, read_only=True) as reader, RunIndexer(reader, runs[0].path) as indexer:
        indexer.take([StepMetrics(1), RunFinished(1, "completed")])
    outside = RunFolder.create(tmp_path / "out", RunSpec("sft", {}, {}), NO_DATA)
    with RunIndexer(project, outside.path) as indexer:
        indexer.take([StepMetrics(1), RunFinished(1, "completed")])
    assert project.runs() == ()


def test_listing_runs_needs_no_torch():
    import subprocess

    code = "import sys; sys.modules['torch'] = None; import rlhf_studio.jobs.catalog, rlhf_studio.jobs.runner"
    subprocess.run([sys.executable, "-c", code], check=True)
