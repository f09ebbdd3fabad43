"""Supervised fine-tuning on demonstrations.

Source: Ouyang et al. 2022, arXiv:2203.02155, section 3.5 and appendices C.1 and C.3.
"""

import math
import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor
from torch.optim import Optimizer

from rlhf_studio.errors import DataError, RunError
from rlhf_studio.events import Notice, Outcome, Progress, RunFinished, RunStarted, StepMetrics, TrainEvent
from rlhf_studio.lm.codec import Codec
from rlhf_studio.lm.heads import ScalarModel
from rlhf_studio.lm.model import LanguageModel
from rlhf_studio.lm.saving import save_language_model
from rlhf_studio.rl.losses import ptx_loss, sft_loss
from rlhf_studio.schema import DemonstrationRow, PromptRow, SftData
from rlhf_studio.settings import RlStartSettings, SftSettings
from rlhf_studio.train.compute import Compute, finite
from rlhf_studio.train.control import RunControl
from rlhf_studio.train.dropout import ResidualDropout, window_cells
from rlhf_studio.train.epochs import Epoch, EpochRecord
from rlhf_studio.train.evaluate import (
    EVALUATION_ROWS,
    TEXT_WINDOWS,
    answer_loss,
    answer_probes,
    measured,
    packed_logprobs,
    text_loss,
    window_logprobs,
)
from rlhf_studio.train.judging import mean_score, questions
from rlhf_studio.train.packing import Example, pack
from rlhf_studio.train.run import EpochRun
from rlhf_studio.train.schedule import chunks, cosine, epoch_batch, set_rate
from rlhf_studio.train.sparing import sparingly
from rlhf_studio.train.state import Cadence, Trainee, adamw, load_module_tensors, module_tensors
from rlhf_studio.train.texts import TokenWindows, gently

_PROBE_TOKENS = 64
_UNMEASURED = "unmeasured"  # in a checkpoint: metrics of a step whose epoch is still to be measured


@dataclass
class _Stage:
    """What the loop and its helpers share."""

    settings: SftSettings
    model: LanguageModel
    compute: Compute
    control: RunControl
    dropout: ResidualDropout
    train: list[Example]
    valid: list[Example]
    texts: TokenWindows | None
    valid_windows: Tensor | None
    probes: Sequence[PromptRow]
    judge: ScalarModel | None
    questions: list[list[int]]  # held-out prompts whose answers the judge scores
    record: EpochRecord
    total: int

    @property
    def per_epoch(self) -> int:
        """Steps of one epoch."""
        return math.ceil(len(self.train) / self.settings.batch_size)

    @property
    def capacity(self) -> int:
        """Tokens of one packed row."""
        return self.model.context_length if self.settings.packing else 1


def train_sft(
    settings: SftSettings,
    model: LanguageModel,
    data: SftData,
    run: EpochRun,
    control: RunControl,
    judge: ScalarModel | None = None,
) -> Iterator[TrainEvent]:
    """Fit the model to the demonstrations' answers; leaves the run's model ``policy`` behind.

    That is the model of one of the epochs, as ``settings.choose_by`` says; of a stopped run, the model it came to.

    Args:
        settings: Of this stage.
        model: Is trained in place.
        data: Demonstrations, held-out ones, probe prompts and pretraining text (for the mix and to measure on).
        run: Where checkpoints and the model go; a run with a checkpoint goes on from it.
        control: Stops the run between micro-batches.
        judge: A reward model on the same tokens: scores answers to held-out prompts after each epoch.

    Raises:
        DataError: If no demonstration is left to train on.
        RunError: If the loss or the gradient is not finite.
    """
    compute = Compute(settings)
    model.to(compute.device)
    limit = min(settings.max_length or model.context_length, model.context_length)
    train, dropped = encode_demonstrations(model.codec, data.train, limit)
    stage = _prepare(settings, model, compute, compute.agreed(control), train, data, judge)
    optimizer = adamw(settings, model.module, settings.learning_rate)
    trainee = Trainee({"policy": model.module}, {"policy": optimizer})
    checkpoint = run.latest()
    start = trainee.restore(checkpoint)
    stage.record = EpochRecord.from_state(settings.choose_by, trainee.values)
    kind = "rl-start" if isinstance(settings, RlStartSettings) else "sft"
    yield RunStarted(start, stage.total, kind, str(compute.device), settings.precision)
    if checkpoint is None:  # a run stopped in its first step has told this already
        yield from _notices(stage, dropped)
        yield StepMetrics(0, (yield from _held_out(stage, 0)))
        yield from answer_probes(model, data.probes, step=0, max_new_tokens=_PROBE_TOKENS)
    step, is_complete = yield from _steps(stage, trainee, optimizer, run, start)
    yield from _close(stage, trainee, run, step, "completed" if is_complete else "stopped")


def _steps(
    stage: _Stage, trainee: Trainee, optimizer: Optimizer, run: EpochRun, start: int
) -> Generator[TrainEvent, None, tuple[int, bool]]:
    """Every step after ``start``; returns the last one that is whole, and whether it is the run's last."""
    cadence = Cadence(stage.settings.checkpoint_seconds)
    if _UNMEASURED in trainee.values and not (yield from _end_epoch(stage, trainee, run, start)):
        return start, False
    for step in range(start + 1, stage.total + 1):
        metrics = yield from _update(stage, optimizer, step)
        if metrics is None:
            return step - 1, False
        if step % stage.per_epoch == 0:
            trainee.values[_UNMEASURED] = metrics
            if not (yield from _end_epoch(stage, trainee, run, step)):
                return step, False
            cadence.restart()
            continue
        yield StepMetrics(step, metrics)
        if cadence.is_due():
            yield run.save(trainee.checkpoint(step))
            cadence.restart()
    return stage.total, True


def _update(stage: _Stage, optimizer: Optimizer, step: int) -> Generator[TrainEvent, None, dict[str, float] | None]:
    """One step of the optimizer, and what it tells; None if a stop request came before."""
    began, settings, compute = time.perf_counter(), stage.settings, stage.compute
    rate = settings.learning_rate * cosine(step, stage.total, final=settings.final_rate)
    set_rate(optimizer, rate)
    attempt = partial(_accumulate, stage, step)
    losses = yield from sparingly(stage, step, settings.batch_size, attempt, optimizer.zero_grad)
    if stage.control.is_stopping:
        optimizer.zero_grad()
        return None
    norm = compute.clip_gradients(stage.model.module.parameters(), step=step)
    optimizer.step()
    optimizer.zero_grad()
    seconds = time.perf_counter() - began
    epoch = step / stage.per_epoch
    return {**losses, "lr": rate, "grad_norm": norm, "epoch": epoch, "time/step_seconds": seconds}


def encode_demonstrations(codec: Codec, rows: Sequence[DemonstrationRow], limit: int) -> tuple[list[Example], int]:
    """Demonstrations as token ids, and how many were left out because they are too long or empty."""
    examples = [
        Example(tuple(codec.encode_prompt(row.turns)), tuple(codec.encode_answer(row.answer))) for row in gently(rows)
    ]
    fitting = [e for e in examples if e.length <= limit and e.answer and e.prompt]
    return fitting, len(examples) - len(fitting)


def _prepare(
    settings: SftSettings,
    model: LanguageModel,
    compute: Compute,
    control: RunControl,
    train: list[Example],
    data: SftData,
    judge: ScalarModel | None,
) -> _Stage:
    if not train:
        raise DataError(
            f"None of the {len(data.train)} demonstrations fits the model's context of {model.context_length} tokens. "
            "Write demonstrations, or shorten them."
            if data.train
            else "SFT needs demonstrations and this project has 0 to train on. Write some, or open the example project."
        )
    limit = min(settings.max_length or model.context_length, model.context_length)
    valid, _ = encode_demonstrations(model.codec, data.valid, limit)
    window = min(128, model.context_length - 1)
    texts = TokenWindows(model.codec, data.pretraining, window) if settings.pretraining_share else None
    held_out = TokenWindows(model.codec, data.pretraining_valid, window) if data.pretraining_valid else None
    if judge is not None:
        judge.to(compute.device)
    return _Stage(
        settings=settings,
        model=model,
        compute=compute,
        control=control,
        dropout=ResidualDropout(model.module, settings.dropout, seed=settings.seed),
        train=train,
        valid=valid,
        texts=texts,
        valid_windows=held_out.spread(TEXT_WINDOWS) if held_out else None,
        probes=data.probes,
        judge=judge,
        questions=questions(model, judge, data.valid) if judge else [],
        record=EpochRecord(settings.choose_by),
        total=settings.epochs * math.ceil(len(train) / settings.batch_size),
    )


def _notices(stage: _Stage, dropped: int) -> Iterator[Notice]:
    if dropped:
        yield Notice(0, "sft.left_out", {"count": dropped, "limit": stage.model.context_length})
    if not stage.valid:
        yield Notice(0, "sft.no_held_out", {})
    if stage.settings.choose_by == "score" and stage.settings.epochs > 1 and not stage.questions:
        yield Notice(0, "sft.no_judge" if stage.judge is None else "sft.no_questions", {})
    if stage.settings.dropout and not stage.dropout.branches:
        yield Notice(0, "sft.no_dropout", {"rate": stage.settings.dropout})


def _accumulate(stage: _Stage, step: int) -> Generator[TrainEvent, None, dict[str, float]]:
    """Gradients of one batch, micro-batch by micro-batch; every token of the batch weighs the same."""
    batch = [
        stage.train[i] for i in epoch_batch(step, len(stage.train), stage.settings.batch_size, stage.settings.seed)
    ]
    count = sum(len(example.answer) for example in batch)
    pieces = chunks(stage.compute.team.share(range(len(batch))), stage.settings.micro_batch)
    share = stage.settings.pretraining_share
    total = 0.0
    for done, rows in enumerate(pieces, start=1):
        packed = pack([batch[i] for i in rows], stage.capacity, device=stage.compute.device)
        with stage.dropout.at(step, packed.cells(rows)), stage.compute.autocast():
            loss = sft_loss(packed_logprobs(stage.model, packed), packed.loss_mask, count)
        total += finite(loss, "SFT", step=step)
        stage.compute.backward(loss * (1 - share))
        yield Progress(step, stage.total, "update", done / len(pieces))
        if stage.control.is_stopping:
            return {}
    text = _mix_in_texts(stage, step, len(batch))
    stage.compute.team.sum_gradients(stage.model.module.parameters())
    total, text = stage.compute.team.add_up(total, text)
    return {"loss/train": total, **({"loss/ptx": text} if stage.texts is not None else {})}


def _mix_in_texts(stage: _Stage, step: int, demonstrations: int) -> float:
    """Add the gradient of pretraining windows; the share counts them against the whole batch (appendix C.3)."""
    share = stage.settings.pretraining_share
    if stage.texts is None:
        return 0.0
    windows = stage.texts.draw(max(1, round(demonstrations * share / (1 - share))), stage.settings.seed, 1, step)
    rows = stage.compute.team.share(range(len(windows)))
    if not rows:
        return 0.0
    tokens = windows[rows].to(stage.compute.device)
    with stage.dropout.at(step, window_cells(rows, windows.shape[1] - 1)), stage.compute.autocast():
        logprobs = window_logprobs(stage.model, tokens)
        loss = ptx_loss(logprobs, torch.ones_like(logprobs, dtype=torch.bool), windows[:, 1:].numel())
    stage.compute.backward(loss * share)
    return finite(loss, "pretraining", step=step)


def _held_out(stage: _Stage, step: int) -> Generator[TrainEvent, None, dict[str, float]]:
    """Losses of what is not trained on; those that a stop request leaves unfinished are left out."""
    return (yield from sparingly(stage, step, EVALUATION_ROWS, lambda: _losses(stage, step), lambda: None))


def _losses(stage: _Stage, step: int) -> Generator[TrainEvent, None, dict[str, float]]:
    rows = stage.settings.micro_batch or EVALUATION_ROWS
    losses = {}
    if stage.valid:
        losses["loss/valid"] = answer_loss(stage.model, stage.compute, stage.valid, rows)
    if stage.valid_windows is not None:
        losses["loss/text_valid"] = text_loss(stage.model, stage.compute, stage.valid_windows, rows)
    found = yield from measured(losses, stage.control, step, stage.total)
    if stage.judge is not None and stage.questions and not stage.control.is_stopping:
        ask = partial(mean_score, step=step, total=stage.total, seed=stage.settings.seed)
        found |= yield from ask(stage.model, stage.judge, stage.compute, stage.questions, stage.control)
    return found


def _end_epoch(stage: _Stage, trainee: Trainee, run: EpochRun, step: int) -> Generator[TrainEvent, None, bool]:
    """Measure an epoch, tell its last step, keep its weights if the choice needs them, and a checkpoint.

    A stop request in the middle puts all of this off until the run goes on; says whether it was done.
    """
    found = yield from _held_out(stage, step)
    if stage.control.is_stopping:
        return False
    metrics = {**trainee.values.pop(_UNMEASURED), **found}
    yield StepMetrics(step, metrics)
    if stage.record.take(Epoch.of(step // stage.per_epoch, step, metrics)):
        run.keep_weights(step, module_tensors(stage.model.module, "policy"))
    stage.record.add_to(trainee.values)
    yield from answer_probes(stage.model, stage.probes, step=step, max_new_tokens=_PROBE_TOKENS)
    if step < stage.total:  # the end has a checkpoint of its own
        yield run.save(trainee.checkpoint(step))
        run.drop_weights(but=stage.record.kept)  # not before: a crash would go back to what still needs the others
    return True


def _close(stage: _Stage, trainee: Trainee, run: EpochRun, step: int, outcome: Outcome) -> Iterator[TrainEvent]:
    """Checkpoint, model, last event: the same for a run that was stopped and one that is done."""
    stage.dropout.remove()
    yield Progress(step, stage.total, "save")
    yield run.save(trainee.checkpoint(step))
    run.drop_weights(but=stage.record.kept)
    left, card = step, dict[str, str | int | float]()
    chosen = stage.record.chosen if outcome == "completed" else None
    if chosen is not None:
        chosen = yield from _go_back_to(stage, run, step, chosen)
        yield from stage.record.notices(chosen)
        left, card = chosen.step, stage.record.card(chosen)
    yield run.save_model(left, "policy", lambda folder: save_language_model(stage.model, folder, card=card))
    yield RunFinished(step, outcome)


def _go_back_to(stage: _Stage, run: EpochRun, step: int, chosen: Epoch) -> Generator[TrainEvent, None, Epoch]:
    """Give the model the weights of an epoch; if they are lost it stays as it is and the run says so."""
    if chosen.step == step:
        return chosen
    try:
        load_module_tensors(stage.model.module, "policy", run.weights(chosen.step))
    except RunError as error:
        yield Notice(step, "sft.weights_lost", {"epoch": chosen.number, "reason": str(error)})
        return stage.record.epochs[-1]
    return chosen
