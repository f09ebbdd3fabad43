"""A project is a folder: one SQLite file, and the runs beside it. One program at a time writes to it."""

import sqlite3
from contextlib import closing
from pathlib import Path

from rlhf_studio.errors import DataError
from rlhf_studio.store.annotations import PromptAnnotations
from rlhf_studio.store.checks import check_filled
from rlhf_studio.store.database import connect, explained, now, way_back
from rlhf_studio.store.history import LabelHistory
from rlhf_studio.store.lock import LockTakenError, ProjectLock
from rlhf_studio.store.migrations import migrate, pending, schema_version
from rlhf_studio.store.overlaps import Overlaps
from rlhf_studio.store.prompt_library import PromptLibrary
from rlhf_studio.store.prompt_search import make_indexes
from rlhf_studio.store.quality import PromptQuality
from rlhf_studio.store.ratings import Ratings
from rlhf_studio.store.revisions import Revisions
from rlhf_studio.store.runs import RunIndex
from rlhf_studio.store.scripted import ScriptedRankings
from rlhf_studio.store.to_rank import PromptsToRank
from rlhf_studio.store.trash import RunTrash
from rlhf_studio.store.writing import WritingDesk

DATABASE = "project.sqlite"
LOCK = "project.lock"
RUNS = "runs"
CHECKED_BYTES = 32 << 20  # a larger file that was closed in order is opened without reading all of it
APPLICATION_ID = 0x524C4846  # "RLHF"
_LEFTOVERS = (f"{DATABASE}.part", f"{DATABASE}.part-journal", LOCK, ".DS_Store", "desktop.ini")


class Store(
    RunTrash,
    Revisions,
    WritingDesk,
    ScriptedRankings,
    PromptsToRank,
    Ratings,
    LabelHistory,
    Overlaps,
    PromptAnnotations,
    PromptQuality,
    PromptLibrary,
    RunIndex,
):
    """Everything a project keeps; belongs to the thread that opened it, and is a context manager."""

    def __init__(
        self, connection: sqlite3.Connection, path: Path, lock: ProjectLock | None, read_only_reason: str = ""
    ) -> None:
        super().__init__(connection, path, read_only_reason)
        self._lock = lock

    @property
    def title(self) -> str:
        """What the project is called."""
        return str(self._read("SELECT value FROM meta WHERE name = 'title'")[0][0])

    @property
    def created(self) -> str:
        """When the project was made, UTC."""
        return str(self._read("SELECT value FROM meta WHERE name = 'created'")[0][0])

    def close(self) -> None:
        """Close the file and let other programs write to it; doing so twice is harmless."""
        super().close()
        if self._lock is not None:
            self._lock.release()


def create_project(folder: Path, title: str) -> Store:
    """Make a project in a new or empty folder and open it.

    Raises:
        DataError: If the folder holds something, cannot be written, or the title is empty.
    """
    check_filled(title, "The project's title")
    _check_vacant(folder)
    path = folder / DATABASE
    part = path.with_name(f"{DATABASE}.part")
    try:
        (folder / RUNS).mkdir(parents=True, exist_ok=True)
        part.unlink(missing_ok=True)
        part.touch()
        with explained(path):
            _fill(part, title)
        part.replace(path)  # a project that was cut off while it was made is none
    except OSError as error:
        raise DataError(
            f"No project can be made in {folder} ({error.strerror}). Choose a folder you may write."
        ) from error
    return open_project(folder)


def open_project(folder: Path, *, read_only: bool = False) -> Store:
    """Open a project, bringing an older one to today's version first.

    Where another program has it open, or nothing can be written there, it opens read-only and says why.

    Raises:
        DataError: If there is none, it is damaged, of another program, or of a newer version. It is left as it is.
    """
    path = folder / DATABASE
    _check_file(path)
    if read_only:
        return _open_read_only(path, f"The project {folder} was opened read-only. Open it again to write.")
    try:
        lock = ProjectLock(folder / LOCK)
    except LockTakenError as taken:
        reason = f"The project {folder} is open elsewhere ({taken}). Close it there and open it here again to write."
        return _open_read_only(path, reason)
    except OSError as error:
        return _open_read_only(path, _unwritable(folder, error.strerror))
    try:
        with path.open("r+b"):
            store = Store(_open_writable(path), path, lock)
            store.settle_trash()
            return store
    except BaseException as error:
        lock.release()
        if (obstacle := _obstacle(error)) is None:
            raise
        return _open_read_only(path, _unwritable(folder, obstacle))


def _unwritable(folder: Path, why: str | None) -> str:
    return (
        f"The project {folder} cannot be written ({why}). Make the folder writable, or copy it to where you may write."
    )


def _obstacle(error: BaseException) -> str | None:
    """What forbids writing, if that is what the error says: a file's permissions, or SQLite's own files."""
    if isinstance(error, OSError):
        return error.strerror
    cause = error.__cause__
    if isinstance(cause, sqlite3.OperationalError) and _is_forbidden(cause):
        return str(cause)
    return None


def _is_forbidden(error: sqlite3.OperationalError) -> bool:
    return error.sqlite_errorcode & 0xFF in (sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN)


def _open_writable(path: Path) -> sqlite3.Connection:
    with explained(path):
        with closing(_connect_read_only(path)) as connection:
            _inspect(connection, path)  # before anything could touch a damaged file
        connection = connect(path)
        try:
            connection.execute("PRAGMA journal_mode = WAL").fetchone()
            migrate(connection, path)
            make_indexes(connection)
        except BaseException:
            connection.close()
            raise
    (path.parent / RUNS).mkdir(exist_ok=True)
    return connection


def _open_read_only(path: Path, reason: str) -> Store:
    with explained(path):
        connection = _connect_read_only(path)
        try:
            _inspect(connection, path)
            _check_current(connection, path, reason)
        except BaseException:
            connection.close()
            raise
    return Store(connection, path, None, reason)


def _connect_read_only(path: Path) -> sqlite3.Connection:
    try:
        return connect(path, read_only=True)
    except sqlite3.OperationalError as error:
        if not _is_forbidden(error):
            raise
    # where SQLite can make no files of its own, it reads the file as it is, but then it leaves out what is in the log
    if _has_log(path):
        raise DataError(
            f"The last changes to {path} still lie in {path.name}-wal, "
            "and nothing can be written there to bring them in. "
            "Copy the whole folder to where you may write, and open the copy."
        )
    return connect(path, is_immutable=True)


def _has_log(path: Path) -> bool:
    """Whether SQLite has yet to bring changes into the file; not so where the last program closed in order."""
    log = path.with_name(path.name + "-wal")
    return log.exists() and log.stat().st_size > 0


def _check_file(path: Path) -> None:
    if not path.is_file():
        raise DataError(
            f"There is no project in {path.parent}. Choose the folder that holds {DATABASE}, "
            "or make a project with 'rlhf-studio project new'."
        )
    if path.stat().st_size == 0:
        raise DataError(f"The project file {path} is empty. {way_back(path)}")


def _inspect(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse a file that is damaged, too new, or not a project."""
    application = connection.execute("PRAGMA application_id").fetchone()[0]
    if application != APPLICATION_ID:
        raise DataError(
            f"The file {path} is a database of another program (application id {application:#x}). "
            "It was left as it is; choose a folder that RLHF Studio made."
        )
    pending(connection, path)
    if schema_version(connection) == 0 or not connection.execute("SELECT 1 FROM meta WHERE name = 'title'").fetchone():
        raise DataError(f"The project file {path} is damaged (it has no title). {way_back(path)}")
    if path.stat().st_size > CHECKED_BYTES and not _has_log(path):
        return  # half a file is noticed all the same; reading every page would keep the first prompt waiting
    # SQLite 3.40's quick check finds faults in sound tables without rowid, so the thorough one has the last word
    for check in ("PRAGMA quick_check(1)", "PRAGMA integrity_check(1)"):
        fault = connection.execute(check).fetchone()[0]
        if fault == "ok":
            return
    raise DataError(f"The project file {path} is damaged ({fault}). {way_back(path)}")


def _check_current(connection: sqlite3.Connection, path: Path, reason: str) -> None:
    if pending(connection, path):
        raise DataError(f"The project file {path} is of an older version and must be written once. {reason}")


def _check_vacant(folder: Path) -> None:
    try:
        found = sorted(
            entry.name
            for entry in (folder.iterdir() if folder.exists() else ())
            if entry.name not in _LEFTOVERS and not (entry.name == RUNS and entry.is_dir() and not any(entry.iterdir()))
        )
    except OSError as error:
        raise DataError(f"No project can be made in {folder} ({error.strerror}). Choose another folder.") from error
    if DATABASE in found:
        raise DataError(f"The folder {folder} already holds a project. Open it, or choose another folder.")
    if found:
        raise DataError(
            f"The folder {folder} holds something else ({', '.join(found[:3])}). Choose a new or an empty folder."
        )


def _fill(part: Path, title: str) -> None:
    with closing(connect(part)) as connection:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        migrate(connection, part)
        connection.executemany("INSERT INTO meta (name, value) VALUES (?, ?)", [("title", title), ("created", now())])
