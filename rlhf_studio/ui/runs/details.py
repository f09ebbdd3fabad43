"""One run at a glance: its curves, and what it was made with."""

from typing import Any, cast

from PySide6.QtCore import QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from rlhf_studio.errors import StudioError
from rlhf_studio.events import RunStarted, StepMetrics, TrainEvent
from rlhf_studio.jobs.catalog import RunSummary
from rlhf_studio.jobs.run_file import read_run_file
from rlhf_studio.settings import PpoSettings, RewardSettings, SftSettings, StageSettings
from rlhf_studio.ui.plots.figures import PANELS, kind_of
from rlhf_studio.ui.plots.grid import PlotGrid
from rlhf_studio.ui.spoken import named
from rlhf_studio.ui.theme import Theme
from rlhf_studio.ui.train.history import HistoryReader
from rlhf_studio.ui.widgets.parts import GRID, Button, row
from rlhf_studio.ui.widgets.text import PlainLabel

_SETTINGS: dict[str, type[StageSettings]] = {"sft": SftSettings, "reward": RewardSettings, "ppo": PpoSettings}


class RunDetails(QWidget):
    """Curves above, settings and acts below. Long runs are read in slices."""

    continue_requested = Signal(object, str)  # RunSummary, stage
    compare_requested = Signal(str)  # run id

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.run: RunSummary | None = None
        self.stage = ""
        self.title = PlainLabel("", "title")
        self.message = PlainLabel("", "danger", wraps=True)
        self.settings = PlainLabel("", "muted", wraps=True)
        self.grids = {kind: PlotGrid(theme, kind) for kind in PANELS}
        self._stack = QStackedWidget()
        for grid in self.grids.values():
            self._stack.addWidget(grid)
        self._reader: HistoryReader | None = None
        self.go_on = Button(self.tr("Continue"), self.tr("Go on with this run from its last checkpoint"))
        self.compare = Button(self.tr("Compare"), self.tr("Ask this run's model beside others"))
        self.folder = Button(self.tr("Open folder"), self.tr("Show the run's folder"), "quiet")
        self.go_on.clicked.connect(self._on_go_on_clicked)
        self.compare.clicked.connect(self._on_compare_clicked)
        self.folder.clicked.connect(self._on_folder_clicked)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID)
        layout.addWidget(self.title)
        layout.addWidget(self.message)
        layout.addWidget(self._stack, 1)
        layout.addWidget(self.settings)
        layout.addLayout(row(self.go_on, self.compare, self.folder, None))

    def show_run(self, run: RunSummary, stage: str, *, is_live: bool, is_busy: bool) -> None:
        """Show a run, read from its folder."""
        is_new = self.run is None or self.run.id != run.id or self.run.outcome != run.outcome
        self.run, self.stage = run, stage
        self.title.setText(f"{named(stage, run.note)} · {run.id}")
        self.message.setText(run.message)
        self.message.setVisible(bool(run.message))
        self.settings.setText(self._differences(run))
        self.go_on.setVisible(run.outcome != "completed" and not is_live)
        self.go_on.setEnabled(not is_busy and any((run.path / "checkpoints").glob("step-*")))
        self.compare.setEnabled(stage in {"sft", "ppo", "ppo-ptx"} and (run.path / "models").is_dir())
        kind = kind_of(stage)
        self._stack.setVisible(kind in self.grids)
        if is_new and kind in self.grids:
            self._stack.setCurrentWidget(self.grids[kind])
            self._read(run, kind)

    def take_live(self, events: list[TrainEvent]) -> None:
        """Draw what the run tells now, unless its folder has told it already."""
        self.take(events if self._reader is None else self._reader.news(events))

    def take(self, events: list[TrainEvent]) -> None:
        """Draw what the run has told."""
        grid = cast("PlotGrid", self._stack.currentWidget())
        for event in events:
            if isinstance(event, RunStarted):
                grid.set_length(event.total)
        grid.add([event for event in events if isinstance(event, StepMetrics)])

    def _read(self, run: RunSummary, kind: str) -> None:
        if self._reader is not None:
            self._reader.stop()
            self._reader.deleteLater()
        self.grids[kind].clear()
        self._reader = HistoryReader(run.path, self)
        self._reader.read.connect(self.take)
        self._reader.start()

    def _differences(self, run: RunSummary) -> str:
        """What differs from today's defaults, and the models it began with."""
        try:
            spec = read_run_file(run.path).spec
        except StudioError as error:
            return str(error)
        cls = _SETTINGS.get(spec.kind)
        defaults: dict[str, Any] = cls().model_dump(mode="json") if cls else {}
        differing = [
            f"{name} = {value} ({defaults[name]})"
            for name, value in spec.settings.items()
            if name in defaults and value != defaults[name]
        ]
        models = ", ".join(f"{role}: {path}" for role, path in spec.models.items())
        settings = ", ".join(differing) or self.tr("all as by default")
        return self.tr("Settings: {settings}\nModels: {models}").format(settings=settings, models=models)

    def _on_go_on_clicked(self) -> None:
        if self.run is not None:
            self.continue_requested.emit(self.run, self.stage)

    def _on_compare_clicked(self) -> None:
        if self.run is not None:
            self.compare_requested.emit(self.run.id)

    def _on_folder_clicked(self) -> None:
        if self.run is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.run.path)))
