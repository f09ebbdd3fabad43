"""What a run tells the world: numbers, words and references; no tensors, no Qt.

Every event but ``Progress`` is written to the run's ``events.jsonl``, keyed by step.
"""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

ALARM = "ppo.alarm."  # begins the message ids of notices that a run should wait after

Outcome = Literal["completed", "stopped", "failed"]


@dataclass(frozen=True, slots=True)
class Progress:
    """A sign of life inside a step: at least every 200 ms, or once a micro-batch where one takes longer."""

    step: int
    total: int  # steps of the whole run
    phase: str  # a message id: "sample", "score", "update", "evaluate", "save" ...
    done: float = 0.0  # share of this phase, in [0, 1]


@dataclass(frozen=True, slots=True)
class RunStarted:
    """The first event of a run, and again the first after a resume."""

    step: int
    total: int
    kind: str
    device: str
    precision: str


@dataclass(frozen=True, slots=True)
class StepMetrics:
    """Scalars of one optimizer or PPO step, keyed ``group/name``; names starting with ``time/`` are wall clock."""

    step: int
    values: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class SampleShown:
    """A probe prompt answered, so that a person can judge the run."""

    step: int
    prompt_id: int
    prompt: str
    text: str
    score: float | None = None  # of the reward model, where there is one
    kl: float | None = None  # nats, sum over the answer, sampled k1


@dataclass(frozen=True, slots=True)
class SettingChanged:
    """A setting was changed while the run went on; it holds from this step."""

    step: int
    name: str
    value: float


@dataclass(frozen=True, slots=True)
class RolloutSaved:
    """The tokens and numbers of one PPO step lie in this file of the run folder."""

    step: int
    path: str


@dataclass(frozen=True, slots=True)
class CheckpointSaved:
    """The run can go on from here."""

    step: int
    path: str


@dataclass(frozen=True, slots=True)
class ModelSaved:
    """A model in Hugging Face layout lies in this folder of the run folder."""

    step: int
    name: str
    path: str


@dataclass(frozen=True, slots=True)
class Notice:
    """Something a person should know: a message id and its values, put into words by whoever shows it."""

    step: int
    message: str
    values: Mapping[str, str | int | float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunFinished:
    """The last event of every run, however it ended."""

    step: int
    outcome: Outcome
    message: str = ""


TrainEvent = (
    Progress
    | RunStarted
    | StepMetrics
    | SampleShown
    | SettingChanged
    | RolloutSaved
    | CheckpointSaved
    | ModelSaved
    | Notice
    | RunFinished
)

_CLASSES: dict[str, type[Any]] = {
    cls.__name__: cls
    for cls in (
        Progress,
        RunStarted,
        StepMetrics,
        SampleShown,
        SettingChanged,
        RolloutSaved,
        CheckpointSaved,
        ModelSaved,
        Notice,
        RunFinished,
    )
}


def is_alarm(event: object) -> bool:
    """Whether an event asks a person who attends the run to look at what the model says before it goes on."""
    return isinstance(event, Notice) and event.message.startswith(ALARM)


def to_json(event: TrainEvent) -> str:
    """One line of JSON, without a line end; non-finite numbers become the words NaN and Infinity."""
    return json.dumps({"event": type(event).__name__, **asdict(event)}, ensure_ascii=False)


def from_json(line: str) -> TrainEvent:
    """Read one line of ``events.jsonl``.

    Raises:
        ValueError: If the line is not a whole event of a known kind.
    """
    fields = json.loads(line)
    if not isinstance(fields, dict) or fields.get("event") not in _CLASSES:
        raise ValueError(f"not an event: {line[:80]!r}")
    name = fields.pop("event")
    try:
        event: TrainEvent = _CLASSES[name](**fields)
    except TypeError as error:
        raise ValueError(f"a {name} event with other fields: {line[:80]!r}") from error
    return event
