"""Undoing and redoing the saving of an answer: its words go back into the editor, and out of it again."""

from dataclasses import dataclass

from rlhf_studio.schema import Demonstration
from rlhf_studio.store.journal import JournalEntry
from rlhf_studio.store.project import Store


@dataclass(frozen=True, slots=True)
class JournalStep:
    """A demonstration whose saving was undone, or done again."""

    demonstration: Demonstration
    is_undone: bool


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
            return JournalStep(self._store.demonstration(before), is_undone=False)
        if self._undone is not None:
            return JournalStep(self._store.demonstration(self._undone), is_undone=True)
        return None


def _saved(entry: JournalEntry | None) -> int | None:
    """The demonstration that an act saved."""
    return entry.demonstration_id if entry is not None and entry.kind == "demonstration" else None
