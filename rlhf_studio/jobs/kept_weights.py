"""Weights alone, of the epochs that a run may choose: beside its checkpoints, and apart from their pruning."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor

from rlhf_studio.errors import RunError
from rlhf_studio.events import Notice
from rlhf_studio.jobs.checkpoints import STATE_FILE, TENSOR_FILE, CheckpointShelf, DamagedError, step_of
from rlhf_studio.jobs.files import explained, remove_tree, sync_folder
from rlhf_studio.train.run import Checkpoint

FOLDER = "epochs"  # of a run's folder


class KeptWeights:
    """``epochs/step-NNNNNNNN`` of a run, written whole or not at all, as checkpoints are."""

    def __init__(self, run: Path) -> None:
        self._run = run
        self._shelf = CheckpointShelf(run / FOLDER)

    def keep(self, step: int, tensors: Mapping[str, Tensor]) -> None:
        """Write the weights after a step; those of before a crash give way.

        Raises:
            RunError: If they could not be written.
        """
        with explained(self._run, f"the weights of step {step}"):
            if self._path(step).exists():
                remove_tree(self._path(step))
            self._shelf.write(_name(step), Checkpoint(step, tensors, {}), lambda: 0)

    def read(self, step: int) -> Mapping[str, Tensor]:
        """The weights that were kept after a step.

        Raises:
            RunError: If they are not there, or damaged.
        """
        try:
            return self._shelf.check(_name(step)).read().tensors
        except DamagedError as error:
            raise RunError(f"The run {self._run} keeps no whole weights of step {step} ({error}).") from error

    def drop(self, but: int) -> list[Notice]:
        """Remove all but those of one step; what stays because it cannot be removed is told."""
        try:
            for name in self._shelf.names():
                if step_of(name) != but:
                    remove_tree(self._shelf.folder / name)
        except OSError as error:
            return [Notice(but, "run.not_pruned", {"reason": error.strerror or str(error)})]
        return []

    def share(self, step: int, other: Path) -> bool:
        """Give another run the weights of a step, in the same file where the disk can do that; say if they are there.

        Raises:
            OSError: If they cannot be written.
        """
        source, target = self._path(step), other / FOLDER / _name(step)
        if not source.is_dir():
            return False
        target.mkdir(parents=True)
        for file in (TENSOR_FILE, STATE_FILE):
            share_file(source / file, target / file)
        sync_folder(target.parent)
        return True

    def _path(self, step: int) -> Path:
        return self._shelf.folder / _name(step)


def share_file(source: Path, target: Path) -> None:
    """The same file under another name, where the disk can do that: nobody ever writes into one that is there."""
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def _name(step: int) -> str:
    return f"step-{step:08d}"
