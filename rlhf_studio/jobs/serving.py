"""Which sets a labeler is given again, and when: some that others have ranked, and a few of his own, without a sign.

Both are drawn by a seed from the labeler's name and from what he has done so far, so that the same set is next until he
has done something with it, also after a restart and after undo. InstructGPT's labelers ranked some prompts in common;
neither that share nor one of repeats is in the paper, so both are ours.
"""

import random
from dataclasses import dataclass
from hashlib import blake2b
from heapq import nsmallest

from rlhf_studio.store.answer_sets import Again, AnswerSet
from rlhf_studio.store.project import Store

SHARED = 0.20  # of the sets a labeler is given, ranked by others before; without others there are none
REPEATED = 0.05  # of the sets a labeler is given, ranked by him before
MOST_AGAIN = 50  # percent of each kind
GAP = 10  # rankings of his own between the first time and the repeat, at least
_LOOKED_AT = 32  # sets, for one of the wanted size


@dataclass(frozen=True, slots=True)
class Shares:
    """How much comes again, of all sets that a labeler is given; each 0 to 1."""

    shared: float = SHARED
    repeated: float = REPEATED


class Serving:
    """Chooses sets that are ranked for a further ranking; writes nothing."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._last: tuple[tuple[str, int, Shares, int], AnswerSet | None] | None = None

    def next(self, labeler: str, shares: Shares, k: int = 0) -> AnswerSet | None:
        """The ranked set that this labeler shall be given next, shuffled for him; None where a new one is his turn.

        Args:
            labeler: By name.
            shares: Of each kind.
            k: Sets with so many answers go first; 0 prefers none.

        Raises:
            StudioError: If the project cannot be read.
        """
        if self._store.is_read_only:
            return None
        turn = (labeler, self._store.acts_on_sets(labeler), shares, k)
        if self._last is None or self._last[0] != turn or not self._is_ranked(self._last[1]):
            self._last = turn, self._find(*turn)
        return self._last[1]

    def _is_ranked(self, served: AnswerSet | None) -> bool:
        """Whether a set can still be served: its first ranking may have been taken back, or its prompt deleted."""
        return served is None or served.id in self._store.ranked_among([served.id])

    def _find(self, labeler: str, place: int, shares: Shares, k: int) -> AnswerSet | None:
        drawn = _uniform("turn", labeler, place)
        if drawn < shares.repeated:
            return self._chosen(self._repeatable(labeler), "repeat", labeler, k)
        if drawn < shares.repeated + shares.shared:
            return self._chosen(self._store.sets_by_others(labeler), "shared", labeler, k)
        return None

    def _repeatable(self, labeler: str) -> tuple[int, ...]:
        own = self._store.own_rankings(labeler)
        first = [ranking for ranking in own if not ranking.is_repeat]
        done = {ranking.set_id for ranking in own if ranking.is_repeat or ranking.is_passed}
        return tuple(ranking.set_id for ranking in first[: max(0, len(first) - GAP)] if ranking.set_id not in done)

    def _chosen(self, set_ids: tuple[int, ...], again: Again, labeler: str, k: int) -> AnswerSet | None:
        if not set_ids:
            return None
        by_chance = nsmallest(_LOOKED_AT, set_ids, key=lambda set_id: _uniform(again, labeler, set_id))
        some = (self._store.answer_set(set_id) for set_id in (by_chance if k else ()))
        fitting = next((answers for answers in some if len(answers.completion_ids) == k), None)
        found = fitting or self._store.answer_set(by_chance[0])
        return AnswerSet(found.id, found.prompt_id, self._shuffled(found, again, labeler), found.state, again)

    def _shuffled(self, answers: AnswerSet, again: Again, labeler: str) -> tuple[int, ...]:
        """The answers in a new order, of a repeat in another one than that in which he saw them first."""
        first: tuple[int, ...] = ()
        for ranking in self._store.rankings(answers.prompt_id) if again == "repeat" else ():
            if (
                ranking.labeler == labeler
                and not first
                and sorted(ranking.shown_order) == sorted(answers.completion_ids)
            ):
                first = ranking.shown_order
        draw = random.Random(f"{again}/{labeler}/{answers.id}")  # noqa: S311  no secret
        order = tuple(draw.sample(answers.completion_ids, len(answers.completion_ids)))
        while order == first:
            order = tuple(draw.sample(order, len(order)))
        return order


def _uniform(*words: str | int) -> float:
    """In [0, 1), the same for the same words; faster than seeding a generator for each of some thousand sets."""
    digest = blake2b("/".join(map(str, words)).encode(), digest_size=7).digest()
    return int.from_bytes(digest) / 2.0**56
