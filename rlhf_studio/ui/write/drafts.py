"""Unfinished texts on disk: nothing typed is older there than half a second."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from PySide6.QtCore import QObject, QTimer, Signal

from rlhf_studio.errors import StudioError
from rlhf_studio.store.database import Changes
from rlhf_studio.store.project import Store

DRAFT_MS = 400
_FORM = "ui.write.new_prompt"


class Draft(NamedTuple):
    """An unfinished answer, and the model whose answer it began with, if any."""

    text: str = ""
    model: str = ""


class _Key(NamedTuple):
    """What a text is: a prompt's draft, an edit of a demonstration, or the form for a new prompt."""

    kind: Literal["draft", "edit", "form"]
    id: int
    prompt_id: int


@dataclass(frozen=True, slots=True)
class _Waiting:
    draft: Draft
    save: Callable[[], Changes]


class DraftKeeper(QObject):
    """Writes what is being typed to the store soon after each keystroke.

    The timer is not started anew by further keystrokes, so that somebody who types without a pause is saved, too.
    What cannot be written (a full disk) waits here and is tried again.
    """

    kept = Signal(int, bool)  # a prompt's id, whether something unfinished belongs to it now
    failed = Signal(str)  # a sentence to show, once for each cause

    def __init__(self, store: Store, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store = store
        self._waiting: dict[_Key, _Waiting] = {}
        self._last_failure = ""
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(DRAFT_MS)
        self._timer.timeout.connect(self.flush)

    def draft(self, prompt_id: int) -> Draft:
        """The unfinished answer to a prompt; empty if there is none.

        Raises:
            StudioError: If the project cannot be read.
        """
        waiting = self._waiting.get(_Key("draft", prompt_id, prompt_id))
        if waiting is not None:
            return waiting.draft
        return Draft(self._store.draft(prompt_id) or "", self._store.draft_model(prompt_id))

    def edits(self, prompt_id: int) -> dict[int, str]:
        """Unfinished new versions of the prompt's demonstrations by their ids, the latest touched last.

        Raises:
            StudioError: If the project cannot be read.
        """
        waiting = {k.id: w.draft.text for k, w in self._waiting.items() if (k.kind, k.prompt_id) == ("edit", prompt_id)}
        return self._store.edits(prompt_id) | waiting

    def form(self) -> dict[str, str]:
        """What the form for a new prompt held when the program was left.

        Raises:
            StudioError: If the project cannot be read.
        """
        text = self._store.get_meta(_FORM) or "{}"
        try:
            kept = json.loads(text)
        except ValueError:  # something else wrote to the project: shown as it is, so that nothing is lost
            return {"text": text}
        return {str(name): str(value) for name, value in kept.items()} if isinstance(kept, dict) else {}

    def typed(self, prompt_id: int, text: str, model: str = "") -> None:
        """Keep this answer soon."""
        self._wait(
            _Key("draft", prompt_id, prompt_id),
            Draft(text, model),
            lambda: self._store.save_draft(prompt_id, text, model),
        )

    def edited(self, demonstration_id: int, prompt_id: int, text: str) -> None:
        """Keep this new version of a demonstration soon."""
        self._wait(
            _Key("edit", demonstration_id, prompt_id),
            Draft(text),
            lambda: self._store.save_edit(demonstration_id, text),
        )

    def filled_in(self, form: dict[str, str]) -> None:
        """Keep what the form for a new prompt holds soon."""
        text = json.dumps(form)
        self._wait(_Key("form", 0, 0), Draft(text), lambda: self._store.set_meta(_FORM, text))

    def forget(self, prompt_id: int) -> None:
        """The answer has become a demonstration."""
        self._waiting.pop(_Key("draft", prompt_id, prompt_id), None)

    def forget_edit(self, demonstration_id: int, prompt_id: int) -> None:
        """The edit has become a new version."""
        self._waiting.pop(_Key("edit", demonstration_id, prompt_id), None)

    def flush(self) -> bool:
        """Keep what waits now; return whether all is on disk."""
        self._timer.stop()
        failure = ""
        for key, waiting in list(self._waiting.items()):
            try:
                changes = waiting.save()
                if changes.tables and key.kind != "form":
                    self.kept.emit(key.prompt_id, self._is_unfinished(key.prompt_id))
            except StudioError as error:
                failure = failure or str(error)
                continue  # another text may be one that can be kept
            del self._waiting[key]
        self._tell(failure)
        return not failure

    def _wait(self, key: _Key, draft: Draft, save: Callable[[], Changes]) -> None:
        self._waiting[key] = _Waiting(draft, save)
        if not self._timer.isActive():
            self._timer.start()

    def _is_unfinished(self, prompt_id: int) -> bool:
        return self._store.draft(prompt_id) is not None or bool(self._store.edits(prompt_id))

    def _tell(self, failure: str) -> None:
        """A full disk is not news at every keystroke."""
        is_news = failure and failure != self._last_failure
        self._last_failure = failure
        if is_news:
            self.failed.emit(failure)
