"""What the inference thread has to tell, until the window's thread takes it."""

from rlhf_studio.jobs.inference_events import AnswerDone, AnswerText, EvaluationProgress, InferenceEvent


class Outbox:
    """Events on their way to the window; a growing answer is in it once. The service's lock guards it."""

    def __init__(self) -> None:
        self._events: dict[object, InferenceEvent] = {}

    def put(self, event: InferenceEvent) -> None:
        key: object = object()  # of its own: what an event carries need not be hashable
        match event:
            case AnswerText(request, index) | AnswerDone(request, index):
                key = (request, index)
                self._events.pop(key, None)  # it goes to the end
            case EvaluationProgress(request):
                key = (request, "share")
        self._events[key] = event

    def forget(self, request: int) -> None:
        self._events = {key: event for key, event in self._events.items() if getattr(event, "request", None) != request}

    def take(self) -> list[InferenceEvent]:
        events, self._events = list(self._events.values()), {}
        return events
