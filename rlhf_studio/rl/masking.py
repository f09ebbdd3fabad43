"""Reductions over the tokens that count. Axes: B rows, T positions."""

import torch
from torch import Tensor


def full_precision(x: Tensor) -> Tensor:
    """``x`` in float32, or as it is in float64: sums over tokens and vocabularies do not stand half precision."""
    return x if x.dtype == torch.float64 else x.float()


def masked_sum(x: Tensor, mask: Tensor) -> Tensor:
    """Scalar sum of ``x`` where ``mask`` is true; what stands elsewhere, even NaN, reaches no result or gradient.

    Raises:
        ValueError: If the shapes differ.
    """
    if x.shape != mask.shape:
        raise ValueError(f"x is {tuple(x.shape)} but mask is {tuple(mask.shape)}")
    return full_precision(x).masked_fill(~mask, 0.0).sum()


def masked_mean(x: Tensor, mask: Tensor, count: Tensor | float | None = None) -> Tensor:
    """Scalar mean of ``x`` where ``mask`` is true.

    Args:
        x: Any float tensor, e.g. (B, T).
        mask: Bool tensor of the same shape.
        count: Tokens of the whole minibatch, so that the means of its micro-batches add up to its own;
            None counts ``mask``. An empty mask then gives NaN on purpose: a silent zero would hide it.
    """
    return masked_sum(x, mask) / (mask.sum() if count is None else count)


def masked_var(x: Tensor, mask: Tensor, *, unbiased: bool = False) -> Tensor:
    """Scalar variance of ``x`` where ``mask`` is true: divided by the count as in OpenAI's code, or by one less.

    The unbiased variance of a single cell is NaN.
    """
    centred = full_precision(x).masked_fill(~mask, 0.0) - masked_mean(x, mask)
    return masked_sum(centred.square(), mask) / (mask.sum() - int(unbiased))


def whiten(
    x: Tensor, mask: Tensor, *, shift_mean: bool = True, unbiased: bool = False, epsilon: float = 1e-8
) -> Tensor:
    """``x`` scaled to deviation 1 over the masked cells, and to mean 0 if ``shift_mean``; zero outside.

    Source: openai/lm-human-preferences, core.py; Huang et al., "The N implementation details of RLHF with PPO".
    """
    mean = masked_mean(x, mask)
    centred = full_precision(x).masked_fill(~mask, 0.0) - mean
    whitened = centred * (masked_var(x, mask, unbiased=unbiased) + epsilon).rsqrt()
    return (whitened if shift_mean else whitened + mean).masked_fill(~mask, 0.0)
