"""Versions of the tables: each step in one transaction, and a backup before the first."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from rlhf_studio.errors import DataError
from rlhf_studio.store.database import atomically, way_back
from rlhf_studio.store.tables import SCHEMA_1
from rlhf_studio.store.tables_2 import to_version_2
from rlhf_studio.store.tables_3 import SCHEMA_3
from rlhf_studio.store.tables_4 import SCHEMA_4
from rlhf_studio.store.tables_5 import SCHEMA_5


@dataclass(frozen=True, slots=True)
class Migration:
    """The way to ``version`` from the one before: a script, or a function that is given the connection."""

    version: int
    apply: str | Callable[[sqlite3.Connection], None]


MIGRATIONS: tuple[Migration, ...] = (
    Migration(1, SCHEMA_1),
    Migration(2, to_version_2),
    Migration(3, SCHEMA_3),
    Migration(4, SCHEMA_4),
    Migration(5, SCHEMA_5),
)


def schema_version(connection: sqlite3.Connection) -> int:
    """The version of the tables; 0 is an empty file."""
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


def pending(
    connection: sqlite3.Connection, path: Path, migrations: Sequence[Migration] | None = None
) -> list[Migration]:
    """The steps that lead to the newest version; ``migrations`` None are the program's own.

    Raises:
        DataError: If the file was written by a newer program.
    """
    migrations = migrations or MIGRATIONS
    version, newest = schema_version(connection), migrations[-1].version
    if version > newest:
        raise DataError(
            f"The project {path} has version {version}, this program knows versions up to {newest}. "
            f"Install a newer RLHF Studio to open it. {way_back(path)}"
        )
    return [migration for migration in migrations if migration.version > version]


def migrate(connection: sqlite3.Connection, path: Path, migrations: Sequence[Migration] | None = None) -> Path | None:
    """Bring the file to the newest version; return the backup that was made first, None where none was needed.

    Raises:
        DataError: If the file is too new.
        sqlite3.Error: If a step fails; the file then stays at the version before that step.
    """
    steps = pending(connection, path, migrations)
    backup = None
    if steps and schema_version(connection) > 0:
        backup = path.with_name(f"{path.stem}.before-v{steps[0].version}{path.suffix}")
        back_up(connection, backup)
    # tables can only be built anew with the checks off; each step is checked as a whole before it is committed
    connection.execute("PRAGMA foreign_keys = OFF")
    try:
        for step in steps:
            _apply(connection, step)
    finally:
        connection.execute("PRAGMA foreign_keys = ON")
    return backup


def back_up(connection: sqlite3.Connection, target: Path) -> None:
    """Copy a live database to ``target``, which is whole or not there at all."""
    part = target.with_name(target.name + ".part")
    part.unlink(missing_ok=True)
    try:
        with closing(sqlite3.connect(part)) as copy:
            connection.backup(copy)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)


def statements(script: str) -> Iterator[str]:
    """Split a script; unlike ``executescript`` this lets a transaction hold the whole of it."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
    if statement.strip():
        yield statement


def _apply(connection: sqlite3.Connection, step: Migration) -> None:
    with atomically(connection):
        if isinstance(step.apply, str):
            for statement in statements(step.apply):
                connection.execute(statement)
        else:
            step.apply(connection)
        broken = connection.execute("PRAGMA foreign_key_check").fetchone()
        if broken:
            raise sqlite3.IntegrityError(f"version {step.version} breaks a reference of {broken[0]} to {broken[2]}")
        connection.execute(f"PRAGMA user_version = {step.version}")
