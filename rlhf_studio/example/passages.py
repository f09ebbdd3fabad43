"""Passages about several people, things and places, then questions about one of them, which must be looked up."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from rlhf_studio.example import world
from rlhf_studio.example.wording import and_list, capital, expand, plural, sections, with_article


@dataclass(frozen=True, slots=True)
class Lookup:
    """One asked relation: how a passage says it, asks it forwards and backwards, and answers in a sentence."""

    name: str
    says: str
    later: str
    asks: str
    answers: str
    back: str
    reply: str


@dataclass(frozen=True, slots=True)
class Question:
    """A question about a passage with its short and its full answer; key is the word that must be found."""

    ask: str
    short: str
    full: str
    key: str


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage with everything that can be asked about it."""

    text: str
    lookup: str
    subjects: tuple[str, ...]
    values: tuple[str, ...]
    questions: tuple[Question, ...]


def _places(rng: random.Random, count: int) -> list[str]:
    return [world.at(place) for place in rng.sample(world.PLACES, count)]


def _goals(rng: random.Random, count: int) -> list[str]:
    return [f"to the {place}" for place in rng.sample(world.PLACES, count)]


def _coloured(things: list[str]) -> Callable[[random.Random, int], list[str]]:
    def draw(rng: random.Random, count: int) -> list[str]:
        thing = rng.choice(things)
        return [f"{colour} {thing}" for colour in rng.sample(world.COLOURS, count)]

    return draw


def _amounts(rng: random.Random, count: int) -> list[str]:
    things = plural(rng.choice(world.FOODS + world.THINGS))
    return [f"{world.NUMBERS[number]} {things}" for number in rng.sample(range(2, 12), count)]


def _sample(options: list[str]) -> Callable[[random.Random, int], list[str]]:
    return lambda rng, count: rng.sample(options, count)


_VALUES: dict[str, Callable[[random.Random, int], list[str]]] = {
    "place": _places,
    "was": _places,
    "lies": _places,
    "went": _goals,
    "has": _sample(world.THINGS),
    "wants": _sample(world.THINGS),
    "coloured": _coloured(world.THINGS),
    "wears": _coloured(world.CLOTHES),
    "pet": _sample(world.ANIMALS),
    "sees": _sample(world.ANIMALS),
    "likes": _sample([*map(plural, world.FOODS), *world.MEALS]),
    "eats": _sample(world.FOODS),
    "drinks": _sample(world.DRINKS),
    "counts": _amounts,
    "job": _sample(world.KINDS["job"]),
    "from": _sample(world.KINDS["country"]),
    "feels": _sample([*world.HAPPY, *world.SAD, *world.NEUTRAL, "hungry", "cold", "ill", "angry"]),
    "day": _sample(world.KINDS["day of the week"]),
    "age": _sample(world.NUMBERS[5:]),
    "plays": _sample(world.KINDS["musical instrument"]),
    "favourite": _sample(world.COLOURS),
    "looks": _sample(world.COLOURS),
}


def _read_lookups() -> tuple[dict[str, Lookup], list[str]]:
    read = dict(sections("lookups"))
    distractors = read.pop("distractors")
    return {
        name: Lookup(name, **{key: text for key, _, text in (line.partition(" ") for line in lines)})
        for name, lines in read.items()
    }, distractors


LOOKUPS, DISTRACTORS = _read_lookups()
OF_THINGS = ("lies", "looks")
# where is who and who has what are asked most often of all
_DRAWN = (*LOOKUPS, "place", "place", "has", "has", "was", "went", "coloured", "pet", "lies", "looks")


def write_passage(
    rng: random.Random, name: str | None = None, count: int | None = None, *, is_test: bool = False
) -> Passage:
    """Write a passage about 1 to 4 people (or things), each with a value of its own, in a drawn order.

    No (name, value) pair is one that is held out; for a test at least one pair is.
    """
    lookup = LOOKUPS[name or rng.choice(_DRAWN)]
    many = count or rng.choice((1, 2, 2, 3, 3, 3, 4))
    subjects, values = _draw(rng, lookup, many, is_test=is_test)
    outsider = next(who.name for who in rng.sample(world.PEOPLE, 8) if who.name not in subjects)
    says = rng.choice(lookup.says[1:-1].split("|")) if rng.random() < 0.5 else lookup.says
    lines = [_sentence(rng, says, n, v, outsider) for n, v in zip(subjects, values, strict=True)]
    if lookup.name != "looks" and rng.random() < 0.25:
        pick = rng.randrange(many)
        lines.append(_sentence(rng, lookup.later, subjects[pick], values[pick], outsider))
    for _ in range(rng.choice((0, 0, 0, 1, 1, 2))):
        lines.insert(rng.randrange(len(lines) + 1), _distractor(rng))
    questions = [_question(rng, lookup, n, v) for n, v in zip(subjects, values, strict=True)]
    rng.shuffle(questions)
    return Passage(" ".join(lines), lookup.name, tuple(subjects), tuple(values), tuple(questions))


def write_double_passage(rng: random.Random) -> Passage:
    """Write two values about each of 2 or 3 people: only the asked relation tells which one is meant."""
    one, two = (LOOKUPS[name] for name in rng.sample([name for name in LOOKUPS if name not in OF_THINGS], 2))
    many = rng.choice((2, 2, 3))
    subjects, first = _draw(rng, one, many)
    second = _VALUES[two.name](rng, many)
    pronouns = {who.name: who.he for who in world.PEOPLE}
    says = [
        rng.choice([part for part in lookup.says[1:-1].split("|") if part.startswith("{n}")]) for lookup in (one, two)
    ]
    lines = []
    for n, v, w in zip(subjects, first, second, strict=True):
        lines.append(_sentence(rng, says[0], n, v, ""))
        lines.append(_sentence(rng, says[1], pronouns[n] if rng.random() < 0.6 else n, w, ""))
    asked = [_question(rng, one, n, v) for n, v in zip(subjects, first, strict=True)]
    asked += [_question(rng, two, n, v) for n, v in zip(subjects, second, strict=True)]
    rng.shuffle(asked)
    return Passage(" ".join(lines), f"{one.name} {two.name}", tuple(subjects), (*first, *second), tuple(asked))


def _draw(rng: random.Random, lookup: Lookup, many: int, *, is_test: bool = False) -> tuple[list[str], list[str]]:
    while True:
        things = lookup.name in OF_THINGS
        subjects = rng.sample(world.THINGS, many) if things else [who.name for who in world.pick_people(rng, many)]
        values = _VALUES[lookup.name](rng, many)
        if is_test == any(world.held_out(lookup.name, n, v) for n, v in zip(subjects, values, strict=True)):
            return subjects, values


def _sentence(rng: random.Random, grammar: str, name: str, value: str, other: str) -> str:
    return expand(rng, f"{grammar}.", {"n": name, "v": value, "m": other})


def _distractor(rng: random.Random) -> str:
    slots = {
        "number": rng.choice(world.NUMBERS[1:12]),
        "other": rng.choice(world.INDOOR),
        "pet": rng.choice(world.PETS),
    }
    return expand(rng, rng.choice(DISTRACTORS), slots)


def _question(rng: random.Random, lookup: Lookup, name: str, value: str) -> Question:
    """Ask for the value, or (two times in five) from the value back to the name."""
    slots, subject = {"n": name, "v": value}, f"the {name}" if lookup.name in OF_THINGS else name
    if rng.random() < 0.4:
        ask, full = expand(rng, f"{lookup.back}?", slots), expand(rng, f"{lookup.reply}.", slots)
        return Question(ask, f"{capital(subject)}.", full, name)
    short = value
    if "a {v}" in lookup.answers:
        short = with_article(value)
    elif "the {v}" in lookup.answers:
        short = f"the {value}"
    ask, full = expand(rng, f"{lookup.asks}?", slots), expand(rng, f"{lookup.answers}.", slots)
    return Question(ask, f"{capital(short)}.", full, value)


def passage_document(rng: random.Random) -> str:
    """A passage followed by one to four answered questions, as lines, as speech or as a mention."""
    passage = write_double_passage(rng) if rng.random() < 0.2 else write_passage(rng)
    asked = passage.questions[: rng.choice((1, 2, 3, 4))]
    style = rng.choice(("lines", "lines", "inline", "speech", "talk", "mention", "named"))
    if style == "mention":
        return " ".join([passage.text, *(question.full for question in asked)])
    if style == "inline":
        return " ".join([passage.text, *(f"{question.ask} {question.full}" for question in asked)])
    if style == "named" and passage.lookup not in OF_THINGS and len(passage.subjects) > 1:
        return f"{passage.text}\n{_named(rng, passage.subjects)}"
    speakers = world.pick_people(rng, 2)
    return "\n".join([passage.text, *(_exchange(rng, style, question, speakers) for question in asked)])


def _named(rng: random.Random, names: tuple[str, ...]) -> str:
    """Name everybody in the order of mention."""
    forms = (
        "Who is named here? {l}.|The names are {l}.|Names: {l}.|The people in it are {l}.|Which people are there? {l}."
    )
    return expand(rng, f"[{forms}]", {"l": and_list(names)})


def _exchange(rng: random.Random, style: str, question: Question, speakers: list[world.Person]) -> str:
    answer = question.short if rng.random() < 0.4 else question.full
    one, two = (who.name for who in speakers)
    if style == "speech":
        verb = rng.choice(("asked {n}", "{n} asked", "{n} wanted to know")).format(n=one)
        return f'"{question.ask}" {verb}. "{answer[:-1]}," said {two}.'
    if style == "talk":
        return f"{one}: {question.ask}\n{two}: {answer}"
    return f"{question.ask}{rng.choice((' ', chr(10)))}{answer}"


def records_document(rng: random.Random) -> str:
    """Pairs, then some of the same pairs again in another order: the first step from copying to looking up."""
    many = rng.choice((2, 3, 4, 5, 6))
    people = world.pick_people(rng, many)
    values = rng.sample(rng.choice((world.THINGS, world.ANIMALS, world.COLOURS, world.PLACES, world.FOODS)), many)
    forms = ["{n} {v}.", "{n}: {v}.", "{n} - {v}.", "{v}: {n}."]
    if values[0] not in world.COLOURS:
        forms += ["{n} sees the {v}.", "{n} likes the {v}.", "The {v} of {n}.", "{n} knows the {v}."]
    if values[0] in (*world.THINGS, *world.FOODS):
        forms += ["{n} has the {v}.", "{n} takes the {v}.", "The {v} is for {n}."]
    form = rng.choice(forms)
    rows = [form.format(n=who.name, v=value) for who, value in zip(people, values, strict=True)]
    again = rng.sample(rows, many)
    more = rng.sample(rows, many) if many < 5 else []
    return rng.choice((" ", "\n")).join([*rows, *again, *more])
