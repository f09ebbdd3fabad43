"""The project's own half of the pretraining text: seeded, weighted kinds of short documents."""

import argparse
import gzip
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import count as count_up
from pathlib import Path
from random import Random

from rlhf_studio.example import asked, chinese, dialogues, lists, passages, retellings
from rlhf_studio.example.wording import seeded


@dataclass(frozen=True, slots=True)
class Document:
    """One text of some 10 to 90 words without an empty line."""

    kind: str
    text: str


# kind: (share in the mix, writer); passages weigh most because looking up is what small models fail at
KINDS: dict[str, tuple[float, Callable[[Random], str]]] = {
    "passage": (27.0, passages.passage_document),
    "story": (15.0, dialogues.story_document),
    "titled": (5.0, dialogues.titled_document),
    "facts": (13.0, dialogues.facts_document),
    "questions": (12.0, dialogues.questions_document),
    "true_or_false": (2.0, dialogues.true_or_false_document),
    "dialogue": (6.0, dialogues.dialogue_document),
    "list": (6.0, lists.list_document),
    "kinds": (3.0, lists.kinds_document),
    "mood": (3.0, lists.mood_document),
    "ideas": (3.5, lists.ideas_document),
    "tenses": (2.5, retellings.tenses_document),
    "manners": (2.5, retellings.manners_document),
    "shorter": (2.0, retellings.shorter_document),
    "copy": (2.5, retellings.copy_document),
    "twice": (1.0, retellings.twice_document),
    "counted": (1.0, retellings.counted_document),
    "records": (4.0, passages.records_document),
    "repeat": (1.0, retellings.repeat_document),
    "chinese": (1.0, chinese.chinese_document),
    "asked": (0.0, asked.asked_document),  # a text of its own, with marks: --kinds asked
}
_AMERICAN_SHARE = 0.2


def documents(seed: int, count: int | None, kinds: Sequence[str] | None = None) -> Iterator[Document]:
    """Yield documents that depend only on the seed and their number; without end where count is None."""
    names = list(kinds) if kinds else list(KINDS)
    weights = [KINDS[name][0] for name in names]
    if not any(weights):  # only kinds that the mix leaves out
        weights = [1.0] * len(names)
    for number in count_up() if count is None else range(count):
        rng = seeded("document", seed, number)
        name = rng.choices(names, weights)[0]
        text = KINDS[name][1](rng)
        if rng.random() < _AMERICAN_SHARE:
            text = text.replace("colour", "color").replace("grey", "gray")
        yield Document(name, text)


def _write(out: Path, seed: int, characters: int, kinds: Sequence[str] | None) -> int:
    texts, written = [], 0
    for document in documents(seed, None, kinds):
        if written >= characters:
            break
        texts.append(document.text + "\n\n")
        written += len(texts[-1])
    data = "".join(texts).encode()
    # a fixed time keeps the compressed file equal from run to run
    out.write_bytes(gzip.compress(data, mtime=0) if out.suffix == ".gz" else data)
    return len(texts)


def main(arguments: Sequence[str] | None = None) -> int:
    """Write a text file of documents separated by one empty line."""
    parser = argparse.ArgumentParser(prog="python -m rlhf_studio.example.corpus", description=main.__doc__)
    parser.add_argument("--out", type=Path, required=True, help="text file to write; compressed if it ends in .gz")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--megabytes", type=float, default=12.0, help="uncompressed size to reach")
    parser.add_argument("--kinds", default="", help="only these kinds, separated by commas")
    chosen = parser.parse_args(arguments)
    kinds = [name for name in chosen.kinds.split(",") if name]
    unknown = sorted(set(kinds) - set(KINDS))
    if unknown:
        parser.error(f"unknown kind {unknown[0]}; known: {', '.join(KINDS)}")
    number = _write(chosen.out, chosen.seed, int(chosen.megabytes * 1e6), kinds or None)
    sys.stderr.write(f"{number} documents written to {chosen.out}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
