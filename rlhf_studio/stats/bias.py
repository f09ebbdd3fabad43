"""What the winners of pairs have in common: where they were shown, how long they are, who sampled them and how.

That an answer wins more often than every second time shows what it goes with, not why: longer answers may be better.
Axes: R rankings of K answers, P = K(K-1)/2 pairs of each.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from rlhf_studio.stats.intervals import Share, grouped_share

CHANCE = 0.5  # of each answer of a pair
_NOWHERE = -1
_AT_ONCE = 256  # rankings: Python lets no other thread work while it makes one array of many numbers

_Ints = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class ShownAnswer:
    """An answer as it was ranked.

    Attributes:
        rank: 1 is best, equal numbers are ties.
        place: Where it was shown, from 0; None where that is not known.
        length: In characters.
        model: Who sampled it.
        temperature: At which.
    """

    rank: float
    place: int | None
    length: int
    model: str
    temperature: float


@dataclass(frozen=True, slots=True)
class ShownRanking:
    """One ranking with what is known of its answers."""

    prompt_id: int
    labeler: str
    answers: tuple[ShownAnswer, ...]


@dataclass(frozen=True, slots=True)
class BiasFound:
    """How often something won, of the pairs in which only one of the two had it; None where there are none.

    Attributes:
        rankings: That were looked at.
        pairs: Pairs that are not tied.
        earlier: The answer that was shown earlier.
        by_place: The answer that was shown at this place, from 1, against any other.
        longer: The longer answer, in characters.
        by_model: An answer of this model against those of others.
        hotter: The answer sampled at the higher temperature.
        by_temperature: An answer sampled at this temperature against those at others.
    """

    rankings: int
    pairs: int
    earlier: Share | None
    by_place: tuple[tuple[int, Share], ...]
    longer: Share | None
    by_model: tuple[tuple[str, Share], ...]
    hotter: Share | None
    by_temperature: tuple[tuple[float, Share], ...]


@dataclass(frozen=True, slots=True)
class _Pairs:
    """The pairs that are not tied; each array is (pairs,), winners and losers in the same order."""

    prompt: _Ints
    place: tuple[_Ints, _Ints]  # of the winner, of the loser
    length: tuple[_Ints, _Ints]
    model: tuple[_Ints, _Ints]
    temperature: tuple[NDArray[np.float64], NDArray[np.float64]]


def measure_bias(rankings: Sequence[ShownRanking]) -> BiasFound:
    """Count what won; intervals are for prompts as wholes."""
    models = sorted({answer.model for ranking in rankings for answer in ranking.answers})
    pairs = _pairs(rankings, {name: place for place, name in enumerate(models)})
    shown = (pairs.place[0] != _NOWHERE) & (pairs.place[1] != _NOWHERE)
    places = np.unique(np.concatenate(pairs.place)[np.concatenate((shown, shown))])
    heat = np.unique(np.concatenate(pairs.temperature))
    by_place = ((int(p) + 1, _share(pairs, pairs.place[0] == p, pairs.place[1] == p, shown)) for p in places)
    by_model = ((name, _one_side(pairs, pairs.model, index)) for index, name in enumerate(models))
    by_heat = ((float(value), _one_side(pairs, pairs.temperature, value)) for value in heat)
    return BiasFound(
        rankings=len(rankings),
        pairs=len(pairs.prompt),
        earlier=_share(pairs, pairs.place[0] < pairs.place[1], pairs.place[0] > pairs.place[1], shown),
        by_place=tuple((place, share) for place, share in by_place if share is not None),
        longer=_share(pairs, pairs.length[0] > pairs.length[1], pairs.length[0] < pairs.length[1]),
        by_model=tuple((name, share) for name, share in by_model if share is not None),
        hotter=_share(pairs, pairs.temperature[0] > pairs.temperature[1], pairs.temperature[0] < pairs.temperature[1]),
        by_temperature=tuple((value, share) for value, share in by_heat if share is not None),
    )


def _one_side(
    pairs: _Pairs, values: tuple[NDArray[np.float64] | _Ints, NDArray[np.float64] | _Ints], wanted: float
) -> Share | None:
    """How often an answer with a value won against one with another."""
    mixed = values[0] != values[1]
    return _share(pairs, (values[0] == wanted) & mixed, (values[1] == wanted) & mixed)


def _share(
    pairs: _Pairs, won: NDArray[np.bool_], lost: NDArray[np.bool_], among: NDArray[np.bool_] | None = None
) -> Share | None:
    """The share of wins, pooled over prompts, each of which is a group."""
    if among is not None:
        won, lost = won & among, lost & among
    size = int(pairs.prompt.max(initial=-1)) + 1
    hits = np.bincount(pairs.prompt[won], minlength=size)
    counts = hits + np.bincount(pairs.prompt[lost], minlength=size)
    there = counts > 0
    return grouped_share(hits[there].tolist(), counts[there].tolist()) if there.any() else None


def _pairs(rankings: Sequence[ShownRanking], models: dict[str, int]) -> _Pairs:
    prompts = {prompt_id: place for place, prompt_id in enumerate(sorted({one.prompt_id for one in rankings}))}
    by_size = defaultdict[int, list[ShownRanking]](list)
    for ranking in rankings:
        by_size[len(ranking.answers)].append(ranking)
    chunks = [(size, some[i : i + _AT_ONCE]) for size, some in by_size.items() for i in range(0, len(some), _AT_ONCE)]
    parts: list[list[NDArray[np.float64]]] = []
    for size, some in chunks:
        values = np.array([[_row(answer, models) for answer in one.answers] for one in some])  # (R, K, 5)
        prompt = np.array([float(prompts[one.prompt_id]) for one in some])  # (R,)
        for i, j in combinations(range(size), 2):
            better = values[:, i, 0] < values[:, j, 0]  # (R,)
            decided = values[:, i, 0] != values[:, j, 0]
            winner = np.where(better[:, None], values[:, i], values[:, j])[decided]  # (r, 5)
            loser = np.where(better[:, None], values[:, j], values[:, i])[decided]
            parts.append([prompt[decided], *winner[:, 1:].T, *loser[:, 1:].T])
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)] if parts else [np.empty(0)] * 9
    whole = [column.astype(np.int64) for column in columns]
    return _Pairs(whole[0], (whole[1], whole[5]), (whole[2], whole[6]), (whole[3], whole[7]), (columns[4], columns[8]))


def _row(answer: ShownAnswer, models: dict[str, int]) -> tuple[float, ...]:
    place = _NOWHERE if answer.place is None else answer.place
    return answer.rank, place, answer.length, models[answer.model], answer.temperature
