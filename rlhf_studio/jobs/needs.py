"""What a stage lacks before it can start; needs no torch, so that a form can say it at once."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal

from rlhf_studio.jobs.stages import StageKey
from rlhf_studio.store.rows import Counts

Remedy = Literal["write", "rank", "sft", "reward", "rl-start", "none"]

FEWEST_RANKINGS = 2


@dataclass(frozen=True, slots=True)
class Missing:
    """One thing that is missing.

    Attributes:
        message: Id of the sentence to show.
        values: What it mentions.
        remedy: Where it is mended: by writing, by ranking, by training an earlier stage.
    """

    message: str
    values: Mapping[str, int] = field(default_factory=dict)
    remedy: Remedy = "none"


def missing(
    counts: Counts,
    done: Collection[StageKey],
    stage: StageKey,
    *,
    is_read_only: bool = False,
    start: StageKey = "sft",
) -> tuple[Missing, ...]:
    """What keeps a stage from starting; empty where nothing does.

    Args:
        counts: Of the project.
        done: Stages whose models are there, or are to be trained before.
        stage: To be started.
        is_read_only: Whether the project can be written.
        start: The stage whose model PPO begins with.
    """
    if is_read_only:
        return (Missing("read_only"),)
    if stage in {"sft", "rl-start"}:
        return () if counts.demonstrations else (Missing("no_demonstrations", remedy="write"),)
    if stage == "reward":
        return (*_rankings(counts), *([] if "sft" in done else [Missing("no_sft", remedy="sft")]))
    first = Missing("no_rl_start", remedy="rl-start") if start == "rl-start" else Missing("no_sft", remedy="sft")
    found = [] if start in done else [first]
    if "reward" not in done:
        found.append(Missing("no_reward", remedy="reward"))
    if not counts.by_purpose.get("ppo"):
        found.append(Missing("no_prompts", remedy="write"))
    return tuple(found)


def _rankings(counts: Counts) -> tuple[Missing, ...]:
    """What the reward model's rankings lack: held-out ones measure it, and ties teach it nothing."""
    if counts.rankings_to_train >= FEWEST_RANKINGS:
        return ()
    total = counts.rankings_by_people + counts.rankings_simulated
    values = {"count": counts.rankings_to_train, "total": total, "needed": FEWEST_RANKINGS}
    values["waiting"] = counts.sets_waiting
    return (Missing("few_rankings" if total else "no_rankings", values, "rank"),)
