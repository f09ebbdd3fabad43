"""Samples answers. Axes: B episodes, R response positions, N longest answer allowed."""

from collections.abc import Generator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from rlhf_studio.errors import DataError
from rlhf_studio.lm.decode import LlamaDecoder, is_llama_like
from rlhf_studio.lm.decoders import Decoder, ModuleDecoder
from rlhf_studio.lm.draw import Drawn, check_sampling, draw, uniforms
from rlhf_studio.lm.model import LanguageModel
from rlhf_studio.lm.padding import left_pad
from rlhf_studio.schema import Sampling

__all__ = ["Generation", "Partial", "collect", "generate", "join", "uniforms"]


class Generation(NamedTuple):
    """Sampled answers. Outside ``mask``, tokens are the pad id and log-probabilities 0."""

    tokens: Tensor  # (B, R) int64
    mask: Tensor  # (B, R) bool, true up to and including end-of-text
    logprobs: Tensor  # (B, R) float32, nats, at the sampling temperature, before top-p
    finished: Tensor  # (B,) bool, the model ended the answer, not the length limit


class Partial(NamedTuple):
    """What one position brought; to stream text and to stop between tokens."""

    position: int
    tokens: Tensor  # (B,) int64, pad id in rows that had ended before
    active: Tensor  # (B,) bool, rows to which this position belongs


def generate(
    lm: LanguageModel, prompts: Sequence[Sequence[int]], sampling: Sampling, uniforms: Tensor
) -> Generator[Partial, None, Generation]:
    """Sample one answer to each prompt; yields once per position, stops early when all have ended.

    Torch's random generators are not touched: the same uniforms give the same answers, however the prompts are
    grouped into batches.

    Args:
        lm: Is used as it is; turn dropout off before.
        prompts: Token ids, none empty.
        sampling: Temperature, top-p and the longest answer; its seed is not used here.
        uniforms: (B, N) in [0, 1), as the function of that name gives them.

    Raises:
        DataError: If a prompt is empty, or does not fit the context beside the longest answer.
        ModelError: If the model's logits are not numbers.
    """
    check_sampling(sampling)
    _check_prompts(lm, prompts, sampling.max_new_tokens)
    answers = _Answers(len(prompts), sampling.max_new_tokens, lm)
    batch = left_pad(prompts, lm.codec.pad_id, device=lm.device)
    decoder = _decoder(lm, batch.tokens.shape[1] + sampling.max_new_tokens)
    logits = decoder.start(batch) if prompts else None
    for position in range(sampling.max_new_tokens):
        if logits is None:
            break
        with torch.no_grad():
            drawn = draw(logits, sampling, uniforms[answers.rows.to(uniforms.device), position])
            partial = answers.add(position, drawn)
        yield partial
        with torch.no_grad():
            logits = answers.next_logits(decoder, drawn.tokens) if position + 1 < sampling.max_new_tokens else None
    return answers.result()


def collect(sampler: Generator[Partial, None, Generation]) -> Generation:
    """Drive a sampler to its end."""
    while True:
        try:
            next(sampler)
        except StopIteration as end:
            result: Generation = end.value
            return result


def join(parts: Sequence[Generation], pad_id: int) -> Generation:
    """Answers that were sampled one group after the other as if they had been sampled side by side."""
    longest = max(part.tokens.shape[1] for part in parts)

    def widened(cells: Sequence[Tensor], empty: int) -> Tensor:
        return torch.cat([torch.nn.functional.pad(one, (0, longest - one.shape[1]), value=empty) for one in cells])

    return Generation(
        widened([part.tokens for part in parts], pad_id),
        widened([part.mask for part in parts], 0),
        widened([part.logprobs for part in parts], 0),
        torch.cat([part.finished for part in parts]),
    )


class _Answers:
    """Answers that grow; ``rows`` says which of them the decoder still works on."""

    def __init__(self, count: int, length: int, lm: LanguageModel) -> None:
        self._eos_id, self._pad_id = lm.codec.eos_id, lm.codec.pad_id
        self._tokens = torch.full((count, length), self._pad_id, dtype=torch.int64, device=lm.device)
        self._mask = torch.zeros(count, length, dtype=torch.bool, device=lm.device)
        self._logprobs = torch.zeros(count, length, device=lm.device)
        self._finished = torch.zeros(count, dtype=torch.bool, device=lm.device)
        self.rows = torch.arange(count, device=lm.device)

    def add(self, position: int, drawn: Drawn) -> Partial:
        """Append one token to the answers that have not ended."""
        rows = self.rows
        goes_on = ~self._finished[rows]
        self._tokens[rows, position] = drawn.tokens.where(goes_on, self._pad_id)
        self._logprobs[rows, position] = drawn.logprobs.where(goes_on, 0.0)
        self._mask[rows, position] = goes_on
        self._finished[rows] |= drawn.tokens == self._eos_id
        return Partial(position, self._tokens[:, position].clone(), self._mask[:, position].clone())

    def next_logits(self, decoder: Decoder, tokens: Tensor) -> Tensor | None:
        """Read the last tokens (b,); None if every answer has ended. Drops ended rows once they are the majority."""
        goes_on = ~self._finished[self.rows]
        count = int(goes_on.sum())
        if count == 0:
            return None
        if 2 * count < len(goes_on):
            kept = goes_on.nonzero().squeeze(1)
            if decoder.keep(kept):
                self.rows, tokens = self.rows[kept], tokens[kept]
        return decoder.step(tokens)

    def result(self) -> Generation:
        """All answers, without the columns that none of them reached."""
        longest = int(self._mask.sum(dim=1).max()) if len(self._mask) else 0
        tokens, mask, logprobs = (t[:, :longest].contiguous() for t in (self._tokens, self._mask, self._logprobs))
        return Generation(tokens, mask, logprobs, self._finished)


def _check_prompts(lm: LanguageModel, prompts: Sequence[Sequence[int]], max_new_tokens: int) -> None:
    lengths = [len(prompt) for prompt in prompts]
    if lengths and min(lengths) == 0:
        raise DataError(f"Prompt {lengths.index(0) + 1} is empty (0 tokens). Write something for the model to answer.")
    longest = max(lengths, default=0)
    if longest + max_new_tokens > lm.context_length:
        raise DataError(
            f"A prompt of {longest} tokens and an answer of up to {max_new_tokens} exceed the model's context of "
            f"{lm.context_length}. Shorten the prompt or the longest answer (max_new_tokens)."
        )


def _decoder(lm: LanguageModel, capacity: int) -> Decoder:
    return LlamaDecoder(lm, capacity) if is_llama_like(lm, capacity) else ModuleDecoder(lm)
