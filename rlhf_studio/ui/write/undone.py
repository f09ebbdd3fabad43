"""Undoing and redoing the saving of an answer: its words go back into the editor, and out of it again."""

from dataclasses import dataclass

from rlhf_studio.schema import Demonstration
from rlhf_studio.store.journal import JournalEntry
from rlhf_studio.store.project import Store


@dataclass(frozen=True, slots=True)
class JournalStep:
    """A demonstration, or a new version of one, whose saving was undone or done again."""

    demonstration: Demonstration
    is_undone: bool
    is_version: bool


class JournalWatch:
    """Notices in the journal what happened to saved answers, wherever it was asked for."""

    def __init__(self, store: Store) -> None:
        """What was undone before now is nobody's business any more.

        Raises:
            StudioError: If the project cannot be read.
        """
        self._store = store
        self._undone = _saved(store.redoable())

    def step(self) -> JournalStep | None:
        """What happened since the last call.

        Raises:
            StudioError: If the project cannot be read.
        """
        before, self._undone = self._undone, _saved(self._store.redoable())
        if self._undone == before:
            return None
        if before is not None and _saved(self._store.undoable()) == before:
            return self._step(before, is_undone=False)
        if self._undone is not None:
            return self._step(self._undone, is_undone=True)
        return None

    def _step(self, entry: JournalEntry, *, is_undone: bool) -> JournalStep:
        demonstration = self._store.demonstration(entry.demonstration_id or 0)
        return JournalStep(demonstration, is_undone, is_version=entry.kind == "revision")


def _saved(entry: JournalEntry | None) -> JournalEntry | None:
    """The act, if it saved a demonstration or a new version of one."""
    is_saving = entry is not None and entry.kind in {"demonstration", "revision"}
    return entry if is_saving and entry is not None and entry.demonstration_id is not None else None
