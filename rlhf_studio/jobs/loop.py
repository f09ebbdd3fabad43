"""Once round the loop for a window or a terminal: rankings in, refit, PPO, the same prompts answered again.

Needs no torch to be imported: the training thread does the work.
"""

from collections import deque
from collections.abc import Iterator
from pathlib import Path

from rlhf_studio.jobs.loop_news import LoopNews
from rlhf_studio.jobs.runner import RunControl
from rlhf_studio.jobs.stages import StageEvent
from rlhf_studio.settings import LoopSettings


class LearningLoop:
    """One time round. The events of its runs come out of ``run``; what it tells besides lies in wait for ``take``."""

    def __init__(self, project: Path, settings: LoopSettings | None = None) -> None:
        """Nothing is read yet."""
        self._project = project
        self._settings = settings or LoopSettings()
        self._news: deque[LoopNews] = deque()  # append and popleft are atomic

    def run(self, control: RunControl) -> Iterator[StageEvent]:
        """Go once round, for the training thread; the project is read through a connection of its own.

        Raises:
            StudioError: If there is nothing to refit or nothing new, or a run cannot start.
        """
        from rlhf_studio.jobs.loop_work import LoopRound  # noqa: PLC0415  loads torch, in the training thread
        from rlhf_studio.store.project import open_project  # noqa: PLC0415

        with open_project(self._project, read_only=True) as store:
            yield from LoopRound(store, self._settings, self._news.append).run(control)

    def take(self) -> list[LoopNews]:
        """The news since the last call, oldest first."""
        return [self._news.popleft() for _ in range(len(self._news))]
