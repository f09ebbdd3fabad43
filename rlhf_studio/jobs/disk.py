"""How many bytes a run's checkpoints and models take on disk, counted from the tensors that are written."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from torch import Tensor, nn

from rlhf_studio.jobs.pruning import count_kept, most_checkpoints
from rlhf_studio.lm.heads import ScalarModel
from rlhf_studio.lm.model import LanguageModel
from rlhf_studio.settings import PpoSettings, RewardSettings, SftSettings, TrainSettings
from rlhf_studio.train.state import module_tensors

FLOAT = 4
_STATE_BYTES = 1_000  # a checkpoint's state.json, and a model's card and provenance
CARD_BYTES = 8_000
_EVENT_BYTES = 700  # of one step's metrics, and of what is told beside them
_SIDE_FILES = ("*.json", "*.jinja", "*.txt", "*.model")


@dataclass(frozen=True, slots=True)
class DiskEstimate:
    """Bytes of one run.

    Attributes:
        checkpoint: One of them.
        written: Checkpoints that will be written.
        kept: Of them, at the end.
        most: Of them, at one time: a new one is whole before an old one goes.
        models: What the run leaves.
        other: Its data, events and rollouts.
    """

    checkpoint: int
    written: int
    kept: int
    most: int
    models: int
    other: int

    @property
    def total(self) -> int:
        """What the run takes when it has ended."""
        return self.kept * self.checkpoint + self.models + self.other

    @property
    def peak(self) -> int:
        """What it takes at one time, at most: models are written when old checkpoints are gone."""
        return max(self.most * self.checkpoint + self.other, self.total)


def checkpoints_kept(settings: TrainSettings, written: int) -> tuple[int, int]:
    """How many checkpoints are there at the end and at one time, by the policy of the settings."""
    known = settings.model_dump()
    every, last = int(known.get("checkpoint_steps", 0)), int(known.get("steps", 0))
    if every and written == math.ceil(last / every):  # none of them by the clock
        return count_kept(known, [*range(every, last, every), last])
    limit = most_checkpoints(known)
    return min(limit, written), min(limit + 1, written)


def checkpoint_bytes(settings: TrainSettings, model: LanguageModel, scalar: ScalarModel) -> int:
    """One checkpoint between two steps.

    Args:
        settings: Of the stage.
        model: As large as the one that trains.
        scalar: As large as the reward model and the value network.
    """
    tensors: dict[str, Tensor] = {}
    for name, module, learns in _trained(settings, model, scalar):
        tensors |= module_tensors(module, f"module.{name}")
        if learns:
            tensors |= _moments(module, f"optimizer.{name}")
    sizes = {name: tensor.shape for name, tensor in tensors.items()}
    # one number for each parameter counts its steps
    counters = [name for name in sizes if name.endswith(".exp_avg")]
    return _file_bytes({**sizes, **{f"{name[:-8]}.step": () for name in counters}}) + _STATE_BYTES


def models_bytes(settings: TrainSettings, model: LanguageModel, scalar: ScalarModel, folder: Path) -> int:
    """All models that a whole run leaves.

    Args:
        settings: Of the stage.
        model: As large as the one that trains.
        scalar: As large as the reward model and the value network.
        folder: Of the model it begins with: its tokenizer is written again beside each.
    """
    language = _file_bytes({name: p.shape for name, p in model.module.named_parameters()})
    names = {name.removeprefix("backbone."): p.shape for name, p in scalar.module.named_parameters()}
    judge = _file_bytes({f"model.{name}": shape for name, shape in names.items()})
    if isinstance(settings, PpoSettings):
        weights = [language, judge, *[language] * (settings.ema_decay > 0), *[language] * (settings.best_kl > 0)]
    else:
        weights = [judge if isinstance(settings, RewardSettings) else language]
    side = sum(path.stat().st_size for pattern in _SIDE_FILES for path in folder.glob(pattern))
    return sum(weights) + len(weights) * (side + CARD_BYTES)


def weights_bytes(model: LanguageModel) -> int:
    """The weights of an epoch of SFT that may be chosen in the end."""
    return _file_bytes({name: p.shape for name, p in module_tensors(model.module, "policy").items()}) + _STATE_BYTES


def other_bytes(settings: TrainSettings, steps: int, data: int, widths: tuple[int, int]) -> int:
    """Data, events and rollouts.

    Args:
        settings: Of the stage.
        steps: Of the run.
        data: Bytes of its data as JSON.
        widths: Columns of prompts and of answers in a rollout.
    """
    rollouts = 0
    if isinstance(settings, PpoSettings):
        prompt, answer = widths
        # two arrays over the whole episode (9 bytes), eight and a mask over the answer, three over episodes
        one = settings.batch_size * (9 * (prompt + answer) + 33 * answer + 9) + 14 * 300
        rollouts = one * (1 + settings.steps // settings.rollout_every + (settings.steps % settings.rollout_every > 0))
    return data + steps * _EVENT_BYTES + rollouts


def _trained(settings: TrainSettings, model: LanguageModel, scalar: ScalarModel) -> list[tuple[str, nn.Module, bool]]:
    """What a checkpoint holds: name, module, and whether an optimizer has moments of it."""
    if isinstance(settings, SftSettings):
        return [("policy", model.module, True)]
    if isinstance(settings, RewardSettings):
        return [("reward", scalar.module, True)]
    found = [("policy", model.module, True), ("value", scalar.module, True)]
    return [*found, ("ema", model.module, False)] if getattr(settings, "ema_decay", 0) else found


def _moments(module: nn.Module, prefix: str) -> dict[str, Tensor]:
    parameters = [parameter for parameter in module.parameters() if parameter.requires_grad]
    kinds = ("exp_avg", "exp_avg_sq")
    return {f"{prefix}.{i}.{kind}": parameter for i, parameter in enumerate(parameters) for kind in kinds}


def _file_bytes(shapes: Mapping[str, tuple[int, ...]]) -> int:
    """A safetensors file of float32: the length of its head, the head as JSON filled up to 8 bytes, the numbers."""
    head: dict[str, object] = {}
    at = 0
    for name in sorted(shapes):
        end = at + FLOAT * math.prod(shapes[name])
        head[name] = {"dtype": "F32", "shape": list(shapes[name]), "data_offsets": [at, end]}
        at = end
    return 8 + 8 * math.ceil(len(json.dumps(head, separators=(",", ":"))) / 8) + at
