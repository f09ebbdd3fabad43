"""Opens models from local folders, and nothing else: no network, no pickles, no foreign code."""

import ctypes
import json
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
import transformers
from safetensors import SafetensorError, safe_open
from torch import nn
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, GenerationConfig, PreTrainedTokenizerFast

from rlhf_studio.errors import ModelError, RunError
from rlhf_studio.lm.codec import Codec
from rlhf_studio.lm.model import LanguageModel

_PICKLES = ("*.bin", "*.pt", "*.pth", "*.ckpt")
_DEFAULT_CONTEXT = 2048  # for the few architectures without a limit of their own
_ONE_AT_A_TIME = threading.Lock()  # transformers keeps what it does while loading in globals: two loads mix them up


def load_language_model(
    folder: Path, *, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32
) -> LanguageModel:
    """Open a causal language model in Hugging Face layout, ready to train without dropout.

    Torch's random generator is left as it was.

    Raises:
        ModelError: If the folder lacks something, is damaged, or asks for code of its own.
    """
    folder = Path(folder)
    config = check_folder(folder)
    codec = Codec(load_tokenizer(folder))
    module = load_weights(AutoModelForCausalLM, folder, dtype)
    vocabulary = int(getattr(module.config, "vocab_size", 0))
    known = max(i for i in codec.tokenizer.get_vocab().values() if i != codec.pad_id)
    if vocabulary and known >= vocabulary:
        raise ModelError(
            f"The tokenizer in {folder} knows token {known}, the model only {vocabulary} tokens. "
            "The two do not belong together: use the model's own tokenizer."
        )
    module.generation_config = GenerationConfig(eos_token_id=codec.eos_id, pad_token_id=codec.pad_id)
    module.to(device)
    return LanguageModel(module, codec, context_length(config), folder)


def resolve_device(name: str) -> torch.device:
    """The device a setting names; "auto" takes CUDA, then Apple's GPU, else the CPU.

    Raises:
        RunError: If this machine has no such device.
    """
    available = {"cpu": True, "cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
    if name == "auto":
        name = next(kind for kind in ("cuda", "mps", "cpu") if available[kind])
    if not available.get(name, False):
        usable = ", ".join(kind for kind, is_there in available.items() if is_there)
        raise RunError(f"There is no device '{name}' on this machine. Choose auto or one of: {usable}.")
    return torch.device(name)


def check_folder(folder: Path) -> AutoConfig:
    """Look at a model folder before anything in it is opened.

    Raises:
        ModelError: Naming what is missing, damaged or refused.
    """
    if not folder.is_dir():
        raise ModelError(f"There is no model folder {folder}. Name a folder with config.json and model.safetensors.")
    for name in ("config.json", "tokenizer_config.json"):
        values = _read_json(folder / name, is_needed=name == "config.json")
        if "auto_map" in values:
            raise ModelError(
                f"The model in {folder} asks to run code of its own ({name} has auto_map), which is refused. "
                "Choose a model of an architecture that transformers has built in."
            )
    _check_weights(folder)
    try:
        config: Any = AutoConfig.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _unusable(folder, "config.json", error) from error
    if getattr(config, "is_encoder_decoder", False):
        raise ModelError(
            f"The model in {folder} ({config.model_type}) has an encoder and a decoder. "
            "Choose a causal language model, one that only continues text."
        )
    return config  # type: ignore[no-any-return]


def load_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    """Open the tokenizer in a model folder.

    Raises:
        ModelError: If there is none that the tokenizers library can run.
    """
    if not any((folder / name).is_file() for name in ("tokenizer.json", "tokenizer.model", "vocab.json")):
        raise ModelError(f"The model folder {folder} has no tokenizer. Put the model's tokenizer.json beside it.")
    be_quiet()
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # the Rust library raises bare Exception
        raise _unusable(folder, "the tokenizer", error) from error
    if not isinstance(tokenizer, PreTrainedTokenizerFast):
        raise ModelError(
            f"The tokenizer in {folder} ({type(tokenizer).__name__}) has no fast form. "
            "Convert it: load it with transformers and save it again, so that there is a tokenizer.json."
        )
    return tokenizer


def load_weights(kind: Any, folder: Path, dtype: torch.dtype, **more: Any) -> Any:
    """A module of an Auto class with weights of its own in ``dtype``: in eval mode, every dropout at 0.

    Args:
        kind: The Auto class.
        folder: Where the weights lie.
        dtype: Of the weights in memory.
        **more: For the Auto class's ``from_pretrained``.

    Raises:
        ModelError: If the architecture is not known to ``kind``, or weights are damaged, missing or misshapen.
    """
    be_quiet()
    try:
        with _ONE_AT_A_TIME, torch.random.fork_rng(devices=[]):
            module, info = kind.from_pretrained(
                folder,
                dtype=dtype,
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
                attn_implementation="sdpa",
                output_loading_info=True,
                **more,
            )
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, AttributeError, SafetensorError) as error:
        raise _unusable(folder, "the model", error) from error
    if info["missing_keys"]:
        missing = sorted(info["missing_keys"])
        raise ModelError(
            f"The weights in {folder} lack {len(missing)} of the model's tensors, first {missing[0]}. "
            "The files are incomplete or belong to another config.json: copy the model again."
        )
    _own_weights(module)
    _give_memory_back()
    switch_dropout_off(module)
    return module


def switch_dropout_off(module: nn.Module) -> None:
    """Every dropout to 0 and eval mode: trainers that want dropout add their own."""
    for part in module.modules():
        if isinstance(part, nn.Dropout):
            part.p = 0.0
        if isinstance(getattr(part, "attention_dropout", None), float):
            setattr(part, "attention_dropout", 0.0)  # noqa: B010 - a plain number, which nn.Module's types deny
    module.eval()


def context_length(config: Any) -> int:
    """Longest sequence an architecture can read."""
    length = getattr(config, "max_position_embeddings", None) or getattr(config, "seq_length", None)
    return int(length or _DEFAULT_CONTEXT)


def be_quiet() -> None:
    """Keep transformers off the console: what matters becomes an error here, the rest is noise."""
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()


def _own_weights(module: nn.Module) -> None:
    """Copy every tensor out of the mapped file: other alignment could round otherwise, and the file may go."""
    with torch.no_grad():
        for tensor in (*module.parameters(), *module.buffers()):
            tensor.data = tensor.data.clone(memory_format=torch.contiguous_format)


def _give_memory_back() -> None:
    """Loading leaves holes of the model's size in the heap, which glibc keeps: 400 MiB for 135M weights."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # other C libraries have none
        if trim is not None:
            trim(0)


def _check_weights(folder: Path) -> None:
    files = sorted(folder.glob("*.safetensors"))
    if not files:
        pickles = sorted(path.name for pattern in _PICKLES for path in folder.glob(pattern))
        if pickles:
            raise ModelError(
                f"The weights in {folder} are pickled ({pickles[0]}), and opening a pickle can run any code. "
                "Convert them to model.safetensors: a trusted machine can load and save the model with transformers."
            )
        raise ModelError(f"The model folder {folder} has no weights. Put model.safetensors beside config.json.")
    for path in files:
        try:
            with safe_open(path, framework="pt") as file:
                file.keys()
        except (OSError, SafetensorError) as error:
            raise ModelError(f"The weights {path} are damaged ({error}). Copy the model again.") from error


def _read_json(path: Path, *, is_needed: bool) -> Mapping[str, Any]:
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        if is_needed:
            raise ModelError(f"The model folder {path.parent} has no {path.name}. Copy the whole model.") from error
        return {}
    except (OSError, ValueError) as error:
        raise ModelError(f"{path} cannot be read ({error}). Copy the model again.") from error
    if not isinstance(values, dict):
        raise ModelError(f"{path} holds {type(values).__name__} instead of settings. Copy the model again.")
    return values


def _unusable(folder: Path, what: str, error: Exception) -> ModelError:
    reason = str(error).strip().splitlines()
    return ModelError(
        f"{what[0].upper()}{what[1:]} in {folder} cannot be used: {reason[0] if reason else type(error).__name__} "
        "Check the folder, or choose a model of an architecture that this version of transformers knows."
    )
