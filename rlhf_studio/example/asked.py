"""Documents in which what was asked is marked, so that a small model can be made to learn just that.

In running text one word in twenty is an answer that must be looked up or known, and a small model that learns all
words alike does not learn those (resources/docs/LOG.md).
"""

import random
from collections.abc import Callable

from rlhf_studio.example import lists, world
from rlhf_studio.example.facts import FACTS, Fact
from rlhf_studio.example.passages import Passage, Question, write_double_passage, write_passage
from rlhf_studio.example.wording import and_list, capital, plural, tidy, with_article

OPEN, CLOSE = "⟦", "⟧"  # around each answer; taken out before a model reads the text
_SEVERAL = (2, 2, 3, 3, 4)


def marked(text: str, answer: str) -> str:
    """Mark where the answer stands last in the text; the text as it is where it does not."""
    place = text.lower().rfind(answer.lower())
    if place < 0:
        return text
    return f"{text[:place]}{OPEN}{text[place : place + len(answer)]}{CLOSE}{text[place + len(answer) :]}"


def asked_document(rng: random.Random) -> str:
    """A passage with all its questions, or some facts, moods, kinds or odd words, each answer marked."""
    writers: tuple[Callable[[random.Random], str], ...] = (_passage, _facts, _moods, _kinds)
    return rng.choices(writers, (70, 20, 5, 5))[0](rng)


def _passage(rng: random.Random) -> str:
    passage = write_double_passage(rng) if rng.random() < 0.15 else write_passage(rng, count=rng.choice(_SEVERAL))
    between = rng.choice((" ", "\n"))
    asked = [_answered(rng, question) for question in (*passage.questions, passage.questions[0])]
    if rng.random() < 0.25:
        asked.append(_everybody(passage))
    return between.join([passage.text, *asked])


def _answered(rng: random.Random, question: Question) -> str:
    answer = question.short if rng.random() < 0.25 else question.full
    return f"{question.ask}{rng.choice((' ', chr(10)))}{marked(answer, question.key)}"


def _everybody(passage: Passage) -> str:
    """Everybody or everything that was told about, in the order of mention."""
    people = {who.name for who in world.PEOPLE}
    if not set(passage.subjects) <= people:
        return ""
    words = [word.strip('.,!?":;').removesuffix("'s") for word in passage.text.split()]
    named = sorted(people & set(words), key=words.index)
    return f"Who is named here? {OPEN}{and_list(named)}{CLOSE}."


def _facts(rng: random.Random) -> str:
    return rng.choice((" ", "\n")).join(_fact(rng, fact) for fact in rng.sample(FACTS, rng.choice((3, 4, 5))))


def _fact(rng: random.Random, fact: Fact) -> str:
    telling = [text for text in fact.statements if text.endswith(fact.answer)] or list(fact.statements)
    said = marked(capital(f"{tidy(rng.choice(telling))}."), fact.answer)
    return said if rng.random() < 0.5 else f"{tidy(rng.choice(fact.questions))} {said}"


def _moods(rng: random.Random) -> str:
    lines = []
    for _ in range(3):
        mood = rng.choice(("happy", "sad"))
        event, person = lists.write_mood(rng, mood)
        lines.append(f"{event} {rng.choice((capital(person.he), person.name))} feels {OPEN}{mood}{CLOSE}.")
    return "\n".join(lines)


def _kinds(rng: random.Random) -> str:
    lines = []
    for _ in range(3):
        kind, other = rng.sample(sorted(lists.LISTED), 2)
        item, second = rng.sample([word for word in lists.LISTED[kind] if word not in lists.LISTED[other]], 2)
        odd = rng.choice([word for word in lists.LISTED[other] if word not in lists.LISTED[kind]])
        shown = ", ".join(rng.sample((item, second, odd), 3))
        one = item if kind in world.UNCOUNTED else with_article(item)
        forms = (
            f"{capital(shown)}: which word does not fit? {OPEN}{capital(odd)}{CLOSE}.",
            f"{capital(one)} is {OPEN}{with_article(kind)}{CLOSE}.",
            f"Is {one} one of the {plural(kind)} or of the {plural(other)}? One of the {OPEN}{plural(kind)}{CLOSE}.",
        )
        lines.append(rng.choice(forms))
    return "\n".join(lines)
