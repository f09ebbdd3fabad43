"""Figures taken from a model without changing it."""

from collections.abc import Generator, Iterator, Mapping, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from rlhf_studio.events import Notice, Progress, SampleShown
from rlhf_studio.lm.generate import Generation, collect, generate, uniforms
from rlhf_studio.lm.model import LanguageModel
from rlhf_studio.lm.padding import Padded
from rlhf_studio.rl.logprobs import token_logprobs
from rlhf_studio.rl.masking import masked_sum
from rlhf_studio.schema import PromptRow, Sampling
from rlhf_studio.train.compute import Compute
from rlhf_studio.train.control import RunControl
from rlhf_studio.train.packing import Example, PackedRows, pack
from rlhf_studio.train.schedule import chunks
from rlhf_studio.train.sparing import in_halves

# rows per forward pass when nothing has to be kept for a backward pass
EVALUATION_ROWS = 32
TEXT_WINDOWS = 64


def packed_logprobs(model: LanguageModel, packed: PackedRows) -> Tensor:
    """(R, T-1) log-probability of each next token; meaningful where ``packed.loss_mask`` is true."""
    bias = packed.attention_bias(model.dtype)
    out = model.module(input_ids=packed.tokens, attention_mask=bias, position_ids=packed.positions, use_cache=False)
    return token_logprobs(out.logits[:, :-1], packed.tokens[:, 1:])


def answer_loss(
    model: LanguageModel, compute: Compute, examples: Sequence[Example], rows: int
) -> Generator[float, None, float]:
    """Mean cross-entropy of answer tokens, nats per token, ``rows`` examples at a time; yields the share done."""
    total = count = 0.0
    for piece in compute.team.share(chunks(range(len(examples)), rows)):
        with torch.no_grad(), compute.autocast():
            packed = pack([examples[i] for i in piece], 1, device=compute.device)
            total -= float(masked_sum(packed_logprobs(model, packed), packed.loss_mask))
        count += int(packed.loss_mask.sum())
        yield (piece[-1] + 1) / len(examples)
    total, count = compute.team.add_up(total, count)
    return total / count


def text_loss(model: LanguageModel, compute: Compute, windows: Tensor, rows: int) -> Generator[float, None, float]:
    """Mean cross-entropy of windows (N, L+1) of text, nats per token, ``rows`` at a time; yields the share done."""
    total = 0.0
    for piece in compute.team.share(chunks(range(len(windows)), rows)):
        with torch.no_grad(), compute.autocast():
            total -= float(window_logprobs(model, windows[piece].to(compute.device)).sum())
        yield (piece[-1] + 1) / len(windows)
    (total,) = compute.team.add_up(total)
    return total / windows[:, 1:].numel()


def measured(
    figures: Mapping[str, Generator[float, None, float]], control: RunControl, step: int, total: int
) -> Generator[Progress, None, dict[str, float]]:
    """Drive evaluations one after the other with signs of life; what a stop request interrupts is left out."""
    results = {}
    for name, figure in figures.items():
        while not control.is_stopping:
            try:
                done = next(figure)
            except StopIteration as end:
                results[name] = float(end.value)
                break
            yield Progress(step, total, "evaluate", done)
    return results


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
) -> Iterator[SampleShown | Notice]:
    """The greedy answers as events, as many at a time as the memory holds."""

    def attempt(some: Sequence[PromptRow]) -> Iterator[SampleShown]:
        answers = greedy_answers(model, some, max_new_tokens=max_new_tokens)
        if answers is not None:
            for probe, text in zip(answers.rows, answers.texts, strict=True):
                yield SampleShown(step, probe.prompt_id, probe.turns[-1].content, text)

    return in_halves(probes, step, attempt)
