"""Rankings that a script made: taking all of them back, or making others of the same answers; both can be undone.

There are hundreds of them, and the window does this beside a run that trains: after each statement sqlite3 would let
the training thread go first for some milliseconds. So each step is one statement that takes or gives one JSON text.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from rlhf_studio.errors import DataError
from rlhf_studio.store.answer_sets import MAX_ANSWERS, MIN_ANSWERS
from rlhf_studio.store.checks import check_text, stored_json
from rlhf_studio.store.database import Written, now, written
from rlhf_studio.store.journal import LabelActs
from rlhf_studio.store.prompts import turns_from

Tiers = Sequence[Sequence[int]]


@dataclass(frozen=True, slots=True)
class SimulatedSet:
    """Answers that a script has ranked, or is to rank, in the order they were shown."""

    ranking_id: int  # 0 where no script has ranked them
    set_id: int | None  # None where they are no answer set yet
    prompt_id: int
    prompt_text: str  # the last turn
    completion_ids: tuple[int, ...]
    texts: tuple[str, ...]


# Of each answer set the newest simulated ranking that counts, or, where no person has said anything of the set since,
# the newest that was taken back; a ranking whose answers are no set stands for itself.
_SETS = """
WITH live AS (SELECT id FROM live_ranking WHERE is_simulated), newest AS (
    SELECT max(r.id) AS id, s.set_id FROM ranking r LEFT JOIN answer_set_ranking s ON s.ranking_id = r.id
        LEFT JOIN answer_set_state a ON a.id = s.set_id
        WHERE r.is_simulated AND (r.id IN live OR a.state = 'waiting') GROUP BY coalesce(s.set_id, -r.id)
)
SELECT json_group_array(json_array(n.id, coalesce(e.position, 0), c.id, n.set_id, p.id, p.turns, c.text))
    FROM newest n JOIN ranking r ON r.id = n.id JOIN prompt p ON p.id = r.prompt_id
    JOIN ranking_entry e ON e.ranking_id = n.id JOIN completion c ON c.id = e.completion_id
"""
# every answer of the sets that hold any of some completions
_HOLDERS = """
SELECT json_group_array(completion_id) FROM answer_set_entry WHERE set_id IN (
    SELECT set_id FROM answer_set_entry WHERE completion_id IN (SELECT value FROM json_each(?)))
"""
_TAKE_BACK = """
INSERT INTO retraction (ranking_id, is_retracted, who, created)
    SELECT id, 1, ?, ? FROM live_ranking WHERE is_simulated ORDER BY id
"""


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
            self._make_sets(self.simulated_sets())
            self._db.execute(_TAKE_BACK, (who, now()))
            entry = self._log("simulated", who)
            self._note(entry.id, ids, is_made=False)
        return Written(tuple(ids), entry.changes)

    def simulated_sets(self) -> tuple[SimulatedSet, ...]:
        """The answers that a script has ranked and no person has judged since; those that several have, once."""
        rows = sorted(stored_json(self._read(_SETS)[0][0], "The simulated rankings"))
        sets = [simulated_set(list(entries)) for _, entries in groupby(rows, key=lambda row: row[0])]
        newest = {frozenset(one.completion_ids): one for one in sets}
        return tuple(one for one in sets if newest[frozenset(one.completion_ids)] is one)

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
        for name in (who, labeler):
            check_text(name, "The name of who does this")
        for one, tiers in orders:
            check_order(one, tiers)
        with self.transaction():
            sets = tuple(one for one, _ in orders)
            if sets != self.simulated_sets():
                raise DataError("Rankings were made or taken back meanwhile, so nothing was changed. Choose again.")
            if not orders:
                return written(())
            old, set_ids = self._live_simulated(), self._make_sets(sets)
            self._db.execute(_TAKE_BACK, (who, now()))
            new = self._add_rankings([order for order in orders if len(order[1]) > 1], labeler, set_ids)
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
        found = self._read("SELECT json_group_array(id) FROM live_ranking WHERE is_simulated")[0][0]
        return sorted(stored_json(found, "The simulated rankings"))

    def _note(self, journal_id: int, ranking_ids: Sequence[int], *, is_made: bool) -> None:
        self._insert_rows(
            "journal_ranking",
            ("journal_id", "ranking_id", "is_made"),
            [(journal_id, ranking_id, int(is_made)) for ranking_id in ranking_ids],
        )

    def _add_rankings(
        self, orders: Sequence[tuple[SimulatedSet, Tiers]], labeler: str, set_ids: Mapping[int, int]
    ) -> list[int]:
        rankings, entries, links = [], [], []
        for ranking_id, (one, tiers) in enumerate(orders, start=self._next_id("ranking")):
            position = {completion_id: place for place, completion_id in enumerate(one.completion_ids)}
            rankings.append((ranking_id, one.prompt_id, len(position), 0.0, labeler, 1, now()))
            entries += [(ranking_id, i, place, position[i]) for place, tier in enumerate(tiers) for i in tier]
            if one.ranking_id in set_ids:
                links.append((ranking_id, set_ids[one.ranking_id]))
        columns = ("id", "prompt_id", "size", "seconds", "labeler", "is_simulated", "created")
        self._insert_rows("ranking", columns, rankings)
        self._insert_rows("ranking_entry", ("ranking_id", "completion_id", "tier", "position"), entries)
        self._insert_rows("answer_set_ranking", ("ranking_id", "set_id"), links)
        return [row[0] for row in rankings]

    def _make_sets(self, sets: Sequence[SimulatedSet]) -> dict[int, int]:
        """Let rankings belong to the sets of their answers, which are made where there are none: set by ranking.

        A ranking that is not the one of a set that is there stays so: people shall rank that set all the same.
        """
        found = {one.ranking_id: one.set_id for one in sets if one.set_id is not None}
        loose = [one for one in sets if one.set_id is None]
        taken = self._in_sets(loose)
        new: list[tuple[Any, ...]] = []
        entries: list[tuple[int, ...]] = []
        next_id = self._next_id("answer_set")
        for one in loose:
            ids = frozenset(one.completion_ids)
            if MIN_ANSWERS <= len(ids) <= MAX_ANSWERS and not ids & taken:
                found[one.ranking_id] = set_id = next_id + len(new)
                taken |= ids
                new.append((set_id, one.prompt_id, now()))
                entries += [(set_id, place, i) for place, i in enumerate(one.completion_ids)]
        self._insert_rows("answer_set", ("id", "prompt_id", "created"), new)
        self._insert_rows("answer_set_entry", ("set_id", "place", "completion_id"), entries)
        links = [(one.ranking_id, found[one.ranking_id]) for one in loose if one.ranking_id in found]
        self._insert_rows("answer_set_ranking", ("ranking_id", "set_id"), links)
        return found

    def _in_sets(self, sets: Sequence[SimulatedSet]) -> set[int]:
        """Which of these answers belong to an answer set, and the others of that set."""
        ids = json.dumps([i for one in sets for i in one.completion_ids])
        return set(stored_json(self._read(_HOLDERS, (ids,))[0][0], "The answer sets"))

    def _insert_rows(self, table: str, columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> None:
        values = ", ".join(f"json_extract(value, '$[{place}]')" for place in range(len(columns)))
        self._db.execute(
            f"INSERT INTO {table} ({', '.join(columns)}) SELECT {values} FROM json_each(?)",  # noqa: S608  fixed words
            (json.dumps(rows),),
        )

    def _next_id(self, table: str) -> int:
        rows = self._read("SELECT seq FROM sqlite_sequence WHERE name = ?", (table,))
        return int(rows[0][0]) + 1 if rows else 1


def simulated_set(rows: Sequence[Sequence[Any]]) -> SimulatedSet:
    """Answers of one set, from rows of ranking, place, completion, set, prompt, its turns and the text."""
    ranking_id, _, _, set_id, prompt_id, turns, _ = rows[0]
    ids, texts = tuple(row[2] for row in rows), tuple(row[6] for row in rows)
    return SimulatedSet(ranking_id, set_id, prompt_id, turns_from(turns)[-1].content, ids, texts)


def check_order(one: SimulatedSet, tiers: Tiers) -> None:
    """Refuse tiers that do not hold each answer once.

    Raises:
        DataError: If they do not.
    """
    ordered = sorted(i for tier in tiers for i in tier)
    if ordered != sorted(one.completion_ids) or not all(tiers):
        raise DataError(f"An order of prompt {one.prompt_id}'s answers does not hold each once. Order all of them.")
