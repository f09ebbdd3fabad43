"""The runs of a project as rows of a table, newest first."""

from dataclasses import replace
from datetime import datetime
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor

from rlhf_studio.errors import StudioError
from rlhf_studio.jobs.catalog import RunSummary
from rlhf_studio.jobs.models import stage_of
from rlhf_studio.jobs.run_file import read_run_file
from rlhf_studio.ui.spoken import named
from rlhf_studio.ui.theme import Theme

Index = QModelIndex | QPersistentModelIndex


def stage_of_run(run: RunSummary) -> str:
    """The stage of a run; its kind where the folder cannot be read any more."""
    try:
        return str(stage_of(read_run_file(run.path)))
    except StudioError:
        return run.kind


class RunsModel(QAbstractTableModel):
    """Stage, start, state and steps."""

    def __init__(self, theme: Theme, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._rows: list[tuple[RunSummary, str]] = []
        self._live = ""
        theme.changed.connect(self._on_theme_changed)

    def show_runs(self, runs: tuple[RunSummary, ...], live: str) -> None:
        """Take the project's runs; ``live`` is the id of the one that goes on."""
        self.beginResetModel()
        self._rows = [(run, stage_of_run(run)) for run in reversed(runs)]
        self._live = live
        self.endResetModel()

    def note_step(self, run_id: str, step: int) -> None:
        """A run has come further."""
        row = self.row_of(run_id)
        if row >= 0:
            run, stage = self._rows[row]
            self._rows[row] = replace(run, last_step=step), stage
            self.dataChanged.emit(self.index(row, 3), self.index(row, 3))

    def run(self, row: int) -> tuple[RunSummary, str]:
        """A run and its stage."""
        return self._rows[row]

    def row_of(self, run_id: str) -> int:
        """Where a run stands; -1 if it is not there."""
        return next((row for row, (run, _) in enumerate(self._rows) if run.id == run_id), -1)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, N802
        return 0 if parent.isValid() else len(self._rows)

    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, N802
        return 0 if parent.isValid() else 4

    def headerData(  # noqa: N802
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole and 0 <= section < 4:
            return (self.tr("Run"), self.tr("Started"), self.tr("State"), self.tr("Steps"))[section]
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        run, stage = self._rows[index.row()]
        if role in {Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole}:
            return self._text(run, stage, index.column())
        if role == Qt.ItemDataRole.DecorationRole and index.column() == 0:
            return QColor(self._theme.stage_colour(stage))
        if role == Qt.ItemDataRole.ToolTipRole:
            return run.id
        return None

    def _text(self, run: RunSummary, stage: str, column: int) -> str:
        if column == 0:
            return named(stage, run.note)
        if column == 1:
            return f"{datetime.fromisoformat(run.created).astimezone():%d %b %H:%M}"
        return self.state(run) if column == 2 else str(run.last_step)

    def state(self, run: RunSummary) -> str:
        """How a run stands, in a word and a sign."""
        if run.outcome is None:
            return self.tr("● training") if run.id == self._live else self.tr("cut off")
        words = {
            "completed": self.tr("✓ completed"),
            "stopped": self.tr("■ stopped"),
            "failed": self.tr("✗ failed"),
        }
        return words[run.outcome]

    def _on_theme_changed(self) -> None:
        if self._rows:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._rows) - 1, 0))
