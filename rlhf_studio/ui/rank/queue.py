"""Sets of answers that wait to be ranked; the next ones are sampled before anyone asks for them."""

from PySide6.QtCore import QObject, Signal

from rlhf_studio.errors import StudioError
from rlhf_studio.jobs.lineup import AHEAD, Answerer, sure_of_one
from rlhf_studio.jobs.models import ModelChoice
from rlhf_studio.schema import Completion, Prompt
from rlhf_studio.store.answer_sets import AnswerSet
from rlhf_studio.store.database import Changes
from rlhf_studio.ui.rank.reroll import Reroll
from rlhf_studio.ui.rank.set_sampling import Growing, SetSampling
from rlhf_studio.ui.session import Session, TrainingState

__all__ = ["Growing", "RankQueue"]

_REROLLS = 1 << 20  # keeps the draws of re-rolled answers apart from those of whole sets


class RankQueue(QObject):
    """Finds, samples and stores answer sets; asks nothing of a model before ``start``."""

    set_ready = Signal(int)  # a set's id: it is stored
    streaming = Signal(object)  # Growing, of what ``sample_now`` asked for
    answer_grew = Signal(int, str)  # completion that is being replaced, text of its successor
    answer_over = Signal(int)  # id of the set one of whose answers was replaced, or could not be
    state_changed = Signal()  # what is being sampled, or how many wait
    noted = Signal(str)  # what the person who waits should know
    failed = Signal(str)

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.models: tuple[ModelChoice, ...] = ()  # that there are, to sample an answer anew
        self._sources: tuple[Answerer, ...] = ()
        self._k = 4
        self._is_wanted = False  # whether a person chose the sources
        self._ahead, self._rests = AHEAD, False
        self._makers: dict[int, frozenset[tuple[str, float, float]]] = {}  # by set, the sources that answered
        self._is_started = False
        self._is_held = False
        self._has_failed = False  # nobody is told the same again and again
        self._order: SetSampling | None = None
        self._reroll: Reroll | None = None
        session.training_state_changed.connect(self._on_session_training_state_changed)

    # --- what there is

    @property
    def is_sampling(self) -> bool:
        """Whether a set is on its way."""
        return self._order is not None

    @property
    def is_streaming(self) -> bool:
        """Whether someone waits for the set that is on its way."""
        return self._order is not None and self._order.is_urgent

    @property
    def is_rerolling(self) -> bool:
        return self._reroll is not None

    @property
    def is_resting(self) -> bool:
        """Whether nothing is sampled ahead because a run goes on."""
        return self._rests and self._session.state is not TrainingState.IDLE

    def waiting(self) -> tuple[AnswerSet, ...]:
        """The sets that wait; those of the chosen K first, then those of chosen sources, oldest first among these.

        Raises:
            StudioError: If the project cannot be read.
        """
        return tuple(sorted(self._session.store.answer_sets("waiting"), key=self._differences))

    def fits(self, answers: AnswerSet) -> bool:
        """Whether a set is of the chosen K, and of the sources if a person chose them.

        Raises:
            StudioError: If the project cannot be read.
        """
        return not any(self._differences(answers))

    # --- what to sample

    def choose(self, sources: tuple[Answerer, ...], k: int, *, is_wanted: bool = False) -> None:
        """Sample from other sources, or other numbers of answers, from now on.

        Args:
            sources: That answer; without any nothing is sampled.
            k: How many answers a set has.
            is_wanted: Whether a person chose the sources: then their sets go before those that others have made.
        """
        if (sources, k, is_wanted) == (self._sources, self._k, self._is_wanted):
            return
        self._sources, self._k, self._is_wanted = sources, k, is_wanted
        self._has_failed = False
        if self._order is not None and not self._order.is_urgent:
            self._drop_order()
        self.fill()

    def set_pace(self, ahead: int, *, rests_while_training: bool) -> None:
        """Keep so many sets ready besides the one being ranked, also while a run goes on or only while none does."""
        self._ahead, self._rests = ahead, rests_while_training
        self._rest_or_fill()

    def hold(self, *, is_held: bool) -> None:
        """Sample nothing ahead while somebody else samples sets, who would get the same draws."""
        self._is_held = is_held
        if is_held:
            self._drop_order()
        else:
            self.fill()

    def start(self) -> None:
        """Keep sets ready from now on."""
        self._is_started = True
        self._has_failed = False
        self.fill()

    def fill(self) -> None:
        """Sample ahead if too few sets wait and nothing is on its way."""
        can_ask = self._is_started and not self._session.store.is_read_only and not self._has_failed
        if not can_ask or self.is_resting or self._is_held or self._order is not None or not self._sources:
            return
        try:
            ready = [answers for answers in self.waiting() if self.fits(answers)]
            prompts = self._session.store.prompts_to_rank(1) if len(ready) <= self._ahead else ()
        except StudioError as error:
            self._fail(str(error))
            return
        if prompts:
            self._ask(prompts[0], is_urgent=False)

    def sample_now(self, prompt_id: int | None = None) -> bool:
        """Sample a set that someone waits for, and tell how it grows; return whether it could be asked for."""
        store = self._session.store
        if store.is_read_only or self._is_held or not self._sources:
            return False
        self._has_failed = False
        on_its_way = self._order.prompt if self._order is not None else None
        try:
            if prompt_id is not None:
                prompt: Prompt | None = store.prompt(prompt_id)
            else:  # the same draws, only sooner
                prompt = on_its_way or next(iter(store.prompts_to_rank(1)), None)
        except StudioError as error:
            self._fail(str(error))
            return False
        self._drop_order()
        return prompt is not None and self._ask(prompt, is_urgent=True)

    def new_sampling(self, prompt: Prompt) -> SetSampling | None:
        """A further set by the same sources, for whoever asks for it himself; None where there are none.

        Raises:
            StudioError: If the project cannot be read.
        """
        if not self._sources:
            return None
        step = self._session.store.sets_of_prompt(prompt.id)
        return SetSampling(self._session, prompt, step, self._k, self._sources, self, is_urgent=True)

    def reroll(self, answers: AnswerSet, completion: Completion) -> bool:
        """Sample one answer of a set anew from the source that gave it; return whether it could be asked for."""
        source = self._source_of(completion)
        if self._session.store.is_read_only or self._reroll is not None or source is None:
            return False
        try:
            texts = [other.text for other in self._session.store.completions(answers.prompt_id)]
            prompt = self._session.store.prompt(answers.prompt_id)
        except StudioError as error:
            self.failed.emit(str(error))
            return False
        reroll = self._reroll = Reroll(self._session, answers, completion, source, self)
        reroll.grew.connect(self.answer_grew)
        reroll.done.connect(self._on_reroll_done)
        reroll.failed.connect(self._on_reroll_failed)
        if source.model.key != completion.checkpoint:
            self.noted.emit(self.tr("What gave this answer is gone; another source answers."))
        reroll.ask(prompt, _REROLLS + len(texts), texts)
        self.state_changed.emit()
        return True

    def stop_streaming(self) -> None:
        """Nobody waits any more for what was asked for."""
        if self.is_streaming:
            self._drop_order()

    def stop_reroll(self) -> None:
        """Leave the answer as it is."""
        if self._reroll is not None:
            self._reroll.cancel()
            self._reroll.deleteLater()
            self._reroll = None
            self.state_changed.emit()

    def close(self) -> None:
        """Ask for nothing more."""
        self._is_started = False
        self._drop_order()
        self.stop_reroll()

    # --- inside

    def _differences(self, answers: AnswerSet) -> tuple[bool, bool]:
        """Whether a set is of another K, and of other sources than the person chose."""
        return len(answers.completion_ids) != self._k, self._is_wanted and not self._is_ours(answers)

    def _is_ours(self, answers: AnswerSet) -> bool:
        """Whether a set could have been dealt to the sources."""
        if answers.id not in self._makers:  # those of all sets at once: there may be hundreds
            self._makers = self._session.store.makers_of_waiting()
        makers = self._makers.setdefault(answers.id, frozenset())
        sure = sure_of_one(self._sources, self._k) if self._sources else frozenset()
        return sure <= makers <= {source.maker for source in self._sources}

    def _source_of(self, completion: Completion) -> Answerer | None:
        """The source that gave an answer; where it is gone, one of those that are there."""
        found = next((model for model in self.models if model.key == completion.checkpoint), None)
        if found is not None:
            return Answerer(found, completion.sampling)
        return next(iter(self._sources), None)

    def _ask(self, prompt: Prompt, *, is_urgent: bool) -> bool:
        try:
            step = self._session.store.sets_of_prompt(prompt.id)
        except StudioError as error:
            self._fail(str(error))
            return False
        order = self._order = SetSampling(
            self._session, prompt, step, self._k, self._sources, self, is_urgent=is_urgent
        )
        order.grew.connect(self._tell)
        order.done.connect(self._on_order_done)
        order.failed.connect(self._fail)
        order.ask()
        self._tell()
        self.state_changed.emit()
        return True

    def _tell(self) -> None:
        if self._order is not None and self._order.is_urgent:
            self.streaming.emit(self._order.growing())

    def _drop_order(self) -> None:
        if self._order is not None:
            self._order.cancel()
            self._end_order()
            self.state_changed.emit()

    def _end_order(self) -> None:
        if self._order is not None:
            self._order.deleteLater()
            self._order = None

    def _rest_or_fill(self) -> None:
        if not self.is_resting:
            self.fill()
        elif self._order is not None and not self._order.is_urgent:
            self._drop_order()

    def _fail(self, message: str) -> None:
        self._end_order()
        self._has_failed = True
        self.failed.emit(message)
        self.state_changed.emit()

    def _end_reroll(self) -> None:
        reroll, self._reroll = self._reroll, None
        if reroll is not None:
            reroll.deleteLater()
            self.answer_over.emit(reroll.answers.id)
        self.state_changed.emit()

    # --- slots

    def _on_order_done(self) -> None:
        order = self._order
        self._end_order()
        if order is None:
            return
        try:
            made = self._session.store.add_answer_set(order.prompt.id, order.completions(), order.shown_order)
        except StudioError as error:
            self._fail(str(error))
            return
        self._session.changed(made.changes, self)
        self.set_ready.emit(made.ids[0])
        self.state_changed.emit()
        self.fill()

    def _on_session_training_state_changed(self, _state: TrainingState) -> None:
        self._rest_or_fill()
        self.state_changed.emit()

    def _on_reroll_done(self, changes: Changes) -> None:
        if self._reroll is not None:
            self._makers.pop(self._reroll.answers.id, None)
        self._session.changed(changes, self)
        self._end_reroll()

    def _on_reroll_failed(self, message: str) -> None:
        self._end_reroll()
        self.failed.emit(message)
