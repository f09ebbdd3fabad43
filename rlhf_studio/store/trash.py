"""Deleted runs: their folders wait in the project's trash until it is emptied, and undo brings them back."""

import shutil
from pathlib import Path
from typing import Literal

from rlhf_studio.errors import DataError
from rlhf_studio.store.checks import check_text
from rlhf_studio.store.database import Changes
from rlhf_studio.store.journal import JournalEntry
from rlhf_studio.store.lock import LockTakenError, ProjectLock
from rlhf_studio.store.simulated import SimulatedRankings

TRASH = "trash"
RUNS = "runs"
_RUN_LOCK = "run.lock"  # held by whoever trains the run

_DELETED = "SELECT run_id FROM journal WHERE kind = 'run' AND state = 'done' ORDER BY id"


class RunTrash(SimulatedRankings):
    """Runs that a person deleted. The folder moves inside the transaction, so that both are done or neither."""

    @property
    def trash_dir(self) -> Path:
        """Where the folders of deleted runs lie."""
        return self._path.parent / TRASH

    def delete_run(self, run_id: str, who: str = "") -> JournalEntry:
        """Move a run's folder to the trash, as an act that can be undone. Who depends on it is not looked at.

        Raises:
            DataError: If there is no such run, it is going on, or its folder cannot be moved.
        """
        check_text(who, "The name of who does this")
        with self.transaction():
            entry = self._log_run(run_id, who)
            self._move_run(run_id, is_deleted=True)
        return entry

    def deleted_runs(self) -> tuple[str, ...]:
        """The ids of the runs in the trash, in the order they were deleted."""
        return tuple(dict.fromkeys(row[0] for row in self._read(_DELETED)))

    def empty_trash(self) -> Changes:
        """Remove every deleted run for good; undo knows of them no more.

        Raises:
            DataError: If a folder cannot be removed; the next try goes on with what is left.
        """
        ids = self.deleted_runs()
        if not ids:
            return Changes(frozenset())
        with self.transaction():
            self._db.execute("UPDATE journal SET state = 'dropped' WHERE kind = 'run' AND state = 'done'")
            self._db.execute("DELETE FROM run WHERE is_deleted")
        try:
            shutil.rmtree(self.trash_dir)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise DataError(
                f"The trash {self.trash_dir} could not be removed whole ({error.strerror}). Remove the folder by hand."
            ) from error
        return Changes(frozenset({"journal", "run"}))

    def settle_trash(self) -> None:
        """Bring back what a crash left in the trash without a word of it in the journal; other folders are left."""
        known = set(self.deleted_runs())
        emptied = self._read("SELECT run_id FROM journal WHERE kind = 'run' AND state = 'dropped'")
        known |= {row[0] for row in emptied}
        folders = self.trash_dir.iterdir() if self.trash_dir.is_dir() else ()
        for folder in folders:
            if folder.name not in known and not self._home(folder.name).exists():
                folder.rename(self._home(folder.name))

    def _move(self, entry: JournalEntry, state: Literal["done", "undone"], who: str) -> None:
        if entry.run_id is None:
            super()._move(entry, state, who)
            return
        self._db.execute("UPDATE journal SET state = ? WHERE id = ?", (state, entry.id))
        self._move_run(entry.run_id, is_deleted=state == "done")

    def _move_run(self, run_id: str, *, is_deleted: bool) -> None:
        """Move the folder last: what fails before it changes nothing."""
        self._db.execute("UPDATE run SET is_deleted = ? WHERE id = ?", (is_deleted, run_id))
        places = (self._home(run_id), self.trash_dir / run_id)
        source, target = places if is_deleted else tuple(reversed(places))
        if target.is_dir() and not source.exists():  # a crash came between the folder and the journal
            return
        if not source.is_dir():
            where = "in this project" if is_deleted else "in the trash any more"
            raise DataError(f"There is no run '{run_id}' {where}. Empty the trash to forget what was deleted.")
        if is_deleted:
            _check_rests(source)
        try:
            target.parent.mkdir(exist_ok=True)
            source.rename(target)
        except OSError as error:
            raise DataError(
                f"The run {source} could not be moved to {target} ({error.strerror}). Nothing was changed; close what "
                "has its files open and try again."
            ) from error

    def _home(self, run_id: str) -> Path:
        return self._path.parent / RUNS / run_id


def _check_rests(run: Path) -> None:
    try:
        ProjectLock(run / _RUN_LOCK).release()
    except LockTakenError as taken:
        raise DataError(f"The run {run.name} is going on ({taken}). Stop it before you delete it.") from taken
    except OSError as error:
        raise DataError(f"The run {run} cannot be moved ({error.strerror}). Make the folder writable.") from error
