"""Orders that one person gave at different times and that cannot all be right: pairs both ways, circles of three."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations

from rlhf_studio.stats.agreement import Judgement

_Edges = dict[tuple[str, str], list[Judgement]]  # (better, worse) -> who says so, oldest first


@dataclass(frozen=True, slots=True)
class Contradiction:
    """Two answers that one person ordered both ways, or three that are each better than the next, round and round.

    Attributes:
        prompt_id: That is answered.
        labeler: By name.
        answers: Their texts; of two, the one that was better at first comes first.
        ranking_ids: For each answer a ranking in which it is better than the next one; the last one's next is the
            first. Of a pair these are the first ranking that has it, and the first that has it the other way round.
        has_repeat: Whether one of these rankings is a silent repeat.
    """

    prompt_id: int
    labeler: str
    answers: tuple[str, ...]
    ranking_ids: tuple[int, ...]
    has_repeat: bool = False


def contradictions(judgements: Iterable[Judgement]) -> tuple[Contradiction, ...]:
    """All of them, those with the latest ranking first; a pair that is ordered both ways is in no circle.

    One ranking alone never contradicts itself, and ties contradict nothing.
    """
    groups = defaultdict[tuple[int, str], list[Judgement]](list)
    for judgement in judgements:
        groups[judgement.prompt_id, judgement.labeler].append(judgement)
    found: list[Contradiction] = []
    for group in groups.values():
        if len(group) > 1:
            found += _of_one(sorted(group, key=lambda judgement: judgement.id))
    return tuple(sorted(found, key=lambda each: (-max(each.ranking_ids), each.answers)))


def _of_one(judgements: Sequence[Judgement]) -> list[Contradiction]:
    """Those of one person and one prompt."""
    edges: _Edges = defaultdict(list)
    for judgement in judgements:
        for a, b in combinations(sorted(judgement.ranks), 2):
            if judgement.ranks[a] != judgement.ranks[b]:
                edges[(a, b) if judgement.ranks[a] < judgement.ranks[b] else (b, a)].append(judgement)
    pairs = [
        _made((a, b), (says[0], edges[b, a][0]))
        for (a, b), says in edges.items()
        if (b, a) in edges and says[0].id < edges[b, a][0].id
    ]
    return pairs + _circles({pair: says for pair, says in edges.items() if pair[::-1] not in edges})


def _circles(edges: _Edges) -> list[Contradiction]:
    """Circles of three; each begins with its first answer in alphabetical order."""
    below = defaultdict[str, set[str]](set)
    above = defaultdict[str, set[str]](set)
    for a, b in edges:
        below[a].add(b)
        above[b].add(a)
    return [
        _made((a, b, c), (edges[a, b][0], edges[b, c][0], edges[c, a][0]))
        for a, b in edges
        for c in sorted(below[b] & above[a])
        if a < b and a < c
    ]


def _made(answers: tuple[str, ...], says: tuple[Judgement, ...]) -> Contradiction:
    first = says[0]
    return Contradiction(
        first.prompt_id, first.labeler, answers, tuple(one.id for one in says), any(one.is_repeat for one in says)
    )
