"""One run at a glance: its curves, and what it was made with."""

from typing import Any

from PySide6.QtCore import QUrl, Signal
from PySide6.QtGui import QAction, QDesktopServices
from PySide6.QtWidgets import QButtonGroup, QComboBox, QMenu, QStackedWidget, QVBoxLayout, QWidget

from rlhf_studio.errors import StudioError
from rlhf_studio.events import Notice, RunStarted, SettingChanged, StepMetrics, TrainEvent
from rlhf_studio.jobs.best_policy import best_policy
from rlhf_studio.jobs.catalog import RunSummary
from rlhf_studio.jobs.export_job import exportable
from rlhf_studio.jobs.models import kept_steps, usable
from rlhf_studio.jobs.provenance import run_card
from rlhf_studio.jobs.run_file import ended_early, read_run_file
from rlhf_studio.jobs.steering import settings_after
from rlhf_studio.settings import STAGE_SETTINGS
from rlhf_studio.ui.plots.figures import PANELS, kind_of
from rlhf_studio.ui.plots.grid import PlotGrid
from rlhf_studio.ui.runs.card import CardDialog
from rlhf_studio.ui.runs.describe import DescribeDialog
from rlhf_studio.ui.runs.evaluation import EvaluationView
from rlhf_studio.ui.runs.limit import LimitDialog
from rlhf_studio.ui.spoken import named, notice_text, usable_text
from rlhf_studio.ui.theme import Theme
from rlhf_studio.ui.train.history import HistoryReader
from rlhf_studio.ui.widgets.parts import GRID, Button, row
from rlhf_studio.ui.widgets.text import PlainLabel


class RunDetails(QWidget):
    """Curves above, settings and acts below. Long runs are read in slices."""

    continue_requested = Signal(object, str, dict)  # RunSummary, stage, settings to go on with
    fork_requested = Signal(object, int)  # RunSummary, step of the checkpoint
    compare_requested = Signal(str)  # run id
    export_requested = Signal(object, str)  # RunSummary, jobs.export_job.Weights
    described = Signal(object, str, str)  # RunSummary, title, comment
    delete_requested = Signal(object)  # RunSummary

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.run: RunSummary | None = None
        self.stage = ""
        self._limit = 0.0  # of the KL, where the run ended above it
        self.title = PlainLabel("", "title")
        self.message = PlainLabel("", "danger", wraps=True)
        self.usable = PlainLabel("", "muted", wraps=True)
        self.comment = PlainLabel("", "", wraps=True)
        self.epochs = PlainLabel("", "", wraps=True)
        self.settings = PlainLabel("", "muted", wraps=True)
        self.grids = {kind: PlotGrid(theme, kind) for kind in PANELS}
        self._stack = QStackedWidget()
        for grid in self.grids.values():
            self._stack.addWidget(grid)
        self.evaluation = EvaluationView(theme)
        self._stack.addWidget(self.evaluation)
        self._make_chips()
        self._reader: HistoryReader | None = None
        self._make_acts()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID)
        layout.addWidget(self.title)
        line = row(self.usable, self.card, self.rename, self.delete, self.folder)
        line.setStretch(0, 1)
        layout.addLayout(line)
        layout.addWidget(self.comment)
        layout.addWidget(self.epochs)
        layout.addWidget(self.message)
        layout.addLayout(row(*self.chips.values(), None))
        layout.addWidget(self._stack, 1)
        layout.addWidget(self.settings)
        layout.addLayout(row(self.go_on, self.compare, self.export, None, self.fork, self.steps))

    def _make_chips(self) -> None:
        """A reward run has two pages: its curves, and how good its model is."""
        words = {"curves": self.tr("Curves"), "evaluation": self.tr("Evaluation")}
        tips = {
            "curves": self.tr("How training went"),
            "evaluation": self.tr("How good the reward model is on what it has not seen"),
        }
        self._pages = QButtonGroup(self)
        self.chips: dict[str, Button] = {}
        for name, word in words.items():
            chip = Button(word, tips[name], "chip")
            chip.setCheckable(True)
            chip.clicked.connect(self._show_page)
            self.chips[name] = chip
            self._pages.addButton(chip)
        self.chips["curves"].setChecked(True)

    def _show_page(self) -> None:
        kind = kind_of(self.stage)
        is_evaluation = kind == "reward" and self.chips["evaluation"].isChecked()
        page = self.evaluation if is_evaluation else self.grids.get(kind)
        if page is not None:
            self._stack.setCurrentWidget(page)

    def _make_acts(self) -> None:
        self.go_on = Button(self.tr("Continue"), self.tr("Go on with this run from its last checkpoint"))
        self.compare = Button(self.tr("Compare"), self.tr("Ask this run's model beside others"))
        self.export = Button(self.tr("Export"), self.tr("Write this run's model as a folder that other tools open"))
        self.export_menu = QMenu(self.export)
        self.export_menu.triggered.connect(self._on_export_triggered)
        self.export.setMenu(self.export_menu)
        self.fork = Button(
            self.tr("Fork"), self.tr("Start a new run from a checkpoint of this one, with other settings")
        )
        self.steps = QComboBox()
        self.steps.setAccessibleName(self.tr("Checkpoint to fork at"))
        self.steps.setToolTip(self.tr("The checkpoints that this run keeps; a setting says how many"))
        self.card = Button(
            self.tr("Card"), self.tr("Where this model comes from: models, labels, settings, code"), "quiet"
        )
        self.card.clicked.connect(self._on_card_clicked)
        self.rename = Button(self.tr("Rename"), self.tr("Give this run a name and a note"), "quiet")
        self.delete = Button(self.tr("Delete"), self.tr("Move this run to the project's trash"), "quiet")
        self.folder = Button(self.tr("Open folder"), self.tr("Show the run's folder"), "quiet")
        self.fork.clicked.connect(self._on_fork_clicked)
        self.rename.clicked.connect(self._on_rename_clicked)
        self.delete.clicked.connect(self._on_delete_clicked)
        self.go_on.clicked.connect(self._on_go_on_clicked)
        self.compare.clicked.connect(self._on_compare_clicked)
        self.folder.clicked.connect(self._on_folder_clicked)

    def show_run(self, run: RunSummary, stage: str, *, is_live: bool, is_busy: bool) -> None:
        """Show a run, read from its folder."""
        is_new = self.run is None or self.run.id != run.id or self.run.outcome != run.outcome
        self.run, self.stage = run, stage
        self.title.setText(f"{named(stage, run.note)} · {run.id}")
        found = usable(run)
        step = None if found is None else found.step
        words = usable_text(step, is_checkpoint=found is not None and found.is_checkpoint)
        self.usable.setText(words[:1].upper() + words[1:] + self._best(run))
        self.comment.setText(run.comment)
        self.comment.setVisible(bool(run.comment))
        self.message.setText(run.message)
        self.message.setVisible(bool(run.message))
        self.settings.setText(self._differences(run))
        self._limit = self._limit_of(run)
        self.go_on.setVisible((run.outcome != "completed" or self._limit > 0) and not is_live)
        more = self.tr("Go on with another limit of the KL") if self._limit > 0 else self.tr("Continue")
        self.go_on.setText(more)
        self.go_on.setAccessibleName(more)
        self.go_on.setEnabled(not is_busy and any((run.path / "checkpoints").glob("step-*")))
        self._show_steps(run)
        self._show_exports(run)
        self.fork.setEnabled(not is_busy and self.steps.count() > 0)
        self.delete.setEnabled(not is_live)
        self.compare.setEnabled(stage in {"sft", "rl-start", "ppo", "ppo-ptx"} and (run.path / "models").is_dir())
        kind = kind_of(stage)
        self._stack.setVisible(kind in self.grids)
        for chip in self.chips.values():
            chip.setVisible(kind == "reward")
        self._show_page()
        if is_new and kind in self.grids:
            self._read(run, kind)

    @staticmethod
    def _limit_of(run: RunSummary) -> float:
        """The limit of the KL above which a run ended before its last step; 0 where it did not."""
        if run.outcome != "completed":
            return 0.0
        try:
            spec = read_run_file(run.path).spec
        except StudioError:  # whoever shows its settings says so
            return 0.0
        if not ended_early(spec, run.last_step):
            return 0.0
        return float(settings_after(run.path, run.last_step).get("kl_stop", 0.0))

    def _best(self, run: RunSummary) -> str:
        """What is known of the run's best policy, where it has kept one."""
        found = best_policy(run.path)
        if found is None:
            return ""
        words = self.tr(" · best policy at step {step}: held-out score {score:+.2f}, KL {kl:.1f}")
        return words.format(step=found.step, score=found.score, kl=found.kl)

    def _show_steps(self, run: RunSummary) -> None:
        """The checkpoints to fork at; one that was chosen stays chosen."""
        chosen = self.steps.currentData()
        steps = () if run.kind == "pretrain" else kept_steps(run.path)
        self.steps.clear()
        for step in steps:
            self.steps.addItem(self.tr("at step {step}").format(step=step), step)
        self.steps.setCurrentIndex(max(0, self.steps.findData(chosen)) if steps else -1)
        self.steps.setEnabled(bool(steps))

    def _show_exports(self, run: RunSummary) -> None:
        words = {
            "raw": self.tr("Model"),
            "best": self.tr("Best policy on held-out prompts"),
            "ema": self.tr("Moving average of the policy"),
            "value": self.tr("Value network"),
        }
        self.export_menu.clear()
        for weights in exportable(run.path, run.kind):
            self.export_menu.addAction(words[weights]).setData(weights)
        self.export.setEnabled(not self.export_menu.isEmpty())

    def take_live(self, events: list[TrainEvent]) -> None:
        """Draw what the run tells now, unless its folder has told it already."""
        self.take(events if self._reader is None else self._reader.news(events))

    def take(self, events: list[TrainEvent]) -> None:
        """Draw what the run has told."""
        grid = self.grids[kind_of(self.stage)]
        for event in events:
            if isinstance(event, RunStarted):
                grid.set_length(event.total)
        grid.mark([event for event in events if isinstance(event, SettingChanged)])
        grid.add([event for event in events if isinstance(event, StepMetrics)])
        self._say_epochs([event for event in events if isinstance(event, Notice)])

    def _say_epochs(self, told: list[Notice]) -> None:
        """Which epoch of SFT is the best by what, and which was kept."""
        said = [notice_text(n.message, n.values) for n in told if n.message.startswith(("sft.best.", "sft.kept."))]
        if said:
            self.epochs.setText(" ".join([*self.epochs.text().splitlines(), *said]))
            self.epochs.show()

    def _read(self, run: RunSummary, kind: str) -> None:
        if self._reader is not None:
            self._reader.stop()
            self._reader.deleteLater()
        self.grids[kind].clear()
        self.epochs.clear()
        self.epochs.hide()
        self._reader = HistoryReader(run.path, self)
        self._reader.read.connect(self.take)
        self._reader.start()

    def _differences(self, run: RunSummary) -> str:
        """What differs from today's defaults, and the models it began with."""
        try:
            spec = read_run_file(run.path).spec
        except StudioError as error:
            return str(error)
        cls = STAGE_SETTINGS.get(spec.kind)
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
        if self.run is None:
            return
        if self._limit <= 0:
            self.continue_requested.emit(self.run, self.stage, {})
            return
        dialog = LimitDialog(self.run, self._limit, self)
        dialog.chosen.connect(self._on_limit_chosen)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _on_limit_chosen(self, run: RunSummary, limit: float) -> None:
        self.continue_requested.emit(run, self.stage, {"kl_stop": limit})

    def _on_export_triggered(self, action: QAction) -> None:
        if self.run is not None:
            self.export_requested.emit(self.run, str(action.data()))

    def _on_fork_clicked(self) -> None:
        if self.run is not None:
            self.fork_requested.emit(self.run, int(self.steps.currentData()))

    def _on_card_clicked(self) -> None:
        if self.run is None:
            return
        try:
            found = usable(self.run)
            text = run_card(self.run.path, self.run.last_step if found is None else found.step)
        except StudioError as error:
            text = str(error)
        dialog = CardDialog(self.tr("Card of {run}").format(run=self.run.id), text, self)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _on_rename_clicked(self) -> None:
        if self.run is None:
            return
        dialog = DescribeDialog(self.run, self)
        dialog.described.connect(self.described)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()

    def _on_delete_clicked(self) -> None:
        if self.run is not None:
            self.delete_requested.emit(self.run)

    def _on_compare_clicked(self) -> None:
        if self.run is not None:
            self.compare_requested.emit(self.run.id)

    def _on_folder_clicked(self) -> None:
        if self.run is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self.run.path)))
