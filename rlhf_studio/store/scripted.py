"""Rankings by scripted labelers of sets that wait: any number of scripts may rank a set, and people all the same.

Such a ranking is of the answers, but not the set's own, so the set goes on waiting for a person.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from rlhf_studio.errors import DataError
from rlhf_studio.store.checks import check_filled, check_text, stored_json
from rlhf_studio.store.database import Changes, Written
from rlhf_studio.store.journal import JournalEntry
from rlhf_studio.store.simulated import SimulatedRankings, SimulatedSet, Tiers, check_order, simulated_set

# one statement each, see store.simulated
_WAITING = """
SELECT json_group_array(json_array(s.id, e.place, e.completion_id))
    FROM answer_set_state s JOIN answer_set_entry e ON e.set_id = s.id WHERE s.state = 'waiting'
"""
_TEXTS = """
SELECT json_group_array(json_array(0, e.place, c.id, s.id, p.id, p.turns, c.text))
    FROM answer_set s JOIN answer_set_entry e ON e.set_id = s.id JOIN completion c ON c.id = e.completion_id
    JOIN prompt p ON p.id = s.prompt_id WHERE s.id IN (SELECT value FROM json_each(?))
"""
_RANKED = """
SELECT json_group_array(json_array(id, completion_id)) FROM live_ranking JOIN ranking_entry ON ranking_id = id
    WHERE is_simulated AND labeler = ?
"""


@dataclass(frozen=True, slots=True)
class Scripted(Written):
    """Rankings that were made, and the act that undo takes back; None where there was none to make."""

    act: int | None = None


class ScriptedRankings(SimulatedRankings):
    """What scripts say of sets that wait."""

    def sets_without(self, labeler: str) -> dict[int, tuple[int, ...]]:
        """The sets that wait and that this script has not ranked as they are now, oldest first.

        Returns:
            By id the completion ids in the order they are shown; without any text, for there may be many.
        """
        rows = sorted(stored_json(self._read(_WAITING)[0][0], "The answer sets"))
        waiting = {set_id: tuple(i for _, _, i in entries) for set_id, entries in groupby(rows, key=lambda row: row[0])}
        ranked = self.ranked_by_script(labeler)
        return {set_id: ids for set_id, ids in waiting.items() if frozenset(ids) not in ranked}

    def ranked_by_script(self, labeler: str) -> set[frozenset[int]]:
        """The completion ids of each set that this script has ranked, whether it waits or not."""
        rows = sorted(stored_json(self._read(_RANKED, (labeler,))[0][0], "The simulated rankings"))
        return {frozenset(i for _, i in entries) for _, entries in groupby(rows, key=lambda row: row[0])}

    def sets_for_script(self, set_ids: Sequence[int]) -> tuple[SimulatedSet, ...]:
        """Some sets with their texts, oldest first."""
        found = stored_json(self._read(_TEXTS, (json.dumps(list(set_ids)),))[0][0], "The answer sets")
        rows = sorted(found, key=lambda row: (row[3], row[1]))
        return tuple(simulated_set(list(entries)) for _, entries in groupby(rows, key=lambda row: row[3]))

    def add_scripted_rankings(
        self, orders: Sequence[tuple[SimulatedSet, Tiers]], labeler: str, who: str = "", *, act: int | None = None
    ) -> Scripted:
        """Keep a script's orders of sets, marked as simulated, as one act that can be undone; the sets go on waiting.

        Args:
            orders: Of each set the completion ids in tiers, best first; a single tier says nothing and is left out.
            labeler: What the script is called.
            who: Does this.
            act: Of an earlier call to which these belong: a window keeps many rankings a slice at a time.

        Raises:
            DataError: If tiers do not hold each answer once, or a set does not wait with these answers any more.
        """
        check_filled(labeler, "The name of the script")
        check_text(labeler + who, "The name of who does this")
        for one, tiers in orders:
            check_order(one, tiers)
        telling = [order for order in orders if len(order[1]) > 1]
        if not telling:
            return Scripted((), Changes(frozenset()), act)
        with self.transaction():
            waiting = self.sets_without(labeler)
            if any(one.set_id is None or waiting.get(one.set_id) != one.completion_ids for one, _ in telling):
                raise DataError("Sets were ranked or changed meanwhile, so nothing was changed. Choose again.")
            ids = self._add_rankings(telling, labeler, {})
            entry = self._log("scripted", who) if act is None else JournalEntry(act, "scripted")
            self._note(entry.id, ids, is_made=True)
        return Scripted(tuple(ids), entry.changes, entry.id)
