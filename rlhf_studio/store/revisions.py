"""New versions of labels: the older one is taken back in the same act, and stays in the history."""

from collections.abc import Sequence
from typing import Literal

from rlhf_studio.errors import DataError
from rlhf_studio.schema import Demonstration, Ranking
from rlhf_studio.store.database import Changes, Written
from rlhf_studio.store.journal import LabelActs
from rlhf_studio.store.labels import LabelTables

_Label = Literal["demonstration", "ranking"]
_OLDER = """WITH RECURSIVE version (id) AS (
    SELECT ? UNION ALL SELECT replaces FROM {label} JOIN version USING (id) WHERE replaces IS NOT NULL
) SELECT id FROM version"""


class Revisions(LabelActs):
    """Labels that replace older versions of themselves."""

    def revise_demonstration(self, demonstration_id: int, text: str, author: str) -> Written:
        """Keep a new version of a demonstration, as one act that can be undone; the one id is the new version's.

        The unfinished edit of it is done with.

        Raises:
            DataError: If it is empty, or the older one is not there or was taken back.
        """
        with self.transaction():
            old = self.demonstration(demonstration_id)
            self._check_live("demonstration", demonstration_id)
            made = LabelTables.add_demonstration(
                self, old.prompt_id, text, author, replaces=demonstration_id, model=old.model
            )
            self._put_aside("demonstration", demonstration_id, author)
            dropped = self._drop_edit(demonstration_id)
            entry = self._log("revision", author, prompt_id=old.prompt_id, demonstration_id=made.ids[0])
        return Written(made.ids, Changes(entry.changes.tables | dropped.tables))

    def revise_ranking(
        self,
        ranking_id: int,
        tiers: Sequence[Sequence[int]],
        seconds: float,
        labeler: str,
        *,
        confidence: int | None = None,
        note: str = "",
        is_all_bad: bool = False,
    ) -> Written:
        """Keep another order of the answers of a ranking in its place, as one act that can be undone.

        Args:
            ranking_id: Of the older version.
            tiers: Completion ids, best first.
            seconds: That the new order took; those of the older version are added.
            labeler: Who orders.
            confidence: 1 (a guess) to 3 (sure).
            note: Free text.
            is_all_bad: Whether none of the answers is any good.

        Returns:
            The one id is the new version's.

        Raises:
            DataError: If the older one is not there, was taken back, is simulated, or ranks other answers.
        """
        with self.transaction():
            old = self.ranking(ranking_id)
            self._check_live("ranking", ranking_id)
            _check_same(old, tiers)
            made = self.add_ranking(
                old.prompt_id,
                tiers,
                old.shown_order,
                old.seconds + seconds,
                labeler,
                is_repeat=old.is_repeat,
                replaces=ranking_id,
                confidence=confidence,
                note=note,
                is_all_bad=is_all_bad,
            )
            self._put_aside("ranking", ranking_id, labeler)
            set_id = self._ids_of("ranking", ranking_id)["set_id"]
            if set_id is not None:
                self._db.execute(
                    "INSERT INTO answer_set_ranking (ranking_id, set_id) VALUES (?, ?)", (made.ids[0], set_id)
                )
            entry = self._log("revision", labeler, prompt_id=old.prompt_id, set_id=set_id, ranking_id=made.ids[0])
        return Written(made.ids, entry.changes)

    def demonstration_versions(self, demonstration_id: int) -> tuple[Demonstration, ...]:
        """A demonstration and the versions that it replaced, newest first.

        Raises:
            DataError: If there is none with this id.
        """
        return tuple(self.demonstration(i) for i in self._versions("demonstration", demonstration_id))

    def ranking_versions(self, ranking_id: int) -> tuple[Ranking, ...]:
        """A ranking and the versions that it replaced, newest first.

        Raises:
            DataError: If there is none with this id.
        """
        return tuple(self.ranking(i) for i in self._versions("ranking", ranking_id))

    def _put_aside(self, label: _Label, label_id: int, who: str) -> None:
        """Take a label back without an entry of its own in the journal."""
        LabelTables._retract(self, label, label_id, who, is_retracted=True)  # noqa: SLF001  ours, below the journal

    def _versions(self, label: _Label, label_id: int) -> list[int]:
        return [row[0] for row in self._read(_OLDER.format(label=label), (label_id,))]

    def _check_live(self, label: _Label, label_id: int) -> None:
        if not self._read(f"SELECT 1 FROM live_{label} WHERE id = ?", (label_id,)):  # noqa: S608  fixed words
            raise DataError(
                f"The {label} {label_id} was taken back or replaced meanwhile. Open the one that is in the list now."
            )


def _check_same(old: Ranking, tiers: Sequence[Sequence[int]]) -> None:
    if old.is_simulated:
        raise DataError(f"Ranking {old.id} is simulated. Take it back and rank its answers yourself.")
    before, after = (sorted(i for tier in some for i in tier) for some in (old.tiers, tiers))
    if before != after:
        raise DataError(f"Ranking {old.id} is of completions {before}, not {after}. Order the same answers.")
