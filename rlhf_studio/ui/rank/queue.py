"""Sets of answers that wait to be ranked; the next ones are sampled before anyone asks for them."""

import random
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from PySide6.QtCore import QObject, Signal

from rlhf_studio.errors import StudioError
from rlhf_studio.jobs.inference import BACKGROUND, URGENT, InferredAnswer
from rlhf_studio.jobs.models import ModelChoice
from rlhf_studio.schema import Completion, NewCompletion, Prompt, Sampling
from rlhf_studio.store.answer_sets import AnswerSet
from rlhf_studio.store.database import Changes
from rlhf_studio.ui.inquiry import Inquiry
from rlhf_studio.ui.session import Session

SAMPLING = Sampling(temperature=1.0, max_new_tokens=48)  # the model as it is, as PPO will sample it
AHEAD = 2  # sets ready besides the one being ranked
_REROLLS = 1 << 20  # keeps the draws of re-rolled answers apart from those of whole sets


@dataclass(frozen=True, slots=True)
class Growing:
    """A set that is being sampled for a person who waits, in the order in which it will be shown.

    Attributes:
        prompt: That is answered.
        texts: As far as they are written.
        note: What goes on, e.g. that the model is loaded.
    """

    prompt: Prompt
    texts: tuple[str, ...]
    note: str = ""


@dataclass(eq=False, slots=True)
class _Order:
    """A set that was asked for."""

    prompt: Prompt
    model: ModelChoice
    k: int
    is_urgent: bool
    shown_order: list[int]
    texts: list[str]
    answers: dict[int, InferredAnswer] = field(default_factory=dict)
    inquiry: Inquiry | None = None
    note: str = ""

    def growing(self) -> Growing:
        return Growing(self.prompt, tuple(self.texts[index] for index in self.shown_order), self.note)


class RankQueue(QObject):
    """Finds, samples and stores answer sets; asks nothing of a model before ``start``."""

    set_ready = Signal(int)  # a set's id: it is stored
    streaming = Signal(object)  # Growing, of what ``sample_now`` asked for
    answer_grew = Signal(int, str)  # completion that is being replaced, text of its successor
    answer_over = Signal(int)  # id of the set one of whose answers was replaced, or could not be
    state_changed = Signal()  # what is being sampled, or how many wait
    failed = Signal(str)

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.models: tuple[ModelChoice, ...] = ()  # that there are, to sample an answer anew
        self._model: ModelChoice | None = None
        self._k = 4
        self._wanted = ""  # key of the model, if a person chose it
        self._makers: dict[int, str | None] = {}  # by set, the key of the model that answered
        self._is_started = False
        self._has_failed = False  # nobody is told the same again and again
        self._order: _Order | None = None
        self._reroll: _Reroll | None = None

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

    def waiting(self) -> tuple[AnswerSet, ...]:
        """The sets that wait; those of the chosen K first, then those of a chosen model, oldest first among these.

        Raises:
            StudioError: If the project cannot be read.
        """
        return tuple(sorted(self._session.store.answer_sets("waiting"), key=self._differences))

    def fits(self, answers: AnswerSet) -> bool:
        """Whether a set is of the chosen K, and of the model if a person chose one.

        Raises:
            StudioError: If the project cannot be read.
        """
        return not any(self._differences(answers))

    def prompts(self) -> tuple[Prompt, ...]:
        """Prompts to rank answers to, those with the fewest rankings and sets first.

        Raises:
            StudioError: If the project cannot be read.
        """
        store = self._session.store
        done = Counter(ranking.prompt_id for ranking in store.rankings() if not ranking.is_simulated)
        done.update(answers.prompt_id for answers in store.answer_sets(None) if answers.state != "ranked")
        return tuple(sorted(store.prompts("rank"), key=lambda prompt: (done[prompt.id], prompt.id)))

    # --- what to sample

    def choose(self, model: ModelChoice | None, k: int, *, is_wanted: bool = False) -> None:
        """Sample from another model, or other numbers of answers, from now on.

        Args:
            model: That answers.
            k: How often.
            is_wanted: Whether a person chose the model: then its sets go before those that others have made.
        """
        wanted = model.key if model is not None and is_wanted else ""
        if (model, k, wanted) == (self._model, self._k, self._wanted):
            return
        self._model, self._k, self._wanted = model, k, wanted
        self._has_failed = False
        if self._order is not None and not self._order.is_urgent:
            self._drop_order()
        self.fill()

    def start(self) -> None:
        """Keep sets ready from now on."""
        self._is_started = True
        self._has_failed = False
        self.fill()

    def fill(self) -> None:
        """Sample ahead if too few sets wait and nothing is on its way."""
        can_ask = self._is_started and not self._session.store.is_read_only and not self._has_failed
        if not can_ask or self._order is not None or self._model is None:
            return
        try:
            ready = [answers for answers in self.waiting() if self.fits(answers)]
            prompts = self.prompts() if len(ready) <= AHEAD else ()
        except StudioError as error:
            self._fail(str(error))
            return
        if prompts:
            self._ask(prompts[0], is_urgent=False)

    def sample_now(self, prompt_id: int | None = None) -> bool:
        """Sample a set that someone waits for, and tell how it grows; return whether it could be asked for."""
        store = self._session.store
        if store.is_read_only or self._model is None:
            return False
        self._has_failed = False
        on_its_way = self._order.prompt if self._order is not None else None
        try:
            if prompt_id is not None:
                prompt: Prompt | None = store.prompt(prompt_id)
            else:  # the same draws, only sooner
                prompt = on_its_way or next(iter(self.prompts()), None)
        except StudioError as error:
            self._fail(str(error))
            return False
        self._drop_order()
        return prompt is not None and self._ask(prompt, is_urgent=True)

    def reroll(self, answers: AnswerSet, completion: Completion) -> bool:
        """Sample one answer of a set anew from the model that gave it; return whether it could be asked for."""
        model = self._model_of(completion)
        if self._session.store.is_read_only or self._reroll is not None or model is None:
            return False
        try:
            texts = [other.text for other in self._session.store.completions(answers.prompt_id)]
            prompt = self._session.store.prompt(answers.prompt_id)
        except StudioError as error:
            self.failed.emit(str(error))
            return False
        step = _REROLLS + len(texts)
        self._reroll = _Reroll(self._session, answers, completion, model, self)
        self._reroll.ask(prompt, step, texts, self._on_reroll_done, self._on_reroll_failed)
        self._reroll.inquiry.text_changed.connect(self._on_reroll_text_changed)
        self.state_changed.emit()
        return True

    def stop_streaming(self) -> None:
        """Nobody waits any more for what was asked for."""
        if self.is_streaming:
            self._drop_order()

    def stop_reroll(self) -> None:
        """Leave the answer as it is."""
        if self._reroll is not None:
            self._reroll.inquiry.cancel()
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
        """Whether a set is of another K, and of another model than the person chose."""
        return len(answers.completion_ids) != self._k, bool(self._wanted) and self._maker(answers) != self._wanted

    def _maker(self, answers: AnswerSet) -> str | None:
        if answers.id not in self._makers:
            self._makers[answers.id] = self._session.store.set_answers(answers.id)[0].checkpoint
        return self._makers[answers.id]

    def _model_of(self, completion: Completion) -> ModelChoice | None:
        """The model that gave an answer; where it is gone, the chosen one."""
        return next((model for model in self.models if model.key == completion.checkpoint), self._model)

    def _ask(self, prompt: Prompt, *, is_urgent: bool) -> bool:
        model = self._model
        if model is None:
            return False
        try:
            step = sum(answers.prompt_id == prompt.id for answers in self._session.store.answer_sets(None))
        except StudioError as error:
            self._fail(str(error))
            return False
        shown = random.Random(f"{SAMPLING.seed}/{prompt.id}/{step}/{self._k}").sample(range(self._k), self._k)  # noqa: S311
        order = self._order = _Order(prompt, model, self._k, is_urgent, shown, [""] * self._k)
        priority = URGENT if is_urgent else BACKGROUND
        inquiry = order.inquiry = self._session.ask(
            model, prompt.turns, self._k, SAMPLING, prompt_id=prompt.id, step=step, priority=priority
        )
        inquiry.loading.connect(self._on_inquiry_loading)
        inquiry.text_changed.connect(self._on_inquiry_text_changed)
        inquiry.answered.connect(self._on_inquiry_answered)
        inquiry.finished.connect(self._on_inquiry_finished)
        inquiry.failed.connect(self._on_inquiry_failed)
        self._tell()
        self.state_changed.emit()
        return True

    def _tell(self) -> None:
        if self._order is not None and self._order.is_urgent:
            self.streaming.emit(self._order.growing())

    def _drop_order(self) -> None:
        if self._order is not None:
            if self._order.inquiry is not None:
                self._order.inquiry.cancel()
            self._order = None
            self.state_changed.emit()

    def _fail(self, message: str) -> None:
        self._order = None
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

    def _on_inquiry_loading(self, title: str) -> None:  # noqa: ARG002  the model is hidden
        if self._order is not None:
            self._order.note = self.tr("The model is being loaded…")
            self._tell()

    def _on_inquiry_text_changed(self, index: int, text: str) -> None:
        if self._order is not None:
            self._order.note = ""
            self._order.texts[index] = text
            self._tell()

    def _on_inquiry_answered(self, index: int, answer: InferredAnswer) -> None:
        if self._order is not None:
            self._order.answers[index] = answer
            self._order.texts[index] = answer.text
            self._tell()

    def _on_inquiry_finished(self, _seconds: float) -> None:
        order, self._order = self._order, None
        if order is None:
            return
        new = [_completion(order.prompt.id, order.answers[index], order.model) for index in range(order.k)]
        try:
            made = self._session.store.add_answer_set(order.prompt.id, new, order.shown_order)
        except StudioError as error:
            self._fail(str(error))
            return
        self._session.changed(made.changes, self)
        self.set_ready.emit(made.ids[0])
        self.state_changed.emit()
        self.fill()

    def _on_inquiry_failed(self, message: str) -> None:
        self._fail(message)

    def _on_reroll_text_changed(self, _index: int, text: str) -> None:
        if self._reroll is not None:
            self.answer_grew.emit(self._reroll.completion.id, text)

    def _on_reroll_done(self, changes: Changes) -> None:
        self._session.changed(changes, self)
        self._end_reroll()

    def _on_reroll_failed(self, message: str) -> None:
        self._end_reroll()
        self.failed.emit(message)


class _Reroll(QObject):
    """One answer that is being sampled anew."""

    inquiry: Inquiry

    def __init__(
        self, session: Session, answers: AnswerSet, completion: Completion, model: ModelChoice, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._model = model
        self.answers, self.completion = answers, completion

    def ask(
        self,
        prompt: Prompt,
        step: int,
        avoid: Sequence[str],
        done: Callable[[Changes], None],
        failed: Callable[[str], None],
    ) -> None:
        """Sample an answer that differs from those there are; it takes the place of the old one."""
        self._done, self._failed = done, failed
        self.inquiry = self._session.ask(
            self._model, prompt.turns, 1, SAMPLING, prompt_id=prompt.id, step=step, avoid=avoid, priority=URGENT
        )
        self.inquiry.answered.connect(self._on_inquiry_answered)
        self.inquiry.failed.connect(failed)

    def _on_inquiry_answered(self, _index: int, answer: InferredAnswer) -> None:
        new = _completion(self.answers.prompt_id, answer, self._model)
        try:
            made = self._session.store.replace_answer(self.answers.id, self.completion.id, new)
        except StudioError as error:
            self._failed(str(error))
            return
        self._done(made.changes)


def _completion(prompt_id: int, answer: InferredAnswer, model: ModelChoice) -> NewCompletion:
    return NewCompletion(
        prompt_id,
        answer.text,
        model.title,
        checkpoint=model.key,
        sampling=SAMPLING,
        token_ids=answer.token_ids,
        is_finished=answer.is_finished,
    )
