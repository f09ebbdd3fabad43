"""The foot of the Train tab: start, pause and stop, where the run is, and how long it still takes."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QProgressBar, QVBoxLayout, QWidget

from rlhf_studio.ui.session import TrainingState
from rlhf_studio.ui.spoken import duration_text
from rlhf_studio.ui.theme import Theme
from rlhf_studio.ui.widgets.parts import GRID, Button, row
from rlhf_studio.ui.widgets.text import PlainLabel


class RunBar(QFrame):
    """Buttons and the line that says what goes on."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("look", "bar")
        self.train_all = Button(
            self.tr("Train all three"),
            self.tr("Train SFT, the reward model and PPO-ptx, one after the other"),
            "primary",
            "mdi6.play",
            theme,
            "F5",
        )
        self.pause = Button(self.tr("Pause"), self.tr("Hold the run, or let it go on"), "", "mdi6.pause", theme, "F6")
        self.stop = Button(self.tr("Stop"), self.tr("End the run and keep it up to here"), "", "mdi6.stop", theme, "F7")
        self.adjust = Button(
            self.tr("Adjust"), self.tr("Change beta, rates or clip of PPO while it runs"), "", "mdi6.tune", theme, "F4"
        )
        self.adjust.setEnabled(False)
        self.where = PlainLabel("")
        self.left = PlainLabel("", "muted")
        self.left.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setAccessibleName(self.tr("Progress of the run"))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * GRID, GRID, 2 * GRID, GRID)
        layout.setSpacing(GRID)
        layout.addWidget(self.progress)
        layout.addLayout(row(self.train_all, self.pause, self.stop, self.adjust, self.where, None, self.left))
        self.show_state(TrainingState.IDLE)

    def show_state(self, state: TrainingState) -> None:
        """Offer what can be done now."""
        is_idle = state is TrainingState.IDLE
        is_paused = state is TrainingState.PAUSED
        self.train_all.setEnabled(is_idle)
        self.pause.setEnabled(state in {TrainingState.RUNNING, TrainingState.PAUSED})
        self.pause.setText(self.tr("Go on") if is_paused else self.tr("Pause"))
        self.pause.setAccessibleName(self.pause.text())
        self.pause.set_icon("mdi6.play" if is_paused else "mdi6.pause")
        self.stop.setEnabled(state in {TrainingState.RUNNING, TrainingState.PAUSED})
        self.progress.setVisible(not is_idle)
        if is_idle:
            self.where.clear()
            self.left.clear()

    def show_progress(self, stage: str, phase: str, step: int, total: int, done: float) -> None:
        """Show where the run is. ``done`` is the share of the phase, in [0, 1]."""
        parts = [part for part in (stage, phase) if part]
        if total:
            parts.append(self.tr("step {step} of {total}").format(step=min(step, total), total=total))
        self.where.setText(" · ".join(parts))
        self.progress.setRange(0, 1000 if total else 0)
        if total:
            before = max(0.0, step - 1 + done) if phase else float(step)
            self.progress.setValue(round(1000 * min(1.0, before / total)))

    def show_left(self, left_s: float | None, labeling_s: float) -> None:
        """Show the time left, and what labeling beside the run has cost it."""
        parts = [] if left_s is None else [self.tr("{time} left").format(time=duration_text(left_s))]
        if labeling_s >= 1:
            parts.append(self.tr("waited {time} for labeling").format(time=duration_text(labeling_s)))
        self.left.setText(" · ".join(parts))
