"""Rankings by scripted labelers of sets that wait: any number of scripts may rank a set, and people all the same.

Such a ranking is of the answers, but not the set's own, so the set goes on waiting for a person.
"""

from collections.abc import Sequence
from itertools import groupby

from rlhf_studio.errors import DataError
from rlhf_studio.store.checks import check_filled, check_text, stored_json
from rlhf_studio.store.database import Written, written
from rlhf_studio.store.simulated import SimulatedRankings, SimulatedSet, Tiers, check_order, simulated_set

# one statement each, see store.simulated
_WAITING = """
SELECT json_group_array(json_array(0, e.place, c.id, s.id, p.id, p.turns, c.text))
    FROM answer_set_state s JOIN answer_set_entry e ON e.set_id = s.id JOIN completion c ON c.id = e.completion_id
    JOIN prompt p ON p.id = s.prompt_id WHERE s.state = 'waiting'
"""
_RANKED = """
SELECT json_group_array(json_array(id, completion_id)) FROM live_ranking JOIN ranking_entry ON ranking_id = id
    WHERE is_simulated AND labeler = ?
"""


class ScriptedRankings(SimulatedRankings):
    """What scripts say of sets that wait."""

    def sets_for_script(self, labeler: str) -> tuple[SimulatedSet, ...]:
        """The sets that wait and that this script has not ranked as they are now, oldest first."""
        rows = sorted(stored_json(self._read(_WAITING)[0][0], "The answer sets"), key=lambda row: (row[3], row[1]))
        waiting = [simulated_set(list(entries)) for _, entries in groupby(rows, key=lambda row: row[3])]
        done = sorted(stored_json(self._read(_RANKED, (labeler,))[0][0], "The simulated rankings"))
        ranked = {frozenset(i for _, i in entries) for _, entries in groupby(done, key=lambda row: row[0])}
        return tuple(one for one in waiting if frozenset(one.completion_ids) not in ranked)

    def add_scripted_rankings(
        self, orders: Sequence[tuple[SimulatedSet, Tiers]], labeler: str, who: str = ""
    ) -> Written:
        """Keep a script's orders of sets, marked as simulated, as one act that can be undone; the sets go on waiting.

        Args:
            orders: Of each set the completion ids in tiers, best first; a single tier says nothing and is left out.
            labeler: What the script is called.
            who: Does this.

        Returns:
            The ids of the rankings.

        Raises:
            DataError: If tiers do not hold each answer once, or a set does not wait with these answers any more.
        """
        check_filled(labeler, "The name of the script")
        check_text(labeler + who, "The name of who does this")
        for one, tiers in orders:
            check_order(one, tiers)
        telling = [order for order in orders if len(order[1]) > 1]
        if not telling:
            return written(())
        with self.transaction():
            if not {one for one, _ in telling} <= set(self.sets_for_script(labeler)):
                raise DataError("Sets were ranked or changed meanwhile, so nothing was changed. Choose again.")
            ids = self._add_rankings(telling, labeler, {})
            entry = self._log("scripted", who)
            self._note(entry.id, ids, is_made=True)
        return Written(tuple(ids), entry.changes)
