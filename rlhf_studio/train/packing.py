"""Several examples in one row, each seeing only itself."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from rlhf_studio.train.dropout import Cells, Span


class Example(NamedTuple):
    """A prompt and its answer as token ids; the answer ends with end-of-text."""

    prompt: tuple[int, ...]
    answer: tuple[int, ...]

    @property
    def length(self) -> int:
        return len(self.prompt) + len(self.answer)


class PackedRows(NamedTuple):
    """Rows of whole examples; R rows, T positions."""

    tokens: Tensor  # (R, T) int64
    segments: Tensor  # (R, T) int64, number of the example in its row from 1; 0 is padding
    positions: Tensor  # (R, T) int64, from 0 in each example
    is_answer: Tensor  # (R, T) bool, true on answer tokens
    spans: list[Span]  # where each example lies, by its number among those that were packed

    @property
    def loss_mask(self) -> Tensor:
        """(R, T-1) bool: the logits at t predict an answer token at t + 1. The first token is never predicted."""
        return self.is_answer[:, 1:]

    def cells(self, numbers: Sequence[int]) -> Cells:
        """Where each example lies, by other numbers than those among the packed ones."""
        rows, length = self.tokens.shape
        return Cells((rows, length), [span._replace(number=numbers[span.number]) for span in self.spans])

    def attention_bias(self, dtype: torch.dtype) -> Tensor:
        """(R, 1, T, T) to add to attention scores: 0 where a token sees its own past, else the lowest number."""
        same = self.segments[:, :, None] == self.segments[:, None, :]
        length = self.tokens.shape[1]
        past = torch.ones(length, length, dtype=torch.bool, device=self.tokens.device).tril()
        bias = torch.zeros(same.shape, dtype=dtype, device=self.tokens.device)
        return bias.masked_fill(~(same & past), torch.finfo(dtype).min)[:, None]


def place(lengths: Sequence[int], capacity: int) -> list[list[int]]:
    """Put examples into as few rows as first-fit-decreasing finds; returns the examples of each row."""
    rows: list[list[int]] = []
    free: list[int] = []
    for i in sorted(range(len(lengths)), key=lambda i: (-lengths[i], i)):
        row = next((r for r, room in enumerate(free) if room >= lengths[i]), None)
        if row is None:
            rows.append([])
            free.append(max(capacity, lengths[i]))
            row = len(rows) - 1
        rows[row].append(i)
        free[row] -= lengths[i]
    return rows


def pack(examples: Sequence[Example], capacity: int, *, device: torch.device | None = None) -> PackedRows:
    """Lay examples end to end in rows of at most ``capacity`` tokens; a capacity of 1 gives each its own row."""
    rows = place([example.length for example in examples], capacity)
    width = max(sum(examples[i].length for i in row) for row in rows)
    shape = (len(rows), width)
    tokens, segments, positions = (torch.zeros(shape, dtype=torch.int64) for _ in range(3))
    is_answer = torch.zeros(shape, dtype=torch.bool)
    spans = []
    for r, row in enumerate(rows):
        at = 0
        for number, i in enumerate(row, start=1):
            example = examples[i]
            end = at + example.length
            tokens[r, at:end] = torch.tensor(example.prompt + example.answer)
            segments[r, at:end] = number
            positions[r, at:end] = torch.arange(example.length)
            is_answer[r, at + max(1, len(example.prompt)) : end] = True
            spans.append(Span(r, at, end, i))
            at = end
    tokens, segments, positions, is_answer = (t.to(device) for t in (tokens, segments, positions, is_answer))
    return PackedRows(tokens, segments, positions, is_answer, spans)
