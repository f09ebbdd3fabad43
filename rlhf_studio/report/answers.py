"""What models answer, and what the reward model says about it: measured after training, on one set of prompts."""

import math
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import torch
from torch import Tensor

from rlhf_studio.lm.generate import Generation, collect, generate, uniforms
from rlhf_studio.lm.heads import ScalarModel
from rlhf_studio.lm.model import LanguageModel
from rlhf_studio.report.colours import ModelKey
from rlhf_studio.report.material import ModelFigures, ProbeAnswer, ProbeComparison
from rlhf_studio.rl.logprobs import token_logprobs
from rlhf_studio.rl.rewards import sequence_kl
from rlhf_studio.schema import PromptRow, Sampling, TextRow
from rlhf_studio.train.compute import Compute
from rlhf_studio.train.evaluate import EVALUATION_ROWS, TEXT_WINDOWS, greedy_answers, text_loss
from rlhf_studio.train.rollout import Rollout, begin_rollout, in_pieces
from rlhf_studio.train.texts import TokenWindows

T = TypeVar("T")

_ANSWERS = 64  # at least as many are sampled from each model
_WINDOW = 128  # tokens, as the stages measure natural text


@dataclass(frozen=True, slots=True)
class Judge:
    """Whose opinion counts: the reward model, and the SFT model from which KL is measured."""

    reward_model: ScalarModel
    reference: LanguageModel
    compute: Compute


def compare_answers(
    models: Mapping[ModelKey, LanguageModel], judge: Judge, probes: Sequence[PromptRow], *, max_new_tokens: int
) -> tuple[ProbeComparison, ...]:
    """Every probe that fits every model, answered by each with its most likely words."""
    by_model = {key: _probe_answers(model, judge, probes, max_new_tokens) for key, model in models.items()}
    return tuple(
        ProbeComparison(
            probe.turns, probe.use_case, {key: answers[probe.prompt_id] for key, answers in by_model.items()}
        )
        for probe in probes
        if by_model and all(probe.prompt_id in answers for answers in by_model.values())
    )


def measure(
    key: ModelKey,
    model: LanguageModel,
    judge: Judge,
    prompts: Sequence[PromptRow],
    texts: Sequence[TextRow],
    *,
    max_new_tokens: int,
    seed: int = 0,
) -> ModelFigures:
    """Figures of one model: answers to prompts, sampled at temperature 1, and the loss of natural text.

    Few prompts are answered several times each, so that the means are worth something. The random numbers are the
    same for every model, so that differences between models are differences of models.
    """
    natural = _natural_text_loss(model, judge, texts)
    room = model.context_length - max_new_tokens
    encoded = [ids for ids in (model.codec.encode_prompt(p.turns) for p in prompts) if 0 < len(ids) <= room]
    if not encoded:
        return ModelFigures(key, text_loss=natural)
    encoded = encoded * math.ceil(_ANSWERS / len(encoded))
    noise = uniforms(seed, 0, range(len(encoded)), max_new_tokens)
    generation = collect(generate(model, encoded, Sampling(max_new_tokens=max_new_tokens), noise))
    scores, kl = judged(model, judge, encoded, generation)
    return ModelFigures(
        key,
        score=float(scores.mean()),
        kl=float(kl.mean()),
        text_loss=natural,
        answer_tokens=float(generation.mask.sum(dim=1).float().mean()),
        ended=float(generation.finished.float().mean()),
        answers=len(encoded),
    )


def _probe_answers(
    model: LanguageModel, judge: Judge, probes: Sequence[PromptRow], max_new_tokens: int
) -> dict[int, ProbeAnswer]:
    answers = greedy_answers(model, probes, max_new_tokens=max_new_tokens)
    if answers is None:
        return {}
    scores, kl = judged(model, judge, answers.prompts, answers.generation)
    return {
        row.prompt_id: ProbeAnswer(
            text, float(scores[i]), float(kl[i]), is_finished=bool(answers.generation.finished[i])
        )
        for i, (row, text) in enumerate(zip(answers.rows, answers.texts, strict=True))
    }


def judged(
    model: LanguageModel, judge: Judge, prompts: Sequence[Sequence[int]], generation: Generation
) -> tuple[Tensor, Tensor]:
    """What a judge says about sampled answers.

    Args:
        model: Who sampled them.
        judge: Whose scores and from whom KL.
        prompts: B prompts as tokens.
        generation: An answer to each.

    Returns:
        (B,) scores, and (B,) nats of KL from the reference (k1, summed over each answer).
    """
    rollout = begin_rollout(prompts, generation)

    def logprobs_of(scorer: LanguageModel) -> Tensor:
        def compute(part: Rollout) -> Tensor:
            logprobs = token_logprobs(scorer.response_logits(part.batch, part.response_length), part.responses)
            return logprobs.masked_fill(~part.mask, 0.0)

        return _in_pieces(rollout, judge, compute)

    scores = _in_pieces(rollout, judge, lambda part: judge.reward_model.scores(part.batch))
    return scores, sequence_kl(logprobs_of(model), logprobs_of(judge.reference), rollout.mask)


def _in_pieces(rollout: Rollout, judge: Judge, compute: Callable[[Rollout], Tensor]) -> Tensor:
    def quietly(part: Rollout) -> Tensor:
        with torch.no_grad(), judge.compute.autocast():
            return compute(part).float()

    return _result(in_pieces(rollout, EVALUATION_ROWS, quietly))


def _result(work: Generator[float, None, T]) -> T:
    """What a generator returns, whatever it tells on the way."""
    while True:
        try:
            next(work)
        except StopIteration as end:
            result: T = end.value
            return result


def _natural_text_loss(model: LanguageModel, judge: Judge, texts: Sequence[TextRow]) -> float | None:
    if not texts:
        return None
    windows = TokenWindows(model.codec, texts, min(_WINDOW, model.context_length - 1)).spread(TEXT_WINDOWS)
    return _result(text_loss(model, judge.compute, windows, EVALUATION_ROWS))
