"""The target of a project's simulated rankings: by which rubric a script orders the answers.

Choosing one ranks the same answers anew. Needs no torch, so that a window can do it at once, a slice at a time; the
example's texts, which take a tenth of a second to be made, are loaded when a target is to be chosen.
"""

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rlhf_studio.errors import DataError
from rlhf_studio.paths import resources_dir
from rlhf_studio.store.database import Written
from rlhf_studio.store.project import Store
from rlhf_studio.store.simulated import SimulatedSet

NOISE = 0.1  # share of pairs ranked the wrong way round, as in the rankings that ship
TITLES: Mapping[str, str] = {"happy": "Happy endings", "brief": "Brief answers"}
_LABELER = "scripted: {name}"

Order = tuple[SimulatedSet, list[list[int]]]


@dataclass(frozen=True, slots=True)
class Target:
    """What a script likes.

    Attributes:
        name: Of its rubric.
        title: Two words.
        description: What the rubric tells a labeler.
    """

    name: str
    title: str
    description: str


def targets() -> tuple[Target, ...]:
    """All that there are, the one of the shipped rankings first."""
    from rlhf_studio.example.rubric import RUBRICS  # noqa: PLC0415  see above

    return tuple(Target(name, TITLES[name], rubric.description) for name, rubric in RUBRICS.items())


def find_target(name: str) -> Target:
    """The target of a name.

    Raises:
        DataError: Naming those that there are.
    """
    for target in targets():
        if target.name == name:
            return target
    raise DataError(f"There is no rubric '{name}'. Choose one of: {', '.join(TITLES)}.")


def current_target(store: Store) -> str:
    """The name of the target of the simulated rankings that count; empty without any, or where they have several."""
    labelers = store.simulated_labelers()
    return next((name for name in TITLES if labelers == (_LABELER.format(name=name),)), "")


def sets_to_rank(store: Store) -> tuple[SimulatedSet, ...]:
    """The answers that a new target orders.

    Raises:
        DataError: If no script has ranked anything here.
    """
    sets = store.simulated_sets()
    if not sets:
        raise DataError(
            "This project has no simulated rankings, so no target can be chosen. Rank answers yourself, or open the "
            "example project."
        )
    return sets


def rank_again(sets: Sequence[SimulatedSet], target: Target) -> Iterator[Order]:
    """The order of each set by a target, one at a time; the same answers always get the same order.

    Of the prompts that ship with the program the right answers are known.
    """
    from rlhf_studio.example.prompts import read_rules  # noqa: PLC0415  see above
    from rlhf_studio.example.rubric import RUBRICS, scripted_rankings  # noqa: PLC0415  see above

    rules = read_rules(resources_dir() / "example")
    for one in sets:
        key = hashlib.sha256("\0".join((one.prompt_text, *one.texts)).encode()).hexdigest()
        plain = {"prompt": key, "text": one.prompt_text, "answers": one.texts, "rule": rules.get(one.prompt_text)}
        (row,) = scripted_rankings([plain], RUBRICS[target.name], NOISE)
        yield one, [[one.completion_ids[place] for place in tier] for tier in row["tiers"]]


def set_target(store: Store, target: Target, orders: Sequence[Order], who: str) -> Written:
    """Keep the orders in place of the simulated rankings, as one act that can be undone.

    Raises:
        DataError: If the target finds all answers equally good, or the project's rankings have changed since the sets
            were read.
    """
    if not any(len(tiers) > 1 for _, tiers in orders):
        raise DataError(
            f"The rubric '{target.name}' finds the answers of each set equally good, so the rankings stay as they are. "
            "Choose another one."
        )
    return store.replace_simulated_rankings(orders, _LABELER.format(name=target.name), who)
