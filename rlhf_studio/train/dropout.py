"""Residual dropout that draws from its own generator, seeded per step."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

# the last linear map of each residual branch, by the names the common architectures give it
_BRANCH_ENDS = frozenset({"o_proj", "down_proj", "c_proj", "out_proj", "fc2", "dense", "dense_4h_to_h", "wo"})


class ResidualDropout:
    """Drops outputs of the residual branches of any transformer.

    torch's own dropout draws from the process's one generator, which anything that samples meanwhile would
    disturb; here the mask depends on (seed, step) alone, so a resumed run drops what the unbroken one dropped.

    Source: Ouyang et al. 2022, arXiv:2203.02155, appendix C.1 (residual dropout 0.2 in SFT).
    """

    def __init__(self, module: nn.Module, rate: float, *, seed: int) -> None:
        self._rate, self._seed, self._is_on = rate, seed, False
        ends = [m for name, m in module.named_modules() if name.rsplit(".", 1)[-1] in _BRANCH_ENDS]
        self.branches = len(ends)
        device = next(module.parameters()).device
        self._generator = torch.Generator(device=device)
        self._hooks = [end.register_forward_hook(self._drop) for end in ends] if rate else []

    @contextmanager
    def at(self, step: int) -> Iterator[None]:
        """Drop during this step's forward passes; off everywhere else."""
        self._generator.manual_seed(self._seed * 1_000_003 + step)
        self._is_on = True
        try:
            yield
        finally:
            self._is_on = False

    def remove(self) -> None:
        """Take the hooks off again."""
        for hook in self._hooks:
            hook.remove()

    def _drop(self, _module: nn.Module, _inputs: Any, output: Tensor) -> Tensor | None:
        if not self._is_on:
            return None
        kept = torch.rand(output.shape, generator=self._generator, device=output.device) >= self._rate
        return output * kept / (1 - self._rate)
