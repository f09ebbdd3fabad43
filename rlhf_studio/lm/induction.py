"""A start for a small Llama that can copy: induction heads put in by hand, which training then keeps and refines.

A small model finds copying late (here after 12M of 20M tokens) or never, and looking things up is learned on top of
copying. An induction head needs two layers: in the first one, heads that look one token back write what they see into
a part of the residual stream that is kept free for it; in the second one, heads look for a position whose note matches
the token at hand, and copy the token that stands there.

Source: Olsson et al. 2022, arXiv:2209.11895 (induction heads); Trockman and Kolter 2023, arXiv:2305.09828 (weights
that imitate trained ones as a start). How the heads are built is ours.
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from transformers import LlamaForCausalLM

HEADS = 2  # pairs of a head that looks back and one that matches
_SLOWEST_TURN = 0.02  # radians a token: in these dimensions RoPE leaves a match alone over a hundred tokens
_SCALE = 4.0  # embeddings this much larger: the steps of the first updates must not wipe the heads out
_SHARED = 1.5  # length of the part that all embeddings share, for heads that look at places, not at words
_SHARPNESS, _MATCH, _NOTE, _COPY, _REST = 12.0, 40.0, 1.5, 8.0, 0.3  # found by trial (resources/docs/LOG.md)


@dataclass(frozen=True)
class _Space:
    """How the residual stream is divided, D wide, in notes of K dimensions."""

    shared: Tensor  # (D,) unit vector
    notes: tuple[Tensor, ...]  # (D, K) orthonormal columns, one for each pair of heads
    taken: Tensor  # (D, 1 + HEADS * K) all of these
    turning: Tensor  # (head / 2,) radians a token
    slow: Tensor  # (K,) dimensions of a head that hardly turn
    deviation: float  # of the embeddings


def can_have_induction_heads(layers: int, heads: int, width: int) -> bool:
    """Whether there is room: two layers, two heads, and half of the residual stream left for words."""
    slow = int((_turning(width // heads) <= _SLOWEST_TURN).sum()) * 2
    return layers >= 2 and heads >= HEADS and slow > 0 and 1 + HEADS * slow <= width // 2


@torch.no_grad()
def add_induction_heads(module: LlamaForCausalLM, generator: torch.Generator) -> None:
    """Change the random weights of a new Llama with tied embeddings so that it copies from its context.

    Args:
        module: A ``LlamaForCausalLM`` with RoPE of base 10,000 that has room (``can_have_induction_heads``).
        generator: All that is drawn comes from it.
    """
    layers = module.model.layers
    embeddings = module.model.embed_tokens.weight
    embeddings *= _SCALE
    width, head_width = module.config.hidden_size, module.config.hidden_size // module.config.num_attention_heads
    space = _divide(embeddings, head_width, generator)
    words = 1 / math.sqrt(1 + _SHARED**2)  # root mean square of the part that tells words apart, after RMSNorm
    for head in range(HEADS):
        rows = slice(head * head_width, (head + 1) * head_width)
        reads = _outside(space, space.slow.numel(), generator).T  # (K, D) what is noted of a token
        _look_back(layers[0].self_attn, rows, space, reads / words, space.notes[head])
        _match(layers[1].self_attn, rows, space, reads / words, space.notes[head] / words)
    for first in range(0, width, head_width):
        _copy(layers[1].self_attn, slice(first, first + head_width), space, words, generator)


def _turning(head_width: int) -> Tensor:
    half = head_width // 2
    turning: Tensor = 10_000.0 ** (-torch.arange(half).float() / half)
    return turning


def _divide(embeddings: Tensor, head_width: int, generator: torch.Generator) -> _Space:
    """Draw the parts, and move the embeddings out of the notes and onto the shared part."""
    width, turning = embeddings.shape[1], _turning(head_width)
    low = [j for j in range(len(turning)) if turning[j] <= _SLOWEST_TURN]
    slow = torch.tensor([*low, *(j + len(turning) for j in low)])
    taken = torch.linalg.qr(torch.randn(width, 1 + HEADS * len(slow), generator=generator))[0]
    deviation = float(embeddings.std())
    embeddings -= embeddings @ taken @ taken.T
    embeddings *= deviation / embeddings.std()
    embeddings += taken[:, 0] * (deviation * math.sqrt(width) * _SHARED)
    return _Space(taken[:, 0], taken[:, 1:].split(len(slow), dim=1), taken, turning, slow, deviation)


def _outside(space: _Space, count: int, generator: torch.Generator) -> Tensor:
    """(D, count) orthonormal columns at right angles to all that is taken."""
    drawn = torch.randn(len(space.taken), count, generator=generator)
    basis: Tensor = torch.linalg.qr(drawn - space.taken @ (space.taken.T @ drawn))[0]
    return basis


def _look_back(attention: nn.Module, rows: slice, space: _Space, reads: Tensor, note: Tensor) -> None:
    """Attend to the token before, whatever it is, and write (K dimensions of) it down.

    RoPE turns query and key by their places, so a key that is turned by one place beforehand fits best one token back.
    """
    head = rows.stop - rows.start
    shared = _SHARED / math.sqrt(1 + _SHARED**2) * math.sqrt(len(space.shared))  # its length after RMSNorm
    strength = math.sqrt(_SHARPNESS * math.sqrt(head)) / shared
    query = torch.cat([torch.ones_like(space.turning), torch.zeros_like(space.turning)])
    key = torch.cat([space.turning.cos(), space.turning.sin()])
    for name, vector in (("q_proj", query), ("k_proj", key)):
        weight = _weight(attention, name)
        weight[rows] = weight[rows] * _REST + strength * torch.outer(vector, space.shared)
    value, out = _weight(attention, "v_proj"), _weight(attention, "o_proj")
    value[rows], out[:, rows] = 0.0, 0.0
    value[rows][: len(reads)] = reads
    out[:, rows][:, : len(reads)] = note * (space.deviation * _NOTE)


def _match(attention: nn.Module, rows: slice, space: _Space, reads: Tensor, note: Tensor) -> None:
    """Attend to positions whose note is that of the token at hand."""
    head, count = rows.stop - rows.start, len(space.slow)
    strength = math.sqrt(_MATCH * math.sqrt(head) / count)
    left = math.sqrt(len(space.shared) / (len(space.shared) - space.taken.shape[1]))  # words have fewer dimensions
    for name, wanted in (("q_proj", reads * left), ("k_proj", note.T / _NOTE)):
        weight = _weight(attention, name)
        block = weight[rows] * _REST
        block[space.slow] += strength * wanted
        weight[rows] = block


def _copy(attention: nn.Module, rows: slice, space: _Space, words: float, generator: torch.Generator) -> None:
    """Hand on the token that is attended to; with tied embeddings that makes it likely."""
    basis = _outside(space, rows.stop - rows.start, generator)
    _weight(attention, "v_proj")[rows] = basis.T / words
    _weight(attention, "o_proj")[:, rows] = basis * (space.deviation * _COPY)


def _weight(attention: nn.Module, name: str) -> Tensor:
    weight: Tensor = getattr(attention, name).weight
    return weight
