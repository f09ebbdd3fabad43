"""Tasks with one right answer: questions, classes, extraction, and the small ones called "other"."""

import random

from rlhf_studio.example import world
from rlhf_studio.example.checks import Rule
from rlhf_studio.example.dialogues import CLAIMS, talk_slots
from rlhf_studio.example.facts import FACTS, Fact
from rlhf_studio.example.lists import LISTED, MOODS, write_mood
from rlhf_studio.example.passages import OF_THINGS, Passage, write_passage
from rlhf_studio.example.retellings import EVENTS
from rlhf_studio.example.tasks import (
    MORE_EVENTS,
    MORE_MOODS,
    Family,
    Pool,
    Task,
    ask,
    fill,
    phrase,
    pooled,
    pooled_by_name,
)
from rlhf_studio.example.wording import and_list, capital, tidy, with_article

_ASKED = ("capital", "colour", "sound", "legs", "baby", "home", "food", "made of", "use", "job", "shop", "language",
          "sense", "number", "single")  # fmt: skip
# not asked by name in questions about a text, since the answer could be read in two ways
_LOOKUPS = ("place", "was", "went", "has", "coloured", "pet", "likes", "eats", "drinks", "wears", "job", "from", "day",
            "plays", "favourite", "lies", "looks", "wants", "sees")  # fmt: skip


def _name(fact: Fact) -> str:
    return f"{fact.relation} {fact.subject}"


def _facts(pool: Pool, relations: tuple[str, ...]) -> list[Fact]:
    return [fact for fact in pooled_by_name(FACTS, pool, _name) if fact.relation in relations]


def _sentence(clause: str) -> str:
    return tidy(capital(clause) + ".")


def _fact(rng: random.Random, pool: Pool) -> Task:
    relations = [name for name in _ASKED if any(fact.relation == name for fact in _facts(pool, _ASKED))]
    fact = rng.choice(_facts(pool, (rng.choice([*relations, "single", "capital"]),)))
    asked = ask(rng, "fact", tidy(rng.choice(fact.questions)))
    answers = tuple(_sentence(clause) for clause in fact.statements[:2])
    rest = fact.answer.removeprefix("to ")
    without = ("minus",) if fact.answer == "cosine" else ()
    return Task("open_qa", fact.relation, (asked,), answers, Rule("says", (rest,), without))


def _mood(rng: random.Random, pool: Pool) -> Task:
    mood = rng.choice(("happy", "sad"))
    text, person = write_mood(rng, mood, pooled(MOODS[mood], pool, MORE_MOODS[mood]))
    asked = phrase(rng, "mood", s=f'"{text}"' if rng.random() < 0.3 and '"' not in text else text, n=person.name)
    other = "sad" if mood == "happy" else "happy"
    return Task("classification", "mood", (asked,), (f"{capital(mood)}.",), Rule("says", (mood,), (other,)))


def _kind(rng: random.Random, pool: Pool) -> Task:
    kind, other = rng.sample(sorted(LISTED.keys() - {"job"}), 2)
    words = [word for word in LISTED[kind] if word not in LISTED[other]]
    word = rng.choice(pooled_by_name(words, pool, str) or words)
    thing = word if kind in world.UNCOUNTED else with_article(word)
    one, two = rng.sample([with_article(kind), with_article(other)], 2)
    asked = phrase(rng, "kind", thing=thing, one=one, two=two)
    answer = _sentence(f"{thing} is {with_article(kind)}")
    return Task("classification", "kind", (asked,), (answer,), Rule("says", (kind,), (other,)))


def _truth(rng: random.Random, pool: Pool) -> Task:
    fact = rng.choice(pooled_by_name(CLAIMS, pool, _name))
    truth, is_right = fact.statements[0], rng.random() < 0.5
    others = sorted({other.answer for other in CLAIMS if other.relation == fact.relation} - {fact.answer})
    claim = truth if is_right else truth.replace(fact.answer, rng.choice(others))
    asked = phrase(rng, "truth", s=tidy_clause(claim), S=capital(tidy_clause(claim)))
    answer = tidy(f"{'Yes' if is_right else 'No'}, {truth}.")
    rule = Rule("says", ("yes",), ("no",)) if is_right else Rule("says", ("no",), ("yes",))
    if fact.answer == "no":  # "No, a snake has no legs": the word does not tell the class
        rule = Rule("says", ("no",), () if not is_right else ("four",))
    return Task("classification", "truth", (asked,), (answer,), rule)


def tidy_clause(clause: str) -> str:
    """Put the articles of a clause right and leave its first letter as it is."""
    return tidy(f"x {clause}").removeprefix("X ")


def _passage(rng: random.Random, pool: Pool, names: tuple[str, ...], counts: tuple[int, ...]) -> Passage:
    return write_passage(rng, rng.choice(names), rng.choice(counts), is_test=pool == "test")


def _lookup(rng: random.Random, pool: Pool) -> Task:
    passage = _passage(rng, pool, _LOOKUPS, (1, 2, 2, 3))
    question = passage.questions[0]
    asked = ask(rng, "question", question.ask, p=passage.text)
    one = passage.subjects if question.key in passage.subjects else passage.values
    others = tuple(word for word in one if word != question.key)
    if question.key in passage.values:
        others = tuple(_telling(word, question.key) for word in others)
    answers = (question.full, question.short) if rng.random() < 0.15 else (question.full,)
    return Task("closed_qa", passage.lookup, (asked,), answers, Rule("says", (question.key,), others))


def _telling(other: str, key: str) -> str:
    """Return the part of a wrong value that the right one does not share, as "red" of "red hat"."""
    different = [word for word in other.split() if word not in key.split()]
    return " ".join(different) if different else other


def _read_fact(rng: random.Random, pool: Pool) -> Task:
    one, two = rng.sample(_facts(pool, ("capital", "colour", "home", "food", "job", "language")), 2)
    asked = ask(
        rng, "question", tidy(one.questions[0]), p=f"{_sentence(one.statements[0])} {_sentence(two.statements[0])}"
    )
    return Task("closed_qa", "fact", (asked,), (_sentence(one.statements[0]),), Rule("says", (one.answer,)))


def _people(rng: random.Random, pool: Pool) -> Task:
    names = tuple(name for name in _LOOKUPS if name not in OF_THINGS)
    passage = _passage(rng, pool, names, (1, 2, 2, 3))
    words = plain_names(passage.text)
    ordered = sorted({who.name for who in world.PEOPLE} & set(words), key=words.index)
    asked = phrase(rng, "people", p=passage.text)
    return Task("extract", "people", (asked,), (f"{and_list(ordered)}.",), Rule("names", tuple(ordered)))


def plain_names(text: str) -> list[str]:
    """Return the words of a text without punctuation, as written."""
    return [word.strip('.,!?":;').removesuffix("'s") for word in text.split()]


# (what is asked for, slot of a pattern, words it can be)
_FINDABLE = (
    ("animal", "animal", world.ANIMALS),
    ("colour", "colour", world.COLOURS),
    ("place", "place", list(world.PLACES)),
    ("person", "n", [who.name for who in world.PEOPLE]),
    ("fruit", "food", world.KINDS["fruit"][:10]),
)
_PLAIN_PATTERNS = {
    "animal": "{n} sees a {animal}",
    "colour": "{n} has a {colour} {thing}",
    "place": "{n} was {place}",
    "n": "{n} was {place}",
    "food": "{n} ate a {food}",
}


def _find(rng: random.Random, pool: Pool) -> Task:
    what, slot, words = rng.choice(_FINDABLE)
    word = rng.choice(pooled(words, pool))
    patterns = [part for event in pooled(EVENTS, pool, MORE_EVENTS) for part in event[:2] if f"{{{slot}}}" in part]
    patterns = [part for part in patterns if "{m}" not in part] or [_PLAIN_PATTERNS[slot]]
    shown = world.at(word) if slot == "place" else word
    text = fill(rng, rng.choice(patterns), talk_slots(rng) | {slot: shown})
    others = tuple(other for other in words if other != word and other.lower() in plain_names(text.lower()))
    asked = phrase(rng, "find", what=what, p=text)
    answer = f"{capital(word)}." if slot in ("n", "colour") else f"The {word}."
    return Task("extract", f"find {what}", (asked,), (answer,), Rule("says", (word,), others))


def _odd(rng: random.Random, pool: Pool) -> Task:
    kind, other = rng.sample(sorted(LISTED), 2)
    inside = [word for word in LISTED[kind] if word not in LISTED[other]]
    outside = [word for word in LISTED[other] if word not in LISTED[kind]]
    odd = rng.choice(pooled_by_name(outside, pool, str) or outside)
    three = [*rng.sample(inside, 2), odd]
    rng.shuffle(three)
    asked = phrase(rng, "odd", s=", ".join(three))
    rule = Rule("says", (odd,), tuple(word for word in three if word != odd))
    return Task("other", "odd", (asked,), (f"{capital(odd)} does not fit.",), rule)


def _opposite(rng: random.Random, pool: Pool) -> Task:
    fact = rng.choice(_facts(pool, ("opposite",)))
    asked = phrase(rng, "opposite", s=fact.subject)
    return Task("other", "opposite", (asked,), (_sentence(fact.statements[0]),), Rule("says", (fact.answer,)))


def _sum(rng: random.Random, pool: Pool) -> Task:
    fact = rng.choice(_facts(pool, ("sum",)))
    numbers = {fact.answer, *fact.subject.split(" plus ")}
    others = tuple(number for number in world.NUMBERS if number not in numbers)
    answer = _sentence(fact.statements[0])
    return Task("other", "sum", (phrase(rng, "sum", s=fact.subject),), (answer,), Rule("says", (fact.answer,), others))


def _after(rng: random.Random, pool: Pool) -> Task:
    fact = rng.choice(_facts(pool, ("order",)))
    word = "day" if fact.subject.endswith("day") else "month"
    asked = phrase(rng, "after", s=fact.subject, word=word)
    return Task("other", "after", (asked,), (_sentence(fact.statements[0]),), Rule("says", (fact.answer,)))


def _copy(rng: random.Random, pool: Pool) -> Task:
    text = fill(rng, rng.choice(pooled(EVENTS, pool, MORE_EVENTS))[1], talk_slots(rng))
    return Task("other", "copy", (phrase(rng, "copy", s=text),), (text,), Rule("same", (text,)))


FAMILIES = (
    Family("open_qa", "fact", 1.0, _fact),
    Family("classification", "mood", 0.4, _mood),
    Family("classification", "kind", 0.4, _kind),
    Family("classification", "truth", 0.2, _truth),
    Family("closed_qa", "lookup", 0.85, _lookup),
    Family("closed_qa", "fact", 0.15, _read_fact),
    Family("extract", "people", 0.5, _people),
    Family("extract", "find", 0.5, _find),
    Family("other", "odd", 0.2, _odd),
    Family("other", "opposite", 0.25, _opposite),
    Family("other", "sum", 0.2, _sum),
    Family("other", "after", 0.1, _after),
    Family("other", "copy", 0.25, _copy),
)
