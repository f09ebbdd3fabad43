"""A project's SQLite connection: how it is opened, written in transactions, and how its failures are put into words."""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from rlhf_studio.errors import DataError, ProjectReadOnlyError

BUSY_TIMEOUT_S = 5.0


@dataclass(frozen=True, slots=True)
class Changes:
    """What a write touched, so that views can decide whether to reload."""

    tables: frozenset[str]


@dataclass(frozen=True, slots=True)
class Written:
    """The ids of the rows a write made, in the order given, and what it touched."""

    ids: tuple[int, ...]
    changes: Changes


def written(ids: Sequence[int], *tables: str) -> Written:
    """``Written`` of some tables; of none where no row was made."""
    return Written(tuple(ids), Changes(frozenset(tables if ids else ())))


def now() -> str:
    """This moment in UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def connect(path: Path, *, read_only: bool = False, is_immutable: bool = False) -> sqlite3.Connection:
    """Open an existing file; ``is_immutable`` is for media where nothing can be written, not even SQLite's own files.

    Raises:
        sqlite3.Error: If it cannot be opened.
    """
    options = "mode=ro&immutable=1" if is_immutable else "mode=ro" if read_only else "mode=rw"
    uri = f"{path.resolve().as_uri()}?{options}"
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=BUSY_TIMEOUT_S)
    try:
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute("PRAGMA recursive_triggers = ON")  # else INSERT OR REPLACE would slip past the triggers
        connection.execute("PRAGMA trusted_schema = OFF")  # a project may come from a stranger
        connection.execute("PRAGMA synchronous = FULL")  # a label is on disk when its transaction ends
    except BaseException:
        connection.close()
        raise
    return connection


def backups(path: Path) -> list[Path]:
    """The copies that migrations left beside the database, newest schema last."""
    return sorted(path.parent.glob(f"{path.stem}.before-v*{path.suffix}"), key=lambda p: (len(p.name), p.name))


def way_back(path: Path) -> str:
    """What to do about a damaged project."""
    found = backups(path)
    if found:
        return (
            f"It was left as it is. A backup lies beside it: copy {found[-1].name} over {path.name} to go back to it."
        )
    return "It was left as it is, and there is no backup beside it: put your own copy of the folder in its place."


_SENTENCES = {
    sqlite3.SQLITE_FULL: "The disk is full: this change could not be written to {path}. "
    "All that was saved before is there; free some space and try again.",
    sqlite3.SQLITE_READONLY: "The project {path} cannot be written ({error}). "
    "Make the folder writable, or copy it to where you may write.",
    sqlite3.SQLITE_CORRUPT: "The project file {path} is damaged ({error}). {way_back}",
    sqlite3.SQLITE_NOTADB: "The project file {path} is damaged ({error}). {way_back}",
    sqlite3.SQLITE_ERROR: "The project file {path} does not hold what it should ({error}). {way_back}",
    sqlite3.SQLITE_BUSY: "The project {path} was busy too long ({error}). Try again in a moment.",
    sqlite3.SQLITE_LOCKED: "The project {path} was busy too long ({error}). Try again in a moment.",
    sqlite3.SQLITE_CONSTRAINT: "The project {path} refused this change ({error}). Nothing of it was written.",
}
_ELSE = "The project {path} could not be used ({error}). Check the disk and the folder's permissions."


def in_words(error: sqlite3.Error, path: Path) -> DataError:
    """An error of SQLite as a sentence for the user."""
    code = getattr(error, "sqlite_errorcode", -1) & 0xFF
    kind = ProjectReadOnlyError if code == sqlite3.SQLITE_READONLY else DataError
    return kind(_SENTENCES.get(code, _ELSE).format(path=path, error=error, way_back=way_back(path)))


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """Turn errors of SQLite into ``DataError``; misuse by the program itself (wrong thread, closed) stays a bug."""
    try:
        yield
    except sqlite3.ProgrammingError:
        raise
    except sqlite3.Error as error:
        raise in_words(error, path) from error
    except OverflowError as error:
        raise DataError(f"The project {path} cannot hold so large a number ({error}). Use a smaller one.") from error


@contextmanager
def atomically(connection: sqlite3.Connection) -> Iterator[None]:
    """One transaction: all of it or, after any exception, nothing of it."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:  # a full disk makes SQLite roll back by itself
            connection.execute("ROLLBACK")
        raise


class Database:
    """One connection to a project's file; belongs to the thread that opened it."""

    def __init__(self, connection: sqlite3.Connection, path: Path, read_only_reason: str = "") -> None:
        self._db = connection
        self._path = path
        self._read_only_reason = read_only_reason

    @property
    def is_read_only(self) -> bool:
        """Whether writes raise ``ProjectReadOnlyError``."""
        return bool(self._read_only_reason)

    @property
    def read_only_reason(self) -> str:
        """One sentence on what keeps the project from being written; empty where nothing does."""
        return self._read_only_reason

    @property
    def path(self) -> Path:
        """The database file."""
        return self._path

    def close(self) -> None:
        """Close the connection; doing so twice is harmless."""
        self._db.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def require_writable(self) -> None:
        """Raise ``ProjectReadOnlyError`` where nothing can be written."""
        if self.is_read_only:
            raise ProjectReadOnlyError(f"Nothing was written. {self._read_only_reason}")

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Commit on success, roll back on any exception; one inside another belongs to the outer.

        Raises:
            ProjectReadOnlyError: If the project cannot be written.
            DataError: If the disk is full or the file cannot be used; nothing of the transaction is kept.
        """
        self.require_writable()
        with explained(self._path):
            if self._db.in_transaction:
                yield
            else:
                with atomically(self._db):
                    yield

    def _read(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        with explained(self._path):
            return self._db.execute(sql, values).fetchall()

    def _insert(self, sql: str, values: Sequence[Any]) -> int:
        """Insert one row inside a transaction and return its id."""
        row_id = self._db.execute(sql, values).lastrowid
        return row_id or 0
