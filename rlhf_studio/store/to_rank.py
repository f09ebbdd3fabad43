"""Which prompts get sampled answers next."""

from rlhf_studio.schema import Prompt
from rlhf_studio.store.answer_sets import AnswerSetTables
from rlhf_studio.store.checks import stored_json

# of most projects: there are prompts that nobody has looked at, and the first of them is found without all the others
_FRESH = """
SELECT q.prompt_id FROM prompt_purpose q JOIN live_prompt p ON p.id = q.prompt_id WHERE q.purpose = 'rank'
    AND NOT EXISTS (SELECT 1 FROM live_ranking r
        WHERE r.prompt_id = q.prompt_id AND NOT r.is_simulated AND NOT r.is_repeat)
    AND NOT EXISTS (SELECT 1 FROM answer_set_state s WHERE s.prompt_id = q.prompt_id AND s.state <> 'ranked')
    ORDER BY q.prompt_id LIMIT ?
"""
# what simulates, and silent repeats, do not count: a prompt that no person has ranked shall come first
_NEXT = """
WITH ranked AS (
    SELECT prompt_id, count(*) AS n FROM live_ranking WHERE NOT is_simulated AND NOT is_repeat GROUP BY prompt_id
), open AS (
    SELECT prompt_id, count(*) AS n FROM answer_set_state WHERE state <> 'ranked' GROUP BY prompt_id
)
SELECT q.prompt_id FROM prompt_purpose q
    JOIN live_prompt p ON p.id = q.prompt_id
    LEFT JOIN ranked r ON r.prompt_id = q.prompt_id
    LEFT JOIN open o ON o.prompt_id = q.prompt_id
    WHERE q.purpose = 'rank' ORDER BY coalesce(r.n, 0) + coalesce(o.n, 0), q.prompt_id LIMIT ?
"""
# one statement, see store.simulated
_MAKERS = """
SELECT json_group_array(json_array(set_id, checkpoint, temperature, top_p)) FROM (
    SELECT DISTINCT e.set_id, c.checkpoint, c.temperature, c.top_p FROM answer_set_state s
        JOIN answer_set_entry e ON e.set_id = s.id JOIN completion c ON c.id = e.completion_id
        WHERE s.state = 'waiting')
"""
_STEP = "SELECT count(*) FROM answer_set WHERE prompt_id = ?"


class PromptsToRank(AnswerSetTables):
    """The order in which answers are sampled to prompts; asked of the database, for there may be 100,000."""

    def prompts_to_rank(self, limit: int) -> tuple[Prompt, ...]:
        """Prompts to sample answers to: those with the fewest rankings by people and sets that are not ranked first."""
        rows = self._read(_FRESH, (limit,))
        if len(rows) < limit:
            rows = self._read(_NEXT, (limit,))
        return tuple(self.prompt(row[0]) for row in rows)

    def makers_of_waiting(self) -> dict[int, frozenset[tuple[str, float, float]]]:
        """Which sources gave the answers of each set that waits: checkpoint, temperature and top_p, by the set's id."""
        rows = stored_json(self._read(_MAKERS)[0][0], "The sources of answers")
        found: dict[int, set[tuple[str, float, float]]] = {}
        for set_id, checkpoint, temperature, top_p in rows:
            found.setdefault(set_id, set()).add((checkpoint, float(temperature), float(top_p)))
        return {set_id: frozenset(makers) for set_id, makers in found.items()}

    def sets_of_prompt(self, prompt_id: int) -> int:
        """How many sets of answers a prompt has had so far: another number draws other answers."""
        return int(self._read(_STEP, (prompt_id,))[0][0])
