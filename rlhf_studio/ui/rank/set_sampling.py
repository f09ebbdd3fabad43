"""One set of answers on its way: each source of the line-up is asked for those that it was dealt."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QObject, Signal

from rlhf_studio.jobs.inference import BACKGROUND, URGENT, InferredAnswer
from rlhf_studio.jobs.lineup import SAMPLING, Answerer, deal
from rlhf_studio.schema import NewCompletion, Prompt
from rlhf_studio.ui.inquiry import Inquiry
from rlhf_studio.ui.session import Session

MOST_ROUNDS = 3  # that answers are asked for again which repeat one of another source
_AGAIN = 1 << 24  # keeps their draws apart from those of whole sets and of re-rolled answers


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


class SetSampling(QObject):
    """K answers to one prompt by one or several sources; after ``done`` or ``failed`` nothing comes.

    The sources grow side by side. Of answers with the same text, edges left out, the later ones are sampled again by
    their own sources, a few times; what stays equal is kept.
    """

    grew = Signal()
    done = Signal()
    failed = Signal(str)

    def __init__(
        self,
        session: Session,
        prompt: Prompt,
        step: int,
        k: int,
        sources: Sequence[Answerer],
        parent: QObject | None = None,
        *,
        is_urgent: bool,
    ) -> None:
        """Nothing is asked before ``ask``.

        Args:
            session: Whose inference service answers.
            prompt: To answer.
            step: How many sets the prompt has had: with the prompt's id it fixes the draws.
            k: Answers.
            sources: At least one.
            parent: Owns it.
            is_urgent: Whether a person waits.
        """
        super().__init__(parent)
        self._session = session
        self.prompt, self.k, self.is_urgent = prompt, k, is_urgent
        self._step, self._sources = step, tuple(sources)
        key = f"{SAMPLING.seed}/{prompt.id}/{step}/{k}"
        self._dealt = deal(sources, k, f"deal/{key}")
        self.shown_order: list[int] = random.Random(key).sample(range(k), k)  # noqa: S311  no secret
        self._texts = [""] * k
        self._answers: dict[int, InferredAnswer] = {}
        self._note = ""
        self._open: list[Inquiry] = []
        self._round = 0

    def ask(self) -> None:
        """Ask every source."""
        for place, source in enumerate(self._sources):
            slots = [slot for slot, dealt in enumerate(self._dealt) if dealt == place]
            if slots:
                self._ask(source, slots, self._step)

    def cancel(self) -> None:
        """Ask for no more; nothing is heard from it any more."""
        for inquiry in self._open:
            inquiry.cancel()
        self._open.clear()

    def growing(self) -> Growing:
        """The answers as far as they are written."""
        return Growing(self.prompt, tuple(self._texts[slot] for slot in self.shown_order), self._note)

    def completions(self) -> list[NewCompletion]:
        """The answers, once they are done, in the order in which they were dealt."""
        return [
            completion_of(self.prompt.id, self._answers[slot], self._sources[self._dealt[slot]])
            for slot in range(self.k)
        ]

    # --- inside

    def _ask(self, source: Answerer, slots: Sequence[int], step: int, avoid: Sequence[str] = ()) -> None:
        priority = URGENT if self.is_urgent else BACKGROUND
        inquiry = self._session.ask(
            source.model,
            self.prompt.turns,
            len(slots),
            source.sampling,
            prompt_id=self.prompt.id,
            step=step,
            avoid=avoid,
            priority=priority,
        )
        self._open.append(inquiry)
        inquiry.loading.connect(self._on_inquiry_loading)
        inquiry.text_changed.connect(partial(self._on_inquiry_text_changed, slots))
        inquiry.answered.connect(partial(self._on_inquiry_answered, slots))
        inquiry.finished.connect(partial(self._on_inquiry_finished, inquiry))
        inquiry.failed.connect(self._on_inquiry_failed)

    def _repeated(self) -> list[int]:
        """The answers that have the text of an earlier one by another source. Its own source has tried by itself."""
        seen: set[str] = set()
        repeated = []
        for slot in range(self.k):
            text = self._answers[slot].text.strip()
            is_lively = self._sources[self._dealt[slot]].sampling.temperature > 0
            if text in seen and is_lively and not self._answers[slot].is_duplicate:
                repeated.append(slot)
            seen.add(text)
        return repeated

    def _ask_again(self, slots: Sequence[int]) -> None:
        """Sample some answers anew, which shall differ from all that there are."""
        self._round += 1
        avoid = [answer.text for answer in self._answers.values()]
        for place in sorted({self._dealt[slot] for slot in slots}):
            own = [slot for slot in slots if self._dealt[slot] == place]
            self._ask(self._sources[place], own, self._round * _AGAIN + self._step, avoid)

    def _on_inquiry_loading(self, _title: str) -> None:  # the model is hidden
        self._note = self.tr("The model is being loaded…")
        self.grew.emit()

    def _on_inquiry_text_changed(self, slots: Sequence[int], index: int, text: str) -> None:
        self._note = ""
        self._texts[slots[index]] = text
        self.grew.emit()

    def _on_inquiry_answered(self, slots: Sequence[int], index: int, answer: InferredAnswer) -> None:
        self._answers[slots[index]] = answer
        self._texts[slots[index]] = answer.text
        self.grew.emit()

    def _on_inquiry_finished(self, inquiry: Inquiry, _seconds: float) -> None:
        self._open.remove(inquiry)
        if self._open:
            return
        repeated = self._repeated() if self._round < MOST_ROUNDS else []
        if repeated:
            self._ask_again(repeated)
        else:
            self.done.emit()

    def _on_inquiry_failed(self, message: str) -> None:
        self.cancel()
        self.failed.emit(message)


def completion_of(prompt_id: int, answer: InferredAnswer, source: Answerer) -> NewCompletion:
    """An answer as it is kept: with its own model, checkpoint and sampling."""
    return NewCompletion(
        prompt_id,
        answer.text,
        source.model.title,
        checkpoint=source.model.key,
        sampling=source.sampling,
        token_ids=answer.token_ids,
        is_finished=answer.is_finished,
    )
