"""Rankings that a script made: taking all of them back, or making others of the same answers; both can be undone."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rlhf_studio.errors import DataError
from rlhf_studio.store.answer_sets import MAX_ANSWERS, MIN_ANSWERS
from rlhf_studio.store.checks import check_text
from rlhf_studio.store.database import Written, now, written
from rlhf_studio.store.journal import LabelActs
from rlhf_studio.store.prompts import turns_from

Tiers = Sequence[Sequence[int]]

# Of each answer set the newest simulated ranking that counts, or, where no person has said anything of the set since,
# the newest that was taken back; a ranking whose answers are no set stands for itself.
_RANKED_BY_SCRIPT = """
SELECT max(r.id), s.set_id FROM ranking r LEFT JOIN answer_set_ranking s ON s.ranking_id = r.id
    LEFT JOIN answer_set_state a ON a.id = s.set_id
    WHERE r.is_simulated AND (r.id IN (SELECT id FROM live_ranking WHERE is_simulated) OR a.state = 'waiting')
    GROUP BY coalesce(s.set_id, -r.id) ORDER BY 1
"""


@dataclass(frozen=True, slots=True)
class SimulatedSet:
    """Answers that a script has ranked, in the order they were shown."""

    ranking_id: int
    prompt_id: int
    prompt_text: str  # the last turn
    completion_ids: tuple[int, ...]
    texts: tuple[str, ...]


class SimulatedRankings(LabelActs):
    """What is done to all simulated rankings at once; those by people stay as they are."""

    def delete_simulated_rankings(self, who: str = "") -> Written:
        """Take every simulated ranking back, as one act that can be undone; the ids are those that were live.

        Their answers wait to be ranked by a person: answers that were no set become one.
        """
        check_text(who, "The name of who does this")
        with self.transaction():
            ids = self._live_simulated()
            if not ids:
                return written(())
            self._make_sets(ids)
            for ranking_id in ids:
                self._take_back(ranking_id, who)
            entry = self._log("simulated", who)
            self._note(entry.id, ids, is_made=False)
        return Written(tuple(ids), entry.changes)

    def simulated_sets(self) -> tuple[SimulatedSet, ...]:
        """The answers that a script has ranked and no person has judged since."""
        return tuple(self._simulated_set(ranking_id) for ranking_id, _ in self._read(_RANKED_BY_SCRIPT))

    def replace_simulated_rankings(
        self, orders: Sequence[tuple[SimulatedSet, Tiers]], labeler: str, who: str = ""
    ) -> Written:
        """Take every simulated ranking back and keep others of the same answers, as one act that can be undone.

        Args:
            orders: For each of ``simulated_sets`` the completion ids in tiers, best first; one with a single tier says
                nothing, so its answers wait to be ranked by a person.
            labeler: What the script is called.
            who: Does this.

        Returns:
            The ids of the new rankings.

        Raises:
            DataError: If the sets are no longer those of the project, or tiers do not hold each answer once.
        """
        check_text(who, "The name of who does this")
        with self.transaction():
            if tuple(one for one, _ in orders) != self.simulated_sets():
                raise DataError("Rankings were made or taken back meanwhile, so nothing was changed. Choose again.")
            if not orders:
                return written(())
            old = self._live_simulated()
            self._make_sets([one.ranking_id for one, _ in orders])
            for ranking_id in old:
                self._take_back(ranking_id, who)
            new = [self._rank_again(one, tiers, labeler) for one, tiers in orders if len(tiers) > 1]
            entry = self._log("target", who)
            self._note(entry.id, old, is_made=False)
            self._note(entry.id, new, is_made=True)
        return Written(tuple(new), entry.changes)

    def simulated_labelers(self) -> tuple[str, ...]:
        """The names of the scripts whose rankings count, each once."""
        rows = self._read("SELECT DISTINCT labeler FROM live_ranking WHERE is_simulated ORDER BY labeler")
        return tuple(row[0] for row in rows)

    # --- inside

    def _live_simulated(self) -> list[int]:
        return [row[0] for row in self._read("SELECT id FROM live_ranking WHERE is_simulated ORDER BY id")]

    def _note(self, journal_id: int, ranking_ids: Sequence[int], *, is_made: bool) -> None:
        self._db.executemany(
            "INSERT INTO journal_ranking (journal_id, ranking_id, is_made) VALUES (?, ?, ?)",
            [(journal_id, ranking_id, is_made) for ranking_id in ranking_ids],
        )

    def _simulated_set(self, ranking_id: int) -> SimulatedSet:
        rows = self._read(
            "SELECT r.prompt_id, p.turns, c.id, c.text FROM ranking r JOIN prompt p ON p.id = r.prompt_id"
            " JOIN ranking_entry e ON e.ranking_id = r.id JOIN completion c ON c.id = e.completion_id"
            " WHERE r.id = ? ORDER BY coalesce(e.position, 0), c.id",
            (ranking_id,),
        )
        prompt_id, turns = rows[0][:2]
        text = turns_from(turns)[-1].content
        return SimulatedSet(ranking_id, prompt_id, text, tuple(r[2] for r in rows), tuple(r[3] for r in rows))

    def _rank_again(self, one: SimulatedSet, tiers: Tiers, labeler: str) -> int:
        if sorted(i for tier in tiers for i in tier) != sorted(one.completion_ids):
            raise DataError(f"An order of prompt {one.prompt_id}'s answers does not hold each once. Order all of them.")
        made = self.add_ranking(one.prompt_id, tiers, one.completion_ids, 0.0, labeler, is_simulated=True).ids[0]
        rows = self._read("SELECT set_id FROM answer_set_ranking WHERE ranking_id = ?", (one.ranking_id,))
        for (set_id,) in rows:
            self._link(made, set_id)
        return made

    def _make_sets(self, ranking_ids: Sequence[int]) -> None:
        """Let each ranking belong to the set of its answers, which is made where there is none."""
        for ranking_id in ranking_ids:
            if not self._read("SELECT 1 FROM answer_set_ranking WHERE ranking_id = ?", (ranking_id,)):
                set_id = self._set_of(self._simulated_set(ranking_id))
                if set_id is not None:
                    self._link(ranking_id, set_id)

    def _set_of(self, one: SimulatedSet) -> int | None:
        """The set that these answers are, now or from now on; None where some of them are in another one."""
        ids = one.completion_ids
        marks = ", ".join("?" * len(ids))
        rows: list[Any] = self._read(
            f"SELECT DISTINCT set_id FROM answer_set_entry WHERE completion_id IN ({marks})",  # noqa: S608  marks only
            ids,
        )
        if not rows:
            return self._add_set(one.prompt_id, ids) if MIN_ANSWERS <= len(ids) <= MAX_ANSWERS else None
        is_same = len(rows) == 1 and set(self.answer_set(rows[0][0]).completion_ids) == set(ids)
        return int(rows[0][0]) if is_same else None

    def _add_set(self, prompt_id: int, completion_ids: Sequence[int]) -> int:
        set_id = self._insert("INSERT INTO answer_set (prompt_id, created) VALUES (?, ?)", (prompt_id, now()))
        self._db.executemany(
            "INSERT INTO answer_set_entry (set_id, place, completion_id) VALUES (?, ?, ?)",
            [(set_id, place, completion_id) for place, completion_id in enumerate(completion_ids)],
        )
        return set_id

    def _link(self, ranking_id: int, set_id: int) -> None:
        self._db.execute("INSERT INTO answer_set_ranking (ranking_id, set_id) VALUES (?, ?)", (ranking_id, set_id))
