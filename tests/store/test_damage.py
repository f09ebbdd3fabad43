"""Damaged project files are said to be damaged, with what to do, and are left as they are."""

import os
import sqlite3
import struct
from contextlib import closing

import pytest

from rlhf_studio.errors import DataError
from rlhf_studio.store import project as project_module
from rlhf_studio.store.lock import ProjectLock
from rlhf_studio.store.project import create_project, open_project


def made(folder):
    create_project(folder, "t").close()
    return folder / "project.sqlite"


def cut(path):
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def cut_inside_header(path):
    path.write_bytes(path.read_bytes()[:60])


def empty(path):
    path.write_bytes(b"")


def garble(path):
    path.write_bytes(os.urandom(path.stat().st_size))


def garble_inside(path):
    data = bytearray(path.read_bytes())
    data[4096 * 3 : 4096 * 6] = b"\xa5" * (4096 * 3)
    path.write_bytes(data)


def be_of_another_program(path):
    path.unlink()
    with closing(sqlite3.connect(path)) as other:
        other.execute("CREATE TABLE wine (id)")


def be_newer(path):
    data = bytearray(path.read_bytes())
    data[60:64] = struct.pack(">I", 999)
    path.write_bytes(data)


def be_of_version_0(path):
    data = bytearray(path.read_bytes())
    data[60:64] = bytes(4)
    path.write_bytes(data)


def lose_tables(path):
    with closing(sqlite3.connect(path)) as other:
        other.execute("DROP TABLE meta")


def lose_title(path):
    with closing(sqlite3.connect(path)) as other:
        other.execute("DELETE FROM meta")
        other.commit()


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (cut, "is damaged"),
        (cut_inside_header, "is damaged"),
        (empty, "is empty"),
        (garble, "is damaged"),
        (garble_inside, "is damaged"),
        (be_of_another_program, "another program"),
        (be_newer, "version 999, this program knows versions up to 5. Install a newer"),
        (be_of_version_0, "is damaged"),
        (lose_tables, "no such table: meta"),
        (lose_title, "it has no title"),
    ],
)
@pytest.mark.parametrize("read_only", [False, True])
def test_a_damaged_file_is_said_to_be_and_left_alone(tmp_path, harm, words, read_only):
    path = made(tmp_path / "p")
    harm(path)
    before = path.read_bytes()
    with pytest.raises(DataError, match=words) as caught:
        open_project(path.parent, read_only=read_only)
    assert str(path) in str(caught.value)
    assert path.read_bytes() == before
    ProjectLock(path.parent / "project.lock").release()  # nobody holds it


def test_the_newest_backup_is_named(tmp_path):
    path = made(tmp_path / "p")
    for version in (2, 9, 10):
        path.with_name(f"project.before-v{version}.sqlite").write_bytes(path.read_bytes())
    garble(path)
    with pytest.raises(DataError, match=r"copy project.before-v10.sqlite over project.sqlite"):
        open_project(path.parent)


def test_a_large_file_closed_in_order_is_opened_without_reading_all_of_it(tmp_path, monkeypatch):
    path = made(tmp_path / "p")
    garble_inside(path)
    monkeypatch.setattr(project_module, "CHECKED_BYTES", 0)
    open_project(path.parent).close()
    path.with_name("project.sqlite-wal").write_bytes(b"a torn log")  # not closed in order
    with pytest.raises(DataError, match="is damaged"):
        open_project(path.parent)


def test_damage_found_later_is_put_into_words(tmp_path, monkeypatch, ask):
    with create_project(tmp_path / "p", "t") as store:
        store.add_prompts([ask(f"question {i} " + "x" * 3000) for i in range(50)])
    path = tmp_path / "p" / "project.sqlite"
    data = path.read_bytes()
    pages = [data[start : start + 4096] for start in range(0, len(data), 4096)]
    path.write_bytes(b"".join(b"\xa5" * 4096 if page.count(b"x") > 2000 else page for page in pages))
    monkeypatch.setattr(project_module, "CHECKED_BYTES", 0)
    with open_project(tmp_path / "p") as store, pytest.raises(DataError, match="is damaged"):
        store.prompts()


@pytest.mark.parametrize(
    ("sql", "read"),
    [
        ("UPDATE prompt SET turns = '[[1'", lambda store: store.prompts()),
        ("UPDATE prompt SET turns = CAST(x'ff' AS TEXT)", lambda store: store.prompts()),
    ],
)
def test_tables_that_something_else_wrote_to_are_put_into_words(store, ask, sql, read):
    store.add_prompts([ask("one")])
    store._db.execute(sql)
    with pytest.raises(DataError):
        read(store)
