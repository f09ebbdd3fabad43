"""Passages about several people, things and places, then questions about one of them: the base must learn to look up."""

import random
from collections.abc import Callable
from dataclasses import dataclass

from rlhf_studio.example import world
from rlhf_studio.example.wording import capital, expand, plural, with_article


@dataclass(frozen=True, slots=True)
class Lookup:
    """One asked relation: how a passage says it, asks it forwards and backwards, and answers in a sentence."""

    name: str
    says: str
    later: str
    asks: str
    answers: str
    asks_back: str
    answers_back: str
    values: Callable[[random.Random, int], list[str]]


def _places(rng: random.Random, count: int) -> list[str]:
    return [world.at(place) for place in rng.sample(world.PLACES, count)]


def _sample(words: list[str]) -> Callable[[random.Random, int], list[str]]:
    return lambda rng, count: rng.sample(words, count)


def _coloured(rng: random.Random, count: int) -> list[str]:
    colours = rng.sample(world.COLOURS, count)
    thing = rng.choice(world.THINGS)
    return [f"{colour} {thing}" for colour in colours]


def _amounts(rng: random.Random, count: int) -> list[str]:
    things = plural(rng.choice(world.FOODS + world.THINGS))
    return [f"{world.NUMBERS[number]} {things}" for number in rng.sample(range(2, 12), count)]


LOOKUPS = (
    Lookup("place", "[{n} is {v}|{n} is {v} now|{n} stands {v}|{n} sits {v}|you can see {n} {v}]",
           "[{m} went to see {n} {v}|{n} stayed {v} all day|{n} was still {v}]",
           "[Where is {n}|Where is {n} now|Where can we find {n}|Do you know where {n} is]",
           "{n} is {v}", "[Who is {v}|Who can be found {v}|Who is {v} now]", "{n} is {v}", _places),
    Lookup("was", "[{n} was {v}|{n} was {v} yesterday|{n} was {v} all day]", "[{m} looked for {n} {v}|{m} met {n} {v}]",
           "[Where was {n}|Where was {n} yesterday]", "{n} was {v}", "[Who was {v}|Who was {v} yesterday]", "{n} was {v}",
           _places),
    Lookup("went", "[{n} went {v}|{n} has gone {v}|{n} walked {v}]", "{m} saw how {n} went {v}",
           "[Where did {n} go|Where has {n} gone]", "{n} went {v}", "[Who went {v}|Who has gone {v}]", "{n} went {v}",
           lambda rng, count: [f"to the {place}" for place in rng.sample(world.PLACES, count)]),
    Lookup("has", "[{n} has a {v}|{n} has a {v}|{n} owns a {v}|{n} bought a {v}|{n} carries a {v}]",
           "[{n} showed the {v} to {m}|{n} put the {v} on the table|{m} liked the {v} of {n}]",
           "[What does {n} have|What has {n} got|Which thing does {n} have]", "{n} has a {v}",
           "[Who has the {v}|Who has a {v}|Whose is the {v}]", "{n} has the {v}", _sample(world.THINGS)),
    Lookup("coloured", "[{n} has a {v}|{n} has a {v}|{n} took the {v}|the {v} belongs to {n}|{n} found a {v}]",
           "[{n} showed {m} the {v}|{n} likes the {v}]",
           "[What does {n} have|What has {n} got]", "{n} has the {v}", "[Who has the {v}|Whose is the {v}]",
           "{n} has the {v}", _coloured),
    Lookup("pet", "[{n} has a {v}|{n} keeps a {v}|the pet of {n} is a {v}|{n} lives with a {v}]",
           "[{n} called the {v}|{m} gave the {v} of {n} some food]",
           "[Which animal does {n} have|What animal does {n} have|Which pet has {n}]", "{n} has a {v}",
           "[Who has a {v}|Who has the {v}|Who keeps the {v}]", "{n} has the {v}", _sample(world.ANIMALS)),
    Lookup("likes", "[{n} likes {v}|{n} loves {v}|{n} likes {v} best|{n} always asks for {v}]", "{n} got some {v} from {m}",
           "[What does {n} like|What does {n} love|What food does {n} like]", "{n} likes {v}",
           "[Who likes {v}|Who loves {v}]", "{n} likes {v}",
           lambda rng, count: rng.sample([*map(plural, world.FOODS), *world.MEALS], count)),
    Lookup("eats", "[{n} ate a {v}|{n} had a {v} for lunch|{n} took a {v} and ate it]", "{n} ate the {v} and went to {m}",
           "[What did {n} eat|What did {n} have for lunch]", "{n} ate a {v}", "[Who ate the {v}|Who ate a {v}]",
           "{n} ate the {v}", _sample(world.FOODS)),
    Lookup("drinks", "[{n} drinks {v}|{n} is drinking {v}|{n} has a glass of {v}]", "{m} gave {n} more {v}",
           "[What does {n} drink|What is {n} drinking]", "{n} drinks {v}", "[Who drinks {v}|Who is drinking {v}]",
           "{n} drinks {v}", _sample(world.DRINKS)),
    Lookup("wears", "[{n} wears a {v}|{n} is wearing a {v}|{n} put on a {v}]", "{m} looked at the {v} of {n}",
           "[What does {n} wear|What is {n} wearing]", "{n} wears a {v}", "[Who wears the {v}|Who is wearing a {v}]",
           "{n} wears the {v}", _coloured),
    Lookup("counts", "[{n} has {v}|{n} bought {v}|{n} found {v}]", "{n} counted again: {v}",
           "[How many does {n} have|What does {n} have]", "{n} has {v}", "[Who has {v}]", "{n} has {v}", _amounts),
    Lookup("job", "[{n} is a {v}|{n} works as a {v}|{n} became a {v}]", "{m} asked {n}, the {v}, for help",
           "[What is {n}|What is {n}'s job|What is the job of {n}]", "{n} is a {v}", "[Who is the {v}|Who is a {v}]",
           "{n} is the {v}", _sample(world.KINDS["job"])),
    Lookup("from", "[{n} comes from {v}|{n} is from {v}|{n} was born in {v}]", "{m} wrote a letter to {n} in {v}",
           "[Where does {n} come from|Where is {n} from]", "{n} comes from {v}", "[Who comes from {v}|Who is from {v}]",
           "{n} comes from {v}", _sample(world.KINDS["country"])),
    Lookup("feels", "[{n} is {v}|{n} feels {v}|{n} is {v} today]", "{m} saw that {n} was {v}",
           "[How is {n}|How does {n} feel|How is {n} today]", "{n} is {v}", "[Who is {v}|Who feels {v}]", "{n} is {v}",
           _sample([*world.HAPPY, *world.SAD, *world.NEUTRAL, "hungry", "cold", "ill", "angry"])),
)  # fmt: skip

THING_LOOKUP = Lookup(
    "lies", "[the {n} is {v}|the {n} lies {v}|somebody put the {n} {v}|there is a {n} {v}]", "{m} saw the {n} {v}",
    "[Where is the {n}|Where can I find the {n}]", "the {n} is {v}", "[What is {v}|What lies {v}]", "the {n} is {v}",
    _places)  # fmt: skip
COLOUR_LOOKUP = Lookup(
    "looks", "[the {n} is {v}|there is a {v} {n}|{m} has a {v} {n}|the colour of the {n} is {v}]", "{m} took the {v} {n}",
    "[What colour is the {n}|Which colour is the {n}|What is the colour of the {n}]", "the {n} is {v}",
    "[What is {v}|Which thing is {v}]", "the {n} is {v}", _sample(world.COLOURS))  # fmt: skip

DISTRACTORS = (
    "It is [a warm|a cold|a quiet|a rainy|an early] [day|morning|evening].", "The [sun|moon|wind] is [out|strong|back].",
    "[Nobody|Everybody] is [tired|hungry|at home] [today|now].", "The [door|window] is [open|closed].",
    "It is [{number}] o'clock.", "There is [music|snow|a party|a long queue] outside.", "The {other} is [old|new|broken].",
    "A {pet} runs by.", "They all [go to the same school|live in one street|know each other].",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Passage:
    """A passage with the questions that can be asked about it: (question, short answer, full answer)."""

    text: str
    questions: tuple[tuple[str, str, str], ...]
    subjects: tuple[str, ...]
    values: tuple[str, ...]
    lookup: str


def write_passage(rng: random.Random, lookup: Lookup | None = None, count: int | None = None) -> Passage:
    """Write a passage about 1 to 4 people (or things), each with a value of their own, in a drawn order."""
    chosen = lookup or rng.choice((*LOOKUPS, *LOOKUPS[:5], THING_LOOKUP, COLOUR_LOOKUP))
    many = count or rng.choice((1, 2, 2, 3, 3, 3, 4))
    subjects, values = _draw(rng, chosen, many)
    outsider = next(who.name for who in rng.sample(world.PEOPLE, 8) if who.name not in subjects)
    one_wording = rng.random() < 0.5
    says = rng.choice(_top_level(chosen.says)) if one_wording else chosen.says
    lines = [_sentence(rng, says, n, v, outsider) for n, v in zip(subjects, values, strict=True)]
    if chosen.name != "looks" and rng.random() < 0.25:
        pick = rng.randrange(many)
        lines.append(_sentence(rng, chosen.later, subjects[pick], values[pick], outsider))
    for _ in range(rng.choice((0, 0, 0, 1, 1, 2))):
        slots = {
            "number": "|".join(world.NUMBERS[1:12]),
            "other": rng.choice(world.INDOOR),
            "pet": rng.choice(world.PETS),
        }
        lines.insert(rng.randrange(len(lines) + 1), expand(rng, rng.choice(DISTRACTORS), slots))
    questions = [_question(rng, chosen, n, v, outsider) for n, v in zip(subjects, values, strict=True)]
    rng.shuffle(questions)
    return Passage(" ".join(lines), tuple(questions), tuple(subjects), tuple(values), chosen.name)


def _draw(rng: random.Random, lookup: Lookup, many: int) -> tuple[list[str], list[str]]:
    """Draw subjects and values without a held-out combination."""
    while True:
        of_things = lookup in (THING_LOOKUP, COLOUR_LOOKUP)
        subjects = rng.sample(world.THINGS, many) if of_things else [who.name for who in world.pick_people(rng, many)]
        values = lookup.values(rng, many)
        if not any(world.held_out(lookup.name, n, v) for n, v in zip(subjects, values, strict=True)):
            return subjects, values


def _top_level(grammar: str) -> list[str]:
    return grammar[1:-1].split("|") if grammar.startswith("[") else [grammar]


def _sentence(rng: random.Random, grammar: str, name: str, value: str, other: str) -> str:
    return expand(rng, f"{grammar}.", {"n": name, "v": value, "m": other})


def _question(rng: random.Random, lookup: Lookup, name: str, value: str, other: str) -> tuple[str, str, str]:
    back = rng.random() < 0.4
    slots = {"n": name, "v": value, "m": other}
    ask = expand(rng, (lookup.asks_back if back else lookup.asks) + "?", slots)
    full = expand(rng, (lookup.answers_back if back else lookup.answers) + ".", slots)
    short = name if back else value
    if back and lookup in (THING_LOOKUP, COLOUR_LOOKUP):
        short = f"the {name}"
    elif not back and "a {v}" in lookup.answers:
        short = with_article(value)
    elif not back and "the {v}" in lookup.answers:
        short = f"the {value}"
    return ask, capital(short) + ".", full


def passage_document(rng: random.Random) -> str:
    """A passage followed by one to four answered questions, as lines, as speech or as a mention."""
    passage = write_passage(rng)
    asked = passage.questions[: rng.choice((1, 2, 3, 4))]
    style = rng.choice(("lines", "lines", "inline", "speech", "talk", "mention"))
    if style == "mention":
        return f"{passage.text} {' '.join(full for _, _, full in asked)}"
    if style == "inline":
        return f"{passage.text} {' '.join(f'{ask} {full}' for ask, _, full in asked)}"
    speakers = world.pick_people(rng, 2)
    lines = [_exchange(rng, style, item, speakers) for item in asked]
    return "\n".join([passage.text, *lines])


def _exchange(rng: random.Random, style: str, item: tuple[str, str, str], speakers: list[world.Person]) -> str:
    ask, short, full = item
    answer = short if rng.random() < 0.4 else full
    if style == "speech":
        verb = rng.choice(("asked", "wanted to know", "asked"))
        reply = f'"{answer[:-1]}," said {speakers[1].name}.'
        return f'"{ask}" {"asked" if verb == "asked" else "asked"} {speakers[0].name}. {reply}'
    if style == "talk":
        return f"{speakers[0].name}: {ask}\n{speakers[1].name}: {answer}"
    return f"{ask}{rng.choice((' ', chr(10)))}{answer}"


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
    joiner = rng.choice((" ", "\n"))
    return joiner.join([*rows, *again, *more])
