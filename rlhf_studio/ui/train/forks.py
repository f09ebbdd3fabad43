"""A fork that is being prepared in the form of its stage, until it is started or given up."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from PySide6.QtCore import QObject

from rlhf_studio.errors import StudioError
from rlhf_studio.jobs.models import stage_of
from rlhf_studio.jobs.run_file import read_run_file
from rlhf_studio.jobs.steering import settings_after
from rlhf_studio.ui.session import Session
from rlhf_studio.ui.spoken import stage_word
from rlhf_studio.ui.train.fork_note import ForkNote, PendingFork
from rlhf_studio.ui.train.side import StageColumn


class Forks(QObject):
    """Lends a stage's form to another run's settings and gives it back."""

    def __init__(self, session: Session, column: StageColumn, parent: QObject) -> None:
        super().__init__(parent)
        self._session, self._column = session, column
        self._pending: PendingFork | None = None
        self.note = ForkNote()
        self.note.dropped.connect(self.drop)

    @property
    def card(self) -> str:
        """The name of the card whose form is lent; empty while none is."""
        return "" if self._pending is None else self._pending.card

    def prepare(self, run_id: str, step: int) -> None:
        """Fill the form of a run's stage with the settings that it had there, for a new run from its checkpoint."""
        self.drop()
        run = self._session.store.runs_dir / run_id
        try:
            run_file = read_run_file(run)
            settings = settings_after(run, step)
        except StudioError as error:
            self._session.say(str(error), kind="error")
            return
        name = run_file.spec.kind
        form = self._column.cards[name].form
        before = form.values()
        self._pending = PendingFork(run, step, name, before, {})  # from here on edits are the fork's
        form.set_values(settings)
        self._pending = replace(self._pending, filled={key: field.value for key, field in form.fields.items()})
        self.note.show_fork(stage_word(stage_of(run_file)), self._pending)
        self._column.reveal(name)

    def drop(self) -> None:
        """Give the form back what stood in it before a fork was prepared."""
        fork = self._pending
        if fork is not None:
            self.note.show_fork("", None)
            self._column.cards[fork.card].form.set_values(fork.before)
            self._pending = None

    def start(self, machine: Mapping[str, Any]) -> bool:
        """Begin the run that was prepared; whether it has begun.

        Args:
            machine: Settings of this computer; what was edited wins over them.
        """
        fork = self._pending
        if fork is None:
            return False
        form = self._column.cards[fork.card].form
        edited = {key: field.value for key, field in form.fields.items() if field.value != fork.filled[key]}
        try:
            self._session.fork(fork.run, fork.step, {**machine, **edited})
        except StudioError as error:
            self._session.say(str(error), kind="error")
            return False
        self.drop()
        return True
