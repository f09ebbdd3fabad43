"""A run that several processes train: the first keeps it as ever, the others train along and write nothing."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from rlhf_studio.events import CheckpointSaved, ModelSaved, RolloutSaved, TrainEvent
from rlhf_studio.jobs.run_folder import RunFolder
from rlhf_studio.train.control import RunControl
from rlhf_studio.train.run import Checkpoint
from rlhf_studio.train.team import current_team


class Announced(NamedTuple):
    """The run that all processes train now."""

    path: Path
    changes: Mapping[str, Any]


def announce(folder: RunFolder, changes: Mapping[str, Any]) -> None:
    """Tell the other processes which run the first one drives; nothing where it is alone."""
    current_team().exchange("run", Announced(folder.path.absolute(), changes))


def await_run() -> Announced:
    """The run that the first process has announced."""
    nothing = Announced(Path(), {})
    return current_team().exchange("run", nothing)[0]


def cut_together(folder: RunFolder) -> int:
    """Have the first process cut the run at its last checkpoint, before any other reads it; gives that step."""
    return current_team().exchange("cut", folder.resume_cut())[0]


def as_one(
    recipe: Callable[[RunFolder, RunControl], Iterator[TrainEvent]],
) -> Callable[[RunFolder, RunControl], Iterator[TrainEvent]]:
    """The same recipe; what it fails with in one process, it fails with in all."""

    def events(folder: RunFolder, control: RunControl) -> Iterator[TrainEvent]:
        with current_team().as_one():
            yield from recipe(folder, control)

    return events


class FollowedRun(RunFolder):
    """A run's folder for a process other than the first: checkpoints are read there, and nothing is written."""

    is_followed = True

    def _take_lock(self) -> None:
        """The first process holds it."""

    def append(self, event: TrainEvent) -> None:
        """The first process writes its own."""

    def amend(self, settings: Mapping[str, Any]) -> None:
        self.run_file = replace(self.run_file, spec=replace(self.spec, settings=dict(settings)))

    def save(self, checkpoint: Checkpoint) -> CheckpointSaved:
        self._chosen = None
        return CheckpointSaved(checkpoint.step, "")

    def resume_cut(self) -> int:
        self._chosen = None
        return 0

    def keep_weights(self, step: int, tensors: Mapping[str, Tensor]) -> None:
        """The first process keeps its own, which are the same."""

    def drop_weights(self, but: int) -> None:
        """The first process drops them."""

    def save_rollout(self, step: int, arrays: Mapping[str, NDArray[np.generic]]) -> RolloutSaved:  # noqa: ARG002
        return RolloutSaved(step, "")

    def save_model(self, step: int, name: str, write: Callable[[Path], None]) -> ModelSaved:  # noqa: ARG002
        return ModelSaved(step, name, "")
