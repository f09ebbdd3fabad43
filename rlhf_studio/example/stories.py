"""Writes stories: draws characters and a plot, fills the plot's beats and ends in the asked mood."""

import random
from collections.abc import Mapping
from dataclasses import dataclass

from rlhf_studio.example import world
from rlhf_studio.example.wording import capital, expand, plural, sections, tidy, words

MOODS = ("happy", "sad", "neutral")
_MARKS = {"+": "happy", "-": "sad", "=": "neutral"}
_LOOKS = "[little|small|big|young|old|brown|white|grey|black|clever|shy|friendly]"
_PET_NAMES = words("Rex Bella Spot Luna Max Milo Daisy Coco")


@dataclass(frozen=True, slots=True)
class Plot:
    """One spine: beats in order ("?" may be left out) and endings by mood."""

    topic: str
    beats: tuple[str, ...]
    endings: dict[str, tuple[str, ...]]


@dataclass(frozen=True, slots=True)
class Story:
    """A story with what it is about, who is in it and how it ends."""

    text: str
    title: str
    summary: str
    topic: str
    mood: str
    questions: tuple[tuple[str, str], ...]


def _read_plots() -> list[Plot]:
    found = []
    for topic, lines in sections("plots"):
        endings = {mood: tuple(line[2:] for line in lines if line[:2] == f"{mark} ") for mark, mood in _MARKS.items()}
        found.append(Plot(topic, tuple(line for line in lines if line[:2] not in ("+ ", "- ", "= ")), endings))
    return found


SHARED, *PLOTS = _read_plots()


def plots_of(kinds: tuple[str, ...] = ()) -> list[Plot]:
    """Return the plots whose topic is one of these kinds; all without any."""
    return [plot for plot in PLOTS if not kinds or plot.topic in kinds]


def _topic_word(rng: random.Random, options: list[str] | tuple[str, ...], name: str) -> str:
    """Draw a word that is neither a held-out topic nor in a held-out combination with the hero's name."""
    while True:
        word = rng.choice(options)
        if word not in world.HELD_OUT_TOPICS and not world.held_out("story", name, word):
            return word


def story_slots(rng: random.Random) -> dict[str, str]:
    """Draw everything a plot may mention."""
    hero, pal = world.pick_people(rng, 2)
    place, place2 = rng.sample(world.PLACES, 2)
    outing, outing2 = rng.sample(world.OUTINGS, 2)
    animal, animal2 = rng.sample(world.ANIMALS, 2)
    if rng.random() < 0.06:
        animal, animal2, outing = "bear", "seal", "beach"
    food, number = rng.choice(world.FOODS), rng.randrange(3, 10)
    meal, meal2 = rng.sample(world.MEALS, 2)
    thing = _topic_word(rng, world.THINGS, hero.name)
    slots = {
        "hero": hero.name, "he": hero.he, "him": hero.him, "his": hero.his,
        "pal": pal.name, "phe": pal.he, "phim": pal.him, "phis": pal.his,
        "thing": thing, "thing2": rng.choice([word for word in world.THINGS if word != thing]),
        "animal": animal, "animal2": animal2, "look": _LOOKS, "look2": _LOOKS, "pet": rng.choice(_PET_NAMES),
        "food": food, "foods": plural(food), "meal": meal, "meal2": meal2, "drink": rng.choice(world.DRINKS),
        "dish": rng.choice(("cake", "soup", "salad")), "colour": rng.choice(world.COLOURS),
        "size": rng.choice(world.SIZES), "day": rng.choice(world.KINDS["day of the week"]),
        "number": world.NUMBERS[number], "number2": world.NUMBERS[rng.randrange(2, number)],
        "place": world.at(place), "place2": world.at(place2), "to": f"to the {outing}", "to2": f"to the {outing2}",
        "wild": world.at(outing), "wild2": world.at(outing2),
    }  # fmt: skip
    return slots | {capital(name): capital(slots[name]) for name in ("hero", "he", "his", "pal", "phe", "number")}


def write_story(
    rng: random.Random,
    mood: str | None = None,
    kinds: tuple[str, ...] = (),
    given: Mapping[str, str] | None = None,
    *,
    plot: Plot | None = None,
) -> Story:
    """Write one story of 3 to 8 short sentences; mood is "happy", "sad" or "neutral", drawn where None.

    kinds restricts the plots by topic unless the plot is given; given replaces drawn slots, as in {"thing": "hat"}.
    """
    chosen = mood or rng.choice(MOODS)
    plot = plot or rng.choice(plots_of(kinds))
    slots = story_slots(rng) | dict(given or {})
    for name, texts in SHARED.endings.items():
        first, second = rng.sample(texts, 2)
        slots |= {name.upper(): first.format_map(slots), f"{name.upper()}2": second.format_map(slots)}
    beats = [beat.removeprefix("? ") for beat in plot.beats if beat[0] != "?" or rng.random() < 0.6]
    text = expand(rng, " ".join([*beats, rng.choice(plot.endings[chosen])]), slots)
    names = {"thing": "thing", "animal": "animal", "two animals": "animal", "food": "food", "person": "hero"}
    title, summary = _title(rng, slots, plot), _summary(rng, slots, plot, chosen)
    return Story(text, title, summary, slots[names[plot.topic]], chosen, _questions(slots, plot, text, chosen))


def _title(rng: random.Random, slots: dict[str, str], plot: Plot) -> str:
    forms = {
        "thing": "[The {thing}|{hero} and the {thing}|The story of a {thing}|{hero}'s {thing}]",
        "animal": "[The {animal}|The story of a {animal}|A tale of a {animal}]",
        "two animals": "[The {animal} and the {animal2}|Two animals|A {animal} meets a {animal2}]",
        "food": "[The {foods}|{hero} and the {foods}]",
        "person": "[A day with {hero}|{hero} and {pal}|The story of {hero}]",
    }
    return expand(rng, forms[plot.topic], slots)


def _about(plot: Plot) -> str:
    return {
        "thing": "{hero} and a {thing}",
        "animal": "a {animal}",
        "two animals": "a {animal} and a {animal2}",
        "food": "{hero} and some {foods}",
        "person": "{hero} and {pal}",
    }[plot.topic]


def _summary(rng: random.Random, slots: dict[str, str], plot: Plot, mood: str) -> str:
    end = {"happy": "[happy|good|friendly]", "sad": "[sad|unhappy]", "neutral": "[quiet|calm]"}[mood]
    about = _about(plot)
    form = f"[It is a story about {about}. The end is {end}.|A {end} story about {about}.|A story about {about}.]"
    return expand(rng, form, slots)


def _questions(slots: dict[str, str], plot: Plot, text: str, mood: str) -> tuple[tuple[str, str], ...]:
    """Ask what can be answered from the story whatever its plot."""
    found = [("What is the story about?", f"It is about {_about(plot)}.")]
    people = [slots[name] for name in ("hero", "pal") if slots[name] in text]
    if people:
        found.append(("Who is in the story?", f"{' and '.join(people)}."))
    if plot.topic == "thing" and f"{slots['colour']} {slots['thing']}" in text:
        found.append(("What colour was the {thing}?", "The {thing} was {colour}."))
    end = {"happy": "It has a happy end.", "sad": "It has a sad end.", "neutral": "It has a quiet end."}[mood]
    found.append(("How does the story end?", end))
    return tuple((tidy(ask.format_map(slots)), tidy(answer.format_map(slots))) for ask, answer in found)
