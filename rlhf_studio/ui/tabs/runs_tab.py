"""Runs: everything that was trained in this project, as a tree, with its curves."""

from functools import partial
from pathlib import Path
from typing import cast

from PySide6.QtCore import QItemSelection, Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QHeaderView,
    QMessageBox,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QTreeView,
    QVBoxLayout,
    QWidget,
)

from rlhf_studio.errors import StudioError
from rlhf_studio.events import StepMetrics
from rlhf_studio.jobs.catalog import RunSummary, dependents, describe_run, list_runs
from rlhf_studio.jobs.export_job import Weights
from rlhf_studio.jobs.stages import StageEvent, StageKey
from rlhf_studio.ui.itemmodels.runs import RunsModel
from rlhf_studio.ui.runs.details import RunDetails
from rlhf_studio.ui.runs.evaluator import Evaluator
from rlhf_studio.ui.session import Session, TrainingState
from rlhf_studio.ui.tabs.tab import GoTo, KeyHelp, Tab
from rlhf_studio.ui.widgets.parts import GRID, Button, EmptyState
from rlhf_studio.ui.widgets.text import PlainLabel

_SPLITTER = "runs/splitter"
_WIDEST_PX = 560  # what the tree may take by itself; a person may drag it wider


class RunsTab(Tab):
    """A tree of runs, and the chosen one beside it."""

    name = "runs"

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self.model = RunsModel(session.theme, self)
        self.table = self._make_tree()
        self.details = RunDetails(session.theme)
        self.evaluator = Evaluator(session, self.details.evaluation, self)
        self.damaged = PlainLabel("", "warning", wraps=True)
        self.empty = EmptyState(
            self.tr("No run yet"),
            self.tr("Every training run is kept here with its curves, settings and model."),
            self.tr("Go to training"),
        )
        self.trash = Button(self.tr("Empty the trash"), self.tr("Remove deleted runs for good"), "link")
        self._question: QMessageBox | None = None
        self._stack = QStackedWidget()
        self._splitter = QSplitter(Qt.Orientation.Horizontal)
        self._lay_out()
        self.empty.acted.connect(self._on_empty_acted)
        self.details.continue_requested.connect(self._on_continue_requested)
        self.details.compare_requested.connect(self._on_compare_requested)
        self.details.fork_requested.connect(self._on_fork_requested)
        self.details.export_requested.connect(self._on_export_requested)
        self.details.described.connect(self._on_described)
        self.details.delete_requested.connect(self._on_delete_requested)
        self.trash.clicked.connect(self._on_trash_clicked)
        self.table.selectionModel().selectionChanged.connect(self._on_selection_changed)
        session.runs_changed.connect(self._on_runs_changed)
        session.events_arrived.connect(self._on_events_arrived)

    def title(self) -> str:
        return self.tr("Runs")

    def icon_name(self) -> str:
        return "mdi6.chart-line"

    def key_help(self) -> tuple[KeyHelp, ...]:
        back = KeyHelp(self.session.keymap.text("window.undo"), self.tr("Bring the run back that was deleted last"))
        return (*super().key_help(), back)

    def primary_button(self) -> QPushButton | None:
        return self.details.compare if self.model.rowCount() else self.empty.button

    def go_to(self, target: GoTo) -> None:
        index = self.model.index_of(target.run_id)
        if index.isValid():
            self.table.setCurrentIndex(index)

    def reload(self) -> None:
        store = self.session.store
        catalog = list_runs(store.folder)
        chosen = self.details.run.id if self.details.run is not None else ""
        self.model.show_runs(catalog.runs, self.session.live_run)
        self.table.expandAll()
        self.damaged.setText("\n".join(catalog.damaged))
        self.damaged.setVisible(bool(catalog.damaged))
        deleted = len(store.deleted_runs())
        self.trash.setText(self.tr("Empty the trash ({count} deleted runs)").format(count=deleted))
        self.trash.setVisible(deleted > 0 and not store.is_read_only)
        self._stack.setCurrentIndex(1 if catalog.runs or deleted else 0)
        self._fit_table()
        index = self.model.index_of(chosen)
        self.table.setCurrentIndex(index if index.isValid() else self.model.index_of(self.model.newest()))
        self.details.setVisible(bool(catalog.runs))

    def question(self) -> QMessageBox | None:
        """The question whether a run that others depend on shall go, while it stands."""
        return self._question

    def _make_tree(self) -> QTreeView:
        tree = QTreeView()
        tree.setModel(self.model)
        tree.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        tree.setUniformRowHeights(True)
        tree.setAllColumnsShowFocus(True)
        tree.setIndentation(2 * GRID)
        tree.setWordWrap(False)
        header = tree.header()
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setStretchLastSection(True)
        header.setHighlightSections(False)
        header.setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        tree.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        tree.setAccessibleName(self.tr("Runs"))
        tree.setToolTip(self.tr("Every run of this project, under what it began with; newest first"))
        return tree

    def _fit_table(self) -> None:
        """Wide enough for its columns and the bar beside them: nothing scrolls sideways here."""
        header = self.table.header()
        sections = range(self.model.columnCount())
        columns = sum(max(self.table.sizeHintForColumn(n), header.sectionSizeHint(n)) for n in sections)
        frame = 2 * self.table.frameWidth() + self.table.verticalScrollBar().sizeHint().width()
        self.table.setMinimumWidth(min(_WIDEST_PX, columns + frame + GRID))

    def _lay_out(self) -> None:
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.table, 1)
        column.addWidget(self.damaged)
        column.addWidget(self.trash, alignment=Qt.AlignmentFlag.AlignLeft)
        splitter = self._splitter
        splitter.addWidget(left)
        splitter.addWidget(self.details)
        splitter.setStretchFactor(1, 1)
        splitter.setChildrenCollapsible(False)
        splitter.setHandleWidth(2 * GRID)
        splitter.restoreState(self.session.preferences.state(_SPLITTER))  # of nothing kept it takes no notice
        splitter.splitterMoved.connect(self._on_splitter_moved)
        self._stack.addWidget(self.empty)
        self._stack.addWidget(splitter)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, 2 * GRID)
        layout.addWidget(self._stack)

    def _on_splitter_moved(self, _place: int, _index: int) -> None:
        self.session.preferences.keep_state(_SPLITTER, self._splitter.saveState())

    def _on_selection_changed(self, _selected: QItemSelection, _deselected: QItemSelection) -> None:
        rows = self.table.selectionModel().selectedRows()
        found = self.model.run(rows[0]) if rows else None
        if found is not None:
            run, stage = found
            is_busy = self.session.state is not TrainingState.IDLE
            self.details.show_run(run, stage, is_live=run.id == self.session.live_run, is_busy=is_busy)
            if run.kind == "reward":
                self.evaluator.show_run(run)

    def _on_runs_changed(self) -> None:
        if self.isVisible():
            self.reload()

    def _on_events_arrived(self, items: list[StageEvent]) -> None:
        if not self.isVisible():
            return
        for item in items:
            if isinstance(item.event, StepMetrics):
                self.model.note_step(item.run_id, item.event.step)
        shown = self.details.run.id if self.details.run is not None else ""
        events = [item.event for item in items if item.run_id and item.run_id == shown]
        if events:
            self.details.take_live(events)

    def _on_continue_requested(self, run: RunSummary, stage: str, changes: dict[str, float]) -> None:
        try:
            self.session.go_on(run.path, cast("StageKey", stage), changes)
        except StudioError as error:
            self.session.say(str(error), kind="error")
            return
        self.go_to_requested.emit(GoTo("train"))

    def _on_fork_requested(self, run: RunSummary, step: int) -> None:
        self.go_to_requested.emit(GoTo("train", run_id=run.id, step=step))

    def _on_export_requested(self, run: RunSummary, weights: str) -> None:
        dialog = QFileDialog(self, self.tr("Folder to put the model into"))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.setLabelText(QFileDialog.DialogLabel.Accept, self.tr("Export"))
        dialog.fileSelected.connect(partial(self.export, run, weights))
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def export(self, run: RunSummary, weights: str, folder: str) -> None:
        """Write a model of a run into a folder of its own inside this one."""
        name = run.id if weights == "raw" else f"{run.id}-{weights}"
        try:
            self.session.export(run.path, Path(folder) / name, cast("Weights", weights))
        except StudioError as error:
            self.session.say(str(error), kind="error")

    def _on_described(self, run: RunSummary, title: str, comment: str) -> None:
        name = None if title == run.title else title  # the name it was started with is not a person's own
        try:
            describe_run(self.session.store, run.path, title=name, comment=comment)
        except StudioError as error:
            self.session.say(str(error), kind="error")
            return
        self.session.runs_changed.emit()

    def _on_delete_requested(self, run: RunSummary) -> None:
        """Ask only where other runs began with this one's model: else undo is the way back."""
        needing = dependents(list_runs(self.session.store.folder).runs, run.id)
        if not needing:
            self._delete(run.id)
            return
        names = "\n".join(f"{self.model.name(other)} · {other.id}" for other in needing)
        box = self._question = QMessageBox(self)
        box.setWindowTitle(self.tr("Delete a run that others began with"))
        box.setText(self.tr("{count} runs began with the model of {run}.").format(count=len(needing), run=run.id))
        box.setInformativeText(
            self.tr("They keep their own models, but without it they cannot go on or be forked:\n{names}").format(
                names=names
            )
        )
        sure = box.addButton(self.tr("Delete"), QMessageBox.ButtonRole.DestructiveRole)
        box.addButton(QMessageBox.StandardButton.Cancel)
        sure.clicked.connect(partial(self._delete, run.id))
        box.finished.connect(self._on_question_finished)
        box.open()

    def _on_question_finished(self, _result: int) -> None:
        box, self._question = self._question, None
        if box is not None:
            box.deleteLater()

    def _delete(self, run_id: str, _checked: bool = False) -> None:
        try:
            entry = self.session.store.delete_run(run_id, self.session.labeler)
        except StudioError as error:
            self.session.say(str(error), kind="error")
            return
        self.session.changed(entry.changes, self)
        self.session.say(self.tr("The run is in the trash."), kind="undo")

    def _on_trash_clicked(self) -> None:
        try:
            changes = self.session.store.empty_trash()
        except StudioError as error:
            self.session.say(str(error), kind="error")
            return
        self.session.changed(changes, self)

    def _on_compare_requested(self, run_id: str) -> None:
        self.go_to_requested.emit(GoTo("compare", run_id=run_id))

    def _on_empty_acted(self) -> None:
        self.go_to_requested.emit(GoTo("train"))
