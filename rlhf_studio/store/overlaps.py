"""Sets that are ranked more than once: by a second person, or by the same person again without a sign.

What two people say of the same answers tells how far they agree; what one person says of them twice, how far anybody
could agree with him. A second person's ranking is a label like any other. A silent repeat measures the labeler: it
trains nothing, and a set is not ranked by it. Which set comes again, and when, is decided in ``jobs.serving``.
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rlhf_studio.errors import DataError
from rlhf_studio.schema import Completion
from rlhf_studio.store.answer_sets import AnswerSet
from rlhf_studio.store.checks import check_text, stored_json
from rlhf_studio.store.database import Changes, Written
from rlhf_studio.store.journal import LabelActs

MAX_NAME = 60
Pass = Literal["unrankable", "skipped"]

# each one statement and one row, see store.rows
_ACTS = """SELECT count(*) FROM journal
    WHERE state = 'done' AND who = ? AND kind IN ('ranking', 'skipped', 'unrankable')"""
_PASSED = """coalesce((SELECT who = ?1 AND verdict <> 'waiting' FROM answer_set_verdict v
    WHERE v.set_id = l.set_id ORDER BY id DESC LIMIT 1), 0)"""
_OWN = f"""SELECT json_group_array(json_array(r.id, l.set_id, r.is_repeat, {_PASSED})) FROM live_ranking r
    JOIN answer_set_ranking l ON l.ranking_id = r.id
    WHERE r.labeler = ?1 AND NOT r.is_simulated"""  # noqa: S608  fixed words
_OTHERS = f"""SELECT json_group_array(set_id) FROM (
    SELECT DISTINCT l.set_id FROM live_ranking r JOIN answer_set_ranking l ON l.ranking_id = r.id
    WHERE r.labeler <> ?1 AND NOT r.is_simulated AND NOT r.is_repeat AND l.set_id NOT IN (
        SELECT mine.set_id FROM answer_set_ranking mine JOIN live_ranking m ON m.id = mine.ranking_id
        WHERE m.labeler = ?1) AND NOT {_PASSED})"""  # noqa: S608  likewise
_PEOPLE = """SELECT name FROM (
    SELECT who AS name FROM journal WHERE who <> '' UNION
    SELECT labeler FROM live_ranking WHERE NOT is_simulated AND labeler <> ''
) WHERE name NOT IN (SELECT labeler FROM ranking WHERE is_simulated) ORDER BY name COLLATE NOCASE, name"""

_ANSWERS = """SELECT id, prompt_id, text, model, checkpoint, temperature FROM completion
    WHERE EXISTS (SELECT 1 FROM ranking_entry WHERE completion_id = completion.id) {where} ORDER BY id"""


@dataclass(frozen=True, slots=True)
class OwnRanking:
    """One of a person's rankings of answer sets that count; ``is_passed``: when the set came again, he passed it on."""

    id: int
    set_id: int
    is_repeat: bool
    is_passed: bool = False


@dataclass(frozen=True, slots=True)
class RankedAnswer:
    """What is known of an answer that somebody ranked."""

    id: int
    prompt_id: int
    text: str
    model: str
    checkpoint: str
    temperature: float


class Overlaps(LabelActs):
    """Further rankings of sets that are ranked, and what is known of who ranked what."""

    def rank_again(
        self,
        set_id: int,
        tiers: Sequence[Sequence[int]],
        shown_order: Sequence[int],
        seconds: float,
        labeler: str,
        *,
        is_repeat: bool,
        confidence: int | None = None,
        note: str = "",
        is_all_bad: bool = False,
    ) -> Written:
        """Keep one more order of a ranked set's answers. Can be undone; the set stays ranked by its first ranking.

        Args:
            set_id: Of the set.
            tiers: Completion ids, best first; those in one tier are tied.
            shown_order: The ids as they were shown; for a repeat another order than the first time.
            seconds: That it took.
            labeler: Who ranks.
            is_repeat: Whether this person ranked the set before, rather than only others.
            confidence: 1 (a guess) to 3 (sure), or None where nothing was said.
            note: Free text.
            is_all_bad: Whether none of the answers is any good.

        Returns:
            The one id is the ranking's.

        Raises:
            DataError: If the set is not ranked, the tiers do not hold each of its answers once, this person ranked it
                already (for no repeat) or never did (for one), or a repeat is shown as it was the first time.
        """
        with self.transaction():
            answers = self.answer_set(set_id)
            self._check_again(answers, shown_order, labeler, is_repeat=is_repeat)
            made = self.add_ranking(
                answers.prompt_id,
                tiers,
                shown_order,
                seconds,
                labeler,
                is_repeat=is_repeat,
                confidence=confidence,
                note=note,
                is_all_bad=is_all_bad,
            )
            self._db.execute("INSERT INTO answer_set_ranking (ranking_id, set_id) VALUES (?, ?)", (made.ids[0], set_id))
            entry = self._log("ranking", labeler, prompt_id=answers.prompt_id, set_id=set_id, ranking_id=made.ids[0])
        return Written(made.ids, entry.changes)

    def rank_served(
        self, answers: AnswerSet, tiers: Sequence[Sequence[int]], seconds: float, labeler: str, **said: Any
    ) -> Written:
        """Keep the order of a set as it was served: its first ranking, or one more; ``said`` as for ``rank_set``.

        Raises:
            DataError: As ``rank_set`` and ``rank_again``.
        """
        if not answers.again:
            return self.rank_set(answers.id, tiers, seconds, labeler, **said)
        is_repeat = answers.again == "repeat"
        return self.rank_again(answers.id, tiers, answers.completion_ids, seconds, labeler, is_repeat=is_repeat, **said)

    def pass_served(self, answers: AnswerSet, verdict: Pass, who: str, note: str = "") -> Changes:
        """Skip a set as it was served, or say that it has no order. Can be undone.

        Where others ranked the set it stays ranked, and is not served to this person again.

        Raises:
            DataError: If it waited and was ranked meanwhile.
        """
        if not answers.again:
            return self._judge(verdict, answers.id, who, note)
        check_text(who, "The name of who does this")
        check_text(note, "The note")
        with self.transaction():
            verdict_id = self._add_verdict(answers.id, verdict, who, note)
            ids = {"prompt_id": answers.prompt_id, "set_id": answers.id, "verdict_id": verdict_id}
            entry = self._log(verdict, who, **ids)
        return entry.changes

    def served_answers(self, answers: AnswerSet) -> tuple[Completion, ...]:
        """The answers of a set in the order in which it is served.

        Raises:
            DataError: If the set is no longer there, or holds other answers by now.
        """
        by_id = {completion.id: completion for completion in self.set_answers(answers.id)}
        if by_id.keys() != set(answers.completion_ids):
            raise DataError(f"The answers of set {answers.id} have changed meanwhile. Open it again.")
        return tuple(by_id[completion_id] for completion_id in answers.completion_ids)

    # --- who ranked what

    def people(self) -> tuple[str, ...]:
        """The names of those who labeled in this project, in alphabetical order; scripts are left out."""
        return tuple(row[0] for row in self._read(_PEOPLE))

    def acts_on_sets(self, who: str) -> int:
        """How many sets a person has ranked, skipped or called unrankable; what was undone does not count."""
        return int(self._read(_ACTS, (who,))[0][0])

    def own_rankings(self, labeler: str) -> tuple[OwnRanking, ...]:
        """A person's rankings of answer sets, oldest first."""
        rows = sorted(stored_json(self._read(_OWN, (labeler,))[0][0], "The rankings"))
        return tuple(OwnRanking(i, set_id, bool(repeat), bool(passed)) for i, set_id, repeat, passed in rows)

    def sets_by_others(self, who: str) -> tuple[int, ...]:
        """The sets that other people ranked, and this person neither ranked nor passed on; ids ascend."""
        found = self._read(_OTHERS, (who,))[0][0]
        return tuple(sorted(stored_json(found, "The answer sets")))

    def ranked_among(self, set_ids: Sequence[int]) -> tuple[int, ...]:
        """Which of these sets are ranked, in the same order."""
        found = self._read(
            "SELECT id FROM answer_set_state WHERE state = 'ranked' AND id IN (SELECT value FROM json_each(?))",
            (json.dumps(list(set_ids)),),
        )
        ranked = {row[0] for row in found}
        return tuple(set_id for set_id in set_ids if set_id in ranked)

    def ranked_answers(self, prompt_id: int | None = None) -> tuple[RankedAnswer, ...]:
        """The answers that are in a ranking, of one prompt or of all, in the order of their ids."""
        where, values = ("", ()) if prompt_id is None else ("AND prompt_id = ?", (prompt_id,))
        rows = self._read(_ANSWERS.format(where=where), values)
        return tuple(RankedAnswer(*row) for row in rows)

    # --- inside

    def _check_again(self, answers: AnswerSet, shown: Sequence[int], labeler: str, *, is_repeat: bool) -> None:
        name = f"Answer set {answers.id}"
        if answers.state != "ranked":
            raise DataError(f"{name} is not ranked, so there is nothing to rank again. Rank it first.")
        if sorted(shown) != sorted(answers.completion_ids):
            raise DataError(f"{name} holds {list(answers.completion_ids)}, not {list(shown)}. Show its answers once.")
        first = self._read(
            "SELECT (SELECT json_group_array(json_array(position, completion_id)) FROM ranking_entry"
            " WHERE ranking_id = r.id) FROM live_ranking r JOIN answer_set_ranking l ON l.ranking_id = r.id"
            " WHERE l.set_id = ? AND r.labeler = ? AND NOT r.is_repeat AND NOT r.is_simulated ORDER BY r.id LIMIT 1",
            (answers.id, labeler),
        )
        if not is_repeat and first:
            raise DataError(f"{labeler} ranked answer set {answers.id} already. Edit that ranking instead.")
        if is_repeat and not first:
            raise DataError(f"{labeler} has not ranked answer set {answers.id} yet, so this is no repeat.")
        if is_repeat and [i for _, i in sorted(json.loads(first[0][0]))] == list(shown):
            raise DataError(f"{name} was shown in this order the first time. Shuffle it.")


def person_name(text: str, scripts: Sequence[str] = ()) -> str:
    """A labeler's name as it is kept: without blanks around it.

    Raises:
        DataError: If it is empty, too long, not on one line, or a script's.
    """
    name = text.strip()
    if not name:
        raise DataError("The name is empty. Type the name of who labels.")
    check_text(name, "The name")
    if len(name) > MAX_NAME:
        raise DataError(f"The name has {len(name)} characters. Use at most {MAX_NAME}.")
    if not name.isprintable():
        raise DataError("The name holds a line break or another sign that cannot be seen. Type it again.")
    if name in scripts:
        raise DataError(f"“{name}” is the name of a script in this project. Choose another one.")
    return name
