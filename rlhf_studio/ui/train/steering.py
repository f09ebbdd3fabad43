"""Lets a person change settings of the PPO run that goes on: the button, the card, and what the run says of it."""

from typing import Any

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from rlhf_studio.errors import StudioError
from rlhf_studio.jobs.run_file import read_run_file
from rlhf_studio.jobs.stages import StageEvent
from rlhf_studio.ui.session import Session, TrainingState
from rlhf_studio.ui.spoken import mark_text
from rlhf_studio.ui.train.run_bar import RunBar
from rlhf_studio.ui.train.steer import SteerCard


class Steering(QObject):
    """Knows the run that can be steered; while none is, the button rests and the card is away."""

    def __init__(self, session: Session, bar: RunBar, parent: QWidget) -> None:
        super().__init__(parent)
        self._session, self._bar = session, bar
        self.card = SteerCard()
        self._run_id = ""
        bar.adjust.clicked.connect(self.toggle)
        self.card.asked.connect(self._on_asked)
        session.events_arrived.connect(self._on_events_arrived)
        session.training_state_changed.connect(self._on_state_changed)

    def toggle(self) -> None:
        """Show the card, or put it away."""
        self.card.setVisible(self.card.isHidden())
        if self.card.isVisible():
            next(iter(self.card.fields.values())).editor.setFocus()

    def _on_events_arrived(self, items: list[StageEvent]) -> None:
        for item in items:
            if item.run_id and item.run_id != self._run_id:
                self._begin(item)
        self.card.take([item.event for item in items if item.run_id == self._run_id])

    def _begin(self, item: StageEvent) -> None:
        self._run_id = item.run_id
        is_ppo = item.stage.startswith("ppo")
        self._bar.adjust.setEnabled(is_ppo and self._session.state is not TrainingState.IDLE)
        self.card.hide()
        if not is_ppo:
            return
        try:
            self.card.show_settings(read_run_file(self._session.store.runs_dir / item.run_id).spec.settings)
        except StudioError as error:
            self._session.say(str(error), kind="error")

    def _on_state_changed(self, state: TrainingState) -> None:
        if state in {TrainingState.IDLE, TrainingState.STOPPING}:
            self._bar.adjust.setEnabled(False)
            self.card.hide()
        if state is TrainingState.IDLE:
            self._run_id = ""  # a run that is resumed begins anew here

    def _on_asked(self, changes: dict[str, Any]) -> None:
        try:
            values = self._session.adjust(changes)
        except StudioError as error:
            self.card.told.setText(str(error))
            return
        told = ", ".join(mark_text(name, value) for name, value in values.items())
        self.card.told.setText(self.tr("From the run's next step on: {changes}.").format(changes=told))
