"""Answers beside a training run: one thread with models of its own, asked from the window's thread."""

from collections.abc import Sequence
from pathlib import Path

from rlhf_studio.jobs.inference_events import (
    AnswerDone,
    AnswerText,
    DeviceFound,
    InferenceEvent,
    InferredAnswer,
    ModelLoading,
    RequestDone,
    RequestFailed,
)
from rlhf_studio.jobs.models import ModelChoice
from rlhf_studio.jobs.turns import Turns
from rlhf_studio.schema import Sampling, Turn

__all__ = [
    "BACKGROUND",
    "URGENT",
    "AnswerDone",
    "AnswerText",
    "DeviceFound",
    "InferenceEvent",
    "InferenceService",
    "InferredAnswer",
    "ModelLoading",
    "RequestDone",
    "RequestFailed",
]

URGENT, BACKGROUND = 0, 10  # priorities: a person waits for it; it is made before anyone asks


class InferenceService:
    """Samples and scores answers; every method returns at once and may be called from the window's thread."""

    def __init__(self, turns: Turns, device: str = "auto", threads: int = 0) -> None:
        """Nothing is loaded before the first request.

        Args:
            turns: Shared with the training thread.
            device: auto, cpu, cuda or mps.
            threads: To compute with; 0 leaves one core to the window.
        """
        raise NotImplementedError

    @property
    def has_work(self) -> bool:
        """Whether a request is not done yet."""
        raise NotImplementedError

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
        raise NotImplementedError

    def prepare(self, model: ModelChoice | Path, *, priority: int = BACKGROUND) -> int:
        """Load torch and a model before anyone asks it something; ends with ``RequestDone``."""
        raise NotImplementedError

    def cancel(self, request: int) -> None:
        """Give a request up: from now on ``drain`` tells nothing of it."""
        raise NotImplementedError

    def drain(self) -> list[InferenceEvent]:
        """All that happened since the last call, oldest first; of a growing answer only the newest text."""
        raise NotImplementedError

    def gpu_memory(self) -> tuple[int, int] | None:
        """Bytes used and there are on the GPU; None without one, or before torch is loaded."""
        raise NotImplementedError

    def close(self, timeout_s: float) -> bool:
        """Give everything up and end the thread; return whether it has ended in time."""
        raise NotImplementedError
