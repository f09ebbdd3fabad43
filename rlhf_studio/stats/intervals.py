"""How sure a share is, when what was counted comes in groups."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

_DRAWN_AT_ONCE = 1 << 18  # groups: 2 MiB


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
    generator = np.random.default_rng(seed)
    rows = max(1, _DRAWN_AT_ONCE // len(whole))  # the same draws, however many at once
    shares = np.empty(resamples)  # (N,)
    for start in range(0, resamples, rows):
        draws = generator.integers(0, len(whole), size=(min(rows, resamples - start), len(whole)))  # (n, G)
        shares[start : start + rows] = right[draws].sum(axis=1) / whole[draws].sum(axis=1)
    low, high = np.quantile(shares, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


@dataclass(frozen=True, slots=True)
class Share:
    """A share of what was counted, with its interval.

    Attributes:
        value: ``hits / count``.
        low: Lower end of the interval.
        high: Upper end.
        count: What was counted, such as pairs.
        groups: What it came in, such as prompts.
    """

    value: float
    low: float
    high: float
    count: int
    groups: int


@dataclass(frozen=True, slots=True)
class Mean:
    """A mean of what was measured, with its interval, such as a correlation; fields as of ``Share``."""

    value: float
    low: float
    high: float
    count: int
    groups: int


def wilson(hits: float, count: float, *, level: float = 0.95) -> tuple[float, float]:
    """Lower and upper end of Wilson's interval of a share; inside [0, 1] also where all or none are hits.

    Args:
        hits: May have halves, for ties.
        count: Need not be whole: what so many dependent ones are worth.
        level: How often such an interval holds the true share.

    Raises:
        ValueError: If there is nothing to count, or there are more hits than that.

    Source: Wilson 1927, Journal of the American Statistical Association 22 (158), 209-212.
    """
    if not 0 <= hits <= count or count <= 0:
        raise ValueError(f"{hits} hits of {count}")
    z = NormalDist().inv_cdf((1 + level) / 2)
    share, spread = hits / count, z * z / count
    middle = (share + spread / 2) / (1 + spread)
    half = z * math.sqrt(share * (1 - share) / count + spread / (4 * count)) / (1 + spread)
    return max(0.0, middle - half), min(1.0, middle + half)


def grouped_share(hits: Sequence[float], counts: Sequence[int], *, level: float = 0.95) -> Share:
    """A pooled share with Wilson's interval for as many independent ones as those in groups are worth.

    Pairs of one prompt are not independent. The variance of the pooled share, from the differences between groups, says
    how many independent pairs would be as uncertain: never more than there are. Where all or none are hits, or there is
    one group, no such variance is known and a group counts once.

    Args:
        hits: What was right in each group; halves for ties.
        counts: What there was in each group, at least 1.
        level: How often such an interval holds the true share.

    Raises:
        ValueError: If there is no group, or hits and counts do not match.

    Source: Kish 1965, Survey Sampling, section 8.2 (effective sample size), with the linearised variance of a ratio
    estimate; Korn and Graubard 1998, Survey Methodology 24 (2), for putting it into a binomial interval.
    """
    if not counts or len(hits) != len(counts) or min(counts) < 1:
        raise ValueError(f"{len(hits)} hits and {len(counts)} counts, of which the least is {min(counts, default=0)}")
    groups, total = len(counts), sum(counts)
    share = sum(hits) / total
    worth = float(groups)
    if groups > 1 and 0 < share < 1:
        squares = sum((hit - share * count) ** 2 for hit, count in zip(hits, counts, strict=True))
        variance = groups / (groups - 1) * squares / total**2
        worth = min(float(total), share * (1 - share) / variance) if variance > 0 else float(total)
    low, high = wilson(share * worth, worth, level=level)
    return Share(share, low, high, total, groups)
