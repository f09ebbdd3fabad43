"""Facts in prose and in questions, little dialogues, and stories with title, summary or questions."""

import random

from rlhf_studio.example import world
from rlhf_studio.example.facts import FACTS, Fact
from rlhf_studio.example.stories import write_story
from rlhf_studio.example.wording import capital, expand, plural, sections, tidy

_TALK = dict(sections("talk"))
CLAIMS = [
    fact for fact in FACTS if fact.relation in ("colour", "capital", "kind", "legs") and "orange" not in fact.subject
]


def say_fact(rng: random.Random, fact: Fact, frames: list[str]) -> str:
    """Put one fact into a frame of prose or talk."""
    one, two = world.pick_people(rng, 2)
    clause = rng.choice(fact.statements)
    slots = {"f": clause, "F": capital(clause), "Q": rng.choice(fact.questions), "A": capital(fact.answer)}
    return expand(rng, rng.choice(frames), slots | {"n": one.name, "m": two.name})


def facts_document(rng: random.Random) -> str:
    """Two to five facts in prose, half of the documents about one relation."""
    first = rng.choice(FACTS)
    same = [fact for fact in FACTS if fact.relation == first.relation]
    pool = same if rng.random() < 0.5 else list(FACTS)
    told = [first, *rng.sample(pool, rng.choice((1, 2, 3, 4)))]
    return " ".join(say_fact(rng, fact, _TALK["prose"]) for fact in told)


def questions_document(rng: random.Random) -> str:
    """Two to four questions about facts with their answers."""
    frames = [rng.choice(_TALK["answered"])] if rng.random() < 0.5 else _TALK["answered"]
    return "\n".join(say_fact(rng, fact, frames) for fact in rng.sample(FACTS, rng.choice((2, 3, 3, 4))))


def true_or_false_document(rng: random.Random) -> str:
    """Is it so? Yes, or no and how it is."""
    lines = []
    for fact in rng.sample(CLAIMS, 3):
        truth = fact.statements[0]
        answers = sorted({other.answer for other in CLAIMS if other.relation == fact.relation} - {fact.answer})
        right = rng.random() < 0.5
        claim = truth if right else truth.replace(fact.answer, rng.choice(answers))
        asked = f"{rng.choice(('Is it true that', 'Is it right that'))} {claim}?"
        lines.append(tidy(f"{asked} {'Yes' if right else 'No'}, {truth}."))
    return "\n".join(lines)


def talk_slots(rng: random.Random) -> dict[str, str]:
    """Draw what a dialogue, an event or an idea may mention."""
    one, two, third = world.pick_people(rng, 3)
    food = rng.choice(world.FOODS)
    return {
        "n": one.name, "m": two.name, "x": third.name, "food": food, "foods": plural(food),
        "meal": rng.choice(world.MEALS), "drink": rng.choice(world.DRINKS), "thing": rng.choice(world.THINGS),
        "colour": rng.choice(world.COLOURS), "place": world.at(rng.choice(world.PLACES)),
        "to": f"to the {rng.choice(world.OUTINGS)}", "p": rng.choice(world.INDOOR), "pet": rng.choice(world.PETS),
        "number": rng.choice(world.NUMBERS[2:13]), "animal": rng.choice(world.ANIMALS),
        "door": rng.choice(("door", "window", "box", "gate")),
    }  # fmt: skip


def write_exchanges(rng: random.Random, slots: dict[str, str], count: int) -> list[tuple[str, str]]:
    """Write question and answer pairs of small talk, the last one a farewell or thanks."""
    drawn = [*rng.sample(_TALK["openers"], count), rng.choice(_TALK["closers"])]
    pairs = []
    for exchange in drawn:
        slots |= {name: talk_slots(rng)[name] for name in ("thing", "meal", "food", "place", "colour")}
        slots["foods"] = plural(slots["food"])
        ask, answer = exchange.split(" => ")
        pairs.append((expand(rng, ask, slots), expand(rng, answer, slots)))
    return pairs


def dialogue_document(rng: random.Random) -> str:
    """Two people talk: one asks, the other answers."""
    slots = talk_slots(rng)
    pairs = write_exchanges(rng, slots, rng.choice((1, 2, 2, 3)))
    marks = ("A", "B") if rng.random() < 0.3 else (slots["n"], slots["m"])
    if rng.random() >= 0.35:
        return "\n".join(f"{marks[0]}: {ask}\n{marks[1]}: {answer}" for ask, answer in pairs)
    lines = []
    for ask, answer in pairs:
        verb = "asked" if ask.endswith("?") else "said"
        lines.append(f'"{_spoken(ask)}" {verb} {slots["n"]}. "{_spoken(answer)}" said {slots["m"]}.')
    return "\n".join(lines)


def _spoken(sentence: str) -> str:
    """Return the sentence as it stands before "said"."""
    return sentence[:-1] + "," if sentence.endswith(".") else sentence


def story_document(rng: random.Random) -> str:
    """A story alone."""
    return write_story(rng).text


def titled_document(rng: random.Random) -> str:
    """A story with its title before or after, with a short summary or with questions about it."""
    story = write_story(rng)
    asked = rng.sample(story.questions, min(2, len(story.questions)))
    answers = "\n".join(f"{ask} {answer}" for ask, answer in asked)
    return rng.choice((
        f"{story.title}\n{story.text}",
        f"{story.title}.\n{story.text}",
        f"{story.text}\nThe title of the story is: {story.title}",
        f"{story.text}\nIn short: {story.summary}",
        f"{story.text}\n{story.summary}",
        f"{story.summary}\n{story.text}",
        f"{story.text}\n{answers}",
        f"{story.text}\n{answers}",
    ))  # fmt: skip
