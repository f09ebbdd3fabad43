"""The newest reward model beside the labeler: its scores of the set that is shown, once for each set.

It stays silent until the labeler's own order is complete, so that nobody is led by it, or until somebody peeks, which
is kept with the ranking.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from PySide6.QtCore import QObject, Signal

from rlhf_studio.errors import StudioError
from rlhf_studio.jobs.models import CHECKPOINTS, ModelChoice, reward_models
from rlhf_studio.jobs.run_file import read_run_file
from rlhf_studio.schema import Answer, Completion, Turn
from rlhf_studio.ui.inquiry import Inquiry
from rlhf_studio.ui.rank.order_entry import Tiers
from rlhf_studio.ui.session import Session

PEEKED = "[peeked]"  # in the note of a ranking whose labeler saw the matrix before the order was whole


@dataclass(eq=False, slots=True)
class Judged:
    """A set of answers and what the reward model gives them.

    Attributes:
        scores: In the order in which the answers are shown; empty until they are known.
        tiers: The labeler's order as far as it goes, places counted from 0.
        is_whole: Whether each answer has its place.
        is_peeked: Whether somebody looked before it was whole.
    """

    set_id: int
    turns: tuple[Turn, ...]
    answers: tuple[Completion, ...]
    scores: tuple[float, ...] = ()
    tiers: Tiers = ()
    is_whole: bool = False
    is_peeked: bool = False
    model: str = ""  # key of the one that scored
    inquiry: Inquiry | None = field(default=None, repr=False)


class RewardJudge(QObject):
    """Asks for scores when they may be shown, and remembers those of the set before."""

    changed = Signal()

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._model: ModelChoice | None = None
        self._is_model_known = False
        self._peeked: set[int] = set()  # sets; a set that comes back was seen
        self._judged: dict[int, Judged] = {}
        self.tie_divisor: Literal["pairs", "all"] = "pairs"
        self.current: Judged | None = None
        self.last: Judged | None = None
        self.message = ""  # why there are no scores
        session.runs_changed.connect(self._on_session_runs_changed)

    @property
    def model(self) -> ModelChoice | None:
        """The newest reward model that is whole, else a checkpoint of one; None before the first."""
        if not self._is_model_known:
            self._find_model()
        return self._model

    @property
    def is_open(self) -> bool:
        """Whether the scores of the set that is shown may be seen."""
        return self.current is not None and (self.current.is_whole or self.current.is_peeked)

    def open(self, set_id: int, turns: tuple[Turn, ...], answers: Sequence[Completion]) -> None:
        """Another set is shown."""
        known = self._judged.get(set_id)
        self.message = ""
        if known is None or known.answers != tuple(answers):
            known = Judged(set_id, turns, tuple(answers), is_peeked=set_id in self._peeked)
            self._judged = {set_id: known, **({self.last.set_id: self.last} if self.last else {})}
        self.current = known
        self.changed.emit()

    def close(self) -> None:
        """No set is shown."""
        self.current = None
        self.changed.emit()

    def take_order(self, tiers: Tiers, whole: Tiers | None) -> None:
        """The labeler's order has changed; ``whole`` is the order with the last answer filled in, if it is that far."""
        if self.current is None:
            return
        self.current.tiers, self.current.is_whole = whole or tiers, whole is not None
        if tiers or self.current.is_peeked:
            self._ask()  # ahead of the last key, so that they are there with it
        self.changed.emit()

    def peek(self) -> None:
        """Show the scores before the order is whole; that is kept with the ranking."""
        if self.current is None or self.model is None:
            return
        if not self.current.is_whole:
            self.current.is_peeked = True
            self._peeked.add(self.current.set_id)
        self._ask()
        self.changed.emit()

    def submitted(self) -> None:
        """The set that is shown was ranked: it stays in view beside the next one."""
        self.last, self.current = self.current, None
        self.changed.emit()

    def note(self, note: str) -> str:
        """The note of the ranking: what the labeler wrote, and whether they peeked."""
        if self.current is None or not self.current.is_peeked or PEEKED in note:
            return note
        return f"{note} {PEEKED}".strip()

    # --- inside

    def _find_model(self) -> None:
        self._is_model_known = True
        project = self._session.store.folder
        try:
            found = reward_models(project)
            whole = [model for model in found if model.path.parent.name != CHECKPOINTS]
            self._model = next(iter((whole or list(found))[-1:]), None)
            if self._model is not None:
                settings = read_run_file(self._session.store.runs_dir / self._model.run_id).spec.settings
                self.tie_divisor = "all" if settings.get("tie_divisor") == "all" else "pairs"
        except StudioError as error:
            self._model = None
            self._session.say(str(error), kind="error")

    def _ask(self) -> None:
        judged, model = self.current, self.model
        if judged is None or model is None or judged.inquiry is not None:
            return
        if judged.scores and judged.model == model.key:
            return
        answers = [Answer(answer.text, answer.token_ids) for answer in judged.answers]
        judged.model = model.key
        judged.inquiry = self._session.score(model, judged.turns, answers)
        judged.inquiry.scored.connect(self._on_inquiry_scored)
        judged.inquiry.failed.connect(self._on_inquiry_failed)

    def _asked_by(self, inquiry: QObject | None) -> Judged | None:
        known = [*self._judged.values(), *(judged for judged in (self.current, self.last) if judged)]
        return next((judged for judged in known if judged.inquiry is inquiry), None)

    # --- slots

    def _on_inquiry_scored(self, scores: tuple[float, ...]) -> None:
        judged = self._asked_by(self.sender())
        if judged is not None:
            judged.scores, judged.inquiry = scores, None
            self.changed.emit()

    def _on_inquiry_failed(self, message: str) -> None:
        judged = self._asked_by(self.sender())
        if judged is not None:
            judged.inquiry = None
            self.message = message
            self.changed.emit()

    def _on_session_runs_changed(self) -> None:
        self._is_model_known = False
