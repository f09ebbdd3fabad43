"""What a reward model that is there is refitted to: the rankings it has not learned from, and a replay of old ones.

The paper trains each reward model afresh from SFT; this is for a person who wants to see at once what a ranking does.
"""

import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from rlhf_studio.errors import DataError, RunError
from rlhf_studio.jobs.model_folders import find
from rlhf_studio.jobs.run_file import RUN_FILE, RunFile, read_data, read_run_file
from rlhf_studio.schema import RankedRow, RewardData
from rlhf_studio.settings import RewardSettings
from rlhf_studio.store.project import Store

Row = TypeVar("Row")

DEMONSTRATIONS = 512  # that centre the scores anew: the mean of all differs by 1/23 of their deviation, at one sigma


def learned_rankings(run: Path) -> frozenset[RankedRow]:
    """The rankings that a reward model has been trained on, by its run and those that it goes on from.

    Args:
        run: Folder of a reward-model run; a folder that is no run has learned from nothing that is known.

    Raises:
        RunError: If a run's data is damaged.
    """
    rows: set[RankedRow] = set()
    for path, run_file in _chain(run):
        data = read_data(path, run_file)
        rows.update(data.train, data.replay)
    return frozenset(rows)


def refit_data(store: Store, settings: RewardSettings, start: Path) -> RewardData:
    """New rankings, and with each of them ``settings.replay`` old ones that still count, drawn by the seed.

    Args:
        store: Labels that were taken back are not in it.
        settings: Its ``max_rankings`` limits the new ones.
        start: Folder of the reward model to go on from.

    Raises:
        DataError: If there is no new ranking that prefers one answer to another.
    """
    learned = learned_rankings(start.parent.parent)
    rows = store.ranked_rows("train")
    new = drawn([row for row in rows if row not in learned], settings.max_rankings, settings.seed)
    if not any(len(set(row.ranks)) > 1 for row in new):
        raise DataError(_nothing_new(learned, len(new)))
    return RewardData(
        train=new,
        valid=store.ranked_rows("valid"),
        demonstrations=drawn(store.demonstration_rows("train"), DEMONSTRATIONS, settings.seed),
        replay=drawn([row for row in rows if row in learned], settings.replay * len(new), settings.seed)
        if settings.replay
        else (),
    )


def drawn(rows: Sequence[Row], most: int, seed: int) -> tuple[Row, ...]:
    """At most so many of some rows, drawn by a seed, in their order; 0 is all of them."""
    if not 0 < most < len(rows):
        return tuple(rows)
    kept = sorted(random.Random(seed).sample(range(len(rows)), most))  # noqa: S311  no secret
    return tuple(rows[place] for place in kept)


def _chain(run: Path) -> Iterator[tuple[Path, RunFile]]:
    """A reward-model run and those before it, as far as they are there."""
    seen: set[Path] = set()
    while (run / RUN_FILE).is_file() and run not in seen:
        seen.add(run)
        run_file = read_run_file(run)
        if run_file.spec.kind != "reward":
            raise RunError(f"The run {run} has left no reward model. Choose the run of a reward model to go on from.")
        yield run, run_file
        if "from" not in run_file.spec.models:
            return
        run = find(run_file.spec.models["from"], run).parent.parent


def _nothing_new(learned: frozenset[RankedRow], tied: int) -> str:
    if tied:
        return (
            f"In the {tied} new rankings all answers are tied, so there is nothing to learn from. "
            "Rank some answers apart."
        )
    return (
        f"There are 0 rankings that the reward model has not learned from; {len(learned)} it has, and those of "
        "held-out prompts only measure it. Rank some answers first."
    )
