"""Who answers when a set is sampled: models and checkpoints at temperatures, and how K answers are dealt to them.

Needs no torch and no window.
"""

import json
import math
import random
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from fractions import Fraction
from typing import Any

from rlhf_studio.jobs.models import ModelChoice
from rlhf_studio.schema import Sampling

SAMPLING = Sampling(temperature=1.0, max_new_tokens=48)  # a model as it is, as PPO will sample it
MOST_SOURCES = 9
MOST_SHARE = 9
MOST_TEMPERATURE = 2.0
AHEAD, LEAST_AHEAD, MOST_AHEAD = 2, 2, 10  # sets ready besides the one being ranked


@dataclass(frozen=True, slots=True)
class Source:
    """A model or checkpoint as a person chose it.

    Attributes:
        key: Of its ``ModelChoice``.
        title: What it was called when it was chosen, for when it is gone.
        temperature: 0 takes the likeliest word each time.
        top_p: 1 switches nucleus sampling off.
        share: Of the answers, compared with those of the others.
    """

    key: str
    title: str
    temperature: float = 1.0
    top_p: float = 1.0
    share: int = 1


@dataclass(frozen=True, slots=True)
class LineUp:
    """The sources of a project, and how many sets they keep ready.

    Attributes:
        sources: Without any, one model answers as it is.
        ahead: Sets ready besides the one being ranked.
        rests_while_training: Whether sets are sampled ahead only while no run goes on.
    """

    sources: tuple[Source, ...] = ()
    ahead: int = AHEAD
    rests_while_training: bool = False


@dataclass(frozen=True, slots=True)
class Answerer:
    """A source that is there: the model, and how it is sampled."""

    model: ModelChoice
    sampling: Sampling = SAMPLING
    share: int = 1

    @property
    def maker(self) -> tuple[str, float, float]:
        """What its answers are known by."""
        return self.model.key, self.sampling.temperature, self.sampling.top_p


def line_up_json(line_up: LineUp) -> str:
    """As it is kept with a project."""
    return json.dumps(asdict(line_up))


def read_line_up(text: str | None) -> LineUp:
    """A line-up as it was kept; what makes no sense in it counts as not set."""
    try:
        found = json.loads(text or "{}")
    except ValueError:
        return LineUp()
    if not isinstance(found, dict):
        return LineUp()
    rows = found.get("sources")
    sources = [source for row in (rows if isinstance(rows, list) else ()) if (source := _source(row)) is not None]
    ahead: Any = found.get("ahead")
    return LineUp(
        tuple(sources[:MOST_SOURCES]),
        int(ahead) if _is_whole(ahead, LEAST_AHEAD, MOST_AHEAD) else AHEAD,
        rests_while_training=found.get("rests_while_training") is True,
    )


def _source(row: Any) -> Source | None:
    if not isinstance(row, dict):
        return None
    key, title, share = row.get("key"), row.get("title"), row.get("share", 1)
    temperature, top_p = row.get("temperature", 1.0), row.get("top_p", 1.0)
    if not (isinstance(key, str) and key and isinstance(title, str) and _is_whole(share, 1, MOST_SHARE)):
        return None
    if not (_is_number(temperature, 0.0, MOST_TEMPERATURE) and _is_number(top_p, 0.0, 1.0) and top_p > 0):
        return None
    return Source(key, title, float(temperature), float(top_p), share)


def _is_whole(value: object, least: int, most: int) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and least <= value <= most


def _is_number(value: object, least: float, most: float) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most


def answerers(sources: Iterable[Source], models: Iterable[ModelChoice]) -> tuple[Answerer, ...]:
    """The sources that are there, those that are the same model at the same temperature as one."""
    by_key = {model.key: model for model in models}
    found: dict[tuple[str, float, float], Answerer] = {}
    for source in sources:
        if source.key not in by_key:
            continue
        sampling = replace(SAMPLING, temperature=source.temperature, top_p=source.top_p, seed=_seed(source))
        one = Answerer(by_key[source.key], sampling, source.share)
        same = found.get(one.maker)
        found[one.maker] = one if same is None else replace(one, share=one.share + same.share)
    return tuple(found.values())


def missing(sources: Iterable[Source], models: Iterable[ModelChoice]) -> tuple[Source, ...]:
    """The sources that are gone."""
    keys = {model.key for model in models}
    return tuple(source for source in sources if source.key not in keys)


def _seed(source: Source) -> int:
    """Its own for each source: with one for all, a model at two temperatures would draw by the same numbers."""
    return zlib.crc32(f"{source.key}/{source.temperature}/{source.top_p}".encode())


def deal(sources: Sequence[Answerer], k: int, key: str) -> tuple[int, ...]:
    """Which source gives each of K answers.

    Each source gets its share of K, rounded up or down by chance so that it is right on average, and no fixed place. A
    source of temperature 0 gives one answer at most, because its second would be the same, unless all are like that.

    Args:
        sources: At least one.
        k: Answers.
        key: Fixes the chance.

    Returns:
        K places in ``sources``.
    """
    rng = random.Random(key)  # noqa: S311  no secret
    counts = _counts([source.share for source in sources], k, rng)
    lively = [place for place, source in enumerate(sources) if source.sampling.temperature > 0]
    if lively:
        spare = 0
        for place, count in enumerate(counts):
            if place not in lively and count > 1:
                spare += count - 1
                counts[place] = 1
        for place, more in zip(lively, _counts([sources[i].share for i in lively], spare, rng), strict=True):
            counts[place] += more
    slots = [place for place, count in enumerate(counts) for _ in range(count)]
    rng.shuffle(slots)
    return tuple(slots)


def _counts(shares: Sequence[int], k: int, rng: random.Random) -> list[int]:
    """Whole numbers that sum to K, each its share of K rounded up or down, and right on average.

    Systematic sampling (Madow 1949): the shares lie end to end in a random order on a line of length K, and each gets
    the points x, x + 1, x + 2 ... that fall on it, for one random x.
    """
    counts, lower, start = [0] * len(shares), Fraction(0), rng.random()
    for place in rng.sample(range(len(shares)), len(shares)):
        upper = lower + Fraction(k * shares[place], sum(shares))
        counts[place] = math.ceil(upper - Fraction(start)) - math.ceil(lower - Fraction(start))
        lower = upper
    return counts


def sure_of_one(sources: Sequence[Answerer], k: int) -> frozenset[tuple[str, float, float]]:
    """The makers that every dealing gives at least one of K answers."""
    total = sum(source.share for source in sources)
    return frozenset(source.maker for source in sources if k * source.share >= total)
