"""Older projects become new ones, with a backup first, or stay what they were."""

import sqlite3
from contextlib import closing

import pytest

from rlhf_studio.errors import DataError
from rlhf_studio.store import migrations as migrations_module
from rlhf_studio.store.database import connect
from rlhf_studio.store.migrations import MIGRATIONS, Migration, back_up, migrate, schema_version, statements
from rlhf_studio.store.project import create_project, open_project

NEXT = len(MIGRATIONS) + 1
NOTE = Migration(
    NEXT, "-- a note for each prompt; may be empty\nALTER TABLE prompt ADD COLUMN note TEXT NOT NULL DEFAULT '';"
)


def fill_notes(connection):
    connection.execute("UPDATE prompt SET note = 'from ' || author")


@pytest.fixture
def old(tmp_path, ask):
    """A project of today's version with one prompt."""
    with create_project(tmp_path / "p", "t") as store:
        store.add_prompts([ask("one", author="eve")])
    return tmp_path / "p" / "project.sqlite"


def columns(connection):
    return [row[1] for row in connection.execute("PRAGMA table_info(prompt)")]


def test_versions_ascend_by_one():
    assert [migration.version for migration in MIGRATIONS] == list(range(1, len(MIGRATIONS) + 1))


def test_steps_are_taken_and_the_old_file_is_kept(old):
    with closing(connect(old)) as connection:
        backup = migrate(connection, old, (*MIGRATIONS, NOTE, Migration(NEXT + 1, fill_notes)))
        assert schema_version(connection) == NEXT + 1
        assert connection.execute("SELECT note FROM prompt").fetchall() == [("from eve",)]
        assert connection.execute("PRAGMA foreign_keys").fetchone() == (1,)
    assert backup == old.with_name(f"project.before-v{NEXT}.sqlite")
    with closing(connect(backup)) as connection:
        assert schema_version(connection) == NEXT - 1
        assert "note" not in columns(connection)
        assert connection.execute("SELECT author FROM prompt").fetchall() == [("eve",)]


def test_nothing_is_done_to_a_file_of_today(old):
    with closing(connect(old)) as connection:
        assert migrate(connection, old) is None
    assert list(old.parent.glob("*before*")) == []


def test_a_step_that_fails_leaves_the_version_before_it(old):
    def fail(connection):
        connection.execute("DELETE FROM prompt")
        raise sqlite3.OperationalError("no such thing")

    with closing(connect(old)) as connection:
        with pytest.raises(sqlite3.OperationalError, match="no such thing"):
            migrate(connection, old, (*MIGRATIONS, NOTE, Migration(NEXT + 1, fail)))
        assert schema_version(connection) == NEXT
        assert connection.execute("SELECT count(*) FROM prompt").fetchone() == (1,)
        migrate(connection, old, (*MIGRATIONS, NOTE, Migration(NEXT + 1, fill_notes)))  # a later program does it right
        assert schema_version(connection) == NEXT + 1


def test_a_step_that_breaks_references_is_taken_back(old):
    def orphan(connection):
        connection.execute("INSERT INTO prompt_purpose (purpose, prompt_id) VALUES ('ppo', 77)")

    with closing(connect(old)) as connection:
        with pytest.raises(sqlite3.IntegrityError, match="breaks a reference of prompt_purpose to prompt"):
            migrate(connection, old, (*MIGRATIONS, Migration(NEXT, orphan)))
        assert connection.execute("SELECT count(*) FROM prompt_purpose").fetchone() == (0,)


def test_a_file_from_the_future_is_refused(old):
    with closing(connect(old)) as connection:
        migrate(connection, old, (*MIGRATIONS, NOTE))
        with pytest.raises(DataError, match=f"version {NEXT}, this program knows versions up to {NEXT - 1}"):
            migrate(connection, old)


def test_a_backup_is_whole_or_not_there(old, monkeypatch):
    class Full:
        def backup(self, target):
            target.execute("CREATE TABLE half (id)")
            raise sqlite3.OperationalError("database or disk is full")

    with pytest.raises(sqlite3.OperationalError):
        back_up(Full(), old.with_name(f"project.before-v{NEXT}.sqlite"))
    assert list(old.parent.glob("*before*")) == []


@pytest.fixture
def program_with_notes(monkeypatch):
    monkeypatch.setattr(migrations_module, "MIGRATIONS", (*MIGRATIONS, NOTE))


def test_opening_an_old_project_brings_it_up(old, program_with_notes):
    with open_project(old.parent) as store:
        assert "note" in columns(store._db)
        assert len(store.prompts()) == 1
    assert old.with_name(f"project.before-v{NEXT}.sqlite").exists()


def test_an_old_project_that_cannot_be_written_says_so(old, program_with_notes):
    before = old.read_bytes()
    with pytest.raises(DataError, match="older version and must be written once"):
        open_project(old.parent, read_only=True)
    assert old.read_bytes() == before


def test_a_full_disk_at_the_backup_leaves_the_project_as_it_was(old, program_with_notes, monkeypatch):
    def full(connection, target):
        error = sqlite3.OperationalError("database or disk is full")
        error.sqlite_errorcode = sqlite3.SQLITE_FULL
        raise error

    monkeypatch.setattr(migrations_module, "back_up", full)
    with pytest.raises(DataError, match="The disk is full"):
        open_project(old.parent)
    monkeypatch.undo()
    with open_project(old.parent) as store:
        assert "note" not in columns(store._db)


def test_scripts_are_split_where_statements_end():
    script = (
        "CREATE TABLE a (b);\nCREATE TRIGGER t BEFORE DELETE ON a BEGIN\n  SELECT 1;\n  SELECT 2;\nEND;\nSELECT 3\n"
    )
    assert [s.split()[1] for s in statements(script)] == ["TABLE", "TRIGGER", "3"]
