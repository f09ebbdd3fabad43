"""Models as the inference service needs them: from a model folder or a run's checkpoint, kept while there is room."""

from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import torch
from safetensors import SafetensorError

from rlhf_studio.errors import ModelError, RunError
from rlhf_studio.jobs.checkpoints import CheckpointShelf, DamagedError, StoredCheckpoint
from rlhf_studio.jobs.model_folders import find
from rlhf_studio.jobs.models import CHECKPOINTS, LEFT_BY
from rlhf_studio.jobs.run_file import read_run_file
from rlhf_studio.lm.heads import ScalarModel, load_scalar_model
from rlhf_studio.lm.loading import load_language_model
from rlhf_studio.lm.model import LanguageModel
from rlhf_studio.schema import RunKind
from rlhf_studio.train.run import Checkpoint
from rlhf_studio.train.state import load_module_tensors

Model = TypeVar("Model", LanguageModel, ScalarModel)

_FEWEST = 2  # models kept however large they are: the one that answers and the one that scores
_ROOM = 2**30  # bytes up to which more are kept
_STARTS = {
    "sft": "base",
    "rl-start": "base",
    "reward": "base",
    "ppo": "policy",
}  # the role of the model that a run begins with
_FIRST = "start"  # name of the model that a pretraining run begins with


class ModelShelf:
    """The models used last. They belong to whoever calls, on one thread."""

    def __init__(self, device: torch.device) -> None:
        self._device = device
        self._kept: OrderedDict[tuple[str, Path, int], LanguageModel | ScalarModel] = OrderedDict()

    def language_model(self, path: Path, announce: Callable[[], None]) -> LanguageModel:
        """A model that answers; ``announce`` is called first where it has to be read from disk.

        Raises:
            StudioError: If there is none, or it cannot be used.
        """
        return self._get("language", path, read_language_model, announce)

    def reward_model(self, path: Path, announce: Callable[[], None]) -> ScalarModel:
        """A model that scores; otherwise the same."""
        return self._get("reward", path, read_reward_model, announce)

    def _get(
        self, kind: str, path: Path, read: Callable[[Path, torch.device], Model], announce: Callable[[], None]
    ) -> Model:
        key = (kind, path, _stamp(path))
        found = self._kept.pop(key, None)
        if found is None:
            announce()
            found = read(path, self._device)
        self._kept[key] = found
        self._make_room()
        return found  # type: ignore[return-value]  # the kind is part of the key

    def _make_room(self) -> None:
        """Forget those not used for longest; who works with one still has it."""
        while len(self._kept) > _FEWEST and sum(_size(model) for model in self._kept.values()) > _ROOM:
            self._kept.popitem(last=False)


def read_language_model(path: Path, device: torch.device) -> LanguageModel:
    """A model that answers, from its folder or from a checkpoint of its run.

    Raises:
        StudioError: If there is none, or it cannot be used.
    """
    if path.parent.name != CHECKPOINTS:
        return load_language_model(path, device=device)
    run, kind = path.parent.parent, _kind(path)
    model = load_language_model(_start(run, kind))
    load_module_tensors(model.module, f"module.{LEFT_BY[kind]}", _checkpoint(path).tensors)
    return model.to(device)


def read_stored(run: Path, start: StoredCheckpoint, name: str) -> LanguageModel | ScalarModel:
    """One of the models in a checkpoint, by the name that its run gives it: policy, ema, reward or value.

    Raises:
        StudioError: If the model that the run began with is gone, or the checkpoint holds none of this name.
    """
    run_file = read_run_file(run)
    if name == "value":  # it began as a copy of the reward model
        model: LanguageModel | ScalarModel = load_scalar_model(find(run_file.spec.models["reward"], run))
    else:
        model = load_language_model(_start(run, run_file.spec.kind))
        if name == "reward":
            model = ScalarModel.from_language_model(model, seed=0)  # the head is in there too
    load_module_tensors(model.module, f"module.{name}", start.read().tensors)
    return model


def read_reward_model(path: Path, device: torch.device) -> ScalarModel:
    """A model that scores, from its folder or from a checkpoint of its run.

    Raises:
        StudioError: If there is none, or it cannot be used.
    """
    if path.parent.name != CHECKPOINTS:
        return load_scalar_model(path, device=device)
    run, kind = path.parent.parent, _kind(path)
    model = ScalarModel.from_language_model(load_language_model(_start(run, kind)), seed=0)  # the head is in there too
    load_module_tensors(model.module, f"module.{LEFT_BY[kind]}", _checkpoint(path).tensors)
    return model.to(device)


def _kind(path: Path) -> RunKind:
    return read_run_file(path.parent.parent).spec.kind


def _start(run: Path, kind: RunKind) -> Path:
    """The model that a run began with: what its checkpoints are weights of."""
    if kind == "pretrain":
        return run / "models" / _FIRST
    return find(read_run_file(run).spec.models[_STARTS[kind]], run)


def _checkpoint(path: Path) -> Checkpoint:
    """This checkpoint, or the run's newest whole one: a run that goes on takes old ones away."""
    shelf = CheckpointShelf(path.parent)
    for name in (path.name, *shelf.names()):
        try:
            return shelf.check(name).read()
        except (DamagedError, OSError, SafetensorError):
            continue
    raise RunError(
        f"No checkpoint of the run {path.parent.parent} is whole, so its model cannot be used. "
        "Choose another model, or train this one again."
    )


def _stamp(path: Path) -> int:
    """When what lies there was last changed, in ns; 0 where nothing does, which loading explains."""
    files = [*path.glob("*.json"), *path.glob("*.safetensors")] if path.is_dir() else []
    try:
        return max((file.stat().st_mtime_ns for file in files), default=0)
    except OSError as error:
        raise ModelError(f"The model in {path} cannot be read ({error.strerror}). Choose another one.") from error


def _size(model: LanguageModel | ScalarModel) -> int:
    return model.parameter_count * model.dtype.itemsize
