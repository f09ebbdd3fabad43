"""A fast sampler for Llama and its like: few large operations on the module's own weights.

Axes: b rows, S positions in one pass, C places in the cache, H query heads, K key heads, D head size.
"""

import math
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from rlhf_studio.lm.model import LanguageModel
from rlhf_studio.lm.padding import Padded

_ARCHITECTURES = {"LlamaForCausalLM", "MistralForCausalLM", "Qwen2ForCausalLM"}
_STATIC_ROTATIONS = {"default", "linear", "llama3", "yarn"}  # the others depend on the length of the sequence
_GROWTH = 32  # places by which the cache grows
_PREFILL_TOKENS = 2048  # prompt tokens read at once, so that long prompts in large batches need little memory
_LARGEST = 200_000_000  # above, fusing would copy much and gain little: the products take all the time there


def is_llama_like(lm: LanguageModel, capacity: int) -> bool:
    """Whether ``LlamaDecoder`` computes what the module computes, for sequences of up to ``capacity`` tokens."""
    module: Any = lm.module
    kind = type(module)
    if kind.__name__ not in _ARCHITECTURES or not kind.__module__.startswith("transformers."):
        return False
    config, rotation = module.config, module.model.rotary_emb
    window = getattr(config, "sliding_window", None) if kind.__name__ == "MistralForCausalLM" else None
    is_whole = all(layer == "full_attention" for layer in getattr(config, "layer_types", None) or ())
    linears = [part for part in module.modules() if isinstance(part, nn.Linear)]
    return (
        (window is None or window >= capacity)
        and (is_whole or kind.__name__ == "MistralForCausalLM")
        and rotation.rope_type in _STATIC_ROTATIONS
        and all(type(linear) is nn.Linear for linear in linears)  # no adapters
        and lm.parameter_count <= _LARGEST
    )


class _Linear(NamedTuple):
    """Weights (out, in) and bias (out,) of one or several maps of the same input."""

    weight: Tensor
    bias: Tensor | None

    def __call__(self, x: Tensor) -> Tensor:
        return functional.linear(x.to(self.weight.dtype), self.weight, self.bias)


class _Layer(NamedTuple):
    """One block's weights as the decoder uses them."""

    attention_norm: Tensor
    qkv: _Linear
    out: _Linear
    mlp_norm: Tensor
    gate_up: _Linear
    down: _Linear
    activation: Callable[[Tensor], Tensor]


class _Cache:
    """Keys and values of all layers for rows times key heads (N = b * K) side by side.

    Attention runs over all C places, also those not yet filled, whose bias shuts them out: tensors without gaps are
    read several times as fast as slices. The cache grows in small steps, so little is read in vain.
    """

    def __init__(self, layers: int, mask: Tensor, key_heads: int, size: int, dtype: torch.dtype) -> None:
        rows, self._length = mask.shape
        self._key_heads = key_heads
        places = self._length + _GROWTH
        self.keys = torch.zeros(layers, rows * key_heads, places, size, dtype=dtype, device=mask.device)
        self.values = torch.zeros_like(self.keys)
        bias = torch.full((rows, places), torch.finfo(dtype).min, dtype=dtype, device=mask.device)
        bias[:, : self._length].masked_fill_(mask, 0.0)
        self.bias = bias.repeat_interleave(key_heads, dim=0).unsqueeze(1)  # (N, 1, C)

    def fill(self, layer: int, rows: slice, keys: Tensor, values: Tensor) -> None:
        """Keep the keys and values (rows, K, S, D) of some rows' prompts."""
        groups = slice(rows.start * self._key_heads, rows.stop * self._key_heads)
        self.keys[layer, groups, : self._length] = keys.flatten(0, 1)
        self.values[layer, groups, : self._length] = values.flatten(0, 1)

    def advance(self) -> None:
        """Open the next place."""
        if self._length == self.keys.shape[2]:
            self.keys = functional.pad(self.keys, (0, 0, 0, _GROWTH))
            self.values = functional.pad(self.values, (0, 0, 0, _GROWTH))
            self.bias = functional.pad(self.bias, (0, _GROWTH), value=torch.finfo(self.bias.dtype).min)
        self.bias[..., self._length] = 0.0
        self._length += 1

    def attend(self, layer: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """Put keys and values (b, K, D) into the open place, and read with scaled queries (N, H / K, D)."""
        keys, values = self.keys[layer], self.values[layer]
        keys.unflatten(0, k.shape[:2])[:, :, self._length - 1] = k
        values.unflatten(0, v.shape[:2])[:, :, self._length - 1] = v
        scores = torch.baddbmm(self.bias, q, keys.transpose(1, 2))
        return torch.bmm(scores.softmax(dim=-1, dtype=torch.float32).to(values.dtype), values)

    def keep(self, rows: Tensor) -> None:
        """Forget all but these rows."""
        groups = (rows[:, None] * self._key_heads + torch.arange(self._key_heads, device=rows.device)).flatten()
        self.keys, self.values, self.bias = self.keys[:, groups], self.values[:, groups], self.bias[groups]


class LlamaDecoder:
    """Reads left-padded prompts, then one token per row and step."""

    def __init__(self, lm: LanguageModel, capacity: int) -> None:
        """Fuse the weights for one ``generate``; they are copies, so a later training step does not reach them."""
        module: Any = lm.module
        config = module.config
        self._heads = int(config.num_attention_heads)
        self._key_heads = int(config.num_key_value_heads)
        self._size = int(module.model.layers[0].self_attn.head_dim)
        self._epsilon = float(config.rms_norm_eps)
        device = lm.device.type
        # accelerate computes in another precision than that of the weights through autocast
        is_mixed = torch.is_autocast_enabled(device)
        self._dtype = torch.get_autocast_dtype(device) if is_mixed else lm.dtype
        with torch.inference_mode():
            self._embedding = module.model.embed_tokens.weight
            self._norm = module.model.norm.weight
            self._head = self._fuse(module.lm_head)
            self._layers = [self._prepare(layer) for layer in module.model.layers[: config.num_hidden_layers]]
            self._turns = _rotations(module.model.rotary_emb, capacity, lm.device)
        self._cache: _Cache
        self._counts: Tensor  # (b,) real tokens so far

    @torch.inference_mode()
    def start(self, prompts: Padded) -> Tensor:
        """(b, V) logits after the prompts."""
        self._counts = prompts.mask.sum(dim=1)
        self._cache = _Cache(len(self._layers), prompts.mask, self._key_heads, self._size, self._dtype)
        count, length = prompts.mask.shape
        size = max(1, _PREFILL_TOKENS // length)
        parts = [slice(first, min(first + size, count)) for first in range(0, count, size)]
        return torch.cat([self._read(prompts, rows) for rows in parts])

    @torch.inference_mode()
    def step(self, tokens: Tensor) -> Tensor:
        """(b, V) logits after one more token."""
        turns = self._turns[self._counts].unsqueeze(1)
        self._counts = self._counts + 1
        self._cache.advance()
        return self._forward(tokens.unsqueeze(1), turns, self._extend)

    @torch.inference_mode()
    def keep(self, rows: Tensor) -> bool:
        """Forget all but these rows."""
        self._cache.keep(rows)
        self._counts = self._counts[rows]
        return True

    def _read(self, prompts: Padded, rows: slice) -> Tensor:
        """(rows, V) logits after some of the prompts, whose keys and values are kept."""
        mask = prompts.mask[rows]
        seen = None
        if not bool(mask.all()):
            length = mask.shape[1]
            past = torch.ones(length, length, dtype=torch.bool, device=mask.device).tril()
            itself = torch.eye(length, dtype=torch.bool, device=mask.device)
            seen = (past & mask[:, None, None, :]) | itself  # a padded cell sees itself: no empty softmax
        tokens = prompts.tokens[rows].masked_fill(~mask, 0)
        return self._forward(tokens, self._turns[prompts.positions[rows]], partial(self._prefill, rows, seen))

    def _forward(
        self, tokens: Tensor, turns: Tensor, attend: Callable[[int, Tensor, Tensor, Tensor], Tensor]
    ) -> Tensor:
        """(b, V) logits at the last of the positions (b, S); ``turns`` (b, S, D/2) complex."""
        turns = turns.unsqueeze(2)
        width = (self._heads + self._key_heads) * self._size
        last = len(self._layers) - 1
        with torch.autocast(tokens.device.type, enabled=False):
            x = self._embedding[tokens]  # (b, S, d)
            for n, layer in enumerate(self._layers):
                qkv = layer.qkv(self._normed(x, layer.attention_norm))
                qk, v = (part.unflatten(-1, (-1, self._size)) for part in qkv.tensor_split((width,), dim=-1))
                q, k = _turn(qk, turns).tensor_split((self._heads,), dim=2)
                read = attend(n, q, k, v)
                if n == last:  # only the last position is asked for
                    x, read = x[:, -1:], read[:, -1:]
                x = x + layer.out(read)
                gate, up = layer.gate_up(self._normed(x, layer.mlp_norm)).chunk(2, dim=-1)
                x = x + layer.down(layer.activation(gate) * up)
            return self._head(self._normed(x.squeeze(1), self._norm))

    def _prefill(self, rows: slice, seen: Tensor | None, n: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """(b, S, H * D) from scaled q (b, S, H, D), k and v (b, S, K, D), which are kept."""
        q, k, v = (part.transpose(1, 2) for part in (q, k, v))
        self._cache.fill(n, rows, k, v)
        is_grouped = self._heads != self._key_heads
        read = functional.scaled_dot_product_attention(
            q, k, v, attn_mask=seen, is_causal=seen is None, scale=1.0, enable_gqa=is_grouped
        )
        return read.transpose(1, 2).flatten(2)

    def _extend(self, n: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        """The same for one new position, S = 1, which sees all kept ones."""
        grouped = q.reshape(len(q) * self._key_heads, -1, self._size)
        return self._cache.attend(n, grouped, k.squeeze(1), v.squeeze(1)).view(len(q), 1, -1)

    def _normed(self, x: Tensor, weight: Tensor) -> Tensor:
        return functional.rms_norm(x, (x.shape[-1],), weight, self._epsilon)

    def _prepare(self, layer: Any) -> _Layer:
        attention, mlp = layer.self_attn, layer.mlp

        def scaled(part: Tensor) -> Tensor:
            return self._interleave(part) / math.sqrt(self._size)

        return _Layer(
            attention_norm=layer.input_layernorm.weight,
            qkv=self._fuse(attention.q_proj, attention.k_proj, attention.v_proj, edits=(scaled, self._interleave)),
            out=self._fuse(attention.o_proj),
            mlp_norm=layer.post_attention_layernorm.weight,
            gate_up=self._fuse(mlp.gate_proj, mlp.up_proj),
            down=self._fuse(mlp.down_proj),
            activation=mlp.act_fn,
        )

    def _fuse(self, *linears: nn.Linear, edits: Sequence[Callable[[Tensor], Tensor]] = ()) -> _Linear:
        """One map in place of several of the same input, the first ones edited."""

        def joined(name: str) -> Any:
            parts = [getattr(linear, name) for linear in linears]
            if parts[0] is None:
                return None
            edited = [edit(part) for edit, part in zip(edits, parts, strict=False)]
            return torch.cat(edited + parts[len(edits) :]).to(self._dtype)

        return _Linear(joined("weight"), joined("bias"))

    def _interleave(self, part: Tensor) -> Tensor:
        """Let the two halves of each head alternate: what is rotated together then lies together.

        Queries and keys are reordered alike, so their products stay what they were.
        """
        return part.view(-1, 2, self._size // 2, *part.shape[1:]).transpose(1, 2).reshape(part.shape)


def _rotations(embedding: nn.Module, capacity: int, device: torch.device) -> Tensor:
    """(C, D/2) complex: the rotary embedding of each position, as the module itself computes it."""
    positions = torch.arange(capacity, device=device).unsqueeze(0)
    cos, sin = embedding(torch.empty(1, device=device), positions)
    half = cos.shape[-1] // 2
    return torch.complex(cos[0, :, :half].contiguous(), sin[0, :, :half].contiguous())


def _turn(x: Tensor, turns: Tensor) -> Tensor:
    """Rotate pairs of neighbours in x (b, S, heads, D) by ``turns`` (b, S, 1, D/2)."""
    pairs = torch.view_as_complex(x.float().unflatten(-1, (-1, 2)))
    return torch.view_as_real(pairs * turns).flatten(-2).to(x.dtype)
