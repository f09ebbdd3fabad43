"""What a labeler thinks of one answer by itself: overall quality and flags, before any ranking.

Rows are only ever added; of one labeler the latest row of an answer counts. Undo adds a row that says what was said
before.

Source: Ouyang et al. 2022, arXiv:2203.02155, table 3 and figure 12 (the labelers' first page).
"""

import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from rlhf_studio.errors import DataError
from rlhf_studio.store.checks import check_text, check_word, stored_json
from rlhf_studio.store.database import Changes, Written, now
from rlhf_studio.store.journal import JournalEntry, LabelActs

LEAST_OVERALL, MOST_OVERALL = 1, 7  # of the Likert scale
FLAGS = (  # the eleven yes-or-no fields of table 3, in its order
    "fails_instruction",
    "inappropriate",
    "hallucination",
    "satisfies_constraint",
    "sexual",
    "violent",
    "encourages_harm",
    "denigrates",
    "harmful_advice",
    "opinion",
    "moral_judgment",
)


@dataclass(frozen=True, slots=True)
class Rating:
    """One labeler's word on one answer.

    Attributes:
        overall: 1 (worst) to 7 (best), None where only flags were given so far.
        flags: Those that hold, in the order of ``FLAGS``.
    """

    completion_id: int
    labeler: str
    overall: int | None = None
    flags: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether nothing is said, as after an undo."""
        return self.overall is None and not self.flags


class Ratings(LabelActs):
    """Ratings of single answers; each change is an act that can be undone."""

    def rate(self, completion_id: int, overall: int | None, flags: Collection[str], labeler: str) -> Written:
        """Keep what a labeler thinks of an answer; the one id is the new row's, none where nothing changed.

        Raises:
            DataError: If there is no such answer, the overall quality is not 1 to 7, or a flag is unknown.
        """
        check_text(labeler, "The labeler's name")
        if overall is not None and not LEAST_OVERALL <= overall <= MOST_OVERALL:
            raise DataError(
                f"The overall quality of completion {completion_id} is {overall}. "
                f"Give {LEAST_OVERALL} (worst) to {MOST_OVERALL} (best)."
            )
        for flag in sorted(flags):
            check_word(flag, FLAGS, f"A flag of completion {completion_id}")
        rating = Rating(completion_id, labeler, overall, tuple(flag for flag in FLAGS if flag in flags))
        with self.transaction():
            rows = self._read("SELECT prompt_id FROM completion WHERE id = ?", (completion_id,))
            if not rows:
                raise DataError(f"There is no completion {completion_id} in this project. Rate one that is shown.")
            if self._latest(completion_id, labeler) == rating:
                return Written((), Changes(frozenset()))
            row_id = self._add_rating(rating)
            entry = self._log("rating", labeler, prompt_id=rows[0][0], rating_id=row_id)
        return Written((row_id,), entry.changes)

    def ratings(self, completion_ids: Sequence[int], labeler: str | None = None) -> tuple[Rating, ...]:
        """What one labeler, or each, says of some answers now; by answer in the order given, then by labeler."""
        marks = ", ".join("?" * len(completion_ids))
        rows = self._read(
            f"""SELECT completion_id, labeler, overall, flags FROM rating WHERE id IN (
                SELECT max(id) FROM rating WHERE completion_id IN ({marks}) AND labeler = coalesce(?, labeler)
                GROUP BY completion_id, labeler)""",  # noqa: S608  question marks
            (*completion_ids, labeler),
        )
        place = {completion_id: place for place, completion_id in enumerate(completion_ids)}
        found = sorted((_rating(row) for row in rows), key=lambda rating: (place[rating.completion_id], rating.labeler))
        return tuple(rating for rating in found if not rating.is_empty)

    def _latest(self, completion_id: int, labeler: str, before: int | None = None) -> Rating:
        """What counts, or what counted before a row was added."""
        rows = self._read(
            "SELECT completion_id, labeler, overall, flags FROM rating"
            " WHERE completion_id = ? AND labeler = ? AND id < coalesce(?, id + 1) ORDER BY id DESC LIMIT 1",
            (completion_id, labeler, before),
        )
        return _rating(rows[0]) if rows else Rating(completion_id, labeler)

    def _add_rating(self, rating: Rating) -> int:
        return self._insert(
            "INSERT INTO rating (completion_id, overall, flags, labeler, created) VALUES (?, ?, ?, ?, ?)",
            (rating.completion_id, rating.overall, json.dumps(rating.flags), rating.labeler, now()),
        )

    def _move(self, entry: JournalEntry, state: Literal["done", "undone"], who: str) -> None:
        """Say again what was said, or what was said before it; it stays the word of its labeler, whoever undoes."""
        if entry.rating_id is None:
            super()._move(entry, state, who)
            return
        rows = self._read("SELECT completion_id, labeler, overall, flags FROM rating WHERE id = ?", (entry.rating_id,))
        said = _rating(rows[0])
        self._add_rating(
            said if state == "done" else self._latest(said.completion_id, said.labeler, before=entry.rating_id)
        )
        self._db.execute("UPDATE journal SET state = ? WHERE id = ?", (state, entry.id))


def _rating(row: Sequence[Any]) -> Rating:
    completion_id, labeler, overall, flags = row
    return Rating(completion_id, labeler, overall, tuple(stored_json(flags, "The flags of a rating")))
