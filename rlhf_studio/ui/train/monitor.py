"""The middle of the Train tab: curves of the stage that runs, or of the stage a person chose to look at."""

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QButtonGroup, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from rlhf_studio.events import RunStarted, SettingChanged, StepMetrics, TrainEvent
from rlhf_studio.ui.plots.figures import kind_of
from rlhf_studio.ui.plots.grid import PlotGrid
from rlhf_studio.ui.plots.objective_line import ObjectiveLine
from rlhf_studio.ui.theme import Theme
from rlhf_studio.ui.widgets.parts import GRID, Button, row

KINDS = ("sft", "reward", "rl-start", "ppo")


class Monitor(QWidget):
    """A grid of plots for each stage, one of them in front; that of the RL start is there once there is one."""

    drawn = Signal(int)  # as PlotGrid's, of any grid

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        words = {
            "sft": self.tr("SFT"),
            "reward": self.tr("Reward model"),
            "rl-start": self.tr("RL start"),
            "ppo": self.tr("PPO"),
        }
        self.grids = {kind: PlotGrid(theme, kind) for kind in KINDS}
        self.chips: dict[str, QPushButton] = {}
        self._group = QButtonGroup(self)
        self._stack = QStackedWidget()
        for kind, grid in self.grids.items():
            chip = Button(words[kind], self.tr("Curves of this stage"), "chip")
            chip.setCheckable(True)
            chip.clicked.connect(self._on_chip_clicked)
            self.chips[kind] = chip
            self._group.addButton(chip)
            self._stack.addWidget(grid)
            grid.drawn.connect(self.drawn)
        self.chips["rl-start"].hide()
        self.objective = ObjectiveLine(theme)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID)
        layout.addLayout(row(*self.chips.values(), None))
        layout.addWidget(self.objective)
        layout.addWidget(self._stack, 1)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.show_kind("sft")

    @property
    def shown(self) -> str:
        """The kind of run in front."""
        return next(kind for kind, chip in self.chips.items() if chip.isChecked())

    def show_kind(self, kind: str) -> None:
        """Bring a stage's curves to the front."""
        self.chips[kind].show()
        self.chips[kind].setChecked(True)
        self._stack.setCurrentWidget(self.grids[kind])
        self.objective.setVisible(kind == "ppo")

    def follow(self, stage: str) -> None:
        """A run begins: its curves come to the front."""
        self.show_kind(kind_of(stage))

    def forget(self, stage: str) -> None:
        """Empty the curves of a stage."""
        self.grids[kind_of(stage)].clear()
        if kind_of(stage) == "ppo":
            self.objective.clear()

    def take(self, stage: str, events: Sequence[TrainEvent]) -> None:
        """Draw what a run tells."""
        kind = kind_of(stage)
        grid = self.grids[kind]
        self.chips[kind].show()
        metrics: list[StepMetrics] = []
        for event in events:
            if isinstance(event, RunStarted):
                grid.add(metrics)
                metrics = []
                if event.step == 0:
                    self.forget(stage)
                grid.set_length(event.total)
            elif isinstance(event, StepMetrics):
                metrics.append(event)
            elif isinstance(event, SettingChanged):
                grid.mark([event])
        grid.add(metrics)
        if kind == "ppo" and metrics:
            self.objective.show_step(metrics[-1].values)

    def _on_chip_clicked(self) -> None:
        self.show_kind(self.shown)
