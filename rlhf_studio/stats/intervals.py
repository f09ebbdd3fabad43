"""How sure a share is, when what was counted comes in groups."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def bootstrap_share(
    hits: Sequence[float], counts: Sequence[int], *, resamples: int = 10_000, level: float = 0.95, seed: int = 0
) -> tuple[float, float]:
    """Lower and upper end of the percentile interval of a pooled share, ``sum(hits) / sum(counts)``.

    Whole groups are drawn again, since what belongs to one prompt is not independent: eight answers to it make 28
    pairs, and they know less than 28 pairs of 28 prompts.

    Args:
        hits: What was right in each group; halves for ties.
        counts: What there was in each group, at least 1.
        resamples: Draws of as many groups as there are, with replacement.
        level: Share of the draws inside the interval.
        seed: The same seed gives the same interval.

    Raises:
        ValueError: If there is no group, or hits and counts do not match.

    Source: Efron 1979, The Annals of Statistics 7 (1), 1-26; groups as in Field and Welsh 2007, JRSS B 69 (3).
    """
    if not counts or len(hits) != len(counts) or min(counts) < 1:
        raise ValueError(f"{len(hits)} hits and {len(counts)} counts, of which the least is {min(counts, default=0)}")
    right, whole = np.asarray(hits, dtype=np.float64), np.asarray(counts, dtype=np.float64)  # (G,)
    draws = np.random.default_rng(seed).integers(0, len(whole), size=(resamples, len(whole)))  # (N, G)
    shares: NDArray[np.float64] = right[draws].sum(axis=1) / whole[draws].sum(axis=1)  # (N,)
    low, high = np.quantile(shares, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)
