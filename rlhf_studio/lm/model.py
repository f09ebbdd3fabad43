"""A causal language model with all that is needed to use it. Axes: B rows, T positions, V vocabulary."""

import copy
import inspect
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from rlhf_studio.lm.codec import Codec
from rlhf_studio.lm.last_block import last_positions
from rlhf_studio.lm.padding import Padded


@dataclass
class LanguageModel:
    """A module that predicts tokens, and the codec that makes them.

    ``module`` may be any whose forward takes ``input_ids`` and ``attention_mask`` and returns something with
    ``.logits``; positions, cache and the number of logits to keep are passed to those that know them.
    """

    module: nn.Module
    codec: Codec
    context_length: int
    source: Path | None = None

    @property
    def device(self) -> torch.device:
        return next(self.module.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        return next(self.module.parameters()).dtype

    @property
    def parameter_count(self) -> int:
        """Tied weights count once."""
        return sum(parameter.numel() for parameter in self.module.parameters())

    def clone(self, *, frozen: bool = False) -> "LanguageModel":
        """A copy with weights of its own; frozen ones take no gradient."""
        module = copy.deepcopy(self.module)
        if frozen:
            module.requires_grad_(requires_grad=False)
        return replace(self, module=module)

    def to(self, device: torch.device | str | None = None, dtype: torch.dtype | None = None) -> "LanguageModel":
        """Move the weights, in place."""
        move(self.module, device, dtype)
        return self

    def logits(self, batch: Padded, *, keep: int = 0) -> Tensor:
        """(B, keep or T, V) logits at the last ``keep`` positions; what stands in padded cells has no influence."""
        with last_positions(self.module, keep):
            out = self.module(**forward_arguments(self.module, batch, keep=keep))
        logits: Tensor = out.logits
        return logits[:, -keep:] if keep and logits.shape[1] > keep else logits

    def response_logits(self, batch: Padded, response_length: int) -> Tensor:
        """(B, R, V) logits that predict the last R tokens, from positions T-R-1 to T-2.

        The last token predicts nothing that is asked for, so it is not computed.
        """
        return self.logits(Padded(batch.tokens[:, :-1], batch.mask[:, :-1]), keep=response_length)


def move(module: nn.Module, device: torch.device | str | None, dtype: torch.dtype | None) -> None:
    """Move a module's weights; buffers keep their precision, since rotary frequencies do not stand rounding."""
    module.to(device=device)
    if dtype is not None:
        for parameter in module.parameters():
            parameter.data = parameter.data.to(dtype)


def forward_arguments(module: nn.Module, batch: Padded, *, keep: int = 0) -> dict[str, Any]:
    """What ``module.forward`` gets for one pass without a cache.

    Padded cells hold token 0: a pad id may lie outside the vocabulary, and its embedding must not matter.
    """
    known = inspect.signature(module.forward).parameters
    arguments: dict[str, Any] = {
        "input_ids": batch.tokens.masked_fill(~batch.mask, 0),
        "attention_mask": batch.mask,
        "position_ids": batch.positions,
        "use_cache": False,
    }
    if keep:
        arguments["logits_to_keep"] = keep
    return {name: value for name, value in arguments.items() if name in known}
