"""How well scores order answers as people did, and how well people agree with each other. Axes: P pairs.

A pair is two answers to one prompt that a labeler ranked apart; ties make none.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Literal, TypeVar

import numpy as np
from numpy.typing import NDArray

from rlhf_studio.stats.intervals import Share, grouped_share

BINS = 5  # of the calibration curve: every tenth from 50 % to 100 %
# what the paper's labelers agree among themselves, and those who labeled none of the training data (section 3.4)
PAPER_AGREEMENT = ((0.726, 0.015), (0.773, 0.013))

Floats = NDArray[np.float64]
Ties = Literal["excluded", "half"]


@dataclass(frozen=True, slots=True)
class ScoredRanking:
    """One ranking with a score for each answer; rank 1 is best, equal ranks are ties."""

    prompt_id: int
    scores: tuple[float, ...]
    ranks: tuple[int, ...]
    labeler: str = ""


@dataclass(frozen=True, slots=True)
class Pair:
    """Two answers that a labeler ranked apart.

    Attributes:
        margin: Score of the better answer minus that of the worse one.
        size: K, the answers that were ranked together.
        distance: Tiers between the two, 1 for neighbours.
    """

    prompt_id: int
    margin: float
    size: int
    distance: int
    labeler: str

    @property
    def hit(self) -> float:
        """Whether the scores agree: 1, 0, or one half for equal scores."""
        return 0.5 if self.margin == 0 else float(self.margin > 0)


@dataclass(frozen=True, slots=True)
class Bin:
    """The pairs for which the scores predict about the same.

    Attributes:
        predicted: Mean of sigmoid(r(i) - r(j)), i being the answer that scores higher.
        observed: How often the labeler preferred i, too.
    """

    predicted: float
    observed: Share


@dataclass(frozen=True, slots=True)
class Order:
    """One labeler's ranks of the answers to a prompt, by what tells the answers apart."""

    prompt_id: int
    labeler: str
    ranks: Mapping[str, float]


AnyOrder = TypeVar("AnyOrder", bound=Order)


@dataclass(frozen=True, slots=True)
class Agreement:
    """How often two rankings of the same answers agree on a pair that both rank apart.

    Attributes:
        between: Of two labelers; None where no two ranked the same two answers apart.
        within: Of one labeler who ranked them twice.
    """

    between: Share | None = None
    within: Share | None = None


def pairs_of(rankings: Iterable[ScoredRanking]) -> list[Pair]:
    """Every pair that is not tied, in the order of rankings."""
    found = []
    for row in rankings:
        answers = list(zip(row.ranks, row.scores, strict=True))
        for (rank_a, score_a), (rank_b, score_b) in combinations(answers, 2):
            if rank_a != rank_b:
                margin = score_a - score_b if rank_a < rank_b else score_b - score_a
                found.append(Pair(row.prompt_id, margin, len(answers), abs(rank_a - rank_b), row.labeler))
    return found


def accuracy(pairs: Sequence[Pair]) -> Share | None:
    """Share of pairs that the scores order as the labeler did; None without any pair."""
    return share_of((pair.prompt_id, pair.hit) for pair in pairs)


def accuracy_by(pairs: Iterable[Pair], key: Callable[[Pair], int | str]) -> tuple[tuple[str, Share], ...]:
    """The same for each value of ``key``, ascending."""
    groups: dict[int | str, list[Pair]] = defaultdict(list)
    for pair in pairs:
        groups[key(pair)].append(pair)
    shares = ((str(name), accuracy(groups[name])) for name in sorted(groups))
    return tuple((name, share) for name, share in shares if share is not None)


def ranking_nats(rankings: Iterable[ScoredRanking]) -> float | None:
    """-log sigmoid(r(better) - r(worse)), mean over pairs, then over prompts with a pair; None without any.

    Source: Ouyang et al. 2022, arXiv:2203.02155, equation 1.
    """
    means = []
    for row in rankings:
        margins = np.array([pair.margin for pair in pairs_of([row])])  # (P,)
        if len(margins):
            means.append(float(np.logaddexp(0.0, -margins).mean()))
    return math.fsum(means) / len(means) if means else None


def calibration(pairs: Sequence[Pair], bins: int = BINS) -> tuple[Bin, ...]:
    """What the scores predict against what was observed, in equal steps from 50 % to 100 %; empty ones are left out.

    Which of two answers comes first means nothing, so the one that scores higher does, and nothing below 50 % is
    predicted.
    """
    margins = np.abs(np.array([pair.margin for pair in pairs], dtype=np.float64))  # (P,)
    predicted: Floats = 1 / (1 + np.exp(-margins))  # (P,) in [0.5, 1]
    places = np.minimum((2 * (predicted - 0.5) * bins).astype(np.int64), bins - 1)  # (P,)
    found = []
    for place in range(bins):
        rows = np.flatnonzero(places == place).tolist()
        share = share_of((pairs[i].prompt_id, pairs[i].hit) for i in rows)
        if share is not None:
            found.append(Bin(float(predicted[rows].mean()), share))
    return tuple(found)


def calibration_error(bins: Sequence[Bin]) -> float | None:
    """Mean distance of predicted and observed over pairs, 0 to 1; None without any.

    Source: Guo et al. 2017, arXiv:1706.04599, equation 3 (expected calibration error).
    """
    total = sum(each.observed.count for each in bins)
    if not total:
        return None
    return math.fsum(each.observed.count * abs(each.predicted - each.observed.value) for each in bins) / total


def agreement(orders: Iterable[Order], *, ties: Ties = "excluded") -> Agreement:
    """How often labelers agree with each other, and each with himself, on pairs of answers to the same prompt.

    A pair that one of the two ties says nothing and is not counted, as in the accuracy of a reward model; see ``hits``
    for the other way.
    """
    between, within = list[tuple[int, float]](), list[tuple[int, float]]()
    for one, other in overlapping(orders):
        target = within if one.labeler == other.labeler else between
        target += [(one.prompt_id, hit) for hit in hits(one.ranks, other.ranks, ties)]
    return Agreement(share_of(between), share_of(within))


def overlapping(orders: Iterable[AnyOrder]) -> Iterator[tuple[AnyOrder, AnyOrder]]:
    """Every two orders that have two answers to one prompt in common, the earlier first."""
    by_prompt: dict[int, list[AnyOrder]] = defaultdict(list)
    for order in orders:
        by_prompt[order.prompt_id].append(order)
    for found in by_prompt.values():
        holders: dict[str, list[int]] = defaultdict(list)
        for place, order in enumerate(found):
            for answer in order.ranks:
                holders[answer].append(place)
        common = Counter(pair for places in holders.values() for pair in combinations(places, 2))
        yield from ((found[i], found[j]) for (i, j), count in sorted(common.items()) if count > 1)


def hits(one: Mapping[str, float], other: Mapping[str, float], ties: Ties = "excluded") -> list[float]:
    """For each two answers that both have ranked: 1 where they are ordered alike, else 0.

    Args:
        one: Ranks by answer, 1 is best.
        other: Of another labeler, or of another time.
        ties: What a pair that either of the two ties is: "excluded" leaves it out; "half" counts it one half, which is
            what it would be on average if a coin broke each tie.
    """
    found = []
    for a, b in combinations(sorted(set(one) & set(other)), 2):
        mine, theirs = one[a] - one[b], other[a] - other[b]
        if mine and theirs:
            found.append(float((mine > 0) == (theirs > 0)))
        elif ties == "half":
            found.append(0.5)
    return found


def histogram(samples: Sequence[Sequence[float]], bins: int = 24) -> tuple[Floats, list[Floats]]:
    """Shares of each sample in the same bins over the range of all.

    Returns:
        Edges (bins + 1,), and for each sample (bins,) shares that add up to 1, or zeros for an empty sample.
    """
    values = np.array([value for sample in samples for value in sample], dtype=np.float64)
    low, high = (float(values.min()), float(values.max())) if len(values) else (0.0, 0.0)
    if low == high:
        low, high = low - 0.5, high + 0.5
    edges = np.linspace(low, high, bins + 1)
    return edges, [np.histogram(sample, edges)[0] / max(1, len(sample)) for sample in samples]


def share_of(pairs: Iterable[tuple[int, float]]) -> Share | None:
    """The share of hits in (prompt id, hit), pooled over prompts, each of which is a group; None without any."""
    return share_of_sums((prompt_id, hit, 1) for prompt_id, hit in pairs)


def share_of_sums(sums: Iterable[tuple[int, float, int]]) -> Share | None:
    """The same of (prompt id, hits, how many pairs)."""
    right: dict[int, float] = defaultdict(float)
    count: dict[int, int] = defaultdict(int)
    for prompt_id, found, number in sums:
        if number:
            right[prompt_id] += found
            count[prompt_id] += number
    return grouped_share(list(right.values()), list(count.values())) if count else None
