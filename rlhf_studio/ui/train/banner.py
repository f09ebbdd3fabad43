"""How the last run ended, where that asks for an act: one sentence and the ways on."""

from pathlib import Path

from PySide6.QtCore import QUrl, Signal
from PySide6.QtGui import QDesktopServices
from PySide6.QtWidgets import QWidget

from rlhf_studio.events import RunFinished
from rlhf_studio.jobs.stages import StageEvent
from rlhf_studio.ui.spoken import stage_word
from rlhf_studio.ui.widgets.parts import GRID, Button, Card, row
from rlhf_studio.ui.widgets.text import PlainLabel, set_look


class EndBanner(Card):
    """Stopped or failed, and what can be done; a run that came to its end needs no banner."""

    continue_requested = Signal(bool)  # whether with half the micro-batch
    restart_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("raised", parent)
        self.last: StageEvent | None = None
        self._folder: Path | None = None
        self.sentence = PlainLabel("", "", wraps=True)
        self.go_on = Button(self.tr("Continue"), self.tr("Go on from the last checkpoint"))
        self.halve = Button(
            self.tr("Halve the micro-batch and continue"), self.tr("Needs half the memory; the result is the same")
        )
        self.again = Button(self.tr("Start anew"), self.tr("Start this stage again with the settings as they are"))
        self.open_folder = Button(self.tr("Open folder"), self.tr("Show the run's folder"), "quiet")
        self.close_button = Button(self.tr("Close"), self.tr("Hide this notice"), "quiet")
        self.go_on.clicked.connect(self._on_go_on_clicked)
        self.halve.clicked.connect(self._on_halve_clicked)
        self.again.clicked.connect(self.restart_requested)
        self.open_folder.clicked.connect(self._on_open_folder_clicked)
        self.close_button.clicked.connect(self.hide)
        self.body.setContentsMargins(GRID + 4, GRID, GRID + 4, GRID)
        self.body.addWidget(self.sentence)
        self.body.addLayout(row(self.go_on, self.halve, self.again, self.open_folder, None, self.close_button))
        self.hide()

    def show_end(self, last: StageEvent, folder: Path | None, has_checkpoint: bool, micro_batch: int) -> None:
        """Show how a run ended.

        Args:
            last: Its last event.
            folder: Of the run; None where no run had begun.
            has_checkpoint: Whether it can go on.
            micro_batch: Of the run, 0 where it is not known.
        """
        event = last.event
        if not isinstance(event, RunFinished) or event.outcome == "completed":
            self.hide()
            return
        self.last, self._folder = last, folder
        is_failed = event.outcome == "failed"
        stage = stage_word(last.stage) if last.run_id else self.tr("Training")
        usable = self.tr("usable: yes, from its last checkpoint") if has_checkpoint else self.tr("no checkpoint yet")
        if is_failed:
            words = self.tr("{stage} failed at step {step}. {message}")
        else:
            words = self.tr("{stage} was stopped at step {step} ({usable}). {message}")
        self.sentence.setText(words.format(stage=stage, step=event.step, message=event.message, usable=usable).strip())
        set_look(self.sentence, "danger" if is_failed else "")
        is_memory = is_failed and "memory" in event.message and micro_batch > 1
        self.go_on.setVisible(has_checkpoint)
        self.halve.setVisible(has_checkpoint and is_memory)
        self.open_folder.setVisible(folder is not None)
        self.show()

    def _on_go_on_clicked(self) -> None:
        self.continue_requested.emit(False)

    def _on_halve_clicked(self) -> None:
        self.continue_requested.emit(True)

    def _on_open_folder_clicked(self) -> None:
        if self._folder is not None:
            QDesktopServices.openUrl(QUrl.fromLocalFile(str(self._folder)))
