"""The runs of a project as a tree: what came of which model, siblings newest first."""

from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any, cast

from PySide6.QtCore import QAbstractItemModel, QModelIndex, QObject, QPersistentModelIndex, Qt
from PySide6.QtGui import QColor

from rlhf_studio.errors import StudioError
from rlhf_studio.jobs.catalog import RunSummary
from rlhf_studio.jobs.models import stage_of
from rlhf_studio.jobs.run_file import read_run_file
from rlhf_studio.jobs.run_tree import RunNode, run_tree, space, walk
from rlhf_studio.ui.spoken import named, size_text
from rlhf_studio.ui.theme import Theme

Index = QModelIndex | QPersistentModelIndex
COLUMNS = 5
_STEPS, _SPACE = 3, 4


def stage_of_run(run: RunSummary) -> str:
    """The stage of a run; its kind where the folder cannot be read any more."""
    try:
        return str(stage_of(read_run_file(run.path)))
    except StudioError:
        return run.kind


class RunsModel(QAbstractItemModel):
    """Stage, start, state, steps and space."""

    def __init__(self, theme: Theme, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._roots: list[RunNode] = []
        self._nodes: list[RunNode] = []  # every one; an index knows its place in here
        self._places: dict[int, tuple[int, int]] = {}  # id of a node -> its row, and its parent's place or -1
        self._stages: dict[str, str] = {}
        self._spaces: dict[tuple[str, str, int], str] = {}
        self._live = ""
        theme.changed.connect(self._on_theme_changed)

    def show_runs(self, runs: tuple[RunSummary, ...], live: str) -> None:
        """Take the project's runs; ``live`` is the id of the one that goes on."""
        self.beginResetModel()
        self._roots = run_tree(runs)
        _newest_first(self._roots)
        self._nodes = [node for _, node in walk(self._roots)]
        place_of = {id(node): place for place, node in enumerate(self._nodes)}
        self._places = {id(node): (row, -1) for row, node in enumerate(self._roots)}
        for node in self._nodes:
            self._places |= {id(child): (row, place_of[id(node)]) for row, child in enumerate(node.children)}
        self._stages = {run.id: stage_of_run(run) for run in runs}
        self._live = live
        self.endResetModel()

    def note_step(self, run_id: str, step: int) -> None:
        """A run has come further."""
        index = self.index_of(run_id)
        if index.isValid():
            node = self._node(index)
            node.run = replace(cast("RunSummary", node.run), last_step=step)
            self.dataChanged.emit(index.siblingAtColumn(_STEPS), index.siblingAtColumn(_SPACE))

    def run(self, index: Index) -> tuple[RunSummary, str] | None:
        """A run and its stage; None at a base model."""
        run = self._node(index).run
        return None if run is None else (run, self._stages[run.id])

    def index_of(self, run_id: str) -> QModelIndex:
        """Where a run stands; invalid if it is not there."""
        for place, node in enumerate(self._nodes):
            if node.run is not None and node.run.id == run_id:
                return self.createIndex(self._places[id(node)][0], 0, place)
        return QModelIndex()

    def newest(self) -> str:
        """The id of the run that began last; empty where there is none."""
        runs = [node.run for node in self._nodes if node.run is not None]
        return max(runs, key=lambda run: (run.created, run.id)).id if runs else ""

    def index(self, row: int, column: int, parent: Index = QModelIndex()) -> QModelIndex:  # noqa: B008
        children = self._children(parent)
        if not (0 <= row < len(children) and 0 <= column < COLUMNS):
            return QModelIndex()
        return self.createIndex(row, column, self._nodes.index(children[row]))

    def parent(self, index: Index = QModelIndex()) -> QModelIndex:  # type: ignore[override]  # noqa: B008
        if not index.isValid():
            return QModelIndex()
        place = self._places[id(self._node(index))][1]
        if place < 0:
            return QModelIndex()
        return self.createIndex(self._places[id(self._nodes[place])][0], 0, place)

    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008, N802
        return 0 if parent.column() > 0 else len(self._children(parent))

    def columnCount(self, _parent: Index = QModelIndex()) -> int:  # noqa: B008, N802
        return COLUMNS

    def headerData(  # noqa: N802
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation == Qt.Orientation.Horizontal and role == Qt.ItemDataRole.DisplayRole and section < COLUMNS:
            heads = (self.tr("Run"), self.tr("Started"), self.tr("State"), self.tr("Steps"), self.tr("Space"))
            return heads[section]
        return None

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid():
            return None
        node = self._node(index)
        if role in {Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.AccessibleTextRole}:
            return self._text(node, index.column())
        if role == Qt.ItemDataRole.DecorationRole and index.column() == 0:
            stage = "base" if node.run is None else self._stages[node.run.id]
            return QColor(self._theme.stage_colour(stage))
        if role == Qt.ItemDataRole.ToolTipRole and node.run is not None:
            return f"{node.run.id}\n{node.run.comment}".strip()
        return None

    def _text(self, node: RunNode, column: int) -> str:
        run = node.run
        if run is None:
            name = node.name or self.tr("deleted")
            return self.tr("Base model ({name})").format(name=name) if column == 0 else ""
        if column == 0:
            return self.name(run)
        if column == 1:
            return f"{datetime.fromisoformat(run.created).astimezone():%d %b %H:%M}"
        if column == _SPACE:
            return self._space(run)
        return self.state(run) if column == 2 else str(run.last_step)

    def name(self, run: RunSummary) -> str:
        """What a run is called, and where it was forked."""
        name = named(self._stages[run.id], run.note)
        return name if run.fork is None else self.tr("{name} from step {step}").format(name=name, step=run.fork.step)

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

    def _space(self, run: RunSummary) -> str:
        """Counted when it is first seen, and again when the run has come further."""
        key = (run.id, run.outcome or "", run.last_step)
        if key not in self._spaces:
            try:
                self._spaces[key] = size_text(space(Path(run.path)))
            except OSError:  # deleted or pruned meanwhile; it is counted when it is asked for again
                return ""
        return self._spaces[key]

    def _node(self, index: Index) -> RunNode:
        return self._nodes[index.internalId()]

    def _children(self, parent: Index) -> list[RunNode]:
        return self._node(parent).children if parent.isValid() else self._roots

    def _on_theme_changed(self) -> None:
        if self._roots:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._roots) - 1, 0))


def _newest_first(nodes: list[RunNode]) -> None:
    """Order siblings by the newest run in or under them."""
    for node in nodes:
        _newest_first(node.children)
    nodes.sort(key=lambda node: max(one.run.created for _, one in walk([node]) if one.run is not None), reverse=True)
