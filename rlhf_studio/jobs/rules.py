"""Scripted labelers: rules that order sampled answers, with a known share of mistakes; always marked simulated.

They fill a project for demonstrations and tests, and several with different names give agreement something to measure.
Needs no torch and no window.
"""

import hashlib
import math
import random
import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from rlhf_studio.errors import DataError
from rlhf_studio.store.simulated import SimulatedSet

Order = tuple[SimulatedSet, list[list[int]]]
RuleName = Literal["happy", "short", "long", "word", "length"]
TITLES: Mapping[RuleName, str] = {
    "happy": "Happy endings",
    "short": "Short answers",
    "long": "Long answers",
    "word": "Answers with a word",
    "length": "Answers of a length",
}
DESCRIPTIONS: Mapping[RuleName, str] = {
    "happy": "Friendly last sentences come first, sad ones last; in English only.",
    "short": "The fewer characters, the better.",
    "long": "The more characters, the better.",
    "word": "Answers that hold the word come first; all that do are tied.",
    "length": "The closer to a number of characters, the better.",
}
NOISE = 0.1
MOST_NOISE = 0.5  # half of the pairs the wrong way round: the order says nothing
MOST_LENGTH = 100_000
_MOST_WORD = 40
_UNSPACED = re.compile("[\u2e80-\u9fff\uac00-\ud7af\uf900-\ufaff\u0e00-\u0e7f]")  # scripts that write without spaces


@dataclass(frozen=True, slots=True)
class ScriptedLabeler:
    """A rule with noise.

    Attributes:
        rule: happy: friendly last sentences, in English, as ``example.rubric.ending`` tells them. short, long: fewer or
            more characters. word: those that hold the word. length: the closer to a number of characters, the better.
        noise: Expected share of the pairs of tiers that stand the wrong way round, 0 to 0.5: of two answers, the
            probability that they are flipped. Of more it is the Mallows model's, by which answers that are close in the
            order are flipped more often than distant ones, so that the flips never contradict each other.
        word: Of the rule "word"; upper and lower case are the same.
        length: Of the rule "length", in characters.
        seed: Another one makes other mistakes.
    """

    rule: RuleName
    noise: float = NOISE
    word: str = ""
    length: int = 0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.rule not in TITLES:
            raise DataError(f"There is no rule '{self.rule}'. Choose one of: {', '.join(TITLES)}.")
        if not (math.isfinite(self.noise) and 0 <= self.noise <= MOST_NOISE):
            raise DataError(
                f"The noise cannot be {self.noise:g}. Choose 0 (no mistakes) to {MOST_NOISE:g} (half of the pairs)."
            )
        if self.rule == "word" and not self._has_word():
            raise DataError(
                f"The rule 'word' cannot look for {self.word!r}. Name a word of 1 to {_MOST_WORD} characters."
            )
        if self.rule == "length" and not 1 <= self.length <= MOST_LENGTH:
            raise DataError(
                f"The rule 'length' cannot aim at {self.length} characters. Choose 1 to {MOST_LENGTH:,} characters."
            )

    @property
    def name(self) -> str:
        """What it is called beside its labels, such as "script: short answers, noise 0.1"."""
        what = {
            "happy": "happy endings",
            "short": "short answers",
            "long": "long answers",
            "word": f"the word \u201c{self.word.strip()}\u201d",
            "length": f"{self.length} characters",
        }[self.rule]
        seed = f", seed {self.seed}" if self.seed else ""
        return f"script: {what}, noise {self.noise:g}{seed}"

    def mark(self, text: str) -> float:
        """How much the rule likes an answer; only comparisons mean something."""
        return self._marker()(text)

    def tiers(self, prompt_text: str, texts: Sequence[str]) -> list[list[int]]:
        """The order of answers: their places in tiers, best first, equal by the rule in one tier.

        The same labeler gives the same answers to the same prompt the same order, whatever else it orders.
        """
        from rlhf_studio.example.rubric import mallows  # noqa: PLC0415  its texts take a moment to be made

        marker = self._marker()
        marks = [marker(text) for text in texts]
        tiers = [[place for place, mark in enumerate(marks) if mark == level] for level in sorted(set(marks))[::-1]]
        if len(tiers) < 2:
            return tiers
        return [tiers[place] for place in mallows(self._chance(prompt_text, texts), len(tiers), self.noise)]

    def _has_word(self) -> bool:
        word = self.word.strip()
        return 0 < len(word) <= _MOST_WORD and word.isprintable()

    def _chance(self, prompt_text: str, texts: Sequence[str]) -> random.Random:
        key = hashlib.sha256("\0".join((self.name, prompt_text, *texts)).encode(errors="surrogatepass")).hexdigest()
        return random.Random(key)  # noqa: S311  no secret

    def _marker(self) -> Callable[[str], float]:
        if self.rule == "happy":
            from rlhf_studio.example.rubric import ending  # noqa: PLC0415  likewise

            return ending
        if self.rule == "word":
            pattern = _word_pattern(self.word.strip())
            return lambda text: float(bool(pattern.search(_folded(text))))
        if self.rule == "length":
            return lambda text: -abs(text_length(text) - self.length)
        return text_length if self.rule == "long" else lambda text: -text_length(text)


def orders_by(labeler: ScriptedLabeler, sets: Sequence[SimulatedSet]) -> Iterator[Order]:
    """The order of each set, one at a time, so that a window can do a few in each turn."""
    for one in sets:
        tiers = labeler.tiers(one.prompt_text, one.texts)
        yield one, [[one.completion_ids[place] for place in tier] for tier in tiers]


def text_length(text: str) -> int:
    """Characters of an answer, those at its edges that nobody sees left out."""
    return len(text.strip())


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", text).casefold()


def _word_pattern(word: str) -> re.Pattern[str]:
    """The word, but not as a part of another one; in scripts without spaces wherever it stands."""
    folded = re.escape(_folded(word))
    return re.compile(folded if _UNSPACED.search(word) else rf"(?<!\w){folded}(?!\w)")
