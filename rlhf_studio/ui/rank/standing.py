"""What the Rank tab tells of how things stand: sets that wait, the person's pace, and rankings that programs made."""

from rlhf_studio.jobs.targets import TITLES, current_target
from rlhf_studio.store.answer_sets import AnswerSet
from rlhf_studio.ui.rank.pace import pace
from rlhf_studio.ui.rank.page import RankPage
from rlhf_studio.ui.rank.queue import RankQueue
from rlhf_studio.ui.session import Session
from rlhf_studio.ui.spoken import spoken


def show_standing(session: Session, page: RankPage, queue: RankQueue, shown: AnswerSet | None) -> None:
    """Read how things stand, and show it on the page.

    Args:
        session: Whose project is read.
        page: Where it is shown.
        queue: The sets that wait.
        shown: The set that is being ranked; its size is the one whose pace is told.

    Raises:
        StudioError: If the project cannot be read.
    """
    store = session.store
    waiting = [answers for answers in queue.waiting() if answers != shown]
    size = page.k if shown is None else len(shown.completion_ids)
    usual = pace(store, session.labeler, size)
    simulated = store.counts().rankings_simulated
    target = TITLES.get(current_target(store), "")
    page.show_status(len(waiting), usual, is_sampling=queue.is_sampling)
    page.show_simulated(simulated, spoken(target))
