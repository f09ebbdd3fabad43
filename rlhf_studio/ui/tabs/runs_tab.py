"""Runs: everything that was trained in this project, with its curves."""

from typing import cast

from PySide6.QtCore import QItemSelection, Qt
from PySide6.QtWidgets import (
    QAbstractItemView,
    QHeaderView,
    QPushButton,
    QSplitter,
    QStackedWidget,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from rlhf_studio.errors import StudioError
from rlhf_studio.events import StepMetrics
from rlhf_studio.jobs.catalog import RunSummary, list_runs
from rlhf_studio.jobs.stages import StageEvent, StageKey
from rlhf_studio.ui.itemmodels.runs import RunsModel
from rlhf_studio.ui.runs.details import RunDetails
from rlhf_studio.ui.session import Session, TrainingState
from rlhf_studio.ui.tabs.tab import GoTo, KeyHelp, Tab
from rlhf_studio.ui.widgets.parts import GRID, EmptyState
from rlhf_studio.ui.widgets.text import PlainLabel

_SPLITTER = "runs/splitter"


class RunsTab(Tab):
    """A table of runs, and the chosen one beside it."""

    name = "runs"

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self.model = RunsModel(session.theme, self)
        self.table = self._make_table()
        self.details = RunDetails(session.theme)
        self.damaged = PlainLabel("", "warning", wraps=True)
        self.empty = EmptyState(
            self.tr("No run yet"),
            self.tr("Every training run is kept here with its curves, settings and model."),
            self.tr("Go to training"),
        )
        self._header = self.table.horizontalHeader()
        self._stack = QStackedWidget()
        self._splitter = QSplitter(Qt.Orientation.Horizontal)
        self._lay_out()
        self.empty.acted.connect(self._on_empty_acted)
        self.details.continue_requested.connect(self._on_continue_requested)
        self.details.compare_requested.connect(self._on_compare_requested)
        self.table.selectionModel().selectionChanged.connect(self._on_selection_changed)
        session.runs_changed.connect(self._on_runs_changed)
        session.events_arrived.connect(self._on_events_arrived)

    def title(self) -> str:
        return self.tr("Runs")

    def icon_name(self) -> str:
        return "mdi6.chart-line"

    def key_help(self) -> tuple[KeyHelp, ...]:
        return (KeyHelp(self.tr("Up, Down"), self.tr("Choose a run")),)

    def primary_button(self) -> QPushButton | None:
        return self.details.compare if self.model.rowCount() else self.empty.button

    def go_to(self, target: GoTo) -> None:
        place = self.model.row_of(target.run_id)
        if place >= 0:
            self.table.selectRow(place)

    def reload(self) -> None:
        catalog = list_runs(self.session.store.folder)
        chosen = self.details.run.id if self.details.run is not None else ""
        self.model.show_runs(catalog.runs, self.session.live_run)
        self.damaged.setText("\n".join(catalog.damaged))
        self.damaged.setVisible(bool(catalog.damaged))
        self._stack.setCurrentIndex(1 if catalog.runs else 0)
        self._fit_table()
        if catalog.runs:
            self.table.selectRow(max(0, self.model.row_of(chosen)))

    def _make_table(self) -> QTableView:
        table = QTableView()
        table.setModel(self.model)
        table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        table.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        table.setShowGrid(False)
        table.setTabKeyNavigation(False)
        table.setWordWrap(False)
        table.verticalHeader().hide()
        table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        table.horizontalHeader().setStretchLastSection(True)
        table.horizontalHeader().setHighlightSections(False)
        table.horizontalHeader().setDefaultAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter)
        table.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        table.setAccessibleName(self.tr("Runs"))
        table.setToolTip(self.tr("Every run of this project, newest first"))
        return table

    def _fit_table(self) -> None:
        """Wide enough for its columns and the bar beside them: nothing scrolls sideways here."""
        sections = range(self.model.columnCount())
        columns = sum(max(self.table.sizeHintForColumn(n), self._header.sectionSizeHint(n)) for n in sections)
        frame = 2 * self.table.frameWidth() + self.table.verticalScrollBar().sizeHint().width()
        self.table.setMinimumWidth(columns + frame + GRID)

    def _lay_out(self) -> None:
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self.table, 1)
        column.addWidget(self.damaged)
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
        if rows:
            run, stage = self.model.run(rows[0].row())
            is_busy = self.session.state is not TrainingState.IDLE
            self.details.show_run(run, stage, is_live=run.id == self.session.live_run, is_busy=is_busy)

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

    def _on_continue_requested(self, run: RunSummary, stage: str) -> None:
        try:
            self.session.go_on(run.path, cast("StageKey", stage))
        except StudioError as error:
            self.session.say(str(error), kind="error")
            return
        self.go_to_requested.emit(GoTo("train"))

    def _on_compare_requested(self, run_id: str) -> None:
        self.go_to_requested.emit(GoTo("compare", run_id=run_id))

    def _on_empty_acted(self) -> None:
        self.go_to_requested.emit(GoTo("train"))
