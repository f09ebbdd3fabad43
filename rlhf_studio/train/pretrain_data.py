"""What pretraining reads: token streams by source, and rows drawn from them."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from rlhf_studio.errors import DataError
from rlhf_studio.settings import PretrainSettings

IGNORED = -100  # a target that the loss leaves out, as torch names it
SHORTEST_REPEAT, LONGEST_REPEAT = 8, 64  # tokens of a random segment
MOST_PAIRS, LONGEST_GAP = 8, 3
_SAME_FILLERS = 0.75  # share of groups that ask with the words that stated
_ROWS, _DRILL_TEST, _TEXT_SAMPLE = 1, 2, 3  # what a random stream is for
_ROWS_AT_ONCE = 8  # held-out rows in one forward pass: well under 200 ms for a small model

TokenArray = NDArray[np.integer]
RowMaker = Callable[[np.random.Generator, TokenArray, int], tuple[TokenArray, TokenArray]]


@dataclass(frozen=True, slots=True)
class TokenSource:
    """One kind of text: its documents laid end to end, each closed by end-of-text.

    Where ``asked`` is there, it says for each token of ``train`` whether it is a target; ``held_out_asked`` likewise.
    """

    name: str
    train: TokenArray
    held_out: TokenArray
    weight: float  # share of the rows, relative to the other sources
    asked: NDArray[np.bool_] | None = None
    held_out_asked: NDArray[np.bool_] | None = None


@dataclass(frozen=True, slots=True)
class PretrainData:
    """All that a pretraining run reads.

    ``token_bytes`` says how many bytes of text each id stands for, 0 for reserved tokens; from ``repeat_tokens``
    the random segments are drawn.
    """

    sources: tuple[TokenSource, ...]
    token_bytes: tuple[int, ...]
    repeat_tokens: tuple[int, ...]


class Rows(NamedTuple):
    """Inputs and what should follow them; R rows, T positions."""

    tokens: Tensor  # (R, T) int64
    targets: Tensor  # (R, T) int64, IGNORED where nothing could be predicted


class RowSource:
    """Draws training rows; what step n gets depends on (seed, n) alone, so there is no cursor to keep."""

    def __init__(self, data: PretrainData, settings: PretrainSettings, steps: int) -> None:
        """Check that each source fills a row.

        Raises:
            DataError: Naming the source that is too short.
        """
        self._length = settings.context_length
        self._count = max(1, settings.batch_tokens // settings.context_length)
        self._settings, self._steps = settings, steps
        for source in data.sources:
            if len(source.train) <= self._length:
                raise DataError(
                    f"The text '{source.name}' has {len(source.train)} tokens to train on, fewer than one row of "
                    f"{self._length + 1}. Add text or choose a shorter context (context_length)."
                )
        if not data.sources:
            raise DataError("Pretraining needs text and there is none. Name at least one text file.")
        self._sources = data.sources
        weights = np.array([source.weight for source in data.sources], dtype=np.float64)
        self._borders = np.cumsum(weights / weights.sum())
        self._words = np.array(data.repeat_tokens)

    @property
    def tokens_per_step(self) -> int:
        return self._count * self._length

    def drill_shares(self, step: int) -> tuple[float, float]:
        """Shares of rows of repeated random words, and of pairs of them, at update ``step`` (from 1)."""
        settings = self._settings
        if step <= settings.drill_steps_share * self._steps:
            return settings.repeat_share_first, settings.pairs_share_first
        return settings.repeat_share, settings.pairs_share

    def draw(self, step: int) -> Rows:
        """The rows of update ``step`` (from 1)."""
        random = _generator(self._settings.seed, _ROWS, step)
        repeats, pairs = self.drill_shares(step)
        rows = []
        for _ in range(self._count):
            kind = random.random()
            if kind < repeats:
                rows.append(repeated_row(random, self._words, self._length))
            elif kind < repeats + pairs:
                rows.append(pairs_row(random, self._words, self._length))
            else:
                rows.append(self._text(random))
        return _stack(rows)

    def ahead(self, first: int, processes: int) -> Iterator[Rows]:
        """The rows of update ``first`` and all after it, drawn in processes of their own while the device computes.

        Args:
            first: Update, from 1.
            processes: 0 draws in this one, when asked.
        """
        steps = range(first, self._steps + 1)
        if not processes or not steps:
            return (self.draw(step) for step in steps)
        own = torch.Generator()  # a loader would draw from torch's global one
        updates = _Updates(self)
        return iter(DataLoader(updates, None, sampler=steps, num_workers=processes, prefetch_factor=8, generator=own))

    def draw_text(self, count: int) -> Tensor:
        """(count, T) rows of training text, none of them repeated random tokens."""
        random = _generator(self._settings.seed, _TEXT_SAMPLE, 0)
        return _stack([self._text(random) for _ in range(count)]).tokens

    def drill_test(self, row: RowMaker, count: int) -> Rows:
        """Rows of a drill that no update saw."""
        random = _generator(self._settings.seed, _DRILL_TEST, 0)
        return _stack([row(random, self._words, self._length) for _ in range(count)])

    def _text(self, random: np.random.Generator) -> tuple[TokenArray, TokenArray]:
        which = min(int(np.searchsorted(self._borders, random.random(), side="right")), len(self._sources) - 1)
        source = self._sources[which]
        start = int(random.integers(0, len(source.train) - self._length))
        return _window(source.train, source.asked, start, self._length)


def _window(
    stream: TokenArray, asked: NDArray[np.bool_] | None, start: int, length: int
) -> tuple[TokenArray, TokenArray]:
    window = stream[start : start + length + 1].astype(np.int64)
    targets = window[1:]
    if asked is not None:
        targets = np.where(asked[start + 1 : start + length + 1], targets, IGNORED)
    return window[:-1], targets


def asked_rows(source: TokenSource, length: int, limit: int) -> Rows:
    """Rows of held-out text, evenly spread, in which only what was asked is a target."""
    count = (len(source.held_out) - 1) // length
    starts = [i * count // min(count, limit) * length for i in range(min(count, limit))]
    return _stack([_window(source.held_out, source.held_out_asked, start, length) for start in starts])


class _Updates(Dataset[Rows]):
    """Update number -> its rows, as a data loader wants it."""

    def __init__(self, rows: RowSource) -> None:
        self._rows = rows

    def __getitem__(self, step: int) -> Rows:
        return self._rows.draw(step)


def repeated_row(random: np.random.Generator, words: TokenArray, length: int) -> tuple[TokenArray, TokenArray]:
    """A random segment repeated to the end of the row; its first pass is not a target, for nothing predicts it.

    Only copying from what went before (induction heads) lowers the loss on such rows; in prose it helps little, and a
    small model learns it late or never.

    Source: Olsson et al. 2022, arXiv:2209.11895 (repeated random tokens as a test of induction).
    """
    # short ones, which repeat often, are drawn as often per octave as long ones
    size = round(float(np.exp(random.uniform(np.log(SHORTEST_REPEAT), np.log(LONGEST_REPEAT)))))
    size = min(size, max(1, length // 2))
    segment = random.choice(words, size)
    row = np.resize(segment, length + 1).astype(np.int64)  # np.resize repeats
    targets = row[1:].copy()
    targets[: size - 1] = IGNORED
    return row[:-1], targets


def pairs_row(random: np.random.Generator, words: TokenArray, length: int) -> tuple[TokenArray, TokenArray]:
    """Random words in pairs, stated and then asked: ``a x b . c x d . c x -> d``; targets are the answers alone.

    Between the two of a pair stand up to ``LONGEST_GAP`` fillers, mostly the same ones in every statement and question
    of a group, as in "Tom is in the park. Mia is in the hall. Mia is in the": only the first word tells which answer
    is meant. To answer is to look up, not only to go on where the last word stood.

    Source: Arora et al. 2023, arXiv:2312.04927 (associative recall with several queries); the fillers are ours.
    """
    tokens: list[int] = []
    answers: list[int] = []  # the token at its own place, IGNORED elsewhere
    while len(tokens) <= length:
        for token, is_answer in _pairs(random, words):
            tokens.append(token)
            answers.append(token if is_answer else IGNORED)
    return np.array(tokens[:length], dtype=np.int64), np.array(answers[1 : length + 1], dtype=np.int64)


def _pairs(random: np.random.Generator, words: TokenArray) -> Iterator[tuple[int, bool]]:
    """One group: two to eight pairs, then each asked once, or twice where they are few."""
    count = int(random.integers(2, MOST_PAIRS + 1))
    gap, end = int(random.integers(0, LONGEST_GAP + 1)), random.choice(words)
    stated = random.choice(words, gap)
    asked = stated if random.random() < _SAME_FILLERS else random.choice(words, gap)
    drawn = random.choice(words, 2 * count, replace=len(words) < 2 * count)
    pairs = list(zip(drawn[:count], drawn[count:], strict=True))
    rounds = 2 if 2 * count <= MOST_PAIRS else 1
    order = [pairs[i] for _ in range(rounds) for i in random.permutation(count)]
    for fillers, is_question, group in ((stated, False, pairs), (asked, True, order)):
        for key, value in group:
            yield from ((int(token), False) for token in (key, *fillers))
            yield int(value), is_question
            yield int(end), False


def held_out_rows(source: TokenSource, length: int, limit: int | None = None) -> Iterator[Rows]:
    """Held-out text as rows that follow each other, a few at a time; each token but the first is a target once.

    Args:
        source: Its ``held_out`` is read.
        length: Positions in a row; the last one may be shorter.
        limit: At most so many rows, evenly spread; all where None.
    """
    count = -(-(len(source.held_out) - 1) // length)
    kept = range(count) if limit is None or limit >= count else [i * count // limit for i in range(limit)]
    windows = [source.held_out[i * length : (i + 1) * length + 1].astype(np.int64) for i in kept]
    whole = [window for window in windows if len(window) == length + 1]
    for first in range(0, len(whole), _ROWS_AT_ONCE):
        yield _stack([(window[:-1], window[1:]) for window in whole[first : first + _ROWS_AT_ONCE]])
    yield from (_stack([(window[:-1], window[1:])]) for window in windows if len(window) <= length)


def _generator(*key: int) -> np.random.Generator:
    return np.random.Generator(np.random.Philox(np.random.SeedSequence(key)))


def _stack(rows: list[tuple[TokenArray, TokenArray]]) -> Rows:
    return Rows(*(torch.from_numpy(np.stack(columns)) for columns in zip(*rows, strict=True)))
