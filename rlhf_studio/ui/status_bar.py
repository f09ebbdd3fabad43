"""The foot of the window: what the training does, who labels, where models compute, and how much memory that takes."""

import os

import psutil
from PySide6.QtCore import QRectF, QSize, Qt, QTimer
from PySide6.QtGui import QColor, QFontMetrics, QHideEvent, QPainter, QPaintEvent, QPen, QShowEvent
from PySide6.QtWidgets import QApplication, QHBoxLayout, QSizePolicy, QStatusBar, QWidget

from rlhf_studio.events import RunStarted
from rlhf_studio.jobs.inference import DeviceFound
from rlhf_studio.jobs.stages import StageEvent
from rlhf_studio.ui.labeler_button import LabelerButton
from rlhf_studio.ui.preferences import Preferences
from rlhf_studio.ui.session import Session, TrainingState
from rlhf_studio.ui.spoken import stage_word
from rlhf_studio.ui.theme import Theme
from rlhf_studio.ui.widgets.parts import GRID
from rlhf_studio.ui.widgets.text import PlainLabel

MEMORY_EVERY_MS = 2_000
_DEVICES = {"cpu": "CPU", "cuda": "GPU", "mps": "GPU"}


class StateMark(QWidget):
    """A small sign of the training's state; each state has a form of its own, not only a colour."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._state = TrainingState.IDLE
        self._stage = ""
        self.setFixedSize(14, 14)
        theme.changed.connect(self.update)

    def show_state(self, state: TrainingState, stage: str) -> None:
        """Paint another state; ``stage`` gives the colour of a run that goes on."""
        self._state, self._stage = state, stage
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(14, 14)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if self._state is TrainingState.IDLE:
            painter.setPen(QPen(QColor(self._theme.colours.muted), 1.5))
            painter.drawEllipse(QRectF(3, 3, 8, 8))
            return
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(self._theme.stage_colour(self._stage)))
        if self._state is TrainingState.RUNNING:
            painter.drawEllipse(QRectF(2, 2, 10, 10))
        elif self._state is TrainingState.PAUSED:
            painter.drawRect(QRectF(3, 2, 3, 10))
            painter.drawRect(QRectF(8, 2, 3, 10))
        else:
            painter.drawRect(QRectF(3, 3, 8, 8))


class StatusBar(QStatusBar):
    """State of the training on the left; labeler, device, memory and GPU memory on the right."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("status")
        self.setSizeGripEnabled(False)
        self._session = session
        self._process = psutil.Process()
        self._stage = ""
        self._device = ""
        self.mark = StateMark(session.theme)
        self.state_label = self._label()
        self.labeler = LabelerButton(session)
        self.device_label = self._label()
        self.memory_label = self._label()
        self.gpu_label = self._label()
        self.addWidget(self._line(), 1)
        session.theme.changed.connect(self._on_theme_changed)
        self._on_theme_changed()
        self.timer = QTimer(self)
        self.timer.setInterval(MEMORY_EVERY_MS)
        self.timer.timeout.connect(self._show_memory)
        session.training_state_changed.connect(self._on_session_training_state_changed)
        session.events_arrived.connect(self._on_session_events_arrived)
        session.device_found.connect(self._on_session_device_found)
        if session.device is not None:
            self._device = session.device.name
        self._show_state()
        self.show_device()
        self._show_memory()

    def show_device(self) -> None:
        """Say where models compute; to be called when the setting for it has changed, too."""
        text = self._device_text()
        self.device_label.setText(text)
        self.device_label.setAccessibleName(self.tr("Device: {what}").format(what=text))
        self.device_label.setToolTip(self.tr("Where models are trained and answer; the settings choose it"))

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        super().showEvent(event)
        self._show_memory()
        self.timer.start()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802
        super().hideEvent(event)
        self.timer.stop()

    def _line(self) -> QWidget:
        """All of it in a widget of its own, for the bar forgets its margins with every change of the font."""
        line = QWidget()
        layout = QHBoxLayout(line)
        layout.setContentsMargins(2 * GRID, 0, 2 * GRID, 0)
        layout.addWidget(self.mark)
        layout.addWidget(self.state_label)
        layout.addStretch(1)
        layout.setSpacing(2 * GRID)
        layout.addWidget(self.labeler)
        for right in (self.device_label, self.memory_label, self.gpu_label):
            layout.addWidget(right)
        return line

    def _label(self) -> PlainLabel:
        label = PlainLabel("", "muted")
        label.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Preferred)
        return label

    def _device_text(self) -> str:
        if not self._device:
            return self.tr("CPU or GPU: known after the first model is loaded")
        if self._device != "CPU":
            return self._device
        used, there = used_threads(self._session.preferences)
        return self.tr("CPU, {used} of {there} threads").format(used=used, there=there)

    def _show_state(self) -> None:
        stage = stage_word(self._stage)
        texts = {
            TrainingState.IDLE: self.tr("Not training"),
            TrainingState.RUNNING: self.tr("Training {stage}"),
            TrainingState.PAUSED: self.tr("Paused: {stage}") if stage else self.tr("Paused"),
            TrainingState.STOPPING: self.tr("Stopping {stage}"),
        }
        state = self._session.state
        text = texts[state].format(stage=stage).strip()
        self.state_label.setText(text)
        self.state_label.setAccessibleName(self.tr("Training: {what}").format(what=text))
        self.mark.show_state(state, self._stage)

    def _show_memory(self) -> None:
        used = size_text(self._process.memory_info().rss)
        self.memory_label.setText(used)
        self.memory_label.setAccessibleName(self.tr("Memory of the program: {used}").format(used=used))
        self.memory_label.setToolTip(self.tr("Memory that the program takes"))
        gpu = self._session.inference.gpu_memory()
        self.gpu_label.setVisible(gpu is not None)
        if gpu is not None:
            text = self.tr("GPU {used} of {there}").format(used=size_text(gpu[0]), there=size_text(gpu[1]))
            self.gpu_label.setText(text)
            self.gpu_label.setAccessibleName(self.tr("Memory of the GPU: {what}").format(what=text))
            self.gpu_label.setToolTip(self.tr("Memory of the GPU that is taken, by all programs"))

    def _on_theme_changed(self) -> None:
        self.setMinimumHeight(QFontMetrics(QApplication.font()).height() + GRID + GRID // 2)

    def _on_session_training_state_changed(self, state: TrainingState) -> None:
        if state is TrainingState.IDLE:
            self._stage = ""
        self._show_state()

    def _on_session_events_arrived(self, items: list[StageEvent]) -> None:
        stage = items[-1].stage
        if stage != self._stage and self._session.state is not TrainingState.IDLE:
            self._stage = stage
            self._show_state()
        if not self._device:
            started = [item.event.device for item in items if isinstance(item.event, RunStarted)]
            if started:
                self._device = _DEVICES.get(started[-1].split(":")[0], started[-1])
                self.show_device()

    def _on_session_device_found(self, device: DeviceFound) -> None:
        self._device = device.name
        self.show_device()


def used_threads(preferences: Preferences) -> tuple[int, int]:
    """Threads that models compute with, and how many there are."""
    there = os.cpu_count() or 1
    return preferences.threads or max(1, there - 1), there


def size_text(count: int) -> str:
    """Bytes for people: ``512 MB`` or ``1.2 GB``, in powers of ten."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.0f} MB"
