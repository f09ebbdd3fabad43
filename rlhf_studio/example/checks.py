"""Says by rule whether an answer to a prompt of the example project is right: the accuracy that reports show."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from rlhf_studio.example import world
from rlhf_studio.example.lists import IDEAS
from rlhf_studio.example.wording import plural

RuleKind = Literal["says", "same", "any", "story", "names", "members", "ideas", "list", "summary"]

_SPELLINGS = {"color": "colour", "colors": "colours", "gray": "grey", "favorite": "favourite"}
_MOST_WORDS = {"says": 25, "any": 30, "summary": 20, "names": 25}


@dataclass(frozen=True, slots=True)
class Rule:
    """What a right answer must be.

    says: every word of words ("a/b" = either), none of without, at most 25 words.
    same: equal to one of words but for case, punctuation and spelling.
    any: at least one of words, at most 30 words.
    story: 3 to 9 sentences, all of words in it, no sentence twice, an end.
    names: of all people in the world exactly words.
    members: count different members of the kind ``of`` and of no other kind.
    ideas: count different ideas, at least three in five of them known for the goal ``of``.
    list: count different lines or items.
    summary: every word of words, at most 20 words and two sentences.
    """

    kind: RuleKind
    words: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    count: int = 0
    of: str = ""


def plain_words(text: str) -> list[str]:
    """Return the words in small letters, British spelling, without punctuation; of Chinese, the characters."""
    found = re.findall(r"[a-z0-9']+|[\u4e00-\u9fff]", text.lower().replace("-", " "))
    return [_SPELLINGS.get(word.strip("'"), word.strip("'")) for word in found]


def sentences(text: str) -> list[str]:
    """Cut a text after full stops, question and exclamation marks and at line ends."""
    return [part.strip() for part in re.split(r"(?<=[.!?])\"?\s+|\n+", text) if re.search(r"\w", part)]


def says(text: str, wanted: str) -> bool:
    """Say whether a word or phrase (or one of "a/b") stands in the text, or its plural."""
    padded = f" {' '.join(plain_words(text))} "
    for phrase in wanted.split("/"):
        plain = " ".join(plain_words(phrase))
        if f" {plain} " in padded or f" {plural(plain)} " in padded:
            return True
    return False


class HasRule(Protocol):
    """Anything that carries a rule, as a prompt of the example project does."""

    @property
    def rule(self) -> Rule:
        """What a right answer must be."""


def check(prompt: HasRule, answer: str) -> bool:
    """Say whether the answer is right for the prompt."""
    return obeys(prompt.rule, answer)


def obeys(rule: Rule, answer: str) -> bool:
    """Say whether the answer obeys the rule."""
    words = plain_words(answer)
    if not words or len(words) > _MOST_WORDS.get(rule.kind, 120):
        return False
    return _CHECKS[rule.kind](rule, answer)


def _says(rule: Rule, answer: str) -> bool:
    return all(says(answer, word) for word in rule.words) and not any(says(answer, word) for word in rule.without)


def _same(rule: Rule, answer: str) -> bool:
    return any(plain_words(answer) == plain_words(text) for text in rule.words)


def _any(rule: Rule, answer: str) -> bool:
    return any(says(answer, word) for word in rule.words)


def _story(rule: Rule, answer: str) -> bool:
    parts = [" ".join(plain_words(part)) for part in sentences(answer)]
    is_ended = answer.rstrip().endswith((".", "!", "?", '"'))
    return 3 <= len(parts) <= 9 and len(set(parts)) == len(parts) and is_ended and _says(rule, answer)


def _names(rule: Rule, answer: str) -> bool:
    found = {who.name for who in world.PEOPLE if re.search(rf"\b{who.name}\b", answer)}
    return found == set(rule.words)


def items(answer: str) -> list[str]:
    """Return what an answer lists: numbered lines, else what stands between commas after a colon or "are"."""
    lines = [re.sub(r"^\s*(\d+[.)]|[-*])\s*", "", line).strip(" .") for line in answer.strip().splitlines()]
    if len(lines) > 1:
        return [line for line in lines if line and not line.endswith(":")]
    text = re.split(r"\bare\b|:", answer, maxsplit=1)[-1]
    parts = re.split(r",|\band\b|[.!?](?:\s|$)", text)
    return [re.sub(r"^(an?|the)\s", "", part.strip(), flags=re.IGNORECASE) for part in parts if part.strip()]


def _members(rule: Rule, answer: str) -> bool:
    kind = {word.lower() for word in world.KINDS[rule.of]}
    found = [item.lower() for item in items(answer)]
    return len(found) == len(set(found)) == rule.count and set(found) <= kind


def _ideas(rule: Rule, answer: str) -> bool:
    found = [" ".join(plain_words(item)) for item in items(answer)]
    known = [" ".join(plain_words(re.sub(r"[\[{].*", "", idea))) for idea in IDEAS[rule.of]]
    right = sum(any(start and item.startswith(start) for start in known) for item in found)
    return len(found) == len(set(found)) == rule.count and right >= 0.6 * rule.count


def _list(rule: Rule, answer: str) -> bool:
    found = [item.lower() for item in items(answer)]
    return len(found) == len(set(found)) == rule.count


def _summary(rule: Rule, answer: str) -> bool:
    return len(sentences(answer)) <= 2 and _says(rule, answer)


_CHECKS = {
    "says": _says,
    "same": _same,
    "any": _any,
    "story": _story,
    "names": _names,
    "members": _members,
    "ideas": _ideas,
    "list": _list,
    "summary": _summary,
}


def read_rule(text: str) -> Rule:
    """Read a rule written as "says Paris -London", "same I was happy.", "list 3" or "story hat"."""
    kind, _, rest = text.partition(" ")
    if kind == "same":
        return Rule("same", (rest,))
    if kind == "list":
        return Rule("list", count=int(rest))
    words = rest.split()
    wanted = tuple(word for word in words if not word.startswith("-"))
    found: dict[str, RuleKind] = {"says": "says", "any": "any", "story": "story", "summary": "summary"}
    return Rule(found[kind], wanted, tuple(word[1:] for word in words if word.startswith("-")))


def accuracy(rules: Sequence[Rule], answers: Sequence[str]) -> float:
    """Return the share of answers, 0 to 1, that obey their rules; 0 where there are none."""
    right = sum(obeys(rule, answer) for rule, answer in zip(rules, answers, strict=True))
    return right / max(1, len(rules))
