"""No shipped text is copied from the data that is read for development only and may not be passed on.

Compared are runs of words, without case and punctuation; a Chinese character counts as a word. The length was chosen by
counting what the 190,000 shipped runs share with four million words of that data, dialogues of a public package left
out: of six words 134 runs, of eight 11 ("once upon a time there was a little"), of nine one ("a question for you: what
is the capital of"), of ten none. So ten words in a row are no accident. Shorter sentences that were copied in number
would show in the share of runs of six, which is 0.07 %.
"""

import gzip
import json
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"
LONG, SHORT = 10, 6  # words
MOST_SHARED = 0.002  # of the shipped runs of SHORT words
PUBLIC = "chitchat-dataset"  # rows of a public package, copied from there: see resources/example/NOTICE.md

# what is in no public package; the rest of the corpus may be passed on
PRIVATE = ("corpus/standardebooks*", "corpus/tatoeba*", "corpus/african_storybook*", "corpus/taskmaster4*")
PRIVATE += ("rankings/*", "prompts/*", "formats/*")
SHIPPED = ("*.md", "resources/**/*.jsonl", "resources/**/*.json", "resources/**/*.md", "models/**/*.md")
SHIPPED += ("rlhf_studio/example/**/*.txt", "rlhf_studio/example/**/*.py")
WORD = re.compile(r"[\u3400-\u9fff]|[^\W\d_\u3400-\u9fff]+(?:'[^\W\d_\u3400-\u9fff]+)*|\d+")
BREAK = 0  # stands between two texts, and for words that no shipped text has

needs_data = pytest.mark.skipif(not DATA.is_dir(), reason="the data for development is not beside this checkout")


def strings(value) -> Iterator[str]:
    """Every text in a JSON value, but no keys."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        if value.get("source") != PUBLIC:
            for part in value.values():
                yield from strings(part)
    elif isinstance(value, list):
        for part in value:
            yield from strings(part)


def texts_of(path: Path) -> Iterator[str]:
    """The texts of a file; runs of words do not reach from one into the next."""
    if path.suffix == ".gz":
        yield from gzip.decompress(path.read_bytes()).decode().split("\n")
    elif path.suffix in {".json", ".jsonl"}:
        content = path.read_text(encoding="utf-8")
        try:
            yield from strings(json.loads(content))
        except ValueError:  # one object a line
            for line in content.splitlines():
                yield from strings(json.loads(line))
    else:
        yield from path.read_text(encoding="utf-8").split("\n\n")


class Words:
    """Numbers of words, so that runs of them can be compared by the million."""

    def __init__(self):
        self.numbers: dict[str, int] = {}
        self.names = [""]

    def learn(self, texts) -> np.ndarray:
        """The words of some texts, each new one with a number of its own."""
        return self._encode(texts, lambda word: self.numbers.setdefault(word, len(self.numbers) + 1))

    def known(self, texts) -> np.ndarray:
        """The words of other texts; those that were not learnt are a break."""
        return self._encode(texts, lambda word: self.numbers.get(word, BREAK))

    def runs(self, codes: np.ndarray, length: int) -> tuple[np.ndarray, np.ndarray]:
        """A 64-bit number for each run of words without a break, and where it begins."""
        weights = np.random.default_rng(0).integers(1, 2**63, len(self.numbers) + 1, dtype=np.uint64)
        values, count = weights[codes], max(0, len(codes) - length + 1)
        total, whole = np.zeros(count, dtype=np.uint64), np.ones(count, dtype=bool)
        for place in range(length):
            total = total * np.uint64(0x9E3779B97F4A7C15) + values[place : place + count]
            whole &= codes[place : place + count] != BREAK
        return total[whole], np.flatnonzero(whole)

    def say(self, codes: np.ndarray) -> str:
        names = {number: word for word, number in self.numbers.items()}
        return " ".join(names[code] for code in codes.tolist())

    @staticmethod
    def _encode(texts, number) -> np.ndarray:
        codes: list[int] = []
        for text in texts:
            codes += [number(word) for word in WORD.findall(text.lower().replace("\u2019", "'"))]
            codes.append(BREAK)
        return np.array(codes, dtype=np.int64)


def shared_runs(words: Words, shipped: np.ndarray, others: np.ndarray, length: int) -> list[str]:
    """The runs of words of some texts that are among other runs, each once."""
    ours, places = words.runs(shipped, length)
    both = np.isin(ours, others)
    _, first = np.unique(ours[both], return_index=True)
    return [words.say(shipped[place : place + length]) for place in places[both][first].tolist()]


def paths(root: Path, patterns) -> list[Path]:
    return sorted({path for pattern in patterns for path in root.glob(pattern)})


@pytest.fixture(scope="module")
def words():
    return Words()


@pytest.fixture(scope="module")
def shipped(words):
    found = paths(ROOT, SHIPPED)
    assert len(found) > 30
    return {path.relative_to(ROOT): words.learn(texts_of(path)) for path in found}


@pytest.fixture(scope="module")
def private(words, shipped):
    """Read after the shipped texts, whose words alone matter."""
    found = paths(DATA, PRIVATE)
    assert len(found) >= 11
    return {path.relative_to(DATA): words.known(texts_of(path)) for path in found}


@needs_data
def test_no_ten_words_in_a_row_are_taken_from_data_for_development(words, shipped, private):
    theirs = words.runs(np.concatenate(list(private.values())), LONG)[0]
    shared = shared_runs(words, np.concatenate(list(shipped.values())), theirs, LONG)
    names = [str(path) for path, codes in shipped.items() if shared and shared_runs(words, codes, theirs, LONG)]
    assert (names, shared[:5]) == ([], [])


@needs_data
def test_hardly_any_six_words_in_a_row_are_shared_with_data_for_development(words, shipped, private):
    ours = np.unique(words.runs(np.concatenate(list(shipped.values())), SHORT)[0])
    theirs = words.runs(np.concatenate(list(private.values())), SHORT)[0]
    assert np.isin(ours, theirs).mean() < MOST_SHARED


@needs_data
@pytest.mark.parametrize("name", ["corpus/standardebooks.txt.gz", "prompts/belle_eval_zh.json"])
def test_a_copied_sentence_is_found(name):
    """The comparison can fail: a sentence of the data, written otherwise, inside a text of ours."""
    texts = list(texts_of(DATA / name))
    sentence = next(text for text in texts[len(texts) // 2 :] if len(WORD.findall(text)) >= 2 * LONG)
    copied = f"Our own words before it: {sentence.upper().replace(',', ' ; ')} And after it."
    words = Words()
    ours = words.learn([copied, "Something else."])
    theirs = words.runs(words.known(texts), LONG)[0]
    assert len(shared_runs(words, ours, theirs, LONG)) > LONG
    assert (
        shared_runs(words, words.known(["Our own words before it and after it, something else."]), theirs, LONG) == []
    )
