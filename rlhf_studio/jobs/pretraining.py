"""Pretraining as a run: from text files to a folder with a base model and its card."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, cast

import torch

from rlhf_studio.errors import ModelError, RunError
from rlhf_studio.events import Progress, RunFinished, TrainEvent
from rlhf_studio.jobs.model_folders import model_digest
from rlhf_studio.jobs.pretraining_card import write_card
from rlhf_studio.jobs.run_file import stage_settings
from rlhf_studio.jobs.run_folder import RunFolder
from rlhf_studio.jobs.text_sources import Documents, TextFile, encode_sources, fit_tokenizer, read_documents
from rlhf_studio.lm.architecture import new_language_model
from rlhf_studio.lm.loading import load_language_model
from rlhf_studio.lm.model import LanguageModel
from rlhf_studio.lm.saving import save_language_model
from rlhf_studio.lm.tokenizer_training import is_byte_level
from rlhf_studio.schema import RunSpec
from rlhf_studio.settings import PretrainSettings
from rlhf_studio.train.control import RunControl
from rlhf_studio.train.pretrain import train_pretrain

_START = "start"  # the run's own copy of the model it began with, and so of the tokenizer


def start_pretraining(
    path: Path, texts: Sequence[TextFile], settings: PretrainSettings, start: Path | None = None
) -> RunFolder:
    """Make the folder of a new run; the texts stay where they are and are told by their hashes.

    Args:
        path: Not there yet, or empty.
        texts: What to train on.
        settings: Of the run; sizes count only where no model is named.
        start: A model to go on with, instead of a new one with a new tokenizer.

    Raises:
        DataError: If a text cannot be used.
        ModelError: If the model cannot.
        RunError: If the folder cannot be written.
    """
    rows = [_described(read_documents(text)) for text in texts]
    data: dict[str, Any] = {"texts": rows, "start": None}
    if start is not None:
        _check_start(start)
        data["start"] = {"path": str(start.resolve()), "sha256": model_digest(start)}
    return RunFolder.create(path, RunSpec("pretrain", settings.model_dump(mode="json"), {}), data)


def pretrain(folder: RunFolder, control: RunControl) -> Iterator[TrainEvent]:
    """Read the texts again, make or open the model, train it.

    Raises:
        RunError: If a text was changed since the run began.
    """
    settings = cast("PretrainSettings", stage_settings(folder.spec))
    documents = []
    for row in folder.data()["texts"]:
        yield Progress(0, 0, "read")
        documents.append(_unchanged(row))
        if control.is_stopping:
            yield RunFinished(0, "stopped")
            return
    model = _first_model(folder, settings, documents)
    steps = encode_sources(documents, model.codec)
    while True:
        try:
            done = next(steps)
        except StopIteration as finished:
            data = finished.value
            break
        yield Progress(0, 0, "read", done)
        if control.is_stopping:
            yield RunFinished(0, "stopped")
            return
    documents.clear()  # the tokens are enough
    settings = settings.model_copy(update={"context_length": min(settings.context_length, model.context_length)})
    yield from train_pretrain(settings, model, data, folder, control)


def export_base(folder: RunFolder, out: Path, *, notes: str = "") -> None:
    """Write the run's model as float16 with its card; ``notes`` is Markdown for sources, licences and probes."""
    model = load_language_model(folder.path / "models" / "base")
    save_language_model(model, out, dtype=torch.float16, card={"made by": "rlhf-studio pretrain"})
    write_card(folder, model.parameter_count, out / "README.md", notes)


def _first_model(folder: RunFolder, settings: PretrainSettings, documents: Sequence[Documents]) -> LanguageModel:
    """The model before its first update; kept in the run, so that a resumed run begins with the same one."""
    kept = folder.path / "models" / _START
    if not kept.is_dir():
        start = folder.data()["start"]
        if start is not None:
            model = _named_model(start)
        else:
            codec = fit_tokenizer(documents, settings.vocab_size)
            module = new_language_model(settings, codec.tokenizer, settings.seed)
            model = LanguageModel(module, codec, settings.context_length)
        folder.save_model(0, _START, lambda path: save_language_model(model, path))
    return load_language_model(kept)


def _named_model(start: Mapping[str, str]) -> LanguageModel:
    path = Path(start["path"])
    model = load_language_model(path)
    if model_digest(path) != start["sha256"]:
        raise RunError(f"The model {path} was changed since the run began. Put the old files back, or start a new run.")
    return model


def _check_start(path: Path) -> None:
    """Tell of a model that cannot be used before there is a run."""
    if not is_byte_level(load_language_model(path).codec.tokenizer):
        raise ModelError(
            f"The tokenizer in {path} is not byte-level, so bits per byte cannot be counted. "
            "Go on with a model whose tokenizer is, as those of GPT-2, Llama 3 or Qwen, or make a new one."
        )


def _described(documents: Documents) -> dict[str, Any]:
    counts = {"documents": len(documents.train), "held_out_documents": len(documents.held_out)}
    return {**asdict(documents.file), "path": str(documents.file.path.resolve()), "sha256": documents.sha256, **counts}


def _unchanged(row: Mapping[str, Any]) -> Documents:
    text = TextFile(row["name"], Path(row["path"]), float(row["weight"]), row["cut"])
    documents = read_documents(text)
    if documents.sha256 != row["sha256"]:
        raise RunError(
            f"The text {text.path} was changed since the run began (SHA-256 {row['sha256'][:12]} then, "
            f"{documents.sha256[:12]} now). Put the old file back, or start a new run."
        )
    return documents
