"""Turns small grammars into clean English: alternatives, articles, plurals and lists."""

import random
import re
from collections.abc import Mapping, Sequence
from importlib import resources

_CHOICE = re.compile(r"\[([^\[\]]*)\]")
_ARTICLE = re.compile(r"\b([Aa])n? (?=([A-Za-z]+))")
_SENTENCE_START = re.compile(r"(^|[.!?] |\n|(?:^|[ \n])\")([a-z])")
_AN_IN_SPITE_OF_LETTER = ("hour", "honest")
_A_IN_SPITE_OF_LETTER = ("one", "once", "uni", "use", "euro")
_IRREGULAR = dict(
    pair.split("=")
    for pair in [
        "sheep=sheep",
        "fish=fish",
        "deer=deer",
        "mouse=mice",
        "goose=geese",
        "wolf=wolves",
        "leaf=leaves",
        "knife=knives",
        "scarf=scarves",
        "loaf=loaves",
        "shelf=shelves",
        "calf=calves",
        "child=children",
        "man=men",
        "woman=women",
        "foot=feet",
        "tooth=teeth",
        "ox=oxen",
        "potato=potatoes",
        "tomato=tomatoes",
        "mango=mangoes",
    ]
)


def seeded(*parts: object) -> random.Random:
    """Return a generator that depends only on the words given, so that documents never influence each other."""
    return random.Random(":".join(map(str, parts)))  # noqa: S311  (text, not secrets)


def sections(name: str) -> list[tuple[str, list[str]]]:
    """Read a grammar file: its [headings] in order, each with its lines; lines with # are comments."""
    text = resources.files("rlhf_studio.example").joinpath("grammar", f"{name}.txt").read_text(encoding="utf-8")
    found: list[tuple[str, list[str]]] = []
    for line in text.splitlines():
        heading = re.fullmatch(r"\[([\w ]+)\]", line)
        if heading:
            found.append((heading.group(1), []))
        elif line and not line.startswith("#"):
            found[-1][1].append(line.replace("\\n", "\n"))
    return found


def words(text: str) -> list[str]:
    """Split a written-out list at its spaces."""
    return text.split()


def expand(rng: random.Random, grammar: str, slots: Mapping[str, str] | None = None) -> str:
    """Fill the {slots}, choose one of every [a|b|c] (nested ones too) and tidy articles, spaces and capitals."""
    text = grammar.format_map(slots) if slots else grammar
    while "[" in text:
        text = _CHOICE.sub(lambda found: rng.choice(found.group(1).split("|")), text)
    return tidy(text)


def tidy(text: str) -> str:
    """Collapse spaces, put "an" before vowels and start every sentence with a capital."""
    text = re.sub(r" {2,}", " ", text.strip())
    text = re.sub(r" (?=[,.!?])", "", text)
    text = re.sub(r"([.!?])\.", r"\1", text)
    text = _ARTICLE.sub(lambda found: f"{found.group(1)}{'n' if takes_an(found.group(2)) else ''} ", text)
    return _SENTENCE_START.sub(lambda found: found.group(1) + found.group(2).upper(), text)


def takes_an(word: str) -> bool:
    """Say whether "an" stands before this word."""
    word = word.lower()
    if word.startswith(_AN_IN_SPITE_OF_LETTER):
        return True
    return word[0] in "aeiou" and not word.startswith(_A_IN_SPITE_OF_LETTER)


def with_article(noun: str) -> str:
    """Return the noun after "a" or "an"."""
    return f"{'an' if takes_an(noun) else 'a'} {noun}"


def plural(noun: str) -> str:
    """Return the plural of a noun; of the first word in "day of the week", else of the last."""
    first, of, tail = noun.partition(" of ")
    head, _, last = first.rpartition(" ")
    if last in _IRREGULAR:
        many = _IRREGULAR[last]
    elif last.endswith(("s", "x", "ch", "sh")):
        many = last + "es"
    elif last.endswith("y") and last[-2] not in "aeiou":
        many = last[:-1] + "ies"
    else:
        many = last + "s"
    return f"{head} {many}".strip() + of + tail


def and_list(items: Sequence[str]) -> str:
    """Join items as in "a cat, a dog and a cow"."""
    return items[0] if len(items) == 1 else f"{', '.join(items[:-1])} and {items[-1]}"


def capital(text: str) -> str:
    """Return the text with its first letter as a capital."""
    return text[:1].upper() + text[1:]


def uncapital(text: str) -> str:
    """Return the text with its first letter small."""
    return text[:1].lower() + text[1:]
