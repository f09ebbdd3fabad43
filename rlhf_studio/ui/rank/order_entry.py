"""An order of K answers as it is made, key by key or by the mouse; no Qt."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

_KEPT = 32  # acts that can still be taken back after the order was kept on disk

Tiers = tuple[tuple[int, ...], ...]


@dataclass(frozen=True, slots=True)
class _State:
    tiers: Tiers = ()
    is_tying: bool = False  # the next digit joins the lowest tier


class OrderEntry:
    """Answers 0 to K-1 in tiers, best first; every act can be taken back.

    The one answer that is still missing at the end is filled in below the others, after a last ``=`` beside the lowest.
    """

    def __init__(self, k: int) -> None:
        self.k = k
        self._states = [_State()]

    @classmethod
    def of(cls, k: int, tiers: Sequence[Sequence[int]]) -> "OrderEntry":
        """A whole order that was made earlier, as one act."""
        entry = cls(k)
        entry._states.append(_State(_frozen(tiers)))
        return entry

    @classmethod
    def from_json(cls, k: int, kept: Any) -> "OrderEntry | None":
        """What ``to_json`` kept; None where that is no order of ``k`` answers."""
        try:
            states = [_State(_frozen(tiers), is_tying=bool(is_tying)) for tiers, is_tying in kept]
        except (TypeError, ValueError):
            return None
        if not all(_is_order(state, k) for state in states):
            return None
        entry = cls(k)
        entry._states += states
        return entry

    def to_json(self) -> list[Any]:
        """The last acts, each as tiers and whether a tie was begun."""
        return [[state.tiers, state.is_tying] for state in self._states[1:][-_KEPT:]]

    @property
    def tiers(self) -> Tiers:
        """What is ordered so far."""
        return self._states[-1].tiers

    @property
    def is_tying(self) -> bool:
        """Whether the next answer will be tied with the lowest."""
        return self._states[-1].is_tying

    @property
    def is_untouched(self) -> bool:
        """Whether there is nothing to take back."""
        return len(self._states) == 1

    @property
    def missing(self) -> tuple[int, ...]:
        """Answers without a place."""
        return tuple(index for index in range(self.k) if self.tier_of(index) is None)

    def tier_of(self, index: int) -> int | None:
        """Where an answer is, 0 is best; None if nowhere yet."""
        return next((place for place, tier in enumerate(self.tiers) if index in tier), None)

    def press(self, digit: int) -> bool:
        """Place answer ``digit`` (from 1) lowest; return whether there is such an answer without a place."""
        index = digit - 1
        if index not in self.missing:
            return False
        tiers = self.tiers
        joined = (*tiers[:-1], (*tiers[-1], index)) if self.is_tying else (*tiers, (index,))
        self._states.append(_State(joined))
        return True

    def tie(self) -> bool:
        """Tie the next answer with the one before; return whether there is one before and one to come."""
        if not self.tiers or self.is_tying or not self.missing:
            return False
        self._states.append(_State(self.tiers, is_tying=True))
        return True

    def backspace(self) -> bool:
        """Take the last act back; return whether there was one."""
        if self.is_untouched:
            return False
        self._states.pop()
        return True

    def clear(self) -> None:
        """Begin anew."""
        self._states = [_State()]

    def complete(self) -> Tiers | None:
        """The whole order, None if more than one answer has no place."""
        missing = self.missing
        if len(missing) > 1 or not self.tiers:
            return None
        if self.is_tying:
            return (*self.tiers[:-1], self.tiers[-1] + missing)
        return (*self.tiers, missing) if missing else self.tiers

    def place(self, index: int, tier: int, *, as_new: bool) -> bool:
        """Put an answer into a tier, or as a new one before it; tiers are counted as they are before.

        Returns:
            Whether that changed anything.
        """
        if not 0 <= index < self.k:
            return False
        rest = [tuple(i for i in members if i != index) for members in self.tiers]
        tier = max(0, min(tier, len(rest)))
        if as_new or tier == len(rest):
            rest.insert(tier, (index,))
        else:
            rest[tier] = (*rest[tier], index)
        tiers = tuple(members for members in rest if members)
        if _sorted(tiers) == _sorted(self.tiers):
            return False
        self._states.append(_State(tiers))
        return True

    def remove(self, index: int) -> bool:
        """Take an answer out of the order; return whether it was in it."""
        if self.tier_of(index) is None:
            return False
        rest = (tuple(i for i in members if i != index) for members in self.tiers)
        self._states.append(_State(tuple(members for members in rest if members)))
        return True

    def move(self, index: int, step: int) -> bool:
        """One step up (-1) or down (+1): out of a tie, into the next tier, out of it again; unplaced ones go lowest."""
        tier = self.tier_of(index)
        if tier is None:
            return self.place(index, len(self.tiers), as_new=True)
        if len(self.tiers[tier]) > 1:
            return self.place(index, tier + (step > 0), as_new=True)
        wanted = tier + step
        return 0 <= wanted < len(self.tiers) and self.place(index, wanted, as_new=False)


def _frozen(tiers: Sequence[Sequence[int]]) -> Tiers:
    return tuple(tuple(int(index) for index in tier) for tier in tiers)


def _is_order(state: _State, k: int) -> bool:
    """Whether each answer is in it at most once, no tier is empty, and a tie is begun below another answer."""
    placed = [index for tier in state.tiers for index in tier]
    is_sound = all(state.tiers) and len(set(placed)) == len(placed) and all(0 <= index < k for index in placed)
    return is_sound and (bool(placed) or not state.is_tying)


def _sorted(tiers: Sequence[Sequence[int]]) -> list[list[int]]:
    return [sorted(tier) for tier in tiers]
