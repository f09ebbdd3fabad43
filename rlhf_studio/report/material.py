"""What a report is made of: plain values, so that page and plots need neither torch nor a project."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rlhf_studio.events import SettingChanged
from rlhf_studio.report.colours import ModelKey
from rlhf_studio.report.curves import Curve
from rlhf_studio.schema import RunKind, Turn, UseCase

NATURAL = "chitchat-dataset"  # the source of natural text in the example's pretraining sample


@dataclass(frozen=True, slots=True)
class StageFacts:
    """One finished run."""

    key: ModelKey
    kind: RunKind
    curves: Mapping[str, Curve]
    settings: Mapping[str, Any]
    counts: Mapping[str, int] = field(default_factory=dict)  # what it was trained on, e.g. {"demonstrations": 400}
    steps: int = 0
    seconds: float = 0.0
    device: str = ""
    precision: str = ""
    data_digest: str = ""
    run: str = ""  # id of the run, the name of its folder
    changes: tuple[SettingChanged, ...] = ()  # of settings, while it went on

    def last(self, metric: str) -> float | None:
        """The last value of a metric, None if it was never measured."""
        curve = self.curves.get(metric)
        return curve.last if curve else None


@dataclass(frozen=True, slots=True)
class ModelFigures:
    """How a model does on prompts that no stage trained on, and on natural text."""

    key: ModelKey
    score: float | None = None  # mean of the reward model
    kl: float | None = None  # nats from SFT, summed over an answer, mean over answers
    text_loss: float | None = None  # nats per token of held-out natural text
    answer_tokens: float | None = None  # mean length
    ended: float | None = None  # share of answers that the model ended itself
    answers: int = 0  # how many were sampled


@dataclass(frozen=True, slots=True)
class ProbeAnswer:
    """One model's most likely answer to a probe prompt."""

    text: str
    score: float | None = None
    kl: float | None = None
    is_finished: bool = True


@dataclass(frozen=True, slots=True)
class ProbeComparison:
    """A probe prompt and what each model says to it."""

    turns: tuple[Turn, ...]
    use_case: UseCase
    answers: Mapping[ModelKey, ProbeAnswer]


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where everything comes from."""

    project: str
    base_model: str
    hashes: Mapping[str, str] = field(default_factory=dict)  # of models and data, SHA-256
    versions: Mapping[str, str] = field(default_factory=dict)  # of programs
    simulated_rankings: int = 0
    rankings: int = 0
    created: str = ""


@dataclass(frozen=True, slots=True)
class Effects:
    """Figures of one model. Shares are 0 to 1; what was not measured is None."""

    right: Mapping[str, float]  # share of answers that obey their rule, by use case, greedy
    asked: int  # prompts of each use case
    told: int  # stories
    ended: float  # share of the greedy answers that the model ended itself
    happy: float  # share of sampled stories with a friendly end
    topic: float  # share of the prompt's topic words that come back, mean over stories
    distinct_2: float  # different word pairs among all word pairs of the stories
    gold: Mapping[str, float]  # mean score by rubric over the stories
    score: float | None = None  # mean score of the reward model over the stories
    kl: float | None = None  # nats from SFT, summed over an answer, mean over stories
    bits_per_byte: Mapping[str, float] = field(default_factory=dict)  # of held-out text, by source

    @property
    def accuracy(self) -> float:
        """Mean over use cases, each weighing the same."""
        return sum(self.right.values()) / max(1, len(self.right))


@dataclass(frozen=True, slots=True)
class Report:
    """Everything the page shows."""

    stages: tuple[StageFacts, ...]
    models: tuple[ModelFigures, ...]
    probes: tuple[ProbeComparison, ...]
    provenance: Provenance
    held_out_prompts: int = 0
    probes_left_out: int = 0  # too long for a model
    # of the example project only: what a rule counts, by model (see effects.Effects)
    effects: Mapping[ModelKey, Effects] = field(default_factory=dict)

    def model(self, key: ModelKey) -> ModelFigures | None:
        return next((model for model in self.models if model.key == key), None)

    def stage(self, key: ModelKey) -> StageFacts | None:
        return next((stage for stage in self.stages if stage.key == key), None)
