"""What a reward model says of a model's answers to prompts that were not trained on."""

from collections.abc import Generator, Sequence
from typing import TypeVar

import torch
from torch import Tensor

from rlhf_studio.events import Progress
from rlhf_studio.lm.generate import Generation, generate, uniforms
from rlhf_studio.lm.heads import ScalarModel
from rlhf_studio.lm.model import LanguageModel
from rlhf_studio.schema import DemonstrationRow, Sampling
from rlhf_studio.train.compute import Compute
from rlhf_studio.train.control import RunControl
from rlhf_studio.train.evaluate import EVALUATION_ROWS
from rlhf_studio.train.rollout import Rollout, begin_rollout, in_pieces
from rlhf_studio.train.texts import gently

ANSWERS = 64  # of one measurement, about: few prompts are answered several times
LENGTH = 64  # tokens of an answer, at most

T = TypeVar("T")


def questions(model: LanguageModel, judge: ScalarModel, rows: Sequence[DemonstrationRow]) -> list[list[int]]:
    """Token ids of held-out prompts that leave room for an answer, each as often as the others.

    Args:
        model: That answers.
        judge: That reads prompt and answer.
        rows: Held-out demonstrations; only their prompts are used.
    """
    room = min(model.context_length, judge.context_length) - LENGTH
    asked = {row.prompt_id: model.codec.encode_prompt(row.turns) for row in gently(rows)}
    return spread([ids for ids in asked.values() if 0 < len(ids) <= room])


def spread(prompts: Sequence[T]) -> list[T]:
    """About ``ANSWERS`` of them: of many some, evenly; few several times, each as often as the others."""
    if len(prompts) > ANSWERS:
        return [prompts[i * len(prompts) // ANSWERS] for i in range(ANSWERS)]
    return list(prompts) * (ANSWERS // len(prompts)) if prompts else []


def mean_score(
    model: LanguageModel,
    judge: ScalarModel,
    compute: Compute,
    prompts: Sequence[list[int]],
    control: RunControl,
    *,
    step: int,
    total: int,
    seed: int,
) -> Generator[Progress, None, dict[str, float]]:
    """Mean score of sampled answers, as ``valid/scores``; empty if a stop request came meanwhile.

    Answers are drawn at temperature 1 with the same random numbers each time, so that only the model changes.
    """
    noise = uniforms(seed, 0, range(len(prompts)), LENGTH)
    sampler = generate(model, list(prompts), Sampling(temperature=1.0, max_new_tokens=LENGTH), noise)
    while True:
        try:
            with compute.autocast():
                partial = next(sampler)
        except StopIteration as end:
            answers: Generation = end.value
            break
        yield Progress(step, total, "sample", (partial.position + 1) / LENGTH)
        if control.is_stopping:
            sampler.close()
            return {}

    def score(part: Rollout) -> Tensor:
        with torch.no_grad(), compute.autocast():
            return judge.scores(part.batch).float()

    pieces = in_pieces(begin_rollout(prompts, answers), EVALUATION_ROWS, score)
    while True:
        try:
            done = next(pieces)
        except StopIteration as end:
            return {"valid/scores": float(end.value.mean())}
        yield Progress(step, total, "score", done)
        if control.is_stopping:
            return {}
