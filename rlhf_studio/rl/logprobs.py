"""Log-probabilities and entropy out of logits. Axes: B rows, T positions, V vocabulary."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from rlhf_studio.rl.masking import full_precision

# logits handled at a time: on a CPU a piece should stay in its cache, on a GPU it should fill the device
_PIECE_CPU, _PIECE_GPU = 2**19, 2**26


def token_logprobs(logits: Tensor, tokens: Tensor, *, temperature: float = 1.0, chunk: int | None = None) -> Tensor:
    """(B, T) log-probability, in nats, of each token under the distribution it was drawn from.

    Neither pass makes a second (B, T, V) tensor beside logits and gradient. A cell whose log-probability is masked
    out gets a gradient of exactly 0, even where its logits are NaN.

    Args:
        logits: (B, T, V); ``logits[:, t]`` is what ``tokens[:, t]`` was drawn from. Of any precision.
        tokens: (B, T) int64.
        temperature: Of the sampler; the same here and there, or ratios are not 1.
        chunk: Positions handled at a time; None fits the device. It changes no result.

    Raises:
        ValueError: If there is not one token per distribution.
    """
    if logits.shape[:-1] != tokens.shape:
        raise ValueError(f"logits are {tuple(logits.shape)} but tokens are {tuple(tokens.shape)}")
    if chunk is None:
        chunk = max(1, (_PIECE_CPU if logits.device.type == "cpu" else _PIECE_GPU) // logits.shape[-1])
    result: Tensor = _TokenLogprobs.apply(logits, tokens, temperature, chunk)  # type: ignore[no-untyped-call]
    return result


class _TokenLogprobs(torch.autograd.Function):
    """Piecewise log-softmax and gather, with the softmax computed anew for the gradient instead of kept."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, tokens: Tensor, temperature: float, chunk: int) -> Tensor:
        ctx.save_for_backward(logits, tokens)
        ctx.temperature, ctx.chunk = temperature, chunk
        dtype = torch.promote_types(logits.dtype, torch.float32)
        result = torch.empty(tokens.shape, dtype=dtype, device=logits.device)
        for piece in _pieces(tokens.shape, chunk):
            logprobs = torch.log_softmax(_scaled(logits[piece], temperature), dim=-1)
            result[piece] = logprobs.gather(-1, tokens[piece].unsqueeze(-1)).squeeze(-1)
        return result

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        """The derivative by the logits is (one-hot - softmax) / temperature."""
        logits, tokens = ctx.saved_tensors
        result = torch.empty_like(logits)
        for piece in _pieces(tokens.shape, ctx.chunk):
            factor = (gradient[piece] / ctx.temperature).unsqueeze(-1)
            cells = torch.softmax(_scaled(logits[piece], ctx.temperature), dim=-1).mul_(-factor)
            cells.scatter_add_(-1, tokens[piece].unsqueeze(-1), factor)
            result[piece] = cells.masked_fill_(factor == 0, 0.0)  # 0 * NaN is NaN
        return result, None, None, None


def entropy(logits: Tensor, *, temperature: float = 1.0) -> Tensor:
    """(B, T) entropy of each distribution in nats; a logit of minus infinity counts as impossible."""
    logprobs = torch.log_softmax(_scaled(logits, temperature), dim=-1)
    probabilities = logprobs.exp()
    return -(probabilities * logprobs.masked_fill(probabilities == 0, 0.0)).sum(dim=-1)


def _scaled(logits: Tensor, temperature: float) -> Tensor:
    logits = full_precision(logits)
    return logits if temperature == 1.0 else logits / temperature


def _pieces(shape: torch.Size, chunk: int) -> Iterator[tuple[slice, slice]]:
    """Slices of (B, T) that together cover it, each with at most ``chunk`` cells."""
    rows, positions = shape
    height, width = max(1, chunk // max(1, positions)), max(1, min(chunk, positions))
    for row in range(0, rows, height):
        for position in range(0, positions, width):
            yield slice(row, row + height), slice(position, position + width)
