"""One question to a model, as the view that asked sees it."""

from PySide6.QtCore import QObject, Signal

from rlhf_studio.jobs.inference import (
    AnswerDone,
    AnswersScored,
    AnswerText,
    EstimateFound,
    EvaluationDone,
    EvaluationProgress,
    InferenceEvent,
    InferenceService,
    ModelLoading,
    RequestDone,
    RequestFailed,
)


class Inquiry(QObject):
    """K answers being sampled, or a reward model being measured; after ``finished`` or ``failed`` nothing comes."""

    loading = Signal(str)  # title of the model that is being loaded
    text_changed = Signal(int, str)  # answer's index, its full text so far
    answered = Signal(int, object)  # answer's index, jobs.inference.InferredAnswer
    progressed = Signal(float)  # share of an evaluation that is done
    evaluated = Signal(object)  # jobs.reward_evaluation.RewardEvaluation
    estimated = Signal(object)  # jobs.estimate.RunEstimate
    scored = Signal(object)  # tuple of scores, in the order in which the answers were named
    finished = Signal(float)  # seconds
    failed = Signal(str)  # a sentence to show

    def __init__(self, request: int, service: InferenceService, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.request = request
        self.is_over = False
        self._service = service

    def cancel(self) -> None:
        """Ask for no more; nothing is heard from it any more."""
        if not self.is_over:
            self.is_over = True
            self._service.cancel(self.request)

    def take(self, event: InferenceEvent) -> None:
        """Pass one event of this request on."""
        if self.is_over:
            return
        match event:
            case ModelLoading():
                self.loading.emit(event.title)
            case AnswerText():
                self.text_changed.emit(event.index, event.text)
            case AnswerDone():
                self.answered.emit(event.index, event.answer)
            case RequestDone():
                self.is_over = True
                self.finished.emit(event.seconds)
            case RequestFailed():
                self.is_over = True
                self.failed.emit(event.message)
            case _:
                self._pass_on(event)

    def _pass_on(self, event: InferenceEvent) -> None:
        """What was measured or scored."""
        match event:
            case EvaluationProgress():
                self.progressed.emit(event.share)
            case EvaluationDone():
                self.evaluated.emit(event.found)
            case AnswersScored():
                self.scored.emit(event.scores)
            case EstimateFound():
                self.estimated.emit(event.estimate)
            case _:
                pass
