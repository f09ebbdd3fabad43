"""Turns a GGUF file, one file with quantised weights and a tokenizer, into a folder that the program can train."""

import importlib.util
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
import transformers
from torch import nn
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast

from rlhf_studio.errors import ModelError
from rlhf_studio.lm.codec import Codec
from rlhf_studio.lm.loading import be_quiet, context_length, load_language_model, load_weights
from rlhf_studio.lm.model import LanguageModel
from rlhf_studio.lm.saving import save_language_model

_MAGIC = b"GGUF"  # the first four bytes of every such file


def convert_gguf(file: Path, out: Path, *, dtype: torch.dtype = torch.float16) -> LanguageModel:
    """Write the model in a GGUF file in Hugging Face layout: safetensors, tokenizer, the file's own chat template.

    What quantisation took is not given back: each weight becomes the number that its block stands for.

    Args:
        file: Any GGUF file of an architecture that transformers reads.
        out: The model's folder; new or empty. It appears whole or not at all.
        dtype: Of the weights in the folder.

    Returns:
        The model, as it was opened from the folder, in float32.

    Raises:
        ModelError: If the package ``gguf`` is missing, the file is none, or it holds something that cannot be used.
    """
    file, out = Path(file), Path(out)
    _check(file, out)
    lm = _read(file)
    _check_range(lm.module, file, dtype)
    card = {"made by": "rlhf-studio convert", "from": file.name}
    out.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=out.parent, prefix=f".{out.name}-") as workshop:
        written = Path(workshop) / "model"
        save_language_model(lm, written, dtype=dtype, card=card)
        opened = load_language_model(written)  # what cannot be opened shall not stay
        if out.exists():
            out.rmdir()  # empty; Windows would not replace it
        written.replace(out)
    return replace(opened, source=out)


def _check(file: Path, out: Path) -> None:
    """Tell of what stands in the way before anything slow begins."""
    try:
        with file.open("rb") as stream:
            magic = stream.read(len(_MAGIC))
    except OSError as error:
        raise ModelError(
            f"The GGUF file {file} cannot be read: {error.strerror}. Name a file that is there."
        ) from error
    if magic != _MAGIC:
        raise ModelError(
            f"{file} is not a GGUF file: it begins with {magic!r} instead of {_MAGIC!r}. "
            "Name the file that ends with .gguf; a folder with safetensors needs no conversion."
        )
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ModelError(f"{out} is there already. Name a new or an empty folder for the model.")
    if importlib.util.find_spec("gguf") is None:
        raise ModelError(
            "Reading a GGUF file needs the package gguf, which is not installed. "
            "Install it with: pip install 'rlhf-studio[gguf]', or pip install gguf."
        )


def _read(file: Path) -> LanguageModel:
    codec = Codec(_read_tokenizer(file))
    more: dict[str, Any] = {"gguf_file": file.name}
    if hasattr(transformers, "GgufConfig"):  # versions that have it would keep the weights packed
        more["quantization_config"] = transformers.GgufConfig(dequantize=True)
    module = load_weights(AutoModelForCausalLM, file.parent, torch.float32, **more)
    _forget_quantisation(module)
    return LanguageModel(module, codec, context_length(module.config), file)


def _read_tokenizer(file: Path) -> PreTrainedTokenizerFast:
    be_quiet()
    try:
        tokenizer = AutoTokenizer.from_pretrained(
            file.parent, gguf_file=file.name, local_files_only=True, trust_remote_code=False
        )
    except Exception as error:  # the Rust library raises bare Exception
        raise ModelError(
            f"The tokenizer in {file} cannot be used: {error} Choose a file of an architecture that this version of "
            "transformers knows, such as llama or qwen2."
        ) from error
    if not isinstance(tokenizer, PreTrainedTokenizerFast):
        raise ModelError(
            f"The tokenizer in {file} ({type(tokenizer).__name__}) has no fast form. Choose a model that has one."
        )
    return tokenizer


def _forget_quantisation(module: nn.Module) -> None:
    """The weights are plain numbers now; the note of where they came from would have them read as blocks again."""
    config: Any = module.config
    if hasattr(config, "quantization_config"):
        del config.quantization_config
    for name in ("hf_quantizer", "quantization_method", "is_quantized"):
        if name in vars(module):
            delattr(module, name)


def _check_range(module: nn.Module, file: Path, dtype: torch.dtype) -> None:
    largest = max(float(parameter.detach().abs().max()) for parameter in module.parameters())
    if not largest <= torch.finfo(dtype).max:
        raise ModelError(
            f"{file} holds a weight of {largest:g}, more than {str(dtype).removeprefix('torch.')} can hold. "
            "Convert it to bfloat16 instead."
        )
