"""How far labelers agree who ranked the same answers, by pairs, Kendall's tau-b and Krippendorff's alpha; or one twice.

An answer is known by its prompt and its text. What was measured on one prompt is not independent, so every interval is
from prompts drawn, or counted, as wholes. scipy and nltk take a second to import, so they are when they are needed.
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

import numpy as np
from numpy.typing import NDArray

from rlhf_studio.stats.intervals import Mean, Share, bootstrap_share
from rlhf_studio.stats.preferences import Order, Ties, hits, overlapping, share_of_sums

_RESAMPLES = 1_000
_CHUNK = 20  # draws of alpha at once
_MOST_IN_LIBRARY = 20_000  # values

Ranks = Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Judgement(Order):
    """A ranking that counts; ``ranks`` by the answers' texts, 1 is best and ties share their mean."""

    id: int = 0
    is_repeat: bool = False


@dataclass(frozen=True, slots=True)
class Measures:
    """How far orders of the same answers agree; None where there is nothing to measure.

    Attributes:
        pairs: Share of pairs of answers ordered alike; those that either order ties are left out.
        pairs_with_ties: The same, with a half for each of those.
        tau: Mean of Kendall's tau-b over two orders of the same answers, -1 to 1.
        alpha: Krippendorff's alpha of the ranks as ordinal data, at most 1; 0 is what chance would give.
        orders: Comparisons of two orders.
    """

    pairs: Share | None = None
    pairs_with_ties: Share | None = None
    tau: Mean | None = None
    alpha: Mean | None = None
    orders: int = 0


@dataclass(frozen=True, slots=True)
class AgreementFound:
    """All of it.

    Attributes:
        labelers: Who ranked, with how many rankings each, silent repeats not counted.
        repeats: Silent repeats.
        between: Two labelers, of any two.
        by_pair: Each two labelers who ranked the same answers.
        within: One labeler at two times, of any.
        by_labeler: Each labeler who ranked the same answers twice.
    """

    labelers: tuple[tuple[str, int], ...]
    repeats: int
    between: Measures
    by_pair: tuple[tuple[str, str, Measures], ...]
    within: Measures
    by_labeler: tuple[tuple[str, Measures], ...]


def mean_ranks(tiers: Iterable[Sequence[str]]) -> dict[str, float]:
    """Ranks of answers in tiers, best first: 1 is best, and tied answers share the mean of their places.

    A text that is in two tiers was ordered below itself, which says nothing; it is left out.
    """
    ranks: dict[str, float] = {}
    doubtful = set()
    place = 0
    for tier in tiers:
        rank = place + (len(tier) + 1) / 2
        doubtful |= {text for text in tier if ranks.get(text, rank) != rank}
        ranks |= dict.fromkeys(tier, rank)
        place += len(tier)
    return {text: rank for text, rank in ranks.items() if text not in doubtful}


def measure_agreement(judgements: Sequence[Judgement]) -> AgreementFound:
    """Compare all rankings of the same answers; silent repeats with the rankings of the same labeler only."""
    between = defaultdict[tuple[str, str], list[tuple[Judgement, Judgement]]](list)
    within = defaultdict[str, list[tuple[Judgement, Judgement]]](list)
    for one, other in overlapping(judgements):
        if one.labeler == other.labeler:
            within[one.labeler].append((one, other))
        elif not (one.is_repeat or other.is_repeat):
            names = sorted((one.labeler, other.labeler))
            between[names[0], names[1]].append((one, other))
    counts: dict[str, int] = defaultdict(int)
    for judgement in judgements:
        counts[judgement.labeler] += not judgement.is_repeat
    return AgreementFound(
        labelers=tuple(sorted(counts.items())),
        repeats=sum(judgement.is_repeat for judgement in judgements),
        between=_measured([pair for pairs in between.values() for pair in pairs]),
        by_pair=tuple((*names, _measured(pairs)) for names, pairs in sorted(between.items())),
        within=_measured([pair for pairs in within.values() for pair in pairs], is_within=True),
        by_labeler=tuple((name, _measured(pairs, is_within=True)) for name, pairs in sorted(within.items())),
    )


def tau_b(one: Ranks, other: Ranks) -> float | None:
    """Kendall's tau-b of the ranks of the same answers; None where one order ties all of them.

    Source: Kendall 1945, Biometrika 33 (3), 239-251; computed by ``scipy.stats.kendalltau``.
    """
    answers = sorted(one, key=lambda answer: (one[answer], other[answer]))
    return _tau_b(tuple(one[answer] for answer in answers), tuple(other[answer] for answer in answers))


def ordinal_alpha(units: Iterable[Sequence[float]]) -> float | None:
    """Krippendorff's alpha of ordinal values.

    Args:
        units: For each thing that was judged the values that it was given; one value alone counts nothing.

    Returns:
        At most 1; None where nothing was judged twice or all values are the same.

    Source: Krippendorff 2011, Computing Krippendorff's Alpha-Reliability, section E with the ordinal metric; computed
    by ``nltk.metrics.agreement``, to which the metric is given; of more than 20,000 values, for which it would keep
    several objects each, by ``alphas``, which is the same.
    """
    judged = [values for values in units if len(values) > 1]
    distances = _ordinal_distances([value for values in judged for value in values])
    if len(distances) < 2:
        return None
    if sum(map(len, judged)) > _MOST_IN_LIBRARY:
        return float(alphas(coincidences([judged]))[0])
    from nltk.metrics.agreement import AnnotationTask  # noqa: PLC0415  a second

    data = [(coder, unit, value) for unit, values in enumerate(judged) for coder, value in enumerate(values)]
    return float(AnnotationTask(data=data, distance=lambda a, b: distances[a][b]).alpha())


def alpha_interval(
    groups: Sequence[Sequence[Sequence[float]]], *, resamples: int = _RESAMPLES, level: float = 0.95, seed: int = 0
) -> tuple[float, float]:
    """Percentile interval of ``ordinal_alpha`` when whole groups of units are drawn again; -1 to 1 of a single group.

    Args:
        groups: Units, as for ``ordinal_alpha``, of each group, such as a prompt.
        resamples: Draws of as many groups as there are, with replacement.
        level: Share of the draws inside the interval.
        seed: The same seed gives the same interval.
    """
    together = coincidences(groups)  # (G, V, V)
    if len(together) < 2:
        return -1.0, 1.0
    generator = np.random.default_rng(seed)
    flat = together.reshape(len(together), -1)  # (G, V * V)
    even = np.full(len(together), 1 / len(together))
    found: list[NDArray[np.float64]] = []
    for start in range(0, resamples, _CHUNK):
        draws = generator.multinomial(len(together), even, size=min(_CHUNK, resamples - start))  # (n, G)
        sums = np.einsum("ng,gv->nv", draws, flat)  # beside a run that trains, a product's own threads would wait
        found.append(alphas(sums.reshape(-1, *together.shape[1:])))
    some = np.concatenate(found)
    some = some[np.isfinite(some)]  # a draw with one value only has no alpha
    if not len(some):
        return -1.0, 1.0
    low, high = np.quantile(some, [(1 - level) / 2, (1 + level) / 2])
    return float(low), float(high)


def coincidences(groups: Sequence[Sequence[Sequence[float]]]) -> NDArray[np.float64]:
    """How often each two values were given to the same unit, (G, V, V): V values in ascending order, for each group.

    Each unit with m values adds m, spread evenly over its ordered pairs. Groups with nothing judged twice are left out.
    """
    judged = [[values for values in units if len(values) > 1] for units in groups]
    sizes = np.array([len(values) for units in judged for values in units], dtype=np.int64)  # (U,)
    every = np.array([value for units in judged for values in units for value in values], dtype=np.float64)
    known, codes = np.unique(every, return_inverse=True)
    units_of = np.repeat(np.arange(len(sizes)), sizes)
    counts = np.bincount(units_of * len(known) + codes, minlength=len(sizes) * len(known))
    counts = counts.reshape(len(sizes), len(known)).astype(np.float64)  # (U, V)
    shared = counts / (sizes[:, None] - 1)
    made, start = [], 0
    for units in judged:
        some, weighted = counts[start : start + len(units)], shared[start : start + len(units)]
        if units:
            made.append(some.T @ weighted - np.diag(weighted.sum(axis=0)))
        start += len(units)
    return np.array(made).reshape(-1, len(known), len(known))


def alphas(together: NDArray[np.float64]) -> NDArray[np.float64]:
    """Ordinal alpha of each of N matrices of coincidences (N, V, V); not a number where only one value occurs."""
    margin = together.sum(axis=2)  # (N, V)
    total = margin.sum(axis=1)  # (N,)
    above = np.cumsum(margin, axis=1) - margin / 2  # up to the middle of each value
    apart = (above[:, :, None] - above[:, None, :]) ** 2  # (N, V, V)
    observed = (together * apart).sum(axis=(1, 2)) / total
    expected = (margin[:, :, None] * margin[:, None, :] * apart).sum(axis=(1, 2)) / (total * (total - 1))
    with np.errstate(divide="ignore", invalid="ignore"):
        found: NDArray[np.float64] = 1 - observed / expected
    return found


# --- inside

_Pairs = Sequence[tuple[Judgement, Judgement]]


def _measured(pairs: _Pairs, *, is_within: bool = False) -> Measures:
    strict, ties = list[tuple[int, float, int]](), list[tuple[int, float, int]]()
    for one, other in pairs:
        strict.append(_summed(one, other, "excluded"))
        ties.append(_summed(one, other, "half"))
    same = [(one, other) for one, other in pairs if one.ranks.keys() == other.ranks.keys()]
    alpha = _alpha(same, is_within=is_within)
    return Measures(share_of_sums(strict), share_of_sums(ties), _mean_tau(same), alpha, len(pairs))


def _summed(one: Judgement, other: Judgement, ties: Ties) -> tuple[int, float, int]:
    found = hits(one.ranks, other.ranks, ties)
    return one.prompt_id, sum(found), len(found)


def _mean_tau(pairs: _Pairs) -> Mean | None:
    sums, counts = defaultdict[int, float](float), defaultdict[int, int](int)
    for one, other in pairs:
        tau = tau_b(one.ranks, other.ranks)
        if tau is not None:
            sums[one.prompt_id] += tau
            counts[one.prompt_id] += 1
    if not counts:
        return None
    values, numbers = list(sums.values()), list(counts.values())
    low, high = bootstrap_share(values, numbers, resamples=_RESAMPLES) if len(counts) > 1 else (-1.0, 1.0)
    return Mean(sum(values) / sum(numbers), low, high, sum(numbers), len(numbers))


def _alpha(pairs: _Pairs, *, is_within: bool) -> Mean | None:
    """Each answer of a set that was ranked more than once is a unit.

    Between labelers each is a coder, of whom the first ranking of the same answers counts. Within, each of a labeler's
    rankings is one, and the same answers are other units for another labeler.
    """
    sets = defaultdict[tuple[int, str, tuple[str, ...]], dict[str | int, Judgement]](dict)
    for one in sorted((one for pair in pairs for one in pair), key=lambda one: one.id):
        key = one.prompt_id, one.labeler if is_within else "", tuple(sorted(one.ranks))
        sets[key].setdefault(one.id if is_within else one.labeler, one)
    groups = [
        [tuple(one.ranks[answer] for one in found.values()) for (_, _, answers), found in same for answer in answers]
        for _, same in groupby(sorted(sets.items(), key=lambda item: item[0]), key=lambda item: item[0][0])
    ]
    units = [values for group in groups for values in group if len(values) > 1]
    value = ordinal_alpha(units)
    if value is None:
        return None
    return Mean(value, *alpha_interval(groups), count=len(units), groups=len(groups))


@lru_cache(maxsize=1 << 16)
def _tau_b(one: tuple[float, ...], other: tuple[float, ...]) -> float | None:
    from scipy.stats import kendalltau  # noqa: PLC0415  a second

    if len(set(one)) < 2 or len(set(other)) < 2:
        return None
    return float(kendalltau(one, other, variant="b").statistic)


def _ordinal_distances(values: Sequence[float]) -> dict[float, dict[float, float]]:
    """Squared number of values between the middles of each two, as many as there are of each."""
    known, counts = np.unique(np.array(values, dtype=np.float64), return_counts=True)
    middles = np.cumsum(counts) - counts / 2
    return {
        float(a): {float(b): float((middles[i] - middles[j]) ** 2) for j, b in enumerate(known)}
        for i, a in enumerate(known)
    }
