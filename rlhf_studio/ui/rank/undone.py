"""Notices in the journal that what was said of a set was undone, wherever that was asked for."""

from rlhf_studio.store.project import Store


class UndoneSets:
    """The set whose ranking or verdict was undone last is the one that somebody wants to correct."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._act: int | None = None

    def take(self) -> int | None:
        """The set, once each time that an act on one was undone; also if that was before the program was started.

        Raises:
            StudioError: If the project cannot be read.
        """
        entry = self._store.redoable()
        before, self._act = self._act, None if entry is None else entry.id
        return None if entry is None or entry.id == before else entry.set_id
