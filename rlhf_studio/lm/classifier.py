"""A reward model as transformers' sequence classifier, with the same scores: its head has no bias, so weights carry it.

Two ways are exact up to rounding. A last LayerNorm has a bias of its own (GPT-2): a shift along the head's direction
adds a constant to each score. Behind an RMSNorm nothing is constant, so Llama, Qwen2 and Qwen3 get one more layer, and
a few channels that were not there: attention that looks at its own token only takes the score, with the bias, from the
normalised state and writes it into a new channel; another new channel gets a number so large that the last norm divides
by it alone, which the head's weight undoes.

Axes: d channels, D channels with the new ones, H heads, h channels of a head.
"""

import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from rlhf_studio.lm.heads import HEAD, ScalarModel
from rlhf_studio.lm.saving import write_studio_file

Carrier = Literal["nothing", "norm", "layer", "config"]

CARRIED_BY: Mapping[Carrier, str] = {
    "nothing": "The bias is 0, so the classifier needs none.",
    "norm": "The bias is part of the last norm's bias: any reader of the classifier gives the reward model's scores.",
    "layer": "The bias is carried by one more layer and a few more channels: any reader of the classifier gives the "
    "reward model's scores. Keep the weights in float32.",
    "config": "This architecture's classifier has no place for a bias: add rlhf_studio_bias of config.json to its "
    "scores.",
}

_WEIGHTS = "model.safetensors"
_RMS_KINDS = frozenset({"llama", "qwen2", "qwen3"})
_STATIC_ROPE = frozenset({"default", "linear", "llama3"})
_LARGE = 2.0**26  # squared it is far above any square of a hidden state, and far below what float32 holds
_FAR = 100.0  # nats that other positions lie below a token's own: exp(-100) is nothing beside 1 in float32


def save_classifier(model: ScalarModel, folder: Path, card: Mapping[str, Any] | None = None) -> Carrier:
    """Write a reward model so that ``AutoModelForSequenceClassification`` gives its scores; says what carries the bias.

    Args:
        model: In float32; stays as it is.
        folder: Is made if it is not there.
        card: What a person should know about the model: plain JSON values.
    """
    model.save(folder, card)
    if model.bias == 0:
        return "nothing"
    tensors = load_file(folder / _WEIGHTS)
    config: dict[str, Any] = json.loads((folder / "config.json").read_bytes())
    carrier: Carrier = "config"
    norm_bias = next((name for name in tensors if name.endswith((".ln_f.bias", ".norm.bias"))), "")
    if norm_bias and tensors[HEAD].abs().sum() > 0:
        carrier = "norm"
        head = tensors[HEAD].squeeze(0)
        tensors[norm_bias] = tensors[norm_bias] + model.bias * head / head.square().sum()
    elif _can_carry(model, config):
        carrier = "layer"
        tensors, config = _with_carrier(model, tensors, config)
    if carrier == "config":
        return carrier
    config["rlhf_studio_bias"] = 0.0
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    whole = {name: tensor.contiguous() for name, tensor in tensors.items()}
    save_file(whole, folder / _WEIGHTS, metadata={"format": "pt"})
    write_studio_file(folder, model.codec, kind="scalar_model", card=card, bias=0.0, score_std=float(model.score_std))
    return carrier


def _can_carry(model: ScalarModel, config: Mapping[str, Any]) -> bool:
    rope = config.get("rope_parameters") or {}
    return (
        config.get("model_type") in _RMS_KINDS
        and rope.get("rope_type", "default") in _STATIC_ROPE
        and hasattr(getattr(model.module.backbone, "rotary_emb", None), "inv_freq")
        and model.dtype == torch.float32
    )


def _with_carrier(
    model: ScalarModel, tensors: Mapping[str, Tensor], config: Mapping[str, Any]
) -> tuple[dict[str, Tensor], dict[str, Any]]:
    """Weights and configuration with one more layer, which computes the score."""
    heads, old = int(config["num_attention_heads"]), int(config["hidden_size"])
    new = old + max(2, heads)  # the heads must divide it
    shrink = math.sqrt(old / new)  # an RMSNorm over more channels, the new ones 0, gives that much more
    layers = int(config["num_hidden_layers"])
    wide = {name: _widened(name, tensor, old, new, shrink) for name, tensor in tensors.items() if name != HEAD}
    prefix = f"model.layers.{layers}."
    for name, tensor in list(wide.items()):
        if name.startswith(f"model.layers.{layers - 1}."):
            wide[prefix + name.removeprefix(f"model.layers.{layers - 1}.")] = torch.zeros_like(tensor)
    if config["model_type"] != "qwen2":  # whose projections have a bias anyway
        wide |= _missing_biases(wide, layers + 1)
    _fill_carrier(model, wide, prefix, tensors[HEAD], _head_size(config))
    final = torch.zeros(new)
    final[old] = 1.0
    wide["model.norm.weight"] = final
    wide[HEAD] = (final * _LARGE / math.sqrt(new)).unsqueeze(0)
    changed = {
        "hidden_size": new,
        "head_dim": _head_size(config),
        "num_hidden_layers": layers + 1,
        "rms_norm_eps": config["rms_norm_eps"] * old / new,
    }
    if config["model_type"] != "qwen2":
        changed["attention_bias"] = True
    if config.get("layer_types"):
        changed["layer_types"] = [*config["layer_types"], "full_attention"]
    return wide, {**config, **changed}


def _widened(name: str, tensor: Tensor, old: int, new: int, shrink: float) -> Tensor:
    """One weight of the old layers with new channels that nothing reads or writes."""
    if name.endswith(("layernorm.weight", "model.norm.weight")):
        return torch.nn.functional.pad(tensor * shrink, (0, new - old))
    if name.endswith(("o_proj.weight", "down_proj.weight")):  # they write into the channels
        return torch.nn.functional.pad(tensor, (0, 0, 0, new - old))
    if name.endswith(("o_proj.bias", "down_proj.bias")) or (name.endswith("weight") and tensor.dim() == 2):
        return torch.nn.functional.pad(tensor, (0, new - old))
    return tensor  # biases and norms inside a head


def _missing_biases(wide: Mapping[str, Tensor], layers: int) -> dict[str, Tensor]:
    found = {}
    for layer in range(layers):
        for part in "qkvo":
            name = f"model.layers.{layer}.self_attn.{part}_proj"
            if f"{name}.bias" not in wide:
                found[f"{name}.bias"] = torch.zeros(wide[f"{name}.weight"].shape[0])
    return found


def _fill_carrier(model: ScalarModel, wide: dict[str, Tensor], prefix: str, head: Tensor, size: int) -> None:
    """Let the layer attend to its own token only, and write score and constant into the new channels.

    Args:
        model: Its rotary frequencies and its bias are read.
        wide: (.., D) weights by name; those of the layer are 0 and are filled in place.
        prefix: Of the layer's weights.
        head: (1, d) the reward model's head.
        size: h, channels of a head.
    """
    old = head.shape[1]
    wide[f"{prefix}input_layernorm.weight"] = wide["model.norm.weight"].clone()
    near = torch.zeros(size)
    near[: size // 2] = _nearness(model, size)  # turned by its position, this is most like itself
    if f"{prefix}self_attn.q_norm.weight" in wide:  # Qwen3 normalises queries and keys
        wide[f"{prefix}self_attn.q_norm.weight"] = near.clone()
        wide[f"{prefix}self_attn.k_norm.weight"] = near.clone()
        near = torch.ones(size)
    for part in "qk":
        wide[f"{prefix}self_attn.{part}_proj.bias"][:size] = near
    wide[f"{prefix}self_attn.v_proj.weight"][0, :old] = head[0]
    wide[f"{prefix}self_attn.v_proj.bias"][:2] = torch.tensor([model.bias, _LARGE])
    wide[f"{prefix}self_attn.o_proj.weight"][old, 0] = 1.0
    wide[f"{prefix}self_attn.o_proj.weight"][old + 1, 1] = 1.0


def _nearness(model: ScalarModel, size: int) -> float:
    """How long query and key must be for every other position to lie ``_FAR`` below a token's own.

    Both are the same in each of the h / 2 planes that positions turn, so at a distance of n they agree as the sum of
    cos(n * frequency).
    """
    rotary: Any = model.module.backbone.rotary_emb
    turns = torch.arange(1, max(2, model.context_length), dtype=torch.float64)[:, None] * rotary.inv_freq.double().cpu()
    gap = float((1 - turns.cos()).sum(dim=1).min()) * float(getattr(rotary, "attention_scaling", 1.0)) ** 2
    return math.sqrt(_FAR * math.sqrt(size) / gap)


def _head_size(config: Mapping[str, Any]) -> int:
    return int(config.get("head_dim") or config["hidden_size"] // config["num_attention_heads"])
