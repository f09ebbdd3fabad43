"""Which prompts are for training and which are held out.

InstructGPT splits by user, so that nobody's prompts lie in two splits, and drops prompts that share a long common
prefix (section 3.2). Where a project has few authors, groups of such duplicates take the authors' place. Few-shot
examples made of the same pairs hold each other's answers, so they are a group, too. A split is a hash of its author or
group, so that it stays the same when prompts are added.
"""

import hashlib
import unicodedata
from collections.abc import Iterable, Mapping, Sequence

from rlhf_studio.schema import NewPrompt, Split, Turn

MIN_AUTHORS = 10
PREFIX_LENGTH = 128  # characters; ours, the paper names no length
MIN_PREFIX, MAX_PREFIX = 16, 100_000
_READ_AHEAD = 2  # times the prefix is folded first: enough but for texts full of spaces
TRAIN_SHARE = 0.8
VALID_SHARE = 0.1  # as much again is for the test


def is_split_by_author(authors: Iterable[str]) -> bool:
    """Whether there are at least ten named authors."""
    return len({author for author in authors if author}) >= MIN_AUTHORS


def duplicate_group(turns: Sequence[Turn], prefix_length: int = PREFIX_LENGTH) -> str:
    """What near duplicates have in common: a digest of the first ``prefix_length`` characters.

    Letter case, spacing and Unicode forms of width make no difference. A shorter prompt is compared whole; the word for
    who speaks, such as ``user: ``, counts.
    """
    return group_of_turns([(turn.role, turn.content) for turn in turns], prefix_length)


def group_of_turns(turns: Sequence[Sequence[str]], prefix_length: int) -> str:
    """As ``duplicate_group``, of turns as the tables keep them: pairs of role and content."""
    text = "\n".join([f"{role}: {content}" for role, content in turns])
    cut = text.rfind(" ", 0, _READ_AHEAD * prefix_length)  # no Unicode form reaches across a space
    if 0 < cut < len(text) and len(words := _folded(text[:cut])) >= prefix_length:
        return _digest(words[:prefix_length])
    return _digest(_folded(text)[:prefix_length])


def split_unit(author: str, group: str, *, by_author: bool, family: str = "") -> str:
    """What must not be torn apart: the author where splits go by author, else the family or group of duplicates."""
    if by_author and author:
        return f"author {author}"
    return f"family {family}" if family else f"group {group}"


def hashed_split(unit: str) -> Split:
    """The split that a unit falls into by chance: .8 train, .1 valid, .1 test."""
    chance = int(_digest(unit), 16) / 16**32
    if chance < TRAIN_SHARE:
        return "train"
    return "valid" if chance < TRAIN_SHARE + VALID_SHARE else "test"


def assign_splits(
    prompts: Sequence[NewPrompt],
    *,
    by_author: bool | None = None,
    given: Mapping[str, Split] | None = None,
    prefix_length: int = PREFIX_LENGTH,
) -> tuple[Split, ...]:
    """The split of each prompt.

    A split that a prompt brings along wins, and draws the rest of its author or group after it; so do the splits in
    ``given``, keyed by ``split_unit``. ``by_author`` None asks these prompts alone whether there are ten authors.
    """
    if by_author is None:
        by_author = is_split_by_author(prompt.author for prompt in prompts)
    units = [
        split_unit(
            prompt.author, duplicate_group(prompt.turns, prefix_length), by_author=by_author, family=prompt.family
        )
        for prompt in prompts
    ]
    known = dict(given or {})
    for unit, prompt in zip(units, prompts, strict=True):
        if prompt.split is not None:
            known.setdefault(unit, prompt.split)
    return tuple(
        prompt.split or known.get(unit) or hashed_split(unit) for unit, prompt in zip(units, prompts, strict=True)
    )


def _folded(text: str) -> str:
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return " ".join(text.casefold().split())


def _digest(text: str) -> str:
    """128 bits in hexadecimal; half a character of a hostile text is hashed like any other."""
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]
