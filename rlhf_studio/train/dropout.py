"""Residual dropout that draws from its own generator, seeded by what is trained on."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor, nn

# the last linear map of each residual branch, by the names the common architectures give it
_BRANCH_ENDS = frozenset({"o_proj", "down_proj", "c_proj", "out_proj", "fc2", "dense", "dense_4h_to_h", "wo"})


class Span(NamedTuple):
    """Where a text lies in a batch, and the number that names it."""

    row: int
    begin: int
    end: int
    number: int


class Cells(NamedTuple):
    """The texts of a batch of ``shape`` (rows, positions); ``kind`` tells demonstrations (0) from windows (1)."""

    shape: tuple[int, int]
    spans: Sequence[Span]
    kind: int = 0


def window_cells(numbers: Sequence[int], length: int) -> Cells:
    """Windows of text by their numbers, one to a row."""
    return Cells((len(numbers), length), [Span(row, 0, length, number) for row, number in enumerate(numbers)], kind=1)


class ResidualDropout:
    """Drops outputs of the residual branches of any transformer.

    torch's own dropout draws from the process's one generator, which anything that samples meanwhile would
    disturb; here the mask depends on (seed, step, text, branch, place in the text) alone. So a resumed run drops
    what the unbroken one dropped, and so does one that cuts or packs its batches otherwise, or on more processes.

    Source: Ouyang et al. 2022, arXiv:2203.02155, appendix C.1 (residual dropout 0.2 in SFT).
    """

    def __init__(self, module: nn.Module, rate: float, *, seed: int) -> None:
        self._rate, self._seed = rate, seed
        ends = [m for name, m in module.named_modules() if name.rsplit(".", 1)[-1] in _BRANCH_ENDS]
        self.branches = len(ends)
        device = next(module.parameters()).device
        self._generator = torch.Generator(device=device)
        drop = enumerate(ends) if rate else ()
        self._hooks = [end.register_forward_hook(partial(self._drop, number)) for number, end in drop]
        self._cells: Cells | None = None
        self._seeds: list[list[int]] = []  # of each span, by branch

    @contextmanager
    def at(self, step: int, cells: Cells) -> Iterator[None]:
        """Drop during this step's forward pass over ``cells``; off everywhere else."""
        if self._hooks:
            keys = [(self._seed, step, cells.kind, span.number) for span in cells.spans]
            self._seeds = [
                np.random.SeedSequence(key).generate_state(self.branches, np.uint64).tolist() for key in keys
            ]
            self._cells = cells
        try:
            yield
        finally:
            self._cells = None

    def remove(self) -> None:
        """Take the hooks off again."""
        for hook in self._hooks:
            hook.remove()

    def _drop(self, branch: int, _module: nn.Module, _inputs: Any, output: Tensor) -> Tensor | None:
        if self._cells is None:
            return None
        draws = torch.ones(output.shape, device=output.device)  # padding is left as it is
        places = draws.view(*self._cells.shape, -1)  # some architectures lay all rows end to end
        for span, seeds in zip(self._cells.spans, self._seeds, strict=True):
            places[span.row, span.begin : span.end].uniform_(generator=self._generator.manual_seed(seeds[branch]))
        return output * (draws >= self._rate) / (1 - self._rate)
