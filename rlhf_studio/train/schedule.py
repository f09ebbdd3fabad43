"""Learning rates and data order as functions of the step: nothing to keep, nothing to drift after a resume."""

import math
from collections.abc import Sequence

import numpy as np
from torch.optim import Optimizer


def cosine(step: int, total: int, *, final: float) -> float:
    """Share of the peak rate at update ``step`` (from 1): a cosine from 1 to ``final``, without warm-up.

    Source: Ouyang et al. 2022, arXiv:2203.02155, appendix C.1 and C.2.
    """
    progress = (step - 1) / max(1, total - 1)
    return final + (1 - final) * 0.5 * (1 + math.cos(math.pi * min(1.0, progress)))


def warmup(step: int, steps: int, *, start: float = 0.1) -> float:
    """Share of the peak rate at iteration ``step`` (from 1): linear from ``start`` over ``steps``, then 1.

    Source: Ouyang et al. 2022, arXiv:2203.02155, appendix C.4.
    """
    return min(1.0, start + (1 - start) * (step - 1) / steps) if steps else 1.0


def set_rate(optimizer: Optimizer, rate: float) -> None:
    """Use ``rate`` from the next update on."""
    for group in optimizer.param_groups:
        group["lr"] = rate


def shuffled(count: int, *key: int) -> list[int]:
    """The numbers 0 to count - 1 in an order that depends on ``key`` alone, e.g. (seed, epoch)."""
    order: list[int] = np.random.Generator(np.random.Philox(np.random.SeedSequence(key))).permutation(count).tolist()
    return order


def integers(high: int, count: int, *key: int) -> list[int]:
    """``count`` numbers in [0, high) that depend on ``key`` alone."""
    generator = np.random.Generator(np.random.Philox(np.random.SeedSequence(key)))
    drawn: list[int] = generator.integers(0, high, size=count).tolist()
    return drawn


def epoch_batch(step: int, count: int, size: int, seed: int) -> list[int]:
    """Rows of update ``step`` (from 1) when each epoch is shuffled and cut into batches; the last may be short."""
    per_epoch = math.ceil(count / size)
    epoch, position = divmod(step - 1, per_epoch)
    return shuffled(count, seed, epoch)[position * size : (position + 1) * size]


def endless_batch(step: int, count: int, size: int, seed: int) -> list[int]:
    """Rows of step ``step`` (from 1) out of epochs that follow each other without a gap; always ``size`` rows."""
    first, orders = (step - 1) * size, {}
    rows = []
    for i in range(first, first + size):
        epoch, position = divmod(i, count)
        if epoch not in orders:
            orders[epoch] = shuffled(count, seed, epoch)
        rows.append(orders[epoch][position])
    return rows


def chunks(rows: Sequence[int], size: int) -> list[list[int]]:
    """``rows`` cut into pieces of at most ``size``; 0 leaves it whole."""
    size = size or max(1, len(rows))
    return [list(rows[i : i + size]) for i in range(0, len(rows), size)]


_FEW = 8  # rows that a forward pass should have before padding is worth avoiding
_STRETCH = 1.25  # how much longer than its shortest row a pass may be


def by_length(lengths: Sequence[int], limit: int = 0) -> list[list[int]]:
    """Rows of like length together, so that little padding is computed; at most ``limit`` rows a piece (0: any).

    Losses and gradients do not depend on how a minibatch is cut: every token of it weighs the same.
    """
    pieces: list[list[int]] = [[]]
    for row in sorted(range(len(lengths)), key=lambda i: (lengths[i], i)):
        piece = pieces[-1]
        is_full = bool(limit) and len(piece) >= limit
        is_long = len(piece) >= _FEW and lengths[row] > _STRETCH * lengths[piece[0]]
        if is_full or is_long:
            pieces.append([])
        pieces[-1].append(row)
    return pieces if lengths else []
