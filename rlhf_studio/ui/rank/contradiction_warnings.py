"""Says after an order was submitted that it contradicts an earlier one by the same person; stops nobody."""

from functools import partial

from PySide6.QtCore import QObject, SignalInstance

from rlhf_studio.errors import StudioError
from rlhf_studio.jobs.labelers import contradictions_of
from rlhf_studio.stats.contradictions import Contradiction
from rlhf_studio.ui.session import Session
from rlhf_studio.ui.tabs.tab import GoTo

_SHOWN = 40  # letters of an answer


class ContradictionWarnings(QObject):
    """Is given each new ranking, and tells of it when the next set is on screen."""

    def __init__(self, session: Session, go_to: SignalInstance, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session, self._go_to = session, go_to
        self._ranking_id: int | None = None

    def note(self, ranking_id: int) -> None:
        """A ranking was stored."""
        self._ranking_id = ranking_id

    def tell(self) -> None:
        """Say what the noted ranking contradicts, once; silent repeats stay silent."""
        ranking_id, self._ranking_id = self._ranking_id, None
        if ranking_id is None:
            return
        try:
            found = contradictions_of(self._session.store, ranking_id)
        except StudioError as error:
            self._session.say(str(error), kind="error")
            return
        if found:
            target = GoTo("labels", ranking_id=ranking_id)
            act = partial(self._go_to.emit, target)
            self._session.say(self._words(found), kind="warning", action=self.tr("Look"), act=act)

    def _words(self, found: tuple[Contradiction, ...]) -> str:
        pairs = [each for each in found if len(each.answers) == 2]
        if not pairs:
            return self.tr("With earlier orders of yours this one goes round in a circle.")
        better, worse = (_short(text) for text in pairs[0].answers)
        words = self.tr("Earlier you put “{better}” above “{worse}”; now it is the other way round.")
        words = words.format(better=better, worse=worse)
        if len(found) > 1:
            words += " " + self.tr("{n} more contradictions are in Labels, Agreement.").format(n=len(found) - 1)
        return words


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= _SHOWN else f"{line[: _SHOWN - 1].rstrip()}…"
