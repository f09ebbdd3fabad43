"""Deleted runs wait in the trash; undo brings them back, also after a restart."""

import pytest

from rlhf_studio.errors import DataError, ProjectReadOnlyError
from rlhf_studio.store.lock import ProjectLock
from rlhf_studio.store.project import create_project, open_project


@pytest.fixture
def store(tmp_path):
    with create_project(tmp_path / "p", "t") as store:
        for name in ("one", "two"):
            (store.runs_dir / name).mkdir()
            (store.runs_dir / name / "run.json").write_text(name)
            store.record_run(name, "sft", name.title(), store.runs_dir / name)
        yield store


def names(store):
    return [run.id for run in store.runs()], sorted(path.name for path in store.runs_dir.iterdir())


def test_a_deleted_run_comes_back_by_undo_and_goes_by_redo(store):
    entry = store.delete_run("one", "Ada")
    assert (entry.kind, entry.run_id, entry.label) == ("run", "one", None)
    assert entry.changes.tables == {"journal", "run"}
    assert names(store) == (["two"], ["two"])
    assert store.deleted_runs() == ("one",)
    assert store.undoable() == entry
    assert store.undo() == entry
    assert names(store) == (["one", "two"], ["one", "two"])
    assert (store.runs_dir / "one" / "run.json").read_text() == "one"
    store.redo()
    assert names(store) == (["two"], ["two"])


def test_undo_outlives_a_restart(store):
    store.delete_run("two")
    store.close()
    with open_project(store.folder) as again:
        again.undo()
        assert names(again) == (["one", "two"], ["one", "two"])


def test_an_emptied_trash_is_forgotten(store):
    store.delete_run("one")
    assert store.empty_trash().tables == {"journal", "run"}
    assert not store.trash_dir.exists()
    assert store.deleted_runs() == ()
    assert store.undoable() is None
    assert store.empty_trash().tables == frozenset()


def test_a_run_that_goes_on_stays(store):
    lock = ProjectLock(store.runs_dir / "one" / "run.lock")
    with pytest.raises(DataError, match=r"The run one is going on .* Stop it before you delete it"):
        store.delete_run("one")
    lock.release()
    assert names(store) == (["one", "two"], ["one", "two"])
    assert store.undoable() is None


def test_what_is_not_there_is_told(store):
    with pytest.raises(DataError, match="no run 'three' in this project"):
        store.delete_run("three")
    store.delete_run("one")
    (store.trash_dir / "one" / "run.json").unlink()
    (store.trash_dir / "one" / "run.lock").unlink()
    (store.trash_dir / "one").rmdir()
    with pytest.raises(DataError, match=r"no run 'one' in the trash any more. Empty the trash"):
        store.undo()
    store.empty_trash()
    assert store.undo() is None


def test_nothing_moves_where_nothing_can_be_written(store):
    with open_project(store.folder, read_only=True) as reader, pytest.raises(ProjectReadOnlyError):
        reader.delete_run("one")
    assert names(store) == (["one", "two"], ["one", "two"])


def test_a_crash_between_the_folder_and_the_journal_is_settled(store):
    store.trash_dir.mkdir()
    (store.runs_dir / "one").rename(store.trash_dir / "one")  # the transaction was never committed
    store.close()
    with open_project(store.folder) as again:
        assert names(again) == (["one", "two"], ["one", "two"])
        again.delete_run("one")
        (again.trash_dir / "one").rename(again.runs_dir / "one")  # undo, never committed
        again.undo()
        assert names(again) == (["one", "two"], ["one", "two"])
