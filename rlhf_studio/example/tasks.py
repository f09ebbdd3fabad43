"""What is asked in the example project: families of tasks, each drawing a prompt with right answers and a rule."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal, TypeVar

from rlhf_studio.example import world
from rlhf_studio.example.checks import Rule
from rlhf_studio.example.wording import expand, sections, tidy, uncapital

T = TypeVar("T")
Pool = Literal["train", "test"]
MOST_WORDS = 60

_PHRASINGS = dict(sections("phrasings"))
# material that only demonstrations use: neither tests nor the text of the base models
_SHOWN = dict(sections("demonstrations"))
MORE_EVENTS = [line.split(" / ") for line in _SHOWN["events"]]
MORE_PAIRS = {name: [line.split(" => ") for line in _SHOWN[name]] for name in ("rude", "brighter")}
MORE_MOODS = {mood: _SHOWN[f"mood {mood}"] for mood in ("happy", "sad")}
MORE_CHAT = {name.removeprefix("chat "): lines for name, lines in _SHOWN.items() if name.startswith("chat ")}


@dataclass(frozen=True, slots=True)
class Task:
    """One prompt with its right answers; turns before the last are a conversation, user and assistant in turn."""

    use_case: str
    family: str
    turns: tuple[str, ...]
    answers: tuple[str, ...]
    rule: Rule
    source: str = "plain"
    is_probe: bool = False

    @property
    def text(self) -> str:
        """The last user turn."""
        return self.turns[-1]


@dataclass(frozen=True, slots=True)
class Family:
    """A kind of task within a use case with its share there; draw writes one task from a pool of material."""

    use_case: str
    name: str
    share: float
    draw: Callable[[random.Random, Pool], Task]


def pooled(options: Sequence[T], pool: Pool, more: Sequence[T] = ()) -> list[T]:
    """Return every fifth option for tests and the others, with ``more``, for everything else."""
    kept = [option for place, option in enumerate(options) if (place % 5 == 4) == (pool == "test")]
    return kept if pool == "test" else [*kept, *more]


def pooled_by_name(options: Sequence[T], pool: Pool, name: Callable[[T], str]) -> list[T]:
    """Return the options whose name's hash belongs to the pool, about one in seven for tests."""
    return [option for option in options if world.held_out("test", name(option)) == (pool == "test")]


def phrase(rng: random.Random, name: str, **slots: str) -> str:
    """Fill one of the wordings in which people ask for this."""
    filled = rng.choice(_PHRASINGS[name]).format_map(slots)
    return tidy(filled)


def ask(rng: random.Random, name: str, question: str, **slots: str) -> str:
    """Fill a wording that contains a whole question."""
    first = question.partition(" ")[0]
    inside = question if first in _NAMES else uncapital(question)
    return phrase(rng, name, Q=question, q=inside, **slots)


_NAMES = {who.name for who in world.PEOPLE}


def fill(rng: random.Random, grammar: str, slots: dict[str, str]) -> str:
    """Expand a grammar into a sentence."""
    text = expand(rng, grammar, slots)
    return text if text.endswith((".", "!", "?")) else text + "."


def draw_task(rng: random.Random, families: Sequence[Family], pool: Pool) -> Task:
    """Draw a task that is short enough for a small context."""
    while True:
        family = rng.choices(families, [family.share for family in families])[0]
        task = family.draw(rng, pool)
        task = replace(task, answers=tuple(dict.fromkeys(task.answers)))
        if len(task.text.split()) <= MOST_WORDS:
            return task
