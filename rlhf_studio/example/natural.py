"""Reads the public package chitchat-dataset (MIT) as plain dialogue, picks what is fit to ship, and splits it."""

import hashlib
import importlib.util
import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from rlhf_studio.errors import DataError
from rlhf_studio.example.wording import seeded, words

PACKAGE = "chitchat_dataset"
SOURCE = "chitchat-dataset"
# the share and the rule by which pretraining holds documents out, so that what it never saw can be told
HELD_OUT_SHARE = 0.015
_COMMONEST, _MOST_WORDS, _FEWEST_WORDS = 8000, 110, 25
_COMMON_SHARE = 0.97

_UNFIT = frozenset(
    words(
        "fuck fucking fucked shit shitty bitch bastard damn dammit ass asshole crap piss pissed dick cock pussy slut "
        "whore sex sexy sexual porn nude naked gay lesbian trans rape drug drugs weed cocaine drunk vodka beer suicide "
        "suicidal kill killed killing murder dead death die dying gun guns shoot hate hell stupid idiot dumb retard "
        "retarded racist racism nigger nazi hitler terrorist trump obama hillary clinton politics republican democrat "
        "abortion god jesus christ lord church mormon lds bishop temple mission missionary missionaries bible pray "
        "sexist pregnant virgin boob boobs butt poop pee fart sucks screw screwed bloody omg wtf lmao byu provo utah "
        "relationship marriage marry dating dated thanksgiving jew muslim islam catholic scripture scriptures gospel "
        "prophet conference stake ward singles relief elder sister missions institute heavenly father religion "
        "religious baptized temples"
    )
)
_PRIVATE = re.compile(r"\S+@\S+|https?:|www\.|\.com\b|\d{4,}|\d{3}[-. ]\d{3}|@\w+|#\w+")
_PLAIN = re.compile(r"[A-Za-z0-9 .,!?'\":;()$%&/\-\n]+")
_NAMED = re.compile(r"\b(my name is|i am called|i'm called|im called|name's|call me)\b", re.IGNORECASE)


def dataset_file() -> Path:
    """Find the installed package's data.

    Raises:
        DataError: If the package is not installed.
    """
    found = importlib.util.find_spec(PACKAGE)
    if found is None or not found.submodule_search_locations:
        raise DataError(f"The package {SOURCE} is not installed. Install it with: pip install {SOURCE}")
    return Path(next(iter(found.submodule_search_locations))) / "dataset.json"


def conversations(path: Path) -> Iterator[str]:
    """Yield every conversation as lines "A: ..." and "B: ...", messages of one turn joined by a space."""
    for entry in json.loads(path.read_text(encoding="utf-8")).values():
        turns = (" ".join(message["text"] for message in turn) for turn in entry["messages"])
        yield "\n".join(f"{'AB'[place % 2]}: {turn}" for place, turn in enumerate(turns))


def is_held_out(document: str) -> bool:
    """Say whether pretraining holds this document out, by the hash of its text.

    Documents with typographic characters, which pretraining changes before it takes the hash, count as trained on.
    """
    cleaned = "\n".join(line.strip() for line in document.strip().split("\n"))
    if not cleaned.isascii():
        return False
    return int.from_bytes(hashlib.sha256(cleaned.encode()).digest()[-4:]) < int(HELD_OUT_SHARE * 2**32)


def pieces(conversation: str) -> Iterator[str]:
    """Cut a conversation into runs of whole turns of at most 110 words."""
    run: list[str] = []
    for line in conversation.split("\n"):
        if run and sum(len(one.split()) for one in [*run, line]) > _MOST_WORDS:
            yield "\n".join(run)
            run = []
        run.append(line)
    yield "\n".join(run)


def common_words(texts: list[str]) -> frozenset[str]:
    """Return the commonest words of all conversations; rare ones are mostly names, brands and slips."""
    counts = Counter(word for text in texts for word in re.findall(r"[a-z']+", text.lower()))
    return frozenset(word for word, _ in counts.most_common(_COMMONEST))


def is_fit(piece: str, common: frozenset[str]) -> bool:
    """Say whether a piece is clean, plain and made of common words, so that it can be shipped and learned from."""
    found = re.findall(r"[a-z']+", piece.lower())
    lines = piece.split("\n")
    if not _FEWEST_WORDS <= len(piece.split()) <= _MOST_WORDS or len(lines) < 3 or not all(line[3:] for line in lines):
        return False
    if _PRIVATE.search(piece) or _NAMED.search(piece) or not _PLAIN.fullmatch(piece) or _UNFIT & set(found):
        return False
    # a rare word with a capital is mostly somebody's name
    if any(word.lower() not in common for word in re.findall(r"\b[A-Z][a-z]+", piece)):
        return False
    return sum(word in common for word in found) >= _COMMON_SHARE * len(found)


def dialogues(path: Path, seed: int, characters: dict[str, int]) -> Iterator[tuple[str, str]]:
    """Yield (text, split) until each split has its number of characters; "valid" is what pretraining held out."""
    whole = list(conversations(path))
    common = common_words(whole)
    order = seeded("dialogues", seed)
    order.shuffle(whole)
    room = dict(characters)
    for conversation in whole:
        split = "valid" if is_held_out(conversation) else "train"
        for piece in pieces(conversation):
            if room[split] > 0 and is_fit(piece, common):
                room[split] -= len(piece)
                yield piece, split
