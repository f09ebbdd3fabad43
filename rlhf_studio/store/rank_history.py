"""What became of a set's rankings, and how long they took."""

from rlhf_studio.schema import Ranking
from rlhf_studio.store.answer_sets import AnswerSetTables

RECENT = 500  # rankings that tell how fast someone is; a habit of last year's does not

_SECONDS = """SELECT seconds FROM live_ranking WHERE labeler = ? AND size = ? AND NOT is_simulated
    ORDER BY id DESC LIMIT ?"""


class RankHistory(AnswerSetTables):
    """Questions about rankings that are there, or were."""

    def last_ranking(self, set_id: int, labeler: str) -> Ranking | None:
        """The newest ranking that a person made of a set, also one that was taken back; None where there is none."""
        rows = self._read(
            "SELECT ranking_id FROM answer_set_ranking JOIN ranking ON ranking.id = ranking_id"
            " WHERE set_id = ? AND labeler = ? AND NOT is_simulated ORDER BY ranking_id DESC LIMIT 1",
            (set_id, labeler),
        )
        return self.ranking(rows[0][0]) if rows else None

    def last_reason(self, set_id: int, who: str) -> str:
        """Why a person said last that a set cannot be ranked, also where that was undone; empty without a reason."""
        rows = self._read(
            "SELECT note FROM answer_set_verdict WHERE set_id = ? AND who = ? AND verdict = 'unrankable'"
            " ORDER BY id DESC LIMIT 1",
            (set_id, who),
        )
        return str(rows[0][0]) if rows else ""

    def ranking_seconds(self, labeler: str, k: int) -> tuple[float, ...]:
        """What the latest rankings of ``k`` answers took a person, newest first, at most ``RECENT``."""
        return tuple(row[0] for row in self._read(_SECONDS, (labeler, k, RECENT)))
