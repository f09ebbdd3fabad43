"""What a trainer may ask of the place that keeps its run; the real one is ``jobs.run_folder.RunFolder``."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from rlhf_studio.events import CheckpointSaved, ModelSaved, RolloutSaved


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """All a trainer needs to go on: named tensors, and plain JSON values beside them."""

    step: int
    tensors: Mapping[str, Tensor]
    state: Mapping[str, Any]


class Run(Protocol):
    """Keeps a run's checkpoints, rollouts and models; every write is atomic."""

    def latest(self) -> Checkpoint | None:
        """The newest checkpoint that is whole, or None for a fresh run."""

    def save(self, checkpoint: Checkpoint) -> CheckpointSaved:
        """Keep a checkpoint; events recorded so far belong to it, later ones are cut when it is resumed."""

    def save_rollout(self, step: int, arrays: Mapping[str, NDArray[np.generic]]) -> RolloutSaved:
        """Keep the numbers of one step for the token view."""

    def save_model(self, step: int, name: str, write: Callable[[Path], None]) -> ModelSaved:
        """Let ``write`` fill a fresh folder and put it in place as the run's model ``name``."""


class EpochRun(Run, Protocol):
    """A run that keeps the weights of its epochs too, of which one is chosen in the end."""

    def keep_weights(self, step: int, tensors: Mapping[str, Tensor]) -> None:
        """Keep weights alone, beside the checkpoints and apart from their pruning, until ``drop_weights``."""

    def weights(self, step: int) -> Mapping[str, Tensor]:
        """The weights that were kept after a step.

        Raises:
            RunError: If they are not there, or damaged.
        """

    def drop_weights(self, but: int) -> None:
        """Remove kept weights, all but those of one step."""
