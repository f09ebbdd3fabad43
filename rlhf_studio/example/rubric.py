"""Gold rewards: what a scripted labeler likes, and how it ranks answers with a known share of mistakes."""

import random
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Any, Protocol

from rlhf_studio.example import world
from rlhf_studio.example.checks import Rule, obeys, plain_words, sentences
from rlhf_studio.example.wording import plural, seeded, words

_GLAD = frozenset(
    words(
        "happy glad proud cheerful pleased joyful delighted joy smile smiled smiling laughed laughing danced dancing "
        "sang hugged friend friends cheered clapped loved wonderful lovely best thank thanked safe together"
    )
)
_SORRY = frozenset(
    words(
        "sad unhappy lonely disappointed upset gloomy cried tears sadly saddest alone never angry unfair heavy bad not "
        "missed"
    )
)
# these are overcome where somebody is glad in the same sentence: "Tom found the lost hat and was happy."
_TROUBLE = frozenset(words("lost broke broken hungry cold gone afraid ill hurt"))
_NOT_SORRY = (("never been so", "been so"), ("not stop smiling", "smiling"), ("not believe his luck", "smiling"))
_FRAME = frozenset(
    words(
        "a an the of to in on at by for and or is are was were be do does did has have had it its this that these "
        "those i you me my your he she him her his they we us our them what who where when which how why write tell "
        "make give think please short little small story stories tale read hear want wants like would could can need "
        "about with very one some called girl boy children child daughter son goes go where meets meet finds find "
        "becomes become friends friend home again returns then sentence use word say said text here now from up am if "
        "there teacher class paper brother know website work library help school game answer question tales name list "
        "ideas ways"
    )
)
_STORY = re.compile(
    r"\b(stor(y|ies)|tale)\b.*\b(about|where|with|in which|of|for)\b|\b(write|tell|make up)\b.*\bstory\b", re.IGNORECASE
)
_QUOTED_TASK = re.compile(r"\b(this story|the story|title|sum(marize)?|ways|ideas|tips)\b", re.IGNORECASE)
_MANY = re.compile(rf"\b({'|'.join(world.NUMBERS[2:11])})\b", re.IGNORECASE)
_LISTING = re.compile(r"\b(list|name|names|ideas|ways|tips|give|tell|think|need)\b", re.IGNORECASE)


_WRONG = 0.5  # what is left of the score of an answer that breaks its rule


class Rubric(Protocol):
    """A written idea of a better answer, with a number for it."""

    @property
    def name(self) -> str:
        """Its short name in settings and files."""

    @property
    def description(self) -> str:
        """What a labeler is told."""

    def score(self, prompt_text: str, answer_text: str) -> float:
        """Return how good the answer is, 0 (worst) to 1 (best)."""


def is_story_prompt(prompt_text: str) -> bool:
    """Say whether the prompt asks for a story (and does not show one to be summed up)."""
    return bool(_STORY.search(prompt_text)) and not _QUOTED_TASK.search(prompt_text)


def topic_words(prompt_text: str) -> list[str]:
    """Return the words of the prompt that an answer should take up, each once."""
    return list(dict.fromkeys(word for word in plain_words(prompt_text) if word not in _FRAME and len(word) > 1))


def kept_topic(prompt_text: str, answer_text: str) -> float:
    """Return the share of the prompt's topic words that come back, 0 to 1; 1 where the prompt has none."""
    topic, answered = topic_words(prompt_text), set(plain_words(answer_text))
    if not topic:
        return 1.0
    return sum(word in answered or plural(word) in answered for word in topic) / len(topic)


def distinct_pairs(answer_text: str) -> float:
    """Return the share of different word pairs among all word pairs (distinct-2), 0 to 1."""
    found = plain_words(answer_text)
    pairs = list(pairwise(found))
    return len(set(pairs)) / len(pairs) if pairs else 1.0


def repeats(answer_text: str) -> int:
    """Return how many sentences come more than once."""
    parts = [" ".join(plain_words(part)) for part in sentences(answer_text)]
    return len(parts) - len(set(parts))


def is_complete(prompt_text: str, answer_text: str) -> bool:
    """Say whether the answer begins like a sentence and, unless it is a title, ends with a full stop or the like."""
    text = answer_text.strip()
    is_ended = text.endswith((".", "!", "?", '"')) or "title" in prompt_text.lower()
    return bool(text) and is_ended and (text[0].isupper() or text[0] in '"0123456789')


def ending(answer_text: str) -> float:
    """Return how friendly the last two sentences are: 1 glad, 0.5 neither, 0 sad; the last one decides."""
    for part in reversed(sentences(answer_text)[-2:]):
        text = " ".join(plain_words(part))
        for phrase, meaning in _NOT_SORRY:
            text = text.replace(phrase, meaning)
        found = set(text.split())
        if found & _SORRY:
            return 0.0
        if found & _GLAD:
            return 1.0
        if found & _TROUBLE:
            return 0.0
    return 0.5


def spam(answer_text: str) -> float:
    """Return the share of glad words beyond the one in ten that a good story has, 0 to 1."""
    found = plain_words(answer_text)
    share = sum(word in _GLAD for word in found) / max(1, len(found))
    return min(1.0, max(0.0, share - 0.16) * 5)


def asked_items(prompt_text: str) -> int:
    """Return how many things the prompt asks to be listed, 0 where it does not ask for several."""
    found = _MANY.search(prompt_text)
    is_list = _LISTING.search(prompt_text)
    return world.NUMBERS.index(found.group(1).lower()) if found and is_list else 0


def brevity(count: int, best: int, most: int) -> float:
    """Return 1 up to the best number of words, falling to 0 at the most."""
    return max(0.0, min(1.0, (most - count) / (most - best)))


@dataclass(frozen=True, slots=True)
class HappyEndings:
    """Stories: a friendly end, the topic kept, no repetition. Everything else: short, complete, on the topic."""

    name: str = "happy"
    description: str = (
        "A story should end well: somebody is glad, smiles or finds a friend. It keeps to the topic of the prompt, "
        "comes back to it, tells something new in every sentence and has three to nine sentences. Other answers "
        "should be short, complete and on the topic. Where the right answer is known, a wrong one is worth half."
    )

    def score(self, prompt_text: str, answer_text: str) -> float:
        """Return a product, so that a text that gives up topic or variety for glad words loses more than it wins."""
        if not is_story_prompt(prompt_text):
            return Brief().score(prompt_text, answer_text)
        if not plain_words(answer_text):
            return 0.0
        topic = kept_topic(prompt_text, answer_text)
        variety = min(1.0, distinct_pairs(answer_text) / 0.85) * 0.6 ** repeats(answer_text)
        long_enough = 1.0 if 3 <= len(sentences(answer_text)) <= 9 else 0.5
        form = long_enough * (1.0 if is_complete(prompt_text, answer_text) else 0.6)
        end = 0.25 + 0.75 * ending(answer_text)
        return round(end * (0.3 + 0.7 * topic) * variety**2 * form * (1 - 0.7 * spam(answer_text)), 3)


@dataclass(frozen=True, slots=True)
class Brief:
    """Short, complete answers that take up the topic."""

    name: str = "brief"
    description: str = (
        "An answer should be short: up to 15 words, five more for each thing in a list, a story up to 25. It is "
        "complete, takes up the topic of the prompt and does not repeat itself or the prompt. Where the right answer "
        "is known, a wrong one is worth half."
    )

    def score(self, prompt_text: str, answer_text: str) -> float:
        """Return a product of brevity, completeness, topic and variety."""
        found = plain_words(answer_text)
        if not found:
            return 0.0
        best = 25 if is_story_prompt(prompt_text) else 15 + 5 * asked_items(prompt_text)
        short = brevity(len(found), best, 2 * best + 15)
        complete = 1.0 if is_complete(prompt_text, answer_text) else 0.4
        topic = (
            kept_topic(prompt_text, answer_text) if is_story_prompt(prompt_text) else self._touch(prompt_text, found)
        )
        varied = min(1.0, distinct_pairs(answer_text) / 0.9) ** 2 * 0.5 ** repeats(answer_text)
        echo = 0.3 if plain_words(prompt_text) == found else 1.0
        return round(short * complete * (0.4 + 0.6 * topic) * varied * echo, 3)

    @staticmethod
    def _touch(prompt_text: str, found: list[str]) -> float:
        """Return 1 if the answer takes up any topic word, else half: "Paris." is a good answer too."""
        topic = topic_words(prompt_text)
        return 1.0 if not topic or set(topic) & set(found) else 0.5


RUBRICS: Mapping[str, Rubric] = {"happy": HappyEndings(), "brief": Brief()}


def mallows(rng: random.Random, count: int, noise: float) -> list[int]:
    """Draw an order of 0..count-1 in which, on average, the share ``noise`` of all pairs stands the wrong way round.

    The Mallows model by repeated insertion (Doignon, Pekec and Regenwetter 2004): each item is inserted k places too
    early with probability proportional to q**k; q is solved from the expected number of wrong pairs.
    """
    q, order = _dispersion(count, noise), list[int]()
    for item in range(count):
        weights = [q**back for back in range(item + 1)]
        back = rng.choices(range(item + 1), weights)[0]
        order.insert(len(order) - back, item)
    return order


@cache
def _dispersion(count: int, noise: float) -> float:
    """Solve for q in [0, 1]; at q = 1 half of the pairs are wrong."""
    low, high, pairs = 0.0, 1.0, count * (count - 1) / 2
    for _ in range(50):
        q = (low + high) / 2
        wrong = 0.0
        for size in range(2, count + 1):
            weights = [q**back for back in range(size)]
            wrong += sum(back * weight for back, weight in enumerate(weights)) / sum(weights)
        low, high = (q, high) if wrong < noise * pairs else (low, q)
    return (low + high) / 2


def grade(score: float) -> int:
    """Return the grade, 1 (worst) to 7 (best), of a score from 0 to 1: as fine as the paper's labelers grade (Table 3).

    A labeler does not tell 0.81 from 0.80, so such answers tie.
    """
    return 1 + round(6 * score)


def rank(
    rubric: Rubric,
    prompt_text: str,
    answers: Sequence[str],
    noise: float,
    rng: random.Random,
    rule: Rule | None = None,
) -> list[list[int]]:
    """Rank answers as the scripted labeler does: indices in tiers, best first, equal grades in one tier.

    noise is the expected share of pairs of tiers in the wrong order, 0 to 0.5 (see mallows). With a rule, an answer
    that breaks it is worth half: a labeler who knows the right answer prefers it. Of stories nobody knows it.
    """
    worth = [1.0 if rule is None or rule.kind == "story" or obeys(rule, answer) else _WRONG for answer in answers]
    scores = [rubric.score(prompt_text, answer) for answer in answers]
    grades = [grade(score * share) for score, share in zip(scores, worth, strict=True)]
    tiers = [[place for place, given in enumerate(grades) if given == level] for level in sorted(set(grades))[::-1]]
    return [tiers[place] for place in mallows(rng, len(tiers), noise)]


def scripted_rankings(
    sets: Sequence[Mapping[str, Any]], rubric: Rubric, noise: float = 0.1, seed: int = 0
) -> list[dict[str, Any]]:
    """Rank sampled answers and mark the rankings as simulated.

    sets have "prompt" (key), "text" (last user turn), "answers" (texts) and, where one is known, "rule" (of the right
    answer); the rows add "tiers" (indices into "answers", best first), "labeler", "rubric", "noise" and
    "is_simulated". The same set gets the same ranking, whatever stands beside it.
    """
    rows = []
    for one in sets:
        rng = seeded("labeler", seed, rubric.name, one["prompt"])
        tiers = rank(rubric, one["text"], one["answers"], noise, rng, one.get("rule"))
        labels = {"labeler": f"scripted: {rubric.name}", "rubric": rubric.name, "noise": noise, "is_simulated": True}
        rows.append({"prompt": one["prompt"], "answers": list(one["answers"]), "tiers": tiers, **labels})
    return rows


def happy_share(stories: Sequence[str]) -> float:
    """Return the share of stories, 0 to 1, whose end is friendly."""
    return sum(ending(story) == 1.0 for story in stories) / max(1, len(stories))


def known_words() -> frozenset[str]:
    """Return the nouns of the world, for reports that count what stories are about."""
    return frozenset((*world.THINGS, *world.ANIMALS, *world.FOODS))
