"""Which set the Rank tab holds that does not wait: one whose ranking is corrected, or that was put aside."""

from dataclasses import dataclass

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QHBoxLayout, QWidget

from rlhf_studio.errors import DataError
from rlhf_studio.schema import Ranking
from rlhf_studio.store.answer_sets import AnswerSet
from rlhf_studio.store.project import Store
from rlhf_studio.ui.rank.order_entry import Tiers
from rlhf_studio.ui.theme import Theme
from rlhf_studio.ui.widgets.parts import GRID, Button, Card
from rlhf_studio.ui.widgets.text import PlainLabel


@dataclass(frozen=True, slots=True)
class Held:
    """A set that stays in sight until something is said of it, or it is left."""

    answers: AnswerSet
    ranking: Ranking | None = None  # that is corrected

    @property
    def tiers(self) -> Tiers:
        """The order of the ranking, places counted from 0."""
        if self.ranking is None:
            return ()
        place = {completion_id: index for index, completion_id in enumerate(self.answers.completion_ids)}
        return tuple(tuple(place[completion_id] for completion_id in tier) for tier in self.ranking.tiers)


def held_ranking(store: Store, ranking_id: int) -> Held:
    """The set of a ranking that is to be corrected.

    Raises:
        StudioError: If there is no such ranking, it is of no set, or the set's answers are others now.
    """
    ranking = store.ranking(ranking_id)
    act = store.label_act("ranking", ranking_id)
    if act is None or act.set_id is None:
        raise DataError(
            f"Ranking {ranking_id} was not made of a set of this project, so it cannot be shown in Rank. "
            "Take it back and rank new answers."
        )
    answers = store.answer_set(act.set_id)
    if sorted(answers.completion_ids) != sorted(i for tier in ranking.tiers for i in tier):
        raise DataError(
            f"The answers of ranking {ranking_id} were replaced since, so it cannot be corrected. "
            "Take it back and rank the new ones."
        )
    return Held(answers, ranking)


class EditBar(Card):
    """Says that a ranking is corrected, and leads back."""

    left = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__("raised", parent)
        self.words = PlainLabel("", "", wraps=True)
        tip = self.tr("Leave everything as it is and go back to the history")
        self.leave = Button(self.tr("Leave it as it is"), tip, "", "mdi6.close", theme, self.tr("Esc"))
        self.leave.clicked.connect(self.left)
        self.body.setContentsMargins(2 * GRID, GRID, GRID, GRID)
        line = QHBoxLayout()
        line.addWidget(self.words, 1)
        line.addWidget(self.leave)
        self.body.addLayout(line)
        self.hide()

    def show_held(self, held: Held | None) -> None:
        """Tell what is held; nothing hides the bar."""
        self.setVisible(held is not None)
        if held is None:
            return
        if held.ranking is None:
            words = self.tr("This set was put aside. Rank it now, or leave it as it is.")
        else:
            words = self.tr("You correct a ranking by {who}; submitting keeps a new version of it.").format(
                who=held.ranking.labeler or self.tr("(no name)")
            )
        self.words.setText(words)
        self.setAccessibleName(words)


def is_unchanged(held: Held, tiers: Tiers, verdict: tuple[int | None, str, bool]) -> bool:
    """Whether an order and what is said with it are those of the ranking that is corrected.

    Args:
        held: With a ranking.
        tiers: Places of the answers, best first.
        verdict: Confidence, note, and whether all answers are bad.
    """
    old = held.ranking
    if old is None:
        return False
    same = [sorted(tier) for tier in tiers] == [sorted(tier) for tier in held.tiers]
    return same and verdict == (old.confidence, old.note, old.is_all_bad)
