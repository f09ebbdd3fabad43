"""What is asked of the inference thread, and how it answers: words that need no torch."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from rlhf_studio.jobs.estimate import RunEstimate
from rlhf_studio.jobs.inference_events import InferredAnswer
from rlhf_studio.jobs.reward_evaluation import RewardEvaluation
from rlhf_studio.schema import Sampling, Turn


@dataclass(frozen=True, slots=True)
class Place:
    """Where a model lies, and what a person calls it; an exact one is that checkpoint and no newer one of its run."""

    path: Path
    title: str
    is_exact: bool = False


@dataclass(frozen=True, slots=True)
class Question:
    """What ``InferenceService.sample`` was asked; its models in their places."""

    model: Place
    turns: tuple[Turn, ...]
    k: int
    sampling: Sampling
    prompt_id: int
    step: int
    avoid: tuple[str, ...]
    reward: Place | None
    reference: Place | None
    is_urgent: bool


@dataclass(frozen=True, slots=True)
class Listener:
    """Whom the work tells how it gets on, and whom it asks for turns."""

    loading: Callable[[str], None]  # title of a model
    written: Callable[[int, str], None]  # answer's index, all of its text so far
    done: Callable[[int, InferredAnswer], None]
    evaluating: Callable[[float], None]  # share done
    evaluated: Callable[[RewardEvaluation], None]
    estimated: Callable[[RunEstimate], None]
    scored: Callable[[tuple[float, ...]], None]
    is_cancelled: Callable[[], bool]
    turn: Callable[[], AbstractContextManager[None]]
    other_stretch: Callable[[], float]  # seconds that training held its last turn
