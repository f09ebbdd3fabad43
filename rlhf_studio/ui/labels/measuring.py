"""Measures labelers on a thread of its own, with its own connection to the project, and remembers what it found."""

import logging
import threading
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from rlhf_studio.errors import StudioError
from rlhf_studio.jobs.labelers import Kind, LabelersFound, measure_labelers
from rlhf_studio.store.database import Changes
from rlhf_studio.ui.session import Session

_LOG = logging.getLogger("rlhf_studio")
_POLL_MS = 50
_TABLES = frozenset({"ranking", "prompt", "answer_set"})


class Measuring(QObject):
    """One measurement at a time; pages ask for it when they are seen."""

    found = Signal(object)  # LabelersFound
    failed = Signal(str)
    started = Signal()

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._known: dict[Kind, LabelersFound] = {}
        self._work: _Work | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(_POLL_MS)
        self._timer.timeout.connect(self._on_timer_timeout)
        session.store_changed.connect(self._on_session_store_changed)

    @property
    def is_busy(self) -> bool:
        """Whether a measurement goes on."""
        return self._work is not None

    def ask(self, kind: Kind) -> None:
        """Have ``found`` emitted: at once with what is known, or when it has been measured."""
        if kind in self._known:
            self.found.emit(self._known[kind])
            return
        if self._work is not None:
            if self._work.kind == kind and not self._work.is_stale:
                return
            self._work.give_up()
        self._work = work = _Work(self._session.store.folder, kind)
        self.destroyed.connect(work.give_up)
        work.start()
        self._timer.start()
        self.started.emit()

    def _on_timer_timeout(self) -> None:
        work = self._work
        if work is None or work.is_alive():
            return
        self._timer.stop()
        self._work = None
        if work.error:
            self.failed.emit(work.error)
        elif work.is_stale:
            self.ask(work.kind)
        elif work.result is not None:
            self._known[work.kind] = work.result
            self.found.emit(work.result)

    def _on_session_store_changed(self, changes: Changes, _origin: QObject | None) -> None:
        if changes.tables & _TABLES:
            self._known.clear()
            if self._work is not None:
                self._work.is_stale = True


class _Work(threading.Thread):
    """One measurement."""

    def __init__(self, project: Path, kind: Kind) -> None:
        super().__init__(name="labelers", daemon=True)
        self._project = project
        self._is_wanted = True
        self.kind = kind
        self.is_stale = False  # whether rankings were added meanwhile
        self.result: LabelersFound | None = None
        self.error = ""

    def give_up(self) -> None:
        """End at the next chance; nobody waits for it."""
        self._is_wanted = False

    def run(self) -> None:
        try:
            self.result = measure_labelers(self._project, self.kind, lambda: self._is_wanted)
        except StudioError as error:
            self.error = str(error)
        except Exception as error:  # noqa: BLE001  the thread's boundary: report, never lose
            _LOG.exception("Measuring the labelers failed")
            self.error = f"{type(error).__name__}: {error}"
