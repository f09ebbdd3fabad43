"""Sequences of different lengths in one rectangle. Axes: B rows, T positions."""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor


class Padded(NamedTuple):
    """Token rows and what of them is real. Padding is told by the mask alone: its id may be that of a real token."""

    tokens: Tensor  # (B, T) int64
    mask: Tensor  # (B, T) bool, true on real tokens

    @property
    def positions(self) -> Tensor:
        """(B, T) int64: number of real tokens before each cell, so that padding shifts nothing."""
        counts = self.mask.long()
        return counts.cumsum(dim=1) - counts


def left_pad(
    rows: Sequence[Sequence[int]], pad_id: int, *, length: int | None = None, device: torch.device | None = None
) -> Padded:
    """Rows flush right, as wide as the longest or ``length``; for prompts that answers shall follow."""
    return _pad(rows, pad_id, length, device, is_left=True)


def right_pad(
    rows: Sequence[Sequence[int]], pad_id: int, *, length: int | None = None, device: torch.device | None = None
) -> Padded:
    """Rows flush left, as wide as the longest or ``length``."""
    return _pad(rows, pad_id, length, device, is_left=False)


def _pad(
    rows: Sequence[Sequence[int]], pad_id: int, length: int | None, device: torch.device | None, *, is_left: bool
) -> Padded:
    longest = max((len(row) for row in rows), default=0)
    width = longest if length is None else length
    if longest > width:
        raise ValueError(f"A row of {longest} tokens does not fit into {width}.")
    tokens = torch.full((len(rows), width), pad_id, dtype=torch.int64)
    mask = torch.zeros(len(rows), width, dtype=torch.bool)
    for i, row in enumerate(rows):
        cells = slice(width - len(row), width) if is_left else slice(0, len(row))
        tokens[i, cells] = torch.as_tensor(row, dtype=torch.int64)
        mask[i, cells] = True
    return Padded(tokens.to(device), mask.to(device))
