"""A look through all prompts of a project beside the window: duplicates, authors above the cap, torn splits."""

import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from rlhf_studio.errors import StudioError
from rlhf_studio.store.project import Store, open_project
from rlhf_studio.store.quality import AuthorExcess, DuplicateGroup, SplitCheck

_LOG = logging.getLogger("rlhf_studio")
_DUPLICATES_PART = 0.9  # of the time


@dataclass(frozen=True, slots=True)
class Found:
    """What a look has found."""

    duplicates: tuple[DuplicateGroup, ...]
    authors: tuple[AuthorExcess, ...]
    splits: SplitCheck


class PromptLook:
    """A thread of its own with a connection that only reads; what it finds is polled. Used once."""

    def __init__(self, folder: Path, seed: int) -> None:
        """Begin at once.

        Args:
            folder: Of the project.
            seed: Of the draw of those that stay below the cap.
        """
        self.done = 0.0  # 0 to 1
        self.found: Found | None = None
        self.problem = ""  # why there is nothing
        self._is_cancelled = threading.Event()
        self._thread = threading.Thread(target=self._run, args=(folder, seed), name="prompts", daemon=True)
        self._thread.start()

    @property
    def is_over(self) -> bool:
        """Whether it found everything, failed or was cancelled."""
        return not self._thread.is_alive()

    def cancel(self) -> None:
        """Ask it to end; returns at once."""
        self._is_cancelled.set()

    def join(self, timeout_s: float) -> bool:
        """Wait for its end; return whether it came."""
        self._thread.join(timeout_s)
        return self.is_over

    def _run(self, folder: Path, seed: int) -> None:
        try:
            with open_project(folder, read_only=True) as store:
                for done in self._look(store, seed):
                    self.done = done
                    if self._is_cancelled.is_set():
                        return
        except StudioError as error:
            self.problem = str(error)
        except Exception as error:  # noqa: BLE001  the thread's boundary: report, never lose
            _LOG.exception("The look through the prompts failed")
            self.problem = f"{type(error).__name__}: {error}"

    def _look(self, store: Store, seed: int) -> Iterator[float]:
        duplicates: tuple[DuplicateGroup, ...] = ()
        for scanned in store.find_duplicates():
            duplicates = scanned.groups or duplicates
            yield _DUPLICATES_PART * scanned.done
        authors = store.beyond_cap(seed)
        yield (1 + _DUPLICATES_PART) / 2
        self.found = Found(duplicates, authors, store.check_splits())
        yield 1.0
