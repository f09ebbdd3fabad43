"""One answer of a set that is being sampled anew, by its own source."""

import logging
from collections.abc import Sequence

from PySide6.QtCore import QObject, Signal

from rlhf_studio.errors import StudioError
from rlhf_studio.jobs.inference import URGENT, InferredAnswer
from rlhf_studio.jobs.lineup import Answerer
from rlhf_studio.schema import Completion, Prompt
from rlhf_studio.store.answer_sets import AnswerSet
from rlhf_studio.store.database import Changes
from rlhf_studio.ui.inquiry import Inquiry
from rlhf_studio.ui.rank.set_sampling import completion_of
from rlhf_studio.ui.session import Session

_LOG = logging.getLogger("rlhf_studio")


class Reroll(QObject):
    """Takes the place of the old answer when it is whole; after ``done`` or ``failed`` nothing comes."""

    grew = Signal(int, str)  # completion that is being replaced, text of its successor
    done = Signal(object)  # Changes
    failed = Signal(str)

    def __init__(
        self, session: Session, answers: AnswerSet, completion: Completion, source: Answerer, parent: QObject
    ) -> None:
        super().__init__(parent)
        self._session, self._source = session, source
        self._inquiry: Inquiry | None = None
        self.answers, self.completion = answers, completion

    def ask(self, prompt: Prompt, step: int, avoid: Sequence[str]) -> None:
        """Sample an answer that differs from those there are."""
        source = self._source
        inquiry = self._inquiry = self._session.ask(
            source.model,
            prompt.turns,
            1,
            source.sampling,
            prompt_id=prompt.id,
            step=step,
            avoid=avoid,
            priority=URGENT,
        )
        inquiry.text_changed.connect(self._on_inquiry_text_changed)
        inquiry.answered.connect(self._on_inquiry_answered)
        inquiry.failed.connect(self._on_inquiry_failed)

    def cancel(self) -> None:
        """Leave the answer as it is."""
        if self._inquiry is not None:
            self._inquiry.cancel()

    def _on_inquiry_text_changed(self, _index: int, text: str) -> None:
        self.grew.emit(self.completion.id, text)

    def _on_inquiry_answered(self, _index: int, answer: InferredAnswer) -> None:
        new = completion_of(self.answers.prompt_id, answer, self._source)
        try:
            made: Changes = self._session.store.replace_answer(self.answers.id, self.completion.id, new).changes
        except StudioError as error:
            self.failed.emit(str(error))
            return
        self.done.emit(made)

    def _on_inquiry_failed(self, message: str) -> None:
        """A reason that names the model would tell who gave the answer of this card."""
        model = self._source.model
        if any(name and name in message for name in (model.title, model.run_id, model.path.name)):
            _LOG.warning("An answer could not be sampled anew: %s", message)
            message = self.tr("This answer could not be sampled anew; the program's log says why.")
        self.failed.emit(message)
