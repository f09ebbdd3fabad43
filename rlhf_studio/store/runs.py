"""The index of a project's runs. The run folders are the truth; the index can be made again from them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePath

from rlhf_studio.errors import DataError
from rlhf_studio.events import Outcome, StepMetrics
from rlhf_studio.schema import RunKind
from rlhf_studio.store.checks import check_filled, check_text, stored_json
from rlhf_studio.store.database import Changes, now
from rlhf_studio.store.rows import TrainingRows

_RUN = Changes(frozenset({"run"}))
_METRIC = Changes(frozenset({"run_metric"}))


@dataclass(frozen=True, slots=True)
class RunRecord:
    """One run of the index; ``folder`` is relative to the project, no outcome means that it has not ended."""

    id: str
    kind: RunKind
    title: str
    folder: str
    created: str
    outcome: Outcome | None = None
    parents: tuple[str, ...] = ()


class RunIndex(TrainingRows):
    """Runs and their metrics, keyed by run and step."""

    @property
    def folder(self) -> Path:
        """The project's folder."""
        return self._path.parent

    @property
    def runs_dir(self) -> Path:
        """Where the run folders lie."""
        return self.folder / "runs"

    def record_run(
        self, run_id: str, kind: RunKind, title: str, folder: Path, parents: Sequence[str] = (), created: str = ""
    ) -> Changes:
        """Put a run into the index; one that is there already is described anew and keeps its outcome.

        ``parents`` are the runs whose models it starts from.

        Raises:
            DataError: If the folder lies outside the project.
        """
        check_filled(run_id, "The name of the run")
        check_text(title, "The title of the run")
        relative = self._relative(folder)
        with self.transaction():
            self._db.execute(
                "INSERT INTO run (id, kind, title, folder, created) VALUES (?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE"
                " SET kind = excluded.kind, title = excluded.title, folder = excluded.folder",
                (run_id, kind, title, relative, created or now()),
            )
            self._db.execute("DELETE FROM run_parent WHERE run_id = ?", (run_id,))
            self._db.executemany(
                "INSERT INTO run_parent (run_id, place, parent_id) VALUES (?, ?, ?)",
                [(run_id, place, parent) for place, parent in enumerate(parents)],
            )
        return _RUN

    def finish_run(self, run_id: str, outcome: Outcome | None) -> Changes:
        """Write down how a run ended; None says that it goes on again."""
        with self.transaction():
            self._check_run(run_id)
            self._db.execute("UPDATE run SET outcome = ? WHERE id = ?", (outcome, run_id))
        return _RUN

    def forget_run(self, run_id: str) -> Changes:
        """Take a run and its metrics out of the index; its folder is not touched."""
        with self.transaction():
            self._db.execute("DELETE FROM run WHERE id = ?", (run_id,))
        return _RUN

    def runs(self) -> tuple[RunRecord, ...]:
        """Every run of the index that is not deleted, oldest first."""
        parents: dict[str, list[str]] = {}
        for run_id, parent in self._read("SELECT run_id, parent_id FROM run_parent ORDER BY run_id, place"):
            parents.setdefault(run_id, []).append(parent)
        rows = self._read(
            "SELECT id, kind, title, folder, created, outcome FROM run WHERE NOT is_deleted ORDER BY created, rowid"
        )
        return tuple(
            RunRecord(run_id, kind, title, folder, created, outcome, tuple(parents.get(run_id, ())))
            for run_id, kind, title, folder, created, outcome in rows
        )

    def index_metrics(self, run_id: str, rows: Sequence[StepMetrics]) -> Changes:
        """Keep the metrics of some steps; a step that is there already is replaced, so that doing it twice is safe."""
        with self.transaction():
            self._check_run(run_id)
            self._db.executemany(
                "INSERT INTO run_metric (run_id, step, metrics) VALUES (?, ?, ?)"
                " ON CONFLICT (run_id, step) DO UPDATE SET metrics = excluded.metrics",
                [
                    (run_id, row.step, json.dumps({name: float(value) for name, value in row.values.items()}))
                    for row in rows
                ],
            )
        return _METRIC

    def cut_metrics(self, run_id: str, last_step: int) -> Changes:
        """Forget the steps after ``last_step``, as resuming does with the run's events."""
        with self.transaction():
            self._db.execute("DELETE FROM run_metric WHERE run_id = ? AND step > ?", (run_id, last_step))
        return _METRIC

    def metrics(self, run_id: str) -> tuple[StepMetrics, ...]:
        """The metrics of one run in the order of steps; non-finite values come back as they were."""
        rows = self._read("SELECT step, metrics FROM run_metric WHERE run_id = ? ORDER BY step", (run_id,))
        return tuple(StepMetrics(step, stored_json(metrics, "The metrics of a run")) for step, metrics in rows)

    def _check_run(self, run_id: str) -> None:
        if not self._read("SELECT 1 FROM run WHERE id = ?", (run_id,)):
            raise DataError(f"There is no run {run_id!r} in this project. Record it first.")

    def _relative(self, folder: Path) -> str:
        inside = folder.resolve() if folder.is_absolute() else (self.folder / folder).resolve()
        home = self.folder.resolve()
        if inside == home or not inside.is_relative_to(home):
            raise DataError(f"The run folder {folder} lies outside the project {home}. Keep it in {self.runs_dir}.")
        return PurePath(inside.relative_to(home)).as_posix()
