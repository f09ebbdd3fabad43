"""Figures taken from a model without changing it."""

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from rlhf_studio.events import SampleShown
from rlhf_studio.lm.generate import Generation, collect, generate, uniforms
from rlhf_studio.lm.model import LanguageModel
from rlhf_studio.lm.padding import Padded
from rlhf_studio.rl.logprobs import token_logprobs
from rlhf_studio.rl.masking import masked_sum
from rlhf_studio.schema import PromptRow, Sampling
from rlhf_studio.train.compute import Compute
from rlhf_studio.train.packing import Example, PackedRows, pack
from rlhf_studio.train.schedule import chunks

# rows per forward pass when nothing has to be kept for a backward pass
EVALUATION_ROWS = 64
TEXT_WINDOWS = 64


def packed_logprobs(model: LanguageModel, packed: PackedRows) -> Tensor:
    """(R, T-1) log-probability of each next token; meaningful where ``packed.loss_mask`` is true."""
    bias = packed.attention_bias(model.dtype)
    out = model.module(input_ids=packed.tokens, attention_mask=bias, position_ids=packed.positions, use_cache=False)
    return token_logprobs(out.logits[:, :-1], packed.tokens[:, 1:])


def answer_loss(model: LanguageModel, compute: Compute, examples: Sequence[Example]) -> float:
    """Mean cross-entropy of answer tokens: nats per token over all examples."""
    total = count = 0.0
    for rows in chunks(range(len(examples)), EVALUATION_ROWS):
        with torch.no_grad(), compute.autocast():
            packed = pack([examples[i] for i in rows], 1, device=compute.device)
            mask = packed.loss_mask
            total -= float(masked_sum(packed_logprobs(model, packed), mask))
        count += int(mask.sum())
    return total / count


def text_loss(model: LanguageModel, compute: Compute, windows: Tensor) -> float:
    """Mean cross-entropy of pretraining text, windows (N, L+1): nats per token."""
    total = 0.0
    for rows in windows.split(EVALUATION_ROWS):
        with torch.no_grad(), compute.autocast():
            tokens = rows.to(compute.device)
            total -= float(window_logprobs(model, tokens).sum())
    return total / windows[:, 1:].numel()


def window_logprobs(model: LanguageModel, tokens: Tensor) -> Tensor:
    """(N, L) log-probability of tokens 1..L of windows (N, L+1) given those before."""
    mask = torch.ones_like(tokens[:, :-1], dtype=torch.bool)
    return token_logprobs(model.logits(Padded(tokens[:, :-1], mask)), tokens[:, 1:])


class ProbeAnswers(NamedTuple):
    """The probes that fit the model's context, and its most likely answers."""

    rows: list[PromptRow]
    prompts: list[list[int]]
    generation: Generation
    texts: list[str]


def greedy_answers(model: LanguageModel, probes: Sequence[PromptRow], *, max_new_tokens: int) -> ProbeAnswers | None:
    """Answer probe prompts, the most likely token each time, so that only the model changes between steps."""
    room = model.context_length - max_new_tokens
    encoded = [(probe, model.codec.encode_prompt(probe.turns)) for probe in probes]
    fitting = [(probe, ids) for probe, ids in encoded if 0 < len(ids) <= room]
    if not fitting:
        return None
    rows, prompts = [probe for probe, _ in fitting], [ids for _, ids in fitting]
    sampling = Sampling(temperature=0.0, max_new_tokens=max_new_tokens)
    generation = collect(generate(model, prompts, sampling, uniforms(0, 0, range(len(rows)), max_new_tokens)))
    pairs = zip(generation.tokens, generation.mask, strict=True)
    return ProbeAnswers(rows, prompts, generation, [model.codec.decode(ids[mask].tolist()) for ids, mask in pairs])


def answer_probes(
    model: LanguageModel, probes: Sequence[PromptRow], *, step: int, max_new_tokens: int
) -> Iterator[SampleShown]:
    """The greedy answers as events."""
    answers = greedy_answers(model, probes, max_new_tokens=max_new_tokens)
    if answers is not None:
        for probe, text in zip(answers.rows, answers.texts, strict=True):
            yield SampleShown(step, probe.prompt_id, probe.turns[-1].content, text)
