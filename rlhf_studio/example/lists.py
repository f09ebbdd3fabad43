"""Lists, kinds, moods and ideas: short documents that name members, classes and ways to do something."""

import random
from collections.abc import Sequence

from rlhf_studio.example import world
from rlhf_studio.example.dialogues import talk_slots
from rlhf_studio.example.wording import and_list, capital, expand, plural, sections, tidy, uncapital, with_article

LISTED = {kind: list(members) for kind, members in world.KINDS.items() if len(members) >= 6}
IDEAS = {lines[0]: lines[1:] for _, lines in sections("ideas")}
MOODS = {name.removeprefix("mood "): lines for name, lines in sections("talk") if name.startswith("mood ")}

_LIST_FORMS = (
    "{number} {kinds} are {shown}.",
    "{n} knows {number} {kinds}: {bare}.",
    "Here are {number} {kinds}: {shown}.",
    "{number} {kinds}:\n{rows}",
    "{kinds}: {bare}.",
    '"Can you name {number} {kinds}?" asked {n}. "Yes: {shown}."',
    "{n} wrote a list of {kinds}: {bare}.",
    "Which {kinds} do you know? I know {shown}.",
    "{n} named {number} {kinds}: {shown}.",
    "{shown} are {number} {kinds}.",
)
_KIND_FORMS = (
    "{item}: {kind}. {second}: {kind}. {odd}: {other}.",
    "{item} belongs to the {kinds}, {odd} belongs to the {others}.",
    "Is {item} one of the {kinds} or one of the {others}? It is one of the {kinds}.",
    "{item}, {second}, {odd}: which word does not fit? {Odd}. The others are {kinds}.",
    "{item} and {third} are {kinds}, but {odd} is not.",
    "{item}, {second} and {third} are all {kinds}.",
)
_MOOD_FORMS = (
    "{e} {n} is {mood}.",
    "{e} {He} was {mood}.",
    "{e} How does {n} feel? {He} feels {mood}.",
    "{e} So {n} was {mood}.",
    "{e} {n} feels {mood}.",
    "{mood}: {e}",
    "{e} The mood is {mood}.",
    "{e} That sounds {mood}.",
)


def list_document(rng: random.Random) -> str:
    """Lists of things of one kind, in several forms."""
    lines = []
    for kind in rng.sample(sorted(LISTED), rng.choice((1, 2, 3))):
        many = rng.choice((2, 3, 3, 4, 5))
        items = rng.sample(LISTED[kind], many)
        shown = items if kind in world.UNCOUNTED else [with_article(item) for item in items]
        slots = {
            "number": world.NUMBERS[many], "kinds": plural(kind), "n": rng.choice(world.PEOPLE).name,
            "shown": and_list(shown), "bare": ", ".join(items),
            "rows": "\n".join(f"{place}. {capital(item)}" for place, item in enumerate(items, 1)),
        }  # fmt: skip
        lines.append(tidy(rng.choice(_LIST_FORMS).format_map(slots)))
    return "\n".join(lines)


def kinds_document(rng: random.Random) -> str:
    """What kind of thing something is, and what does not belong."""
    lines = []
    for _ in range(rng.choice((2, 3, 4))):
        kind, other = rng.sample(sorted(LISTED), 2)
        item, second, third = rng.sample([word for word in LISTED[kind] if word not in LISTED[other]], 3)
        odd = rng.choice([word for word in LISTED[other] if word not in LISTED[kind]])
        slots = {
            "item": item, "second": second, "third": third, "odd": odd, "Odd": capital(odd), "kind": kind,
            "other": other, "kinds": plural(kind), "others": plural(other),
        }  # fmt: skip
        lines.append(tidy(rng.choice(_KIND_FORMS).format_map(slots)))
    return "\n".join(lines)


def write_mood(rng: random.Random, mood: str, patterns: Sequence[str] = ()) -> tuple[str, world.Person]:
    """Write a sentence that tells a mood (with one of these patterns, if given), and say who feels it."""
    slots = talk_slots(rng) | {"animal": rng.choice(world.PETS)}
    person = next(one for one in world.PEOPLE if one.name == slots["n"])
    return expand(rng, rng.choice(patterns or MOODS[mood]), slots), person


def mood_document(rng: random.Random) -> str:
    """How somebody feels, told by what happens."""
    lines = []
    for _ in range(rng.choice((2, 3, 4))):
        mood = rng.choice(("happy", "sad", *sorted(MOODS)))
        event, person = write_mood(rng, mood)
        forms = _MOOD_FORMS if person.name in event else _MOOD_FORMS[-3:]
        slots = {"e": event, "n": person.name, "He": capital(person.he), "mood": mood}
        lines.append(tidy(capital(rng.choice(forms).format_map(slots))))
    return "\n".join(lines)


def ideas_document(rng: random.Random) -> str:
    """Ways to reach something, as a paragraph or as a numbered list."""
    goal, many = rng.choice(sorted(IDEAS)), rng.choice((3, 4, 5))
    slots = talk_slots(rng)
    ideas = [uncapital(expand(rng, idea, slots)) for idea in rng.sample(IDEAS[goal], many)]
    slots |= {"goal": uncapital(expand(rng, goal)), "number": world.NUMBERS[many], "all": and_list(ideas)}
    form = rng.random()
    if form < 0.4:
        heads = "{number} ways to {goal}:|How to {goal}:|Ideas to {goal}:|{n} wrote down {number} ways to {goal}:"
        rows = [f"{place}. {capital(idea)}." for place, idea in enumerate(ideas, 1)]
        return "\n".join([expand(rng, f"[{heads}]", slots), *rows])
    if form < 0.7:
        short = "To {goal}, {all}.|If you want to {goal}, {all}.|{n} has {number} ideas to {goal}: {all}."
        return expand(rng, f"[{short}]", slots)
    starters = ("First, ", "Then ", "Also ", "Next, ", "Last, ")
    linked = " ".join(
        expand(rng, f"[You can|You could|It helps to|Try to|It is good to|{starter}] {idea}.")
        for starter, idea in zip(starters, ideas, strict=False)
    )
    opening = "How can we {goal}?|There are many ways to {goal}.|{n} wants to {goal}."
    return f"{expand(rng, f'[{opening}]', slots)} {linked}"
