"""Writes stories: draws characters and a plot, fills the plot's beats and ends in the asked mood."""

import random
from dataclasses import dataclass

from rlhf_studio.example import plots, world
from rlhf_studio.example.wording import capital, expand, plural, words

MOODS = ("happy", "sad", "neutral")
_LOOKS = "[little|small|big|young|old|brown|white|grey|black|clever|shy|friendly]"
_PET_NAMES = words("Rex Bella Spot Luna Max Milo Daisy Coco")


@dataclass(frozen=True, slots=True)
class Story:
    """A story with what it is about and how it ends."""

    text: str
    title: str
    summary: str
    topic: str
    mood: str


def _topic_word(rng: random.Random, options: list[str] | tuple[str, ...], label: str, name: str) -> str:
    """Draw a word that is neither a held-out topic nor in a held-out combination with the hero's name."""
    while True:
        word = rng.choice(options)
        if word not in world.HELD_OUT_TOPICS and not world.held_out(label, name, word):
            return word


def story_slots(rng: random.Random) -> dict[str, str]:
    """Draw everything a plot may mention."""
    hero, pal = world.pick_people(rng, 2)
    place, place2 = rng.sample(world.PLACES, 2)
    outing, outing2 = rng.sample(world.OUTINGS, 2)
    animal, animal2 = rng.sample(world.ANIMALS, 2)
    if rng.random() < 0.06:
        animal, animal2, outing = "bear", "seal", "beach"
    food = rng.choice(world.FOODS)
    meal, meal2 = rng.sample(world.MEALS, 2)
    number, number2 = sorted(rng.sample(range(2, 10), 2))
    return {
        "hero": hero.name, "Hero": hero.name, "he": hero.he, "him": hero.him, "his": hero.his,
        "He": capital(hero.he), "His": capital(hero.his),
        "pal": pal.name, "Pal": pal.name, "phe": pal.he, "phim": pal.him, "phis": pal.his,
        "thing": _topic_word(rng, world.THINGS, "story", hero.name), "thing2": rng.choice(world.THINGS),
        "animal": animal, "animal2": animal2, "look": _LOOKS, "look2": _LOOKS, "pet": rng.choice(_PET_NAMES),
        "food": food, "foods": plural(food), "meal": meal, "meal2": meal2, "drink": rng.choice(world.DRINKS),
        "dish": rng.choice(("cake", "soup", "salad")), "colour": rng.choice(world.COLOURS),
        "size": rng.choice(world.SIZES), "day": rng.choice(world.KINDS["day of the week"]),
        "number": world.NUMBERS[number2], "number2": world.NUMBERS[number],
        "place": world.at(place), "place2": world.at(place2), "wild": world.at(outing2), "to": f"to the {outing}", "to2": f"to the {outing2}",
    }  # fmt: skip


def write_story(rng: random.Random, mood: str | None = None, kinds: tuple[str, ...] = ()) -> Story:
    """Write one story of 4 to 8 short sentences; mood is "happy", "sad" or "neutral", drawn where None."""
    chosen = mood or rng.choice(MOODS)
    options = [plot for plot in plots.PLOTS if not kinds or plot.topic in kinds]
    plot = rng.choice(options)
    slots = story_slots(rng)
    if slots["thing2"] == slots["thing"]:
        slots["thing2"] = "book" if slots["thing"] != "book" else "map"
    happy = rng.sample(plots.HAPPY, 2)
    moods = {"HAPPY": happy[0], "HAPPY2": happy[1], "SAD": rng.choice(plots.SAD), "NEUTRAL": rng.choice(plots.NEUTRAL)}
    slots |= {name: text.format_map(slots) for name, text in moods.items()}
    beats = [beat.lstrip("?") for beat in plot.beats if not beat.startswith("?") or rng.random() < 0.6]
    endings = {"happy": plot.happy, "sad": plot.sad, "neutral": plot.neutral}[chosen]
    text = expand(rng, " ".join([*beats, rng.choice(endings)]), slots)
    topic = _topic(plot, slots)
    return Story(text, _title(rng, topic, slots, plot), _summary(rng, topic, slots, plot, chosen), topic, chosen)


def _topic(plot: plots.Plot, slots: dict[str, str]) -> str:
    names = {"thing": "thing", "animal": "animal", "two animals": "animal", "food": "food", "person": "hero"}
    return slots[names[plot.topic]]


def _title(rng: random.Random, topic: str, slots: dict[str, str], plot: plots.Plot) -> str:
    forms = {
        "thing": "[The {thing}|{hero} and the {thing}|The story of a {thing}|{hero}'s {thing}]",
        "animal": "[The {animal}|The story of a {animal}|The {animal} and {pal}]",
        "two animals": "[The {animal} and the {animal2}|Two friends|A {animal} meets a {animal2}]",
        "food": "[The {foods}|{hero}, {pal} and the {foods}]",
        "person": "[A day with {hero}|{hero} and {pal}|The story of {hero}]",
    }
    title = expand(rng, forms[plot.topic], slots)
    return title or topic


def _summary(rng: random.Random, topic: str, slots: dict[str, str], plot: plots.Plot, mood: str) -> str:
    end = {"happy": "[happy|good|friendly]", "sad": "[sad|unhappy]", "neutral": "[quiet|calm]"}[mood]
    about = {
        "thing": "{hero} and [a|the|{his}] {thing}",
        "animal": "a {animal}",
        "two animals": "a {animal} and a {animal2}",
        "food": "{hero}, {pal} and some {foods}",
        "person": "{hero} and {pal}",
    }[plot.topic]
    form = f"[It is a story about {about}. The end is {end}.|A {end} story about {about}.|{about}: a story with a {end} end.]"
    return expand(rng, form, slots) or topic
