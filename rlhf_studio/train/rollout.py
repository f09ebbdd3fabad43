"""Answers sampled from the policy, with every number PPO needs about them.

Axes: B episodes, P prompt positions (left-padded), R response positions (right-padded), T = P + R.
"""

from collections.abc import Callable, Generator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad

from rlhf_studio.lm.generate import Generation
from rlhf_studio.lm.padding import Padded, left_pad
from rlhf_studio.train.schedule import by_length
from rlhf_studio.train.team import Team


class Rollout(NamedTuple):
    """One batch of episodes. All per-token arrays are zero outside ``mask``."""

    tokens: Tensor  # (B, T) int64
    attention: Tensor  # (B, T) bool, true on prompt and response tokens
    mask: Tensor  # (B, R) bool, true on response tokens up to and including end-of-text
    logprobs: Tensor  # (B, R) of the policy that sampled, nats
    ref_logprobs: Tensor  # (B, R) of the reference
    values: Tensor  # (B, R) of the state before each token
    rewards: Tensor  # (B, R) score on the last token, minus beta times k1 on each; before any whitening
    advantages: Tensor  # (B, R)
    returns: Tensor  # (B, R)
    last_logprobs: Tensor  # (B, R) of the policy in its last pass over the batch, before that pass's update
    scores: Tensor  # (B,) that train: of the reward model or a script, clipped and less a penalty where that is set
    watched: Tensor  # (B,) of the reward that only watches; NaN without one
    finished: Tensor  # (B,) bool, the answer ended by itself

    @property
    def response_length(self) -> int:
        return self.mask.shape[1]

    @property
    def lengths(self) -> list[int]:
        """Tokens of each episode, prompt and response."""
        lengths: list[int] = self.attention.sum(dim=1).tolist()
        return lengths

    @property
    def batch(self) -> Padded:
        """Prompts and responses as the models read them."""
        return Padded(self.tokens, self.attention)

    @property
    def responses(self) -> Tensor:
        """(B, R) the sampled tokens."""
        return self.tokens[:, -self.response_length :]

    def select(self, rows: Sequence[int]) -> "Rollout":
        """Some episodes, without the columns that are padding in all of them."""
        index = torch.as_tensor(list(rows), device=self.tokens.device)
        part = Rollout(*(field[index] for field in self))
        prompt_length = self.tokens.shape[1] - self.response_length
        begin = int(part.attention[:, :prompt_length].any(dim=0).int().argmax())
        longest = int(part.mask.sum(dim=1).max())
        wide = {"tokens", "attention"}
        return Rollout(
            *(
                field[:, begin : prompt_length + longest]
                if name in wide
                else (field[:, :longest] if field.ndim == 2 else field)
                for name, field in zip(part._fields, part, strict=True)
            )
        )

    def arrays(self) -> dict[str, NDArray[np.generic]]:
        """Every field and the ratio at the last pass, for the run folder; floats in float32."""
        ratio = (self.last_logprobs - self.logprobs).exp().masked_fill(~self.mask, 0.0)
        return {
            name: (field.float() if field.is_floating_point() else field).cpu().numpy()
            for name, field in {**self._asdict(), "ratio": ratio}.items()
        }

    def tensors(self, prefix: str) -> dict[str, Tensor]:
        """Every field for a checkpoint in the middle of a step."""
        return {f"{prefix}.{name}": field for name, field in zip(self._fields, self, strict=True)}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor], prefix: str, device: torch.device) -> "Rollout":
        """What ``tensors`` gave; a checkpoint of an earlier version knew of no watching reward."""
        found = {f"{prefix}.watched": torch.full_like(tensors[f"{prefix}.scores"], float("nan")), **tensors}
        return cls(*(found[f"{prefix}.{name}"].to(device) for name in cls._fields))


def begin_rollout(prompts: Sequence[Sequence[int]], generation: Generation) -> Rollout:
    """Lay prompts and their sampled answers side by side; what the other models say comes later.

    Padded cells hold token 0: a tokenizer's pad id may lie outside the model's vocabulary.
    """
    left = left_pad(prompts, 0, device=generation.tokens.device)
    responses = generation.tokens.masked_fill(~generation.mask, 0)
    logprobs = generation.logprobs.masked_fill(~generation.mask, 0.0)
    nothing = torch.zeros_like(logprobs)
    return Rollout(
        tokens=torch.cat([left.tokens, responses], dim=1),
        attention=torch.cat([left.mask, generation.mask], dim=1),
        mask=generation.mask,
        logprobs=logprobs,
        ref_logprobs=nothing,
        values=nothing,
        rewards=nothing,
        advantages=nothing,
        returns=nothing,
        last_logprobs=logprobs.clone(),
        scores=torch.zeros(len(prompts), device=logprobs.device),
        watched=torch.full((len(prompts),), float("nan"), device=logprobs.device),
        finished=generation.finished,
    )


def gather_answers(team: Team, own: Generation) -> Generation:
    """The answers of all episodes, of which this process has sampled its share."""
    longest = max(team.exchange("longest", own.mask.shape[1]))
    tokens, mask, logprobs = (pad(field, (0, longest - field.shape[1])) for field in own[:3])
    return Generation(*(team.gather_rows(field) for field in (tokens, mask, logprobs, own.finished)))


def in_pieces(
    rollout: Rollout, size: int, compute: Callable[[Rollout], Tensor], rows: Sequence[int] | None = None
) -> Generator[float, None, Tensor]:
    """Apply ``compute`` to pieces of at most ``size`` episodes of like length and put the results together.

    Yields the share done after each piece; ``compute`` gives (b,) or (b, r) with r <= R. ``rows`` are the episodes in
    question, rising; all by default.
    """
    lengths = rollout.lengths
    rows = range(len(lengths)) if rows is None else rows
    pieces = [[rows[i] for i in piece] for piece in by_length([lengths[row] for row in rows], size)]
    results = []
    for done, piece in enumerate(pieces, start=1):
        result = compute(rollout.select(piece))
        if result.ndim == 2:
            missing = rollout.response_length - result.shape[1]
            result = pad(result, (0, missing))
        results.append(result)
        yield done / len(pieces)
    if not results:
        return torch.empty(0, device=rollout.tokens.device)
    order = torch.tensor([row for piece in pieces for row in piece], device=results[0].device)
    return torch.cat(results)[order.argsort()]
