"""The reward model, trained on rankings.

Source: Ouyang et al. 2022, arXiv:2203.02155, section 3.5 (equation 1) and appendix C.2.
"""

import math
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import combinations

import torch
from torch import Tensor

from rlhf_studio.errors import DataError
from rlhf_studio.events import Notice, Progress, RunFinished, RunStarted, StepMetrics, TrainEvent
from rlhf_studio.lm.codec import Codec
from rlhf_studio.lm.heads import ScalarModel
from rlhf_studio.lm.model import LanguageModel
from rlhf_studio.lm.padding import right_pad
from rlhf_studio.rl.ranking import RankingLoss, ranking_loss
from rlhf_studio.schema import Answer, RankedRow, RewardData
from rlhf_studio.settings import RewardSettings
from rlhf_studio.train.compute import Compute, finite
from rlhf_studio.train.control import RunControl
from rlhf_studio.train.evaluate import EVALUATION_ROWS
from rlhf_studio.train.packing import Example
from rlhf_studio.train.run import Run
from rlhf_studio.train.schedule import by_length, chunks, cosine, epoch_batch, set_rate, shuffled
from rlhf_studio.train.sft import encode_demonstrations
from rlhf_studio.train.sparing import sparingly
from rlhf_studio.train.state import Cadence, Trainee, adamw
from rlhf_studio.train.texts import gently

_ENOUGH_SCORES = 64  # to centre the model of a run that was stopped; it is centred anew at the run's end


@dataclass(frozen=True, slots=True)
class RankedAnswers:
    """One prompt's K answers as token ids, and their ranks (1 is best, equal numbers are ties)."""

    answers: tuple[Example, ...]
    ranks: tuple[int, ...]

    @property
    def has_pair(self) -> bool:
        return len(set(self.ranks)) > 1

    def pairs(self) -> Iterator["RankedAnswers"]:
        """Every two answers that are not tied, as a ranking of their own."""
        for (a, rank_a), (b, rank_b) in combinations(zip(self.answers, self.ranks, strict=True), 2):
            if rank_a != rank_b:
                yield RankedAnswers((a, b), (rank_a, rank_b))


@dataclass
class _Stage:
    """What the loop and its helpers share."""

    settings: RewardSettings
    model: ScalarModel
    compute: Compute
    control: RunControl
    train: list[RankedAnswers]
    valid: list[RankedAnswers]
    demonstrations: list[Example]
    total: int

    @cached_property
    def elements(self) -> list[RankedAnswers]:
        """What an epoch is shuffled and cut into batches of: whole rankings, or single pairs."""
        return _elements(self.settings, self.train)

    @property
    def most_answers(self) -> int:
        """Answers of one batch, at most."""
        return self.settings.batch_size * max(len(item.answers) for item in self.elements)


def train_reward(
    settings: RewardSettings, model: LanguageModel | ScalarModel, data: RewardData, run: Run, control: RunControl
) -> Iterator[TrainEvent]:
    """Fit a scalar head on the SFT model to people's rankings; leaves the run's model ``reward`` behind.

    Given a reward model it goes on from there: its first loss is that model's. The paper trains afresh from SFT.

    Args:
        settings: Of this stage.
        model: The SFT model, or the reward model to refit; it is copied and stays as it is.
        data: Rankings, held-out ones, and the demonstrations that shall score 0 on average.
        run: Where checkpoints and the model go; a run with a checkpoint goes on from it.
        control: Stops the run between micro-batches.

    Raises:
        DataError: If no ranking with at least one preference is left to train on.
        RunError: If the loss or the gradient is not finite.
    """
    compute = Compute(settings)
    if isinstance(model, ScalarModel):
        scalar, is_refit = model.clone(), True
    else:
        scalar, is_refit = ScalarModel.from_language_model(model, seed=settings.head_seed), False
    scalar.to(compute.device)
    stage, dropped = _prepare(settings, scalar, compute, compute.agreed(control), data)
    optimizer = adamw(settings, scalar.module, settings.learning_rate)
    trainee = Trainee({"reward": scalar.module}, {"reward": optimizer})
    checkpoint = run.latest()
    start = trainee.restore(checkpoint)
    yield RunStarted(start, stage.total, "reward", str(compute.device), settings.precision)
    if checkpoint is None:  # a run stopped in its first step has told this already
        yield from _notices(stage, dropped)
        yield StepMetrics(0, (yield from _held_out(stage, 0)))
    per_epoch = math.ceil(len(stage.elements) / settings.batch_size)
    evaluate_every = max(1, (stage.total // 2 if is_refit else per_epoch // 4))  # a refit has few steps
    cadence = Cadence(settings.checkpoint_seconds)
    for step in range(start + 1, stage.total + 1):
        began = time.perf_counter()
        rate = settings.learning_rate * cosine(step, stage.total, final=settings.final_rate)
        set_rate(optimizer, rate)
        attempt = partial(_accumulate, stage, step)
        losses = yield from sparingly(stage, step, stage.most_answers, attempt, optimizer.zero_grad)
        if stage.control.is_stopping:
            optimizer.zero_grad()
            yield from _close(stage, trainee, run, step - 1, is_complete=False)
            return
        norm = compute.clip_gradients(scalar.module.parameters(), step=step)
        optimizer.step()
        optimizer.zero_grad()
        seconds = time.perf_counter() - began
        metrics = {**losses, "lr": rate, "grad_norm": norm, "epoch": step / per_epoch, "time/step_seconds": seconds}
        if step % evaluate_every == 0 or step == stage.total:
            metrics |= yield from _held_out(stage, step)
        yield StepMetrics(step, metrics)
        if cadence.is_due():
            yield run.save(trainee.checkpoint(step))
            cadence.restart()
    yield from _close(stage, trainee, run, stage.total, is_complete=True)


def encode_rankings(codec: Codec, rows: Sequence[RankedRow], context_length: int) -> tuple[list[RankedAnswers], int]:
    """Rankings as token ids, and how many were left out: too long for the context, or all answers tied.

    Answers that this model sampled keep their token ids, so that the reward model reads what the policy wrote and
    not a second tokenisation of it. Ids of a model with another tokenizer mean nothing here; its text is encoded.
    """
    ranked = []
    for row in gently(rows):
        prompt = tuple(codec.encode_prompt(row.turns))
        answers = tuple(Example(prompt, _answer_ids(codec, a)) for a in row.answers)
        item = RankedAnswers(answers, row.ranks)
        if item.has_pair and max(answer.length for answer in answers) <= context_length:
            ranked.append(item)
    return ranked, len(rows) - len(ranked)


def _answer_ids(codec: Codec, answer: Answer) -> tuple[int, ...]:
    ids = answer.token_ids
    is_own = bool(ids) and max(ids) < codec.vocab_size and codec.decode(ids) == answer.text
    return ids if is_own else tuple(codec.encode_answer(answer.text))


def score_examples(model: ScalarModel, compute: Compute, examples: Sequence[Example]) -> Tensor:
    """(N,) scores read at each answer's last token, without gradient."""
    with torch.no_grad(), compute.autocast():
        return _read_scores(model, examples, compute.device)


def _read_scores(model: ScalarModel, examples: Sequence[Example], device: torch.device) -> Tensor:
    """(N,) one forward pass per answer, answers of like length side by side."""
    pieces = by_length([example.length for example in examples])
    scores = []
    for piece in pieces:
        sequences = [[*examples[i].prompt, *examples[i].answer] for i in piece]
        scores.append(model.scores(right_pad(sequences, model.codec.pad_id, device=device)).float())
    order = torch.tensor([i for piece in pieces for i in piece], device=device)
    return torch.cat(scores)[order.argsort()]


def _prepare(
    settings: RewardSettings, model: ScalarModel, compute: Compute, control: RunControl, data: RewardData
) -> tuple[_Stage, int]:
    rows = data.train + data.replay
    train, dropped = encode_rankings(model.codec, rows, model.context_length)
    if not train:
        raise DataError(
            f"None of the {len(rows)} rankings prefers one answer to another within the context of "
            f"{model.context_length} tokens. Rank some answers apart."
            if rows
            else "The reward model needs rankings and this project has 0 to train on. Rank some answers first."
        )
    valid, _ = encode_rankings(model.codec, data.valid, model.context_length)
    demonstrations, _ = encode_demonstrations(model.codec, data.demonstrations, model.context_length)
    total = settings.epochs * math.ceil(len(_elements(settings, train)) / settings.batch_size)
    return _Stage(settings, model, compute, control, train, valid, demonstrations, total), dropped


def _elements(settings: RewardSettings, rankings: list[RankedAnswers]) -> list[RankedAnswers]:
    """Both ways have the same pairs in an epoch. A pair alone weighs as much as a whole prompt does in its batch."""
    return rankings if settings.pair_batches == "prompt" else [pair for item in rankings for pair in item.pairs()]


def _notices(stage: _Stage, dropped: int) -> Iterator[Notice]:
    if dropped:
        yield Notice(0, "reward.left_out", {"count": dropped, "limit": stage.model.context_length})
    if not stage.valid:
        yield Notice(0, "reward.no_held_out", {})
    if stage.settings.center and not stage.demonstrations:
        yield Notice(0, "reward.no_demonstrations", {})


def _accumulate(stage: _Stage, step: int) -> Generator[TrainEvent, None, dict[str, float]]:
    """Gradients of one batch: all C(K,2) pairs of a prompt are one element of it, unless pairs are shuffled."""
    settings, elements = stage.settings, stage.elements
    batch = [elements[i] for i in epoch_batch(step, len(elements), settings.batch_size, settings.seed)]
    pieces = _by_answers(stage.compute.team.share(batch), settings.micro_batch)
    loss = accuracy = pairs = 0.0
    for done, piece in enumerate(pieces, start=1):
        with stage.compute.autocast():
            part = _ranking_loss(stage, piece, prompts=len(batch))
        loss += finite(part.loss, "reward model", step=step)
        stage.compute.backward(part.loss)
        accuracy += float(part.accuracy) * float(part.pairs)
        pairs += float(part.pairs)
        yield Progress(step, stage.total, "update", done / len(pieces))
        if stage.control.is_stopping:
            return {}
    stage.compute.team.sum_gradients(stage.model.module.parameters())
    loss, accuracy, pairs = stage.compute.team.add_up(loss, accuracy, pairs)
    return {"loss/train": loss, "accuracy/train": accuracy / pairs}


def _by_answers(batch: Sequence[RankedAnswers], limit: int) -> list[list[RankedAnswers]]:
    """Whole prompts in pieces of about ``limit`` answers; a prompt is never cut, its pairs belong together."""
    pieces: list[list[RankedAnswers]] = [[]]
    for item in batch:
        answers = sum(len(other.answers) for other in pieces[-1])
        if limit and pieces[-1] and answers + len(item.answers) > limit:
            pieces.append([])
        pieces[-1].append(item)
    return [piece for piece in pieces if piece]


def _ranking_loss(stage: _Stage, items: Sequence[RankedAnswers], *, prompts: int) -> RankingLoss:
    """One forward pass per answer, then every pair of every prompt (equation 1)."""
    device = stage.compute.device
    scores = _read_scores(stage.model, [answer for item in items for answer in item.answers], device)
    ranks = torch.tensor([rank for item in items for rank in item.ranks], device=device)
    index = torch.tensor([i for i, item in enumerate(items) for _ in item.answers], device=device)
    return ranking_loss(scores, ranks, index, tie_divisor=stage.settings.tie_divisor, prompts=prompts)


def _held_out(stage: _Stage, step: int) -> Generator[TrainEvent, None, dict[str, float]]:
    """Loss and accuracy over held-out prompts; accuracy counts pairs. Left out if a stop request interrupts it."""
    if not stage.valid:
        return {}
    return (yield from sparingly(stage, step, EVALUATION_ROWS, lambda: _accuracy(stage, step), lambda: None))


def _accuracy(stage: _Stage, step: int) -> Generator[TrainEvent, None, dict[str, float]]:
    loss = accuracy = pairs = 0.0
    pieces = _by_answers(stage.valid, stage.settings.micro_batch or EVALUATION_ROWS)
    for done, piece in enumerate(pieces, start=1):
        with torch.no_grad(), stage.compute.autocast():
            part = _ranking_loss(stage, piece, prompts=len(stage.valid))
        loss += float(part.loss)
        accuracy += float(part.accuracy) * float(part.pairs)
        pairs += float(part.pairs)
        yield Progress(step, stage.total, "evaluate", done / len(pieces))
        if stage.control.is_stopping:
            return {}
    return {"loss/valid": loss, "accuracy/valid": accuracy / pairs}


def _center(stage: _Stage, step: int) -> Generator[TrainEvent, None, dict[str, float]]:
    """Shift the scores so that demonstrations score 0 on average, and measure how far answers differ (3.5)."""
    scores = yield from _scores(stage, step, [answer for item in stage.train for answer in item.answers])
    stage.model.score_std = float(scores.std(correction=0))
    shift = 0.0
    if stage.settings.center and stage.demonstrations:
        shift = -float((yield from _scores(stage, step, stage.demonstrations)).mean())
        stage.model.shift(shift)
    return {"score/shift": shift, "score/std": stage.model.score_std, "score/answers": float(scores.mean()) + shift}


def _scores(stage: _Stage, step: int, examples: Sequence[Example]) -> Generator[TrainEvent, None, Tensor]:
    """(N,) scores of examples in no order, piece by piece. A stop request is content with a fair sample."""
    attempt = partial(_scores_by_piece, stage, step, examples)
    return (yield from sparingly(stage, step, EVALUATION_ROWS, attempt, lambda: None))


def _scores_by_piece(stage: _Stage, step: int, examples: Sequence[Example]) -> Generator[TrainEvent, None, Tensor]:
    size = min(stage.settings.micro_batch or EVALUATION_ROWS, EVALUATION_ROWS)
    scores: list[Tensor] = []
    order = shuffled(len(examples), stage.settings.seed)  # so that any beginning is a sample
    for rows in chunks(order, size):
        scores.append(score_examples(stage.model, stage.compute, [examples[i] for i in rows]))
        yield Progress(step, stage.total, "save", len(scores) * size / len(order))
        if stage.control.is_stopping and len(scores) * size >= _ENOUGH_SCORES:
            break
    return torch.cat(scores)


def _close(stage: _Stage, trainee: Trainee, run: Run, step: int, *, is_complete: bool) -> Iterator[TrainEvent]:
    """Checkpoint, centred model, last event: the same for a run that was stopped and one that is done."""
    yield Progress(step, stage.total, "save")
    yield run.save(trainee.checkpoint(step))  # before the shift: a resumed run must not find it done already
    yield Notice(step, "reward.centred", (yield from _center(stage, step)))
    yield run.save_model(step, "reward", stage.model.save)
    yield RunFinished(step, "completed" if is_complete else "stopped")
