"""Draws tokens from logits with random numbers that are given. Axes: B rows, V vocabulary."""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from rlhf_studio.errors import DataError, ModelError
from rlhf_studio.schema import Sampling

_WORD = 2**64
_BLOCK = 64
_BELOW_ONE = 1 - 2**-23  # times any float32 number rounds to less than that number


class Drawn(NamedTuple):
    """One token for each row."""

    tokens: Tensor  # (B,) int64
    logprobs: Tensor  # (B,) float32, of the whole distribution at the sampling temperature (at 1 if greedy), nats


def uniforms(seed: int, step: int, episodes: Sequence[int], length: int) -> Tensor:
    """(B, length) float64 in [0, 1): row b depends on (seed, step, episodes[b]) alone, whatever else is in the batch.

    Source: Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3" (Philox, counter based).
    """
    key = np.array([seed % _WORD, step % _WORD], dtype=np.uint64)
    rows = np.empty((len(episodes), length))
    for row, episode in zip(rows, episodes, strict=True):
        # the lowest word counts the draws of this episode
        counter = np.array([0, 0, episode % _WORD, 0], dtype=np.uint64)
        np.random.Generator(np.random.Philox(key=key, counter=counter)).random(out=row)
    return torch.from_numpy(rows)


def check_sampling(sampling: Sampling) -> None:
    """Refuse settings that no distribution has.

    Raises:
        DataError: Naming the setting, its value and its range.
    """
    if not 0 <= sampling.temperature < float("inf"):
        raise DataError(f"A temperature of {sampling.temperature} cannot be used. Choose 0 (greedy) or more.")
    if not 0 < sampling.top_p <= 1:
        raise DataError(f"A top_p of {sampling.top_p} cannot be used. Choose more than 0, at most 1 (off).")
    if sampling.max_new_tokens < 1:
        raise DataError(f"Answers of {sampling.max_new_tokens} tokens cannot be sampled. Choose at least 1.")


def draw(logits: Tensor, sampling: Sampling, uniform: Tensor) -> Drawn:
    """Turn one uniform number per row into a token by the inverse of the cumulative distribution.

    Args:
        logits: (B, V).
        sampling: Temperature 0 takes the likeliest token, whatever ``uniform`` says.
        uniform: (B,) in [0, 1).

    Raises:
        ModelError: If a row has no distribution because its logits are not numbers.
    """
    scaled = logits.float()
    if sampling.temperature not in (0.0, 1.0):
        scaled = scaled / sampling.temperature
    probabilities = scaled.softmax(dim=1)
    if sampling.temperature == 0.0:
        tokens = scaled.argmax(dim=1, keepdim=True)
    else:
        kept = _nucleus(probabilities, sampling.top_p) if sampling.top_p < 1 else probabilities
        tokens = _invert(kept, uniform.float().to(kept.device).unsqueeze(1))
    logprobs = probabilities.gather(1, tokens).log()
    # softmax spreads a logit that is no number over its whole row
    if not math.isfinite(float(logprobs.sum())):
        worst = float(logits[probabilities[:, 0].isnan()].amax())
        raise ModelError(
            f"The model's output became {worst} while sampling, so nothing can be drawn from it. "
            "Its weights are spoilt: go back to an earlier checkpoint and lower the learning rate."
        )
    return Drawn(tokens.squeeze(1), logprobs.squeeze(1))


def _invert(weights: Tensor, uniform: Tensor) -> Tensor:
    """(B, 1) the token in whose share of the cumulative weights (B, V) the uniform number (B, 1) falls.

    First the block of tokens, then the token in it: a running sum over the whole vocabulary costs far more.
    """
    padding = -weights.shape[1] % _BLOCK
    blocks = functional.pad(weights, (0, padding)) if padding else weights
    blocks = blocks.unflatten(1, (-1, _BLOCK))  # (B, V / block, block)
    block, rest = _find(blocks.sum(dim=2), uniform)
    inside = blocks.gather(1, block.unsqueeze(2).expand(-1, -1, _BLOCK)).squeeze(1)
    token, _ = _find(inside, rest)
    return (block * _BLOCK + token).clamp_max_(weights.shape[1] - 1)


def _find(weights: Tensor, uniform: Tensor) -> tuple[Tensor, Tensor]:
    """The index (B, 1) in whose share of weights (B, n) the number falls, and where in that share, from 0 to 1."""
    cumulative = weights.cumsum(dim=1)
    # below the total even after rounding: then the index found has raised the sum, so its weight is not zero
    target = uniform.clamp_max(_BELOW_ONE) * cumulative[:, -1:]
    index = torch.searchsorted(cumulative, target, right=True).clamp_max_(weights.shape[1] - 1)
    share = weights.gather(1, index)
    return index, 1.0 - (cumulative.gather(1, index) - target) / share


def _nucleus(weights: Tensor, top_p: float) -> Tensor:
    """Zero all but the fewest likeliest tokens that together have ``top_p`` (Holtzman et al. 2020, 1904.09751)."""
    ordered, order = weights.sort(dim=1, descending=True, stable=True)
    before = ordered.cumsum(dim=1) - ordered
    dropped = before >= top_p * ordered.sum(dim=1, keepdim=True)
    dropped[:, 0] = False
    return weights.scatter(1, order, ordered.masked_fill(dropped, 0.0))
