"""Answer sets: K sampled answers to one prompt, in the order they are shown, waiting for a labeler.

What has become of a set is derived: it is ranked while a ranking made of it is live, else the latest verdict counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Literal

from rlhf_studio.errors import DataError
from rlhf_studio.schema import Completion, NewCompletion
from rlhf_studio.store.database import Written, now, written
from rlhf_studio.store.drafts import DraftTable

SetState = Literal["waiting", "ranked", "unrankable", "skipped"]
Again = Literal["", "shared", "repeat"]
SET_STATES: tuple[SetState, ...] = ("waiting", "ranked", "unrankable", "skipped")
MIN_ANSWERS = 2
MAX_ANSWERS = 9  # the most that InstructGPT's labelers ranked at once (section 3.5)

_SELECT = """SELECT id, prompt_id, state, completion_id
    FROM answer_set_state JOIN answer_set_entry ON set_id = id"""


@dataclass(frozen=True, slots=True)
class AnswerSet:
    """K answers to one prompt; the ids are in the order they are shown.

    ``again`` says why a set that is ranked is shown nevertheless, see ``store.overlaps``.
    """

    id: int
    prompt_id: int
    completion_ids: tuple[int, ...]
    state: SetState
    again: Again = ""


class AnswerSetTables(DraftTable):
    """Sets of answers: making them, changing one answer, finding them. What a labeler does to one is in the journal."""

    def add_answer_set(
        self, prompt_id: int, completions: Sequence[NewCompletion], shown_order: Sequence[int] | None = None
    ) -> Written:
        """Keep answers and the set they make; the one id is the set's.

        ``shown_order`` names the answers, counted from 0, as they are to be shown; None shows them as given.

        Raises:
            DataError: If there are not 2 to 9 answers, one is to another prompt, or the order is none.
        """
        name = f"The answer set of prompt {prompt_id}"
        count = len(completions)
        if not MIN_ANSWERS <= count <= MAX_ANSWERS:
            raise DataError(f"{name} has {count} answers. Sample {MIN_ANSWERS} to {MAX_ANSWERS}.")
        order = range(count) if shown_order is None else shown_order
        if sorted(order) != list(range(count)):
            raise DataError(f"{name} is to be shown as {list(order)}. Name each answer once, counted from 0.")
        for completion in completions:
            _check_prompt(completion, prompt_id)
        with self.transaction():
            ids = self.add_completions(completions).ids
            set_id = self._insert("INSERT INTO answer_set (prompt_id, created) VALUES (?, ?)", (prompt_id, now()))
            self._db.executemany(
                "INSERT INTO answer_set_entry (set_id, place, completion_id) VALUES (?, ?, ?)",
                [(set_id, place, ids[index]) for place, index in enumerate(order)],
            )
        return written([set_id], "answer_set", "completion")

    def replace_answer(self, set_id: int, old_completion_id: int, new: NewCompletion) -> Written:
        """Put a newly sampled answer into the place of one of a set; the one id is the new completion's.

        Rankings of the set that were taken back are no longer the set's, because they are of other answers; what could
        be redone is cleared for the same reason.

        Raises:
            DataError: If the set is ranked, does not hold the old answer, or the new one is to another prompt.
        """
        with self.transaction():
            answers = self._unranked(set_id)
            if old_completion_id not in answers.completion_ids:
                raise DataError(
                    f"Answer set {set_id} does not hold completion {old_completion_id}. "
                    f"It holds {list(answers.completion_ids)}."
                )
            _check_prompt(new, answers.prompt_id)
            ids = self.add_completions([new]).ids
            self._db.execute(
                "UPDATE answer_set_entry SET completion_id = ? WHERE completion_id = ?", (ids[0], old_completion_id)
            )
            self._db.execute("DELETE FROM answer_set_ranking WHERE set_id = ?", (set_id,))
            self._drop_undone()
        return written(ids, "answer_set", "completion", "journal")

    def answer_sets(self, state: SetState | None = "waiting", k: int | None = None) -> tuple[AnswerSet, ...]:
        """The sets in one state or in any, of ``k`` answers or of any number, oldest first."""
        where, values = ("", ()) if state is None else ("WHERE state = ?", (state,))
        rows = self._read(f"{_SELECT} {where} ORDER BY id, place", values)
        sets = (_answer_set(list(entries)) for _, entries in groupby(rows, key=lambda row: row[0]))
        return tuple(answers for answers in sets if k is None or len(answers.completion_ids) == k)

    def answer_set(self, set_id: int) -> AnswerSet:
        """One set.

        Raises:
            DataError: If there is none with this id.
        """
        rows = self._read(f"{_SELECT} WHERE id = ? ORDER BY place", (set_id,))
        if not rows:
            raise DataError(f"There is no answer set {set_id} in this project. Choose one that is waiting.")
        return _answer_set(rows)

    def set_answers(self, set_id: int) -> tuple[Completion, ...]:
        """The answers of one set in the order they are shown.

        Raises:
            DataError: If there is no set with this id.
        """
        answers = self.answer_set(set_id)
        by_id = {completion.id: completion for completion in self.completions(answers.prompt_id)}
        return tuple(by_id[completion_id] for completion_id in answers.completion_ids)

    def _unranked(self, set_id: int) -> AnswerSet:
        answers = self.answer_set(set_id)
        if answers.state == "ranked":
            raise DataError(f"Answer set {set_id} is ranked already. Take its ranking back first (undo).")
        return answers

    def _drop_undone(self) -> bool:
        """Forget what could be redone; return whether there was anything."""
        return self._db.execute("UPDATE journal SET state = 'dropped' WHERE state = 'undone'").rowcount > 0


def _check_prompt(completion: NewCompletion, prompt_id: int) -> None:
    if completion.prompt_id != prompt_id:
        raise DataError(
            f"An answer to prompt {completion.prompt_id} cannot be in a set of prompt {prompt_id}. "
            "Sample all answers of a set to one prompt."
        )


def _answer_set(rows: Sequence[Any]) -> AnswerSet:
    set_id, prompt_id, state, _ = rows[0]
    return AnswerSet(set_id, prompt_id, tuple(row[3] for row in rows), state)
