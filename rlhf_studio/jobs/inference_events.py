"""What the inference service tells the window: numbers and words, no tensors."""

from dataclasses import dataclass

from rlhf_studio.jobs.estimate import RunEstimate
from rlhf_studio.jobs.reward_evaluation import RewardEvaluation


@dataclass(frozen=True, slots=True)
class InferredAnswer:
    """One whole answer.

    Attributes:
        text: Special tokens left out.
        token_ids: With end-of-text if it is finished.
        is_finished: The model ended it, not the length limit.
        logprob: Of the whole answer at the sampling temperature, nats.
        score: Of the reward model, None if none was asked for.
        kl: Sampled KL to the reference, log-probability here minus there, sum over the answer at temperature 1, nats.
        is_duplicate: Another answer, or one that was to be avoided, has the same text, after all tries.
    """

    text: str
    token_ids: tuple[int, ...]
    is_finished: bool
    logprob: float
    score: float | None = None
    kl: float | None = None
    is_duplicate: bool = False


@dataclass(frozen=True, slots=True)
class DeviceFound:
    """Where models compute; told once, when torch has been loaded."""

    name: str  # "CPU", or as the maker calls the GPU
    total_memory: int | None = None  # bytes, of a GPU


@dataclass(frozen=True, slots=True)
class ModelLoading:
    """A model is read from disk for this request; it may take a moment."""

    request: int
    title: str


@dataclass(frozen=True, slots=True)
class AnswerText:
    """All of an answer as far as it is written; a later one of the same index replaces it, also by other words."""

    request: int
    index: int
    text: str


@dataclass(frozen=True, slots=True)
class AnswerDone:
    """An answer is whole, and scored where that was asked for."""

    request: int
    index: int
    answer: InferredAnswer


@dataclass(frozen=True, slots=True)
class EvaluationProgress:
    """How much of an evaluation is done; a later one replaces it."""

    request: int
    share: float  # 0 to 1


@dataclass(frozen=True, slots=True)
class EvaluationDone:
    """What was found out about a reward model; it lies in its run's folder, too."""

    request: int
    found: RewardEvaluation


@dataclass(frozen=True, slots=True)
class EstimateFound:
    """What a run would take."""

    request: int
    estimate: RunEstimate


@dataclass(frozen=True, slots=True)
class AnswersScored:
    """What a reward model gives for answers that were there, in the order they were named."""

    request: int
    scores: tuple[float, ...]


@dataclass(frozen=True, slots=True)
class RequestDone:
    """The last event of a request that went well."""

    request: int
    seconds: float  # since it was asked


@dataclass(frozen=True, slots=True)
class RequestFailed:
    """The last event of a request that went wrong: what, and what to do."""

    request: int
    message: str


InferenceEvent = (
    DeviceFound
    | ModelLoading
    | AnswerText
    | AnswerDone
    | AnswersScored
    | EstimateFound
    | EvaluationProgress
    | EvaluationDone
    | RequestDone
    | RequestFailed
)
