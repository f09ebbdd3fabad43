"""What the inference thread does for a request, in slices; imported there only, since it needs torch.

Axes: B answers, R response positions.
"""

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import torch
from torch import Tensor

from rlhf_studio.errors import DataError, ModelError, RunError
from rlhf_studio.jobs.inference_events import InferredAnswer
from rlhf_studio.jobs.inference_question import Listener, Place, Question
from rlhf_studio.jobs.model_reading import ModelShelf
from rlhf_studio.jobs.reward_evaluation import write_evaluation
from rlhf_studio.jobs.reward_scoring import evaluate_reward, score_answers
from rlhf_studio.lm.generate import Generation
from rlhf_studio.lm.heads import ScalarModel
from rlhf_studio.lm.model import LanguageModel
from rlhf_studio.lm.padding import right_pad
from rlhf_studio.lm.sampling import SampledAnswer, stream_answers
from rlhf_studio.rl.logprobs import token_logprobs
from rlhf_studio.schema import Answer, Turn
from rlhf_studio.train.rollout import Rollout, begin_rollout, in_pieces

Result = TypeVar("Result")
_Stream = Generator[dict[int, str], None, list[SampledAnswer]]

_SLICE_S, _SHORT_SLICE_S = 0.05, 0.02  # until new text is told; all of a turn where nobody waits for it
_LONGEST_TURN_S = 0.2
_WORK = 2e9  # multiplications of one piece of scoring: less than a slice on one core


def answer(question: Question, shelf: ModelShelf, listener: Listener) -> Iterator[None]:
    """Sample and score; yields where other work may come between, without holding the turn.

    Raises:
        StudioError: If the prompt or a model cannot be used.
    """
    _check_there(question.model)
    policy = shelf.language_model(question.model.path, lambda: listener.loading(question.model.title))
    yield
    judge, reference = _judges(question, shelf, listener)
    _check_vocabularies(question, policy, judge, reference)
    yield
    sampled = yield from _sampled(question, policy, listener)
    answers = [
        InferredAnswer(a.text, a.token_ids, a.is_finished, a.logprob, is_duplicate=a.is_duplicate) for a in sampled
    ]
    if judge is not None or reference is not None:
        rollout = _rollout(policy, question.turns, sampled)
        if judge is not None:
            scores = yield from _in_turns(_scores(judge, rollout), listener)
            answers = [replace(a, score=score) for a, score in zip(answers, scores, strict=True)]
        if reference is not None:
            kls = yield from _in_turns(_kls(policy, reference, rollout), listener)
            answers = [replace(a, kl=kl) for a, kl in zip(answers, kls, strict=True)]
    for index, whole in enumerate(answers):
        listener.done(index, whole)


def score(
    reward: Place, turns: Sequence[Turn], answers: Sequence[Answer], shelf: ModelShelf, listener: Listener
) -> Iterator[None]:
    """Score answers that are there; yields where other work may come between.

    Raises:
        StudioError: If the reward model cannot be used, or an answer does not fit into its context.
    """
    judge = shelf.reward_model(reward.path, lambda: listener.loading(reward.title))
    yield
    scores = yield from _in_turns(score_answers(judge, turns, answers), listener)
    listener.scored(tuple(scores))


def evaluate(run: Path, shelf: ModelShelf, listener: Listener) -> Iterator[None]:
    """Find out how good a reward model is and keep that in its run; yields where other work may come between.

    Raises:
        StudioError: As ``evaluate_reward``.
    """
    found = yield from _in_turns(_telling(evaluate_reward(run, shelf, listener.loading), listener.evaluating), listener)
    try:
        write_evaluation(run, found)
    except RunError as error:  # it can be seen now, and is found out again another time
        found = replace(found, notes=(*found.notes, str(error)))
    listener.evaluated(found)


def _telling(work: Generator[float, None, Result], tell: Callable[[float], None]) -> Generator[float, None, Result]:
    while True:
        try:
            share = next(work)
        except StopIteration as end:
            result: Result = end.value
            return result
        tell(share)
        yield share


def _check_there(place: Place) -> None:
    if place.is_exact and not place.path.is_dir():
        raise ModelError(f"{place.title} is gone: its run has taken it away. Choose another model or checkpoint.")


def _judges(
    question: Question, shelf: ModelShelf, listener: Listener
) -> tuple[ScalarModel | None, LanguageModel | None]:
    judge = reference = None
    if (place := question.reward) is not None:
        judge = shelf.reward_model(place.path, lambda: listener.loading(place.title))
    if (other := question.reference) is not None:
        reference = shelf.language_model(other.path, lambda: listener.loading(other.title))
    return judge, reference


def _check_vocabularies(
    question: Question, policy: LanguageModel, judge: ScalarModel | None, reference: LanguageModel | None
) -> None:
    """Others read the policy's tokens as they are: with another vocabulary they would judge noise."""
    ours = policy.codec.tokenizer.get_vocab()
    for place, model, what in (
        (question.reward, judge, "score its answers"),
        (question.reference, reference, "be the reference of the KL"),
    ):
        if place is None or model is None:
            continue
        theirs = model.codec.tokenizer.get_vocab()
        if theirs != ours:
            raise ModelError(
                f"{place.title} has another vocabulary ({len(theirs)} tokens) than {question.model.title} "
                f"({len(ours)}), so it cannot {what}. Choose one that comes from the same base model."
            )


def _sampled(
    question: Question, policy: LanguageModel, listener: Listener
) -> Generator[None, None, list[SampledAnswer]]:
    if question.k < 1:
        raise DataError(f"{question.k} answers cannot be sampled. Ask for at least 1.")
    stream = stream_answers(
        policy,
        question.turns,
        question.k,
        question.sampling,
        step=question.step,
        prompt_id=question.prompt_id,
        avoid=question.avoid,
    )
    answers = None
    while answers is None:
        with listener.turn():
            answers = _one_turn(stream, question, listener)
        yield
    return answers


def _one_turn(stream: _Stream, question: Question, listener: Listener) -> list[SampledAnswer] | None:
    """Some tokens; the answers once they are whole. Where a person waits, as long as training held its last turn."""
    now = time.perf_counter()
    end = now + (min(_LONGEST_TURN_S, listener.other_stretch()) if question.is_urgent else 0.0)
    seconds = _SLICE_S if question.is_urgent else _SHORT_SLICE_S
    while True:
        written, answers = _one_slice(stream, now + seconds, listener.is_cancelled)
        for index, text in written.items():
            listener.written(index, text)
        now = time.perf_counter()
        if answers is not None or now >= end or listener.is_cancelled():
            return answers


def _one_slice(
    stream: _Stream, end: float, is_cancelled: Callable[[], bool]
) -> tuple[dict[int, str], list[SampledAnswer] | None]:
    """The texts that some tokens have changed, and the answers once they are whole; at least one token."""
    written: dict[int, str] = {}
    while True:
        try:
            written.update(next(stream))
        except StopIteration as stop:
            return written, stop.value
        if time.perf_counter() >= end or is_cancelled():
            return written, None


def _in_turns(work: Generator[float, None, Result], listener: Listener) -> Generator[None, None, Result]:
    """One piece of work a turn."""
    while True:
        with listener.turn():
            try:
                next(work)
            except StopIteration as stop:
                result: Result = stop.value
                return result
        yield


def _rollout(policy: LanguageModel, turns: Sequence[Turn], answers: Sequence[SampledAnswer]) -> Rollout:
    prompt = policy.codec.encode_prompt(turns)
    rows = right_pad([answer.token_ids for answer in answers], 0, device=policy.device)
    finished = torch.tensor([answer.is_finished for answer in answers], device=policy.device)
    generation = Generation(rows.tokens, rows.mask, torch.zeros(rows.mask.shape, device=policy.device), finished)
    return begin_rollout([prompt] * len(answers), generation)


def _scores(judge: ScalarModel, rollout: Rollout) -> Generator[float, None, list[float]]:
    """(B,) what the reward model gives."""
    _check_length("reward model", judge.context_length, rollout)

    @torch.no_grad()
    def score(part: Rollout) -> Tensor:
        return judge.scores(part.batch)

    scores = yield from in_pieces(rollout, _rows(rollout, judge.parameter_count), score)
    result: list[float] = scores.tolist()
    return result


def _kls(policy: LanguageModel, reference: LanguageModel, rollout: Rollout) -> Generator[float, None, list[float]]:
    """(B,) log-probability of each answer here minus there, in nats, at temperature 1."""
    _check_length("reference", reference.context_length, rollout)

    @torch.no_grad()
    def kl(part: Rollout) -> Tensor:
        ours, theirs = (
            token_logprobs(model.response_logits(part.batch, part.response_length), part.responses)
            for model in (policy, reference)
        )
        return (ours - theirs).masked_fill(~part.mask, 0.0).sum(dim=1)

    size = _rows(rollout, policy.parameter_count + reference.parameter_count)
    kls = yield from in_pieces(rollout, size, kl)
    result: list[float] = kls.tolist()
    return result


def _rows(rollout: Rollout, parameters: int) -> int:
    """Answers of one piece."""
    return max(1, int(_WORK / (parameters * rollout.tokens.shape[1])))


def _check_length(what: str, context_length: int, rollout: Rollout) -> None:
    longest = rollout.tokens.shape[1]
    if longest > context_length:
        raise DataError(
            f"Prompt and answer have up to {longest} tokens together, more than the {what}'s context of "
            f"{context_length}. Choose another one, or ask for shorter answers."
        )
