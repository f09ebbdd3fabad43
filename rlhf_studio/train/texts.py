"""Pretraining text as windows of tokens, and going through many short texts beside a window."""

import time
from collections.abc import Iterable, Iterator, Sequence
from typing import TypeVar

import torch
from torch import Tensor

from rlhf_studio.errors import DataError
from rlhf_studio.lm.codec import Codec
from rlhf_studio.schema import TextRow
from rlhf_studio.train.schedule import integers

Row = TypeVar("Row")
_ROWS_A_BREATH, _BREATH_S = 8, 0.0005


def gently(rows: Iterable[Row]) -> Iterator[Row]:
    """Go through rows and let go of Python's lock now and then.

    Encoding a row is short work in Python. Thousands of rows would hold the lock for a second but for the moments at
    which Python takes it away, and the window's thread, which asks for it many times a frame, would wait each time.
    """
    for place, row in enumerate(rows):
        if place % _ROWS_A_BREATH == 0:
            time.sleep(_BREATH_S)
        yield row


class TokenWindows:
    """Documents laid end to end, each closed by end-of-text, read through windows of ``length + 1`` tokens."""

    def __init__(self, codec: Codec, rows: Sequence[TextRow], length: int) -> None:
        """Tokenise once.

        Raises:
            DataError: If all documents together are shorter than one window.
        """
        ids = [token for document in codec.encode_documents([row.text for row in rows]) for token in document]
        if len(ids) <= length:
            raise DataError(
                f"The pretraining text has {len(ids)} tokens, fewer than one window of {length + 1}. "
                "Add text to the project or shorten the window (ptx_window)."
            )
        self._tokens = torch.tensor(ids, dtype=torch.int64)
        self._length = length

    def draw(self, count: int, *key: int) -> Tensor:
        """(count, length + 1) windows at places that depend on ``key`` alone."""
        starts = integers(len(self._tokens) - self._length, count, *key)
        return torch.stack([self._tokens[s : s + self._length + 1] for s in starts])

    def spread(self, count: int) -> Tensor:
        """(<= count, length + 1) windows that do not overlap, evenly spread: the same ones each time, to measure on."""
        fit = len(self._tokens) // (self._length + 1)
        count = min(count, fit)
        starts = [(i * fit // count) * (self._length + 1) for i in range(count)]
        return torch.stack([self._tokens[s : s + self._length + 1] for s in starts])
