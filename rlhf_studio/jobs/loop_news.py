"""What the learning loop tells besides the events of its runs: numbers and words, no tensors.

Needs no torch, so that a window can show it.
"""

from dataclasses import dataclass
from typing import Literal

LoopPart = Literal["before", "refit", "ppo", "after"]
LOOP_PARTS: tuple[LoopPart, ...] = ("before", "refit", "ppo", "after")


@dataclass(frozen=True, slots=True)
class LoopBegan:
    """What is learned from.

    Attributes:
        new: Rankings that the reward model has not learned from.
        replayed: Old ones beside them.
    """

    new: int
    replayed: int


@dataclass(frozen=True, slots=True)
class PartBegan:
    """A part of the loop begins, at a moment of ``time.perf_counter``."""

    part: LoopPart
    at: float


@dataclass(frozen=True, slots=True)
class PartDone:
    """A part of the loop is over; the seconds on the wall and of the processor, of this thread."""

    part: LoopPart
    seconds: float
    cpu_seconds: float


@dataclass(frozen=True, slots=True)
class JudgeRefitted:
    """Shares of pairs that the reward model orders as people did, before and after; None where there are no pairs."""

    new_before: float
    new_after: float
    new_pairs: int
    held_out_before: float | None = None
    held_out_after: float | None = None


@dataclass(frozen=True, slots=True)
class ScoredAnswer:
    """An answer, and what the reward model gave and gives it; the second None until it is refitted."""

    text: str
    old_score: float
    new_score: float | None = None


@dataclass(frozen=True, slots=True)
class PromptAnswers:
    """One prompt's answers by the policy before and after, with the same random numbers.

    Attributes:
        is_ranked: Whether its answers have just been ranked; else it is a probe.
        before: The first is the one to show.
        after: Empty until the policy has gone on.
    """

    prompt_id: int
    prompt: str
    is_ranked: bool
    before: tuple[ScoredAnswer, ...]
    after: tuple[ScoredAnswer, ...] = ()


@dataclass(frozen=True, slots=True)
class AnswersShown:
    """All prompts; a later one replaces an earlier one."""

    prompts: tuple[PromptAnswers, ...]


LoopNews = LoopBegan | PartBegan | PartDone | JudgeRefitted | AnswersShown


def mean_scores(prompts: tuple[PromptAnswers, ...]) -> tuple[float, float] | None:
    """What the refitted reward model gives the answers before and after, mean over all; None while it is not known."""
    before = [answer.new_score for one in prompts for answer in one.before]
    after = [answer.new_score for one in prompts for answer in one.after]
    known = [[score for score in scores if score is not None] for scores in (before, after)]
    if not prompts or len(known[0]) < len(before) or not known[1] or len(known[1]) < len(after):
        return None
    return sum(known[0]) / len(known[0]), sum(known[1]) / len(known[1])
