"""Sequences of different lengths in one rectangle. Axes: B rows, T positions."""

from collections.abc import Sequence
from itertools import chain
from typing import NamedTuple

import numpy as np
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
    lengths = torch.tensor([len(row) for row in rows], dtype=torch.int64)
    cells = torch.arange(width)
    mask = (cells >= width - lengths[:, None]) if is_left else (cells < lengths[:, None])
    tokens = torch.full((len(rows), width), pad_id, dtype=torch.int64)
    tokens[mask] = torch.from_numpy(np.fromiter(chain.from_iterable(rows), dtype=np.int64, count=int(lengths.sum())))
    return Padded(tokens.to(device), mask.to(device))
