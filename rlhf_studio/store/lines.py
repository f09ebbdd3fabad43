"""The rows of a project's plain files, one class for each kind of line. A field that is not named here is refused."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from rlhf_studio.schema import Purpose, Source, Split, UseCase


class Line(BaseModel):
    """Rows are read strictly: a number in quotes is text, and a misspelt field is an error."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True)


class TurnLine(Line):
    role: Literal["system", "user", "assistant"]
    content: str


class PromptLine(Line):
    """A row of ``prompts.jsonl``; the other files refer to ``key``."""

    key: str = Field(min_length=1)
    turns: tuple[TurnLine, ...]
    use_case: UseCase = "other"
    source: Source = "plain"
    purposes: frozenset[Purpose] = frozenset()
    author: str = ""
    split: Split | None = None
    brief: str = ""
    family: str = ""


class DemonstrationLine(Line):
    """A row of ``demonstrations.jsonl``."""

    prompt: str
    text: str
    author: str = ""


class SamplingLine(Line):
    temperature: float = 1.0
    top_p: float = 1.0
    max_new_tokens: int = 64
    seed: int = 0


class CompletionLine(Line):
    text: str
    token_ids: tuple[int, ...] = ()
    model: str
    checkpoint: str = ""
    sampling: SamplingLine = SamplingLine()
    is_finished: bool = True


class QueueLine(Line):
    """A row of ``queue.jsonl``: answers that wait for a labeler."""

    prompt: str
    completions: tuple[CompletionLine, ...] = Field(min_length=1)
    shown_order: tuple[int, ...] = ()


class RankingLine(Line):
    """A row of ``rankings.jsonl``; tiers and shown order count the completions of this row from 0."""

    prompt: str
    completions: tuple[CompletionLine, ...]
    tiers: tuple[tuple[int, ...], ...]
    shown_order: tuple[int, ...] = ()
    labeler: str = ""
    simulated: bool = False
    seconds: float = 0.0


class TextLine(Line):
    """A row of ``pretraining.jsonl``."""

    text: str = Field(min_length=1)
    split: Split
    source: str = ""
