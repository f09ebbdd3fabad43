"""Ways to get the logits of one next token after the other. Axes: b rows still wanted, V vocabulary."""

import inspect
from typing import Any, Protocol

import torch
from torch import Tensor

from rlhf_studio.lm.model import LanguageModel
from rlhf_studio.lm.padding import Padded


class Decoder(Protocol):
    """Remembers what rows have read so far."""

    def start(self, prompts: Padded) -> Tensor:
        """(b, V) logits after left-padded prompts."""

    def step(self, tokens: Tensor) -> Tensor:
        """(b, V) logits after one more token (b,) in each row."""

    def keep(self, rows: Tensor) -> bool:
        """Forget all but these rows (int64); False if this decoder cannot, and has kept all."""


class ModuleDecoder:
    """Works with any module: through its own cache if it has one, else by reading everything again each time."""

    def __init__(self, lm: LanguageModel) -> None:
        self._lm = lm
        self._known = inspect.signature(lm.module.forward).parameters
        self._cache: Any = None
        self._batch: Padded

    @torch.no_grad()
    def start(self, prompts: Padded) -> Tensor:
        self._batch = prompts
        return self._read(prompts)

    @torch.no_grad()
    def step(self, tokens: Tensor) -> Tensor:
        column = tokens[:, None]
        batch = self._batch
        self._batch = Padded(
            torch.cat([batch.tokens, column], dim=1), torch.cat([batch.mask, torch.ones_like(column).bool()], dim=1)
        )
        if self._cache is None:
            return self._read(self._batch)
        return self._forward(column, batch.mask.sum(dim=1, keepdim=True))

    @torch.no_grad()
    def keep(self, rows: Tensor) -> bool:
        if self._cache is not None:
            if not hasattr(self._cache, "batch_select_indices"):
                return False
            self._cache.batch_select_indices(rows)
        self._batch = Padded(self._batch.tokens[rows], self._batch.mask[rows])
        return True

    def _read(self, batch: Padded) -> Tensor:
        if "past_key_values" in self._known:
            return self._forward(batch.tokens.masked_fill(~batch.mask, 0), batch.positions)
        return self._lm.logits(batch, keep=1)[:, -1]

    def _forward(self, tokens: Tensor, positions: Tensor) -> Tensor:
        arguments = {
            "input_ids": tokens,
            "attention_mask": self._batch.mask,
            "position_ids": positions,
            "past_key_values": self._cache,
            "use_cache": True,
            "logits_to_keep": 1,
        }
        out = self._lm.module(**{name: value for name, value in arguments.items() if name in self._known})
        self._cache = getattr(out, "past_key_values", None)
        logits: Tensor = out.logits[:, -1]
        return logits
