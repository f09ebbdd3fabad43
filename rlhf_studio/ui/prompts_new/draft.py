"""What was typed into a form, on disk: nothing is older there than half a second."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from rlhf_studio.errors import StudioError
from rlhf_studio.store.project import Store
from rlhf_studio.ui.write.drafts import DRAFT_MS


class FormDraft(QObject):
    """Keeps the state of one form under a name of the project."""

    failed = Signal(str)  # a sentence to show

    def __init__(self, store: Store, name: str, state: Callable[[], Mapping[str, Any]], parent: QObject) -> None:
        super().__init__(parent)
        self._store, self._name, self._state = store, name, state
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(DRAFT_MS)
        self._timer.timeout.connect(self.flush)

    def read(self) -> dict[str, Any]:
        """What was kept; nothing if nothing was, or it is of another program."""
        try:
            found = json.loads(self._store.get_meta(self._name) or "{}")
        except ValueError:
            return {}
        return found if isinstance(found, dict) else {}

    def typed(self) -> None:
        """Keep the form soon; typing without a pause does not put it off."""
        if not self._timer.isActive():
            self._timer.start()

    def flush(self) -> None:
        """Keep what waits now."""
        if not self._timer.isActive() and self.sender() is not self._timer:
            return
        self._timer.stop()
        self._keep(json.dumps(self._state(), ensure_ascii=True))

    def forget(self) -> None:
        """The form was handed in."""
        self._timer.stop()
        self._keep("{}")

    def _keep(self, text: str) -> None:
        if self._store.is_read_only:
            return
        try:
            self._store.set_meta(self._name, text)
        except StudioError as error:
            self.failed.emit(str(error))


def texts(value: Any) -> list[str]:
    """Those of a list that are text."""
    return [one for one in value if isinstance(one, str)] if isinstance(value, list) else []


def text(value: Any, default: str = "") -> str:
    """Text, or the default where there is none."""
    return value if isinstance(value, str) else default
