"""What a project folder is, who may write to it, and what happens to damaged ones."""

import json
import os
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing

import pytest

from rlhf_studio.errors import DataError, ProjectReadOnlyError
from rlhf_studio.store import project as project_module
from rlhf_studio.store.database import connect
from rlhf_studio.store.lock import LockTakenError, ProjectLock
from rlhf_studio.store.project import APPLICATION_ID, create_project, open_project

HOLD = """
import sys
from pathlib import Path
from rlhf_studio.store.project import open_project
with open_project(Path(sys.argv[1])) as store:
    print(store.is_read_only, flush=True)
    sys.stdin.readline()
"""


def texts(store):
    return [prompt.text for prompt in store.prompts()]


def test_a_project_is_there_after_closing(tmp_path, ask):
    folder = tmp_path / "a #1 100% 正弦?"  # all that a file name in an address must have quoted
    with create_project(folder, "Bears") as store:
        store.add_prompts([ask("one")])
        assert store.runs_dir.is_dir()
        assert store.folder == folder
        assert store.path == folder / "project.sqlite"
    with open_project(folder) as store:
        assert store.title == "Bears"
        assert store.created.endswith("+00:00")
        assert texts(store) == ["one"]
        assert not store.is_read_only
        assert store.read_only_reason == ""
    store.close()  # a second time is harmless


def test_the_file_says_what_it_is_and_how_it_is_written(tmp_path):
    store = create_project(tmp_path / "p", "t")
    pragmas = {
        name: store._db.execute(f"PRAGMA {name}").fetchone()[0]
        for name in ("application_id", "user_version", "journal_mode", "foreign_keys", "synchronous")
    }
    assert pragmas == {
        "application_id": APPLICATION_ID,
        "user_version": 5,
        "journal_mode": "wal",
        "foreign_keys": 1,
        "synchronous": 2,
    }
    tables = store._db.execute("PRAGMA table_list").fetchall()
    loose = [row[1] for row in tables if row[2] == "table" and not row[5] and not row[1].startswith("sqlite_")]
    assert loose == []  # column 5 is STRICT
    store.close()


def test_an_empty_folder_and_one_left_by_a_crash_become_projects(tmp_path):
    (tmp_path / "runs").mkdir()
    (tmp_path / "project.sqlite.part").write_bytes(b"half")
    create_project(tmp_path, "t").close()
    assert not (tmp_path / "project.sqlite.part").exists()


def test_a_folder_that_holds_something_else_is_refused(tmp_path):
    (tmp_path / "thesis.txt").write_text("words")
    with pytest.raises(DataError, match=r"holds something else \(thesis.txt\)"):
        create_project(tmp_path, "t")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_a_project_is_not_made_twice(store):
    with pytest.raises(DataError, match="already holds a project"):
        create_project(store.folder, "t")


def test_a_project_needs_a_title_and_a_folder(tmp_path):
    with pytest.raises(DataError, match="title is empty"):
        create_project(tmp_path / "p", "  ")
    (tmp_path / "file").write_text("")
    with pytest.raises(DataError, match="No project can be made in"):
        create_project(tmp_path / "file", "t")
    with pytest.raises(DataError, match="No project can be made in"):
        create_project(tmp_path / "file" / "below", "t")
    with pytest.raises(DataError, match="There is no project in"):
        open_project(tmp_path)


def test_a_store_belongs_to_its_thread(store):
    caught = []

    def read():
        try:
            store.prompts()
        except sqlite3.ProgrammingError as error:
            caught.append(error)

    thread = threading.Thread(target=read)
    thread.start()
    thread.join()
    assert len(caught) == 1


# -- one writer at a time


def test_a_second_program_reads_and_says_who_writes(tmp_path, ask):
    folder = tmp_path / "p"
    with create_project(folder, "t") as store:
        store.add_prompts([ask("one")])
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout.readline() == "False\n"
        with open_project(folder) as second:
            assert second.is_read_only
            assert f"process {holder.pid} on" in second.read_only_reason
            assert texts(second) == ["one"]
            with pytest.raises(ProjectReadOnlyError, match=f"Nothing was written.*process {holder.pid}"):
                second.add_prompts([ask("two")])
        holder.communicate("\n")
    with open_project(folder) as store:
        assert not store.is_read_only


def test_a_killed_program_leaves_no_lock(tmp_path):
    create_project(tmp_path / "p", "t").close()
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, tmp_path / "p"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        holder.stdout.readline()
        holder.kill()
    with open_project(tmp_path / "p") as store:
        assert not store.is_read_only


def test_a_reader_sees_what_the_writer_adds(store, ask):
    with open_project(store.folder) as reader:
        assert reader.is_read_only
        store.add_prompts([ask("new")])
        assert texts(reader) == ["new"]
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            reader._db.execute("DELETE FROM prompt")


def test_read_only_can_be_asked_for(tmp_path):
    create_project(tmp_path / "p", "t").close()
    with open_project(tmp_path / "p", read_only=True) as reader, open_project(tmp_path / "p") as writer:
        assert "was opened read-only" in reader.read_only_reason
        assert not writer.is_read_only


def test_the_lock_names_its_owner(tmp_path):
    path = tmp_path / "lock"
    lock = ProjectLock(path)
    assert json.loads(path.read_text())["pid"] == os.getpid()
    with pytest.raises(LockTakenError, match=f"process {os.getpid()}"):
        ProjectLock(path)
    path.write_bytes(b"[1]")
    with pytest.raises(LockTakenError, match="another program"):
        ProjectLock(path)
    lock.release()
    lock.release()
    ProjectLock(path).release()


@pytest.mark.parametrize("failing", ["_take", "_sign"])
def test_a_lock_that_cannot_be_had_leaves_no_open_file(tmp_path, monkeypatch, failing):
    descriptors = []

    def fail(descriptor):
        descriptors.append(descriptor)
        raise OSError(5, "Input/output error")

    monkeypatch.setattr(f"rlhf_studio.store.lock.{failing}", fail)
    with pytest.raises(OSError, match="Input/output"):
        ProjectLock(tmp_path / "lock")
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptors[0])


# -- folders that cannot be written


def test_a_read_only_folder_is_read(public_dir, unwritable, ask):
    with create_project(public_dir / "p", "t") as store:
        store.add_prompts([ask("one")])
    with unwritable(public_dir), open_project(public_dir / "p") as store:
        assert "cannot be written (Permission denied)" in store.read_only_reason
        assert texts(store) == ["one"]
        with pytest.raises(ProjectReadOnlyError, match="Make the folder writable"):
            store.add_prompts([ask("two")])


def test_a_writable_file_in_a_read_only_folder_is_read(public_dir, unwritable):
    folder = public_dir / "p"
    create_project(folder, "t").close()
    with unwritable(public_dir):
        me = os.geteuid()
        os.seteuid(os.getuid())
        for name in ("project.lock", "project.sqlite"):
            (folder / name).chmod(0o666)
        os.seteuid(me)
        with open_project(folder) as store:  # the lock can be had, but SQLite can make no log
            assert "cannot be written" in store.read_only_reason
            assert store.title == "t"


def test_a_read_only_file_is_read(tmp_path, monkeypatch):
    create_project(tmp_path / "p", "t").close()

    def fail(path):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(project_module, "_open_writable", fail)
    with open_project(tmp_path / "p") as store:
        assert "Permission denied" in store.read_only_reason
    monkeypatch.undo()
    with open_project(tmp_path / "p") as store:  # the lock was given back
        assert not store.is_read_only


def test_a_log_that_cannot_be_brought_in_is_not_left_out_silently(public_dir, unwritable, ask):
    folder, copy = public_dir / "p", public_dir / "copy"
    with create_project(folder, "t") as store:
        store.add_prompts([ask("only in the log")])
        copy.mkdir()
        for name in ("project.sqlite", "project.sqlite-wal"):
            (copy / name).write_bytes((folder / name).read_bytes())
    with (
        unwritable(public_dir),
        pytest.raises(DataError, match=r"last changes to .* still lie in project.sqlite-wal.*Copy the whole folder"),
    ):
        open_project(copy)
    with open_project(copy) as store:
        assert texts(store) == ["only in the log"]


def test_no_project_can_be_made_where_nothing_may_be_written(public_dir, unwritable):
    with unwritable(public_dir), pytest.raises(DataError, match="Choose a folder you may write"):
        create_project(public_dir / "p", "t")


# -- failing writes


def test_a_full_disk_loses_nothing_that_was_written(store, ask):
    store.add_prompts([ask("kept")])
    pages = store._db.execute("PRAGMA page_count").fetchone()[0]
    store._db.execute(f"PRAGMA max_page_count = {pages + 2}")
    with pytest.raises(DataError, match=r"The disk is full.*free some space"):
        store.add_prompts([ask(f"{i} " + "long " * 1000) for i in range(20)])
    assert not store._db.in_transaction
    assert texts(store) == ["kept"]
    store._db.execute("PRAGMA max_page_count = 1000000")
    store.add_prompts([ask("again")])
    folder = store.folder
    store.close()
    with open_project(folder) as again:
        assert texts(again) == ["kept", "again"]


def test_an_exception_takes_back_the_whole_transaction(store, ask):
    def write_and_fail():
        with store.transaction():
            store.add_prompts([ask("one")])  # a transaction inside another belongs to it
            raise KeyError("a bug")

    with pytest.raises(KeyError):
        write_and_fail()
    assert store.prompts() == ()


def test_a_busy_file_is_put_into_words(store, ask, monkeypatch):
    with closing(connect(store.path)) as other:
        other.execute("BEGIN IMMEDIATE")
        store._db.execute("PRAGMA busy_timeout = 0")
        with pytest.raises(DataError, match="was busy"):
            store.add_prompts([ask("one")])
        other.execute("ROLLBACK")
    store.add_prompts([ask("one")])


def test_a_file_that_turns_read_only_is_put_into_words(store, ask):
    store._db.execute("PRAGMA query_only = ON")
    with pytest.raises(ProjectReadOnlyError, match="cannot be written"):
        store.add_prompts([ask("one")])


def test_numbers_too_large_for_the_file_are_put_into_words(store):
    with pytest.raises(DataError, match="so large a number"):
        store.prompt(10**30)
