"""Writes models in Hugging Face layout, so that any tool can open them."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import torch
from transformers import GenerationConfig, PreTrainedModel

from rlhf_studio.lm.codec import Codec
from rlhf_studio.lm.model import LanguageModel

STUDIO_FILE = "studio.json"


def save_language_model(
    lm: LanguageModel, folder: Path, *, dtype: torch.dtype | None = None, card: Mapping[str, Any] | None = None
) -> None:
    """Write weights, configuration, tokenizer with its chat template, and ``studio.json`` into a folder.

    Args:
        lm: Stays as it is.
        folder: Is made if it is not there; files of an earlier save are replaced.
        dtype: Of the weights in the file; None keeps the model's.
        card: What a person should know about the model: plain JSON values.
    """
    if dtype not in (None, lm.dtype):
        lm = lm.clone().to(dtype=dtype)
    module = cast("PreTrainedModel", lm.module)
    folder.mkdir(parents=True, exist_ok=True)
    # the settings a model was published with may be ones that this version refuses to write
    module.generation_config = GenerationConfig(eos_token_id=lm.codec.eos_id, pad_token_id=lm.codec.pad_id)
    module.save_pretrained(folder)
    lm.codec.tokenizer.save_pretrained(folder)
    write_studio_file(folder, lm.codec, kind="language_model", card=card)


def write_studio_file(
    folder: Path, codec: Codec, *, kind: str, card: Mapping[str, Any] | None = None, **values: float
) -> None:
    """Write what transformers has no place for."""
    content = {"kind": kind, "template": codec.template_name, **values, "card": dict(card or {})}
    text = json.dumps(content, indent=2, ensure_ascii=False)
    (folder / STUDIO_FILE).write_text(text + "\n", encoding="utf-8")
