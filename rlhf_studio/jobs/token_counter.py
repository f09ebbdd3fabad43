"""How long a text is for a model, for rooms that may not know tokenizers."""

import json
from pathlib import Path

from rlhf_studio.errors import ModelError
from rlhf_studio.jobs.model_folders import find
from rlhf_studio.jobs.models import CHECKPOINTS
from rlhf_studio.jobs.run_file import read_run_file
from rlhf_studio.lm.counting import TokenCounter

__all__ = ["TokenCounter", "longest_example", "tokenizer_folder"]

_CONTEXT = ("max_position_embeddings", "n_positions", "seq_length")  # as architectures call it
_FIRST = Path("models") / "start"  # what a pretraining run begins with


def tokenizer_folder(model: Path) -> Path:
    """Where a model's tokenizer lies: a checkpoint has that of the model its run began with.

    Raises:
        StudioError: If the run cannot be read.
    """
    if model.parent.name != CHECKPOINTS:
        return model
    run = model.parent.parent
    models = read_run_file(run).spec.models
    start = models.get("base") or models.get("policy")
    return run / _FIRST if start is None else find(start, run)


def longest_example(folder: Path, max_length: int) -> int:
    """Tokens of prompt and answer together up to which SFT takes a demonstration.

    Args:
        folder: Of a model in Hugging Face layout, see ``tokenizer_folder``.
        max_length: As in the settings of SFT; 0 is the model's context.

    Raises:
        ModelError: If the model does not say how long its context is.
    """
    try:
        config = json.loads((folder / "config.json").read_bytes())
        context = int(next(config[name] for name in _CONTEXT if config.get(name)))
    except (OSError, ValueError, TypeError, AttributeError, StopIteration) as error:
        raise ModelError(
            f"The model {folder} does not say how long its context is ({error}). Copy the model again."
        ) from error
    return min(max_length, context) if max_length else context
