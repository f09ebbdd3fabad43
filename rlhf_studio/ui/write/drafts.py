"""Unfinished answers on disk: nothing typed is older there than half a second."""

from PySide6.QtCore import QObject, QTimer, Signal

from rlhf_studio.errors import StudioError
from rlhf_studio.store.project import Store

DRAFT_MS = 400


class DraftKeeper(QObject):
    """Writes the answer being typed to the store soon after each keystroke.

    The timer is not started anew by further keystrokes, so that somebody who types without a pause is saved, too.
    What cannot be written (a full disk) waits here and is tried again.
    """

    kept = Signal(int, bool)  # a prompt's id, whether it has a draft now
    failed = Signal(str)  # a sentence to show, once for each cause

    def __init__(self, store: Store, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store = store
        self._waiting: dict[int, str] = {}
        self._last_failure = ""
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(DRAFT_MS)
        self._timer.timeout.connect(self.flush)

    def draft(self, prompt_id: int) -> str:
        """The unfinished answer to a prompt; empty if there is none.

        Raises:
            StudioError: If the project cannot be read.
        """
        if prompt_id in self._waiting:
            return self._waiting[prompt_id]
        return self._store.draft(prompt_id) or ""

    def typed(self, prompt_id: int, text: str) -> None:
        """Keep this text soon."""
        self._waiting[prompt_id] = text
        if not self._timer.isActive():
            self._timer.start()

    def forget(self, prompt_id: int) -> None:
        """The text has become a demonstration."""
        self._waiting.pop(prompt_id, None)

    def flush(self) -> bool:
        """Keep what waits now; return whether all is on disk."""
        self._timer.stop()
        for prompt_id, text in list(self._waiting.items()):
            try:
                changes = self._store.save_draft(prompt_id, text)
            except StudioError as error:
                self._tell(str(error))
                return False
            del self._waiting[prompt_id]
            if changes.tables:
                self.kept.emit(prompt_id, bool(text.strip()))
        self._last_failure = ""
        return True

    def _tell(self, failure: str) -> None:
        """A full disk is not news at every keystroke."""
        if failure != self._last_failure:
            self._last_failure = failure
            self.failed.emit(failure)
