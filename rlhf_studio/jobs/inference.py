"""Answers beside a training run: one thread with models of its own, asked from the window's thread."""

import logging
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlhf_studio.errors import StudioError
from rlhf_studio.jobs.inference_events import (
    AnswerDone,
    AnswersScored,
    AnswerText,
    DeviceFound,
    EstimateFound,
    EvaluationDone,
    EvaluationProgress,
    InferenceEvent,
    InferredAnswer,
    ModelLoading,
    RequestDone,
    RequestFailed,
)
from rlhf_studio.jobs.inference_outbox import Outbox
from rlhf_studio.jobs.inference_question import Listener, Place, Question
from rlhf_studio.jobs.models import ModelChoice
from rlhf_studio.jobs.torch_loading import is_loaded, load_torch
from rlhf_studio.jobs.turns import Turns
from rlhf_studio.schema import Answer, RunSpec, Sampling, Turn

if TYPE_CHECKING:
    from rlhf_studio.jobs.model_reading import ModelShelf

__all__ = [
    "BACKGROUND",
    "URGENT",
    "AnswerDone",
    "AnswerText",
    "AnswersScored",
    "DeviceFound",
    "EstimateFound",
    "EvaluationDone",
    "EvaluationProgress",
    "InferenceEvent",
    "InferenceService",
    "InferredAnswer",
    "ModelLoading",
    "RequestDone",
    "RequestFailed",
]

URGENT, BACKGROUND = 0, 10  # priorities: a person waits for it; it is made before anyone asks

_LOG = logging.getLogger("rlhf_studio")
_NO_MEMORY = ("out of memory", "not enough memory", "can't allocate memory")

Work = Callable[["ModelShelf", "Listener"], Iterator[None]]


@dataclass(eq=False, slots=True)
class _Request:
    """One thing asked for, and how far it is."""

    id: int
    priority: int
    work: Work
    asked: float
    last_served: int = 0  # when, in slices of all requests
    is_cancelled: bool = False
    progress: Iterator[None] | None = field(default=None, repr=False)


class InferenceService:
    """Samples and scores answers; every method returns at once and may be called from the window's thread."""

    def __init__(self, turns: Turns, device: str = "auto", threads: int = 0) -> None:
        """Nothing is loaded before the first request.

        Args:
            turns: Shared with the training thread.
            device: auto, cpu, cuda or mps.
            threads: To compute with; 0 leaves one core to the window.
        """
        self._turns = turns
        self._device, self._threads = device, threads
        self._changed = threading.Condition()  # guards all that follows
        self._requests: dict[int, _Request] = {}
        self._given_up: list[_Request] = []  # their models and caches are let go on the thread that made them
        self._outbox = Outbox()
        self._last_id = 0
        self._is_closing = False
        self._thread: threading.Thread | None = None
        # used by the thread only
        self._shelf: ModelShelf | None = None
        self._take_turn: Callable[[], AbstractContextManager[None]] = turns.inference
        self._slices = 0
        self._timed: dict[tuple[object, ...], float] = {}

    @property
    def has_work(self) -> bool:
        """Whether a request is not done yet. Where it is not, the next ``drain`` gives all that there was to tell."""
        with self._changed:
            return bool(self._requests)

    def sample(
        self,
        model: ModelChoice | Path,
        turns: Sequence[Turn],
        k: int,
        sampling: Sampling,
        *,
        prompt_id: int = 0,
        step: int = 0,
        avoid: Sequence[str] = (),
        reward: ModelChoice | Path | None = None,
        reference: ModelChoice | Path | None = None,
        priority: int = URGENT,
    ) -> int:
        """Ask for K answers to a conversation; ``drain`` tells how they grow.

        Requests of the same priority grow side by side; a more urgent one comes first, also between two tokens.

        Args:
            model: Answers.
            turns: End with a user's turn.
            k: Answers.
            sampling: With ``prompt_id`` and ``step`` it fixes the answers, whatever else goes on.
            prompt_id: Another number gives other answers.
            step: Another number gives other answers.
            avoid: Texts that shall not come again; they and repetitions are drawn anew a few times, then marked.
            reward: Scores the answers.
            reference: The KL is measured to it.
            priority: A lower number comes sooner.

        Returns:
            The request's number in events.
        """
        question = Question(
            model=_place(model),
            turns=tuple(turns),
            k=k,
            sampling=sampling,
            prompt_id=prompt_id,
            step=step,
            avoid=tuple(avoid),
            reward=None if reward is None else _place(reward),
            reference=None if reference is None else _place(reference),
            is_urgent=priority <= URGENT,
        )
        return self._ask(priority, partial(_answer, question))

    def score(
        self, reward: ModelChoice | Path, turns: Sequence[Turn], answers: Sequence[Answer], *, priority: int = URGENT
    ) -> int:
        """Score answers that are there already; ``AnswersScored`` comes before ``RequestDone``.

        Args:
            reward: Scores; reads the answers' token ids where they are of its own tokenizer, as in training.
            turns: That are answered.
            answers: Two or more.
            priority: A lower number comes sooner.
        """
        return self._ask(priority, partial(_score, _place(reward), tuple(turns), tuple(answers)))

    def prepare(self, model: ModelChoice | Path, *, priority: int = BACKGROUND) -> int:
        """Load torch and a model before anyone asks it something; ends with ``RequestDone``."""
        return self._ask(priority, partial(_prepare, _place(model)))

    def evaluate(self, run: Path, *, priority: int = BACKGROUND) -> int:
        """Find out how good a finished reward model is; ``EvaluationDone`` comes before ``RequestDone``.

        Args:
            run: Its folder, where what is found is kept, too.
            priority: A lower number comes sooner.
        """
        return self._ask(priority, partial(_evaluate, run))

    def estimate(self, project: Path, spec: RunSpec, *, priority: int = BACKGROUND) -> int:
        """Measure what a run of a project would take; ``EstimateFound`` tells it, ``RequestFailed`` if it cannot start.

        Args:
            project: Is read through a connection of its own.
            spec: As the run would be started. A policy that lies outside the project's runs counts as untrained.
            priority: A lower number comes sooner.
        """
        return self._ask(priority, partial(_estimate, project, spec, self._timed))

    def cancel(self, request: int) -> None:
        """Give a request up: from now on ``drain`` tells nothing of it. One that is done or unknown is left alone."""
        with self._changed:
            self._outbox.forget(request)
            found = self._requests.pop(request, None)
            if found is not None:
                self._give_up(found)

    def drain(self) -> list[InferenceEvent]:
        """All that happened since the last call, oldest first; of a growing answer only the newest text."""
        with self._changed:
            return self._outbox.take()

    def gpu_memory(self) -> tuple[int, int] | None:
        """Bytes used and there are on the GPU; None without one, or before torch is loaded."""
        torch: Any = sys.modules.get("torch") if is_loaded() else None
        if torch is None or not torch.cuda.is_initialized():  # asking an idle GPU would wake it, on this thread
            return None
        free, total = torch.cuda.mem_get_info()
        return total - free, total

    def close(self, timeout_s: float) -> bool:
        """Give everything up and end the thread; return whether it has ended in time."""
        with self._changed:
            self._is_closing = True
            for request in self._requests.values():
                self._give_up(request)
            self._requests.clear()
            self._changed.notify_all()  # also where nothing was asked for
            thread = self._thread
        if thread is not None:
            thread.join(timeout_s)
        return thread is None or not thread.is_alive()

    def _ask(self, priority: int, work: Work) -> int:
        with self._changed:
            if self._is_closing:
                raise RuntimeError("the inference service is closed")
            self._last_id += 1
            self._requests[self._last_id] = _Request(self._last_id, priority, work, time.perf_counter())
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="inference", daemon=True)
                self._thread.start()
            self._changed.notify_all()
            return self._last_id

    def _give_up(self, request: _Request) -> None:
        request.is_cancelled = True
        self._given_up.append(request)
        self._changed.notify_all()

    # the thread

    def _run(self) -> None:
        while self._serve_next():
            pass

    def _serve_next(self) -> bool:
        request = self._next()
        if request is not None:
            self._serve(request)
        return request is not None

    def _next(self) -> _Request | None:
        """Whose turn it is: the most urgent, among equals the one that has waited longest; None at the end."""
        with self._changed:
            while not (self._requests or self._is_closing):
                self._drop_given_up()
                self._changed.wait()
            self._drop_given_up()
            if self._is_closing:
                return None
            self._slices += 1
            request = min(self._requests.values(), key=lambda r: (r.priority, r.last_served, r.id))
            request.last_served = self._slices
            return request

    def _drop_given_up(self) -> None:
        """End what was given up, on this thread, to which its connection to a project belongs.

        Left alone it would go when the collector comes by, on any thread: it and its listener hold each other.
        """
        for request in self._given_up:
            if isinstance(request.progress, Generator):
                request.progress.close()
        self._given_up.clear()

    def _serve(self, request: _Request) -> None:
        """One slice of a request."""
        try:
            if request.progress is None:
                request.progress = request.work(self._opened_shelf(), self._listener(request))
            next(request.progress)
        except StopIteration:
            self._end(request, RequestDone(request.id, time.perf_counter() - request.asked))
        except StudioError as error:
            self._end(request, RequestFailed(request.id, str(error)))
        except Exception as error:  # noqa: BLE001  the thread's boundary: it lives on
            self._end(request, RequestFailed(request.id, _in_words(error)))

    def _end(self, request: _Request, event: InferenceEvent) -> None:
        with self._changed:
            if not request.is_cancelled:
                self._outbox.put(event)
                del self._requests[request.id]

    def _tell(self, request: _Request, event: InferenceEvent) -> None:
        with self._changed:
            if not request.is_cancelled:
                self._outbox.put(event)

    def _listener(self, request: _Request) -> Listener:
        return Listener(
            loading=lambda title: self._tell(request, ModelLoading(request.id, title)),
            written=lambda index, text: self._tell(request, AnswerText(request.id, index, text)),
            done=lambda index, answer: self._tell(request, AnswerDone(request.id, index, answer)),
            evaluating=lambda share: self._tell(request, EvaluationProgress(request.id, share)),
            evaluated=lambda found: self._tell(request, EvaluationDone(request.id, found)),
            scored=lambda scores: self._tell(request, AnswersScored(request.id, scores)),
            estimated=lambda estimate: self._tell(request, EstimateFound(request.id, estimate)),
            is_cancelled=lambda: request.is_cancelled,
            turn=self._take_turn,
            other_stretch=lambda: self._turns.training_stretch_s,
        )

    def _opened_shelf(self) -> "ModelShelf":
        """The place for models, made once torch is there.

        Raises:
            RunError: If this machine has no such device.
        """
        if self._shelf is None:
            load_torch(self._threads)
            from rlhf_studio.jobs.model_reading import ModelShelf  # noqa: PLC0415  needs torch
            from rlhf_studio.lm.loading import resolve_device  # noqa: PLC0415

            device = resolve_device(self._device)
            if device.type != "cpu":
                self._take_turn = nullcontext  # a GPU takes turns by itself
            self._shelf = ModelShelf(device)
            with self._changed:
                self._outbox.put(_found(device))
        return self._shelf


def _place(model: ModelChoice | Path) -> Place:
    return Place(model, model.name) if isinstance(model, Path) else Place(model.path, model.title, model.is_checkpoint)


def _answer(question: Question, shelf: "ModelShelf", listener: Listener) -> Iterator[None]:
    from rlhf_studio.jobs.inference_work import answer  # noqa: PLC0415  needs torch

    return answer(question, shelf, listener)


def _score(
    reward: Place, turns: tuple[Turn, ...], answers: tuple[Answer, ...], shelf: "ModelShelf", listener: Listener
) -> Iterator[None]:
    from rlhf_studio.jobs.inference_work import score  # noqa: PLC0415  needs torch

    return score(reward, turns, answers, shelf, listener)


def _estimate(
    project: Path, spec: RunSpec, timed: dict[tuple[object, ...], float], shelf: "ModelShelf", listener: Listener
) -> Iterator[None]:
    from rlhf_studio.jobs.inference_estimate import estimate  # noqa: PLC0415  needs torch

    return estimate(project, spec, timed, shelf, listener)


def _prepare(place: Place, shelf: "ModelShelf", listener: Listener) -> Iterator[None]:
    shelf.language_model(place.path, lambda: listener.loading(place.title))
    yield


def _evaluate(run: Path, shelf: "ModelShelf", listener: Listener) -> Iterator[None]:
    from rlhf_studio.jobs.inference_work import evaluate  # noqa: PLC0415  needs torch

    return evaluate(run, shelf, listener)


def _found(device: Any) -> DeviceFound:
    if device.type == "cpu":
        return DeviceFound("CPU")
    if device.type == "mps":
        return DeviceFound("Apple GPU")
    cuda: Any = sys.modules["torch"].cuda
    return DeviceFound(cuda.get_device_name(device), cuda.get_device_properties(device).total_memory)


def _in_words(error: Exception) -> str:
    """What nobody foresaw, for a person; the log has the rest."""
    if isinstance(error, MemoryError) or any(words in str(error).lower() for words in _NO_MEMORY):
        return (
            "The memory is exhausted, so the model could not answer. "
            "Close other programs, ask for fewer or shorter answers, or choose a smaller model."
        )
    _LOG.exception("a request to a model failed")
    lines = str(error).strip().splitlines()
    what = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
    return (
        f"The model could not answer ({what}). This should not happen; the details are in the log, please report them."
    )
