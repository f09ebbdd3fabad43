"""The queue with what comes again: now and then a set that is ranked goes before those that wait."""

from PySide6.QtCore import QObject

from rlhf_studio.jobs.serving import Serving, Shares
from rlhf_studio.schema import Completion
from rlhf_studio.store.answer_sets import AnswerSet
from rlhf_studio.ui.rank.queue import RankQueue
from rlhf_studio.ui.session import Session


class ServedQueue(RankQueue):
    """What one labeler is given, by the shares of the settings."""

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(session, parent)
        self._serving = Serving(session.store)

    def waiting(self) -> tuple[AnswerSet, ...]:
        """The sets that wait, and before them the ranked one that this labeler is to rank now, if any.

        Raises:
            StudioError: If the project cannot be read.
        """
        preferences = self._session.preferences
        shares = Shares(preferences.shared_percent / 100, preferences.repeated_percent / 100)
        served = self._serving.next(self._session.labeler, shares, self._k)
        return super().waiting() if served is None else (served, *super().waiting())

    def reroll(self, answers: AnswerSet, completion: Completion) -> bool:
        """As for any set, but what others have ranked stays as it was."""
        return not answers.again and super().reroll(answers, completion)
