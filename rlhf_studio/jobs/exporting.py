"""A model for other tools: a folder in Hugging Face layout, out of a run, one of its checkpoints, or another folder."""

import shutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch

from rlhf_studio.errors import DataError, RunError
from rlhf_studio.jobs.event_log import EVENT_FILE, EventLog
from rlhf_studio.jobs.export_job import FOLDERS, Weights
from rlhf_studio.jobs.files import PART, in_words, sync_tree
from rlhf_studio.jobs.model_reading import read_stored
from rlhf_studio.jobs.models import LEFT_BY
from rlhf_studio.jobs.provenance import provenance, read_provenance, write_provenance
from rlhf_studio.jobs.run_file import RUN_FILE, read_run_file
from rlhf_studio.jobs.run_folder import RunFolder
from rlhf_studio.lm.classifier import CARRIED_BY, Carrier, save_classifier
from rlhf_studio.lm.heads import HEAD, ScalarModel, load_scalar_model
from rlhf_studio.lm.loading import load_language_model
from rlhf_studio.lm.model import LanguageModel
from rlhf_studio.lm.saving import save_language_model
from rlhf_studio.schema import RunKind

_DTYPES = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}


@dataclass(frozen=True, slots=True)
class Exported:
    """What was written; ``note`` says what a reader of a reward model must know of its bias, '' for other models."""

    folder: Path
    kind: Literal["language model", "classifier"]
    parameters: int
    note: str = ""


def export_model(
    source: Path, out: Path, *, weights: Weights = "raw", step: int | None = None, dtype: str = "float32"
) -> Exported:
    """Write a model into a new folder: weights, configuration, tokenizer with its chat template.

    A reward model or value network becomes a sequence classifier with one label that gives its scores, bias and all.
    Where the model comes from is written beside it.

    Args:
        source: A run's folder, or a model's.
        out: Not there yet, or empty.
        weights: Of a PPO run: the policy as it is, the one that scored best on held-out prompts, the moving average,
            or the value network.
        step: Of one of the run's checkpoints; None takes the model that it has left.
        dtype: Of a language model's weights; a classifier is always float32, which its bias needs.

    Raises:
        StudioError: If there is no such model, it cannot be read, or nothing can be written there.
    """
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise DataError(f"The folder {out} holds something already. Name a new one for the model.")
    if dtype not in _DTYPES:
        raise DataError(f"The weights cannot be written as '{dtype}'. Choose one of: {', '.join(_DTYPES)}.")
    model = _read(source, weights, step)
    known = _known(source, weights, step)
    carriers: list[Carrier] = []

    def write(folder: Path) -> None:
        if isinstance(model, ScalarModel):
            carriers.append(save_classifier(model, folder))
        else:
            save_language_model(model, folder, dtype=_DTYPES[dtype])
        if known is not None:
            write_provenance(folder, known, CARRIED_BY[carriers[0]] if carriers else "")

    _put(out, write)
    note = CARRIED_BY[carriers[0]] if carriers else ""
    return Exported(out, "classifier" if carriers else "language model", model.parameter_count, note)


def _read(source: Path, weights: Weights, step: int | None) -> LanguageModel | ScalarModel:
    if not (source / RUN_FILE).is_file():
        if weights != "raw" or step is not None:
            raise DataError(f"The folder {source} is a model and no run, so it has no checkpoints and no average.")
        return _read_folder(source)
    kind = read_run_file(source).spec.kind
    if weights != "raw" and kind != "ppo":
        raise DataError(f"The run {source.name} has no '{weights}' weights; only PPO has. Take the raw ones.")
    if weights == "best" and step is not None:
        raise DataError("The best policy is a model of its own and lies in no checkpoint. Leave the step away.")
    if step is not None:
        name = LEFT_BY[kind] if weights == "raw" else weights
        return read_stored(source, RunFolder.open(source).checkpoint(step), name)
    folder = source / "models" / FOLDERS.get(weights, LEFT_BY[kind])
    if not folder.is_dir():
        raise RunError(_no_model(source, weights, kind))
    return _read_folder(folder)


def _known(source: Path, weights: Weights, step: int | None) -> Mapping[str, Any] | None:
    """Where the model comes from; None for one that brings nothing of the kind."""
    if not (source / RUN_FILE).is_file():
        return read_provenance(source)
    run_file = read_run_file(source)
    name = FOLDERS.get(weights, LEFT_BY[run_file.spec.kind])
    if step is not None:
        return provenance(source, run_file, name, step)
    return read_provenance(source / "models" / name) or provenance(source, run_file, name, _last_step(source))


def _no_model(run: Path, weights: Weights, kind: RunKind) -> str:
    if weights == "ema":
        return f"The run {run.name} has left no moving average: its setting ema_decay was 0, or it was cut off."
    if weights == "best":
        return f"The run {run.name} has kept no best policy: its setting best_kl was 0, or no prompt was held out."
    return f"The {kind} run {run.name} has left no model yet. Resume it, or name the step of one of its checkpoints."


def _last_step(run: Path) -> int:
    last = EventLog(run / EVENT_FILE).last()
    return last.step if last else 0


def _read_folder(folder: Path) -> LanguageModel | ScalarModel:
    from safetensors import safe_open  # noqa: PLC0415  only to look for the head

    for path in sorted(folder.glob("*.safetensors")):
        with safe_open(path, framework="pt") as file:
            if HEAD in file.keys():  # noqa: SIM118  no mapping
                return load_scalar_model(folder)
    return load_language_model(folder)


def _put(out: Path, write: Callable[[Path], None]) -> None:
    """Fill a folder beside ``out`` and put it in place whole."""
    part = out.with_name(f"{PART}{out.name}")
    try:
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir(parents=True)
        write(part)
        sync_tree(part)
        if out.exists():
            out.rmdir()
        part.replace(out)
    except OSError as error:
        shutil.rmtree(part, ignore_errors=True)
        raise in_words(error, out.parent, "the model") from error
