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

from rlhf_studio.errors import DataError
from rlhf_studio.events import Notice, Progress, RunFinished, RunStarted, StepMetrics, TrainEvent
from rlhf_studio.lm.codec import Codec
from rlhf_studio.lm.model import LanguageModel
from rlhf_studio.lm.saving import save_language_model
from rlhf_studio.rl.losses import ptx_loss, sft_loss
from rlhf_studio.schema import DemonstrationRow, SftData
from rlhf_studio.settings import SftSettings
from rlhf_studio.train.compute import Compute, finite
from rlhf_studio.train.control import RunControl
from rlhf_studio.train.dropout import ResidualDropout
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
from rlhf_studio.train.packing import Example, pack
from rlhf_studio.train.run import Run
from rlhf_studio.train.schedule import chunks, cosine, epoch_batch, set_rate
from rlhf_studio.train.sparing import sparingly
from rlhf_studio.train.state import Cadence, Trainee, adamw
from rlhf_studio.train.texts import TokenWindows, gently

_PROBE_TOKENS = 64


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
    total: int

    @property
    def capacity(self) -> int:
        """Tokens of one packed row."""
        return self.model.context_length if self.settings.packing else 1


def train_sft(
    settings: SftSettings, model: LanguageModel, data: SftData, run: Run, control: RunControl
) -> Iterator[TrainEvent]:
    """Fit the model to the demonstrations' answers; leaves the run's model ``policy`` behind.

    Args:
        settings: Of this stage.
        model: Is trained in place.
        data: Demonstrations, held-out ones, probe prompts and pretraining text (for the mix and to measure on).
        run: Where checkpoints and the model go; a run with a checkpoint goes on from it.
        control: Stops the run between micro-batches.

    Raises:
        DataError: If no demonstration is left to train on.
        RunError: If the loss or the gradient is not finite.
    """
    compute = Compute(settings)
    model.to(compute.device)
    limit = min(settings.max_length or model.context_length, model.context_length)
    train, dropped = encode_demonstrations(model.codec, data.train, limit)
    stage = _prepare(settings, model, compute, control, train, data)
    optimizer = adamw(settings, model.module, settings.learning_rate)
    trainee = Trainee({"policy": model.module}, {"policy": optimizer})
    checkpoint = run.latest()
    start = trainee.restore(checkpoint)
    yield RunStarted(start, stage.total, "sft", str(compute.device), settings.precision)
    if checkpoint is None:  # a run stopped in its first step has told this already
        yield from _notices(stage, dropped)
        yield StepMetrics(0, (yield from _held_out(stage, 0)))
        yield from answer_probes(model, data.probes, step=0, max_new_tokens=_PROBE_TOKENS)
    per_epoch = math.ceil(len(stage.train) / settings.batch_size)
    cadence = Cadence(settings.checkpoint_seconds)
    for step in range(start + 1, stage.total + 1):
        began = time.perf_counter()
        rate = settings.learning_rate * cosine(step, stage.total, final=settings.final_rate)
        set_rate(optimizer, rate)
        attempt = partial(_accumulate, stage, step)
        losses = yield from sparingly(stage, step, settings.batch_size, attempt, optimizer.zero_grad)
        if control.is_stopping:
            optimizer.zero_grad()
            yield from _close(stage, trainee, run, step - 1, "stopped")
            return
        norm = compute.clip_gradients(model.module.parameters(), step=step)
        optimizer.step()
        optimizer.zero_grad()
        seconds = time.perf_counter() - began
        metrics = {**losses, "lr": rate, "grad_norm": norm, "epoch": step / per_epoch, "time/step_seconds": seconds}
        is_epoch_end = step % per_epoch == 0
        if is_epoch_end:
            metrics |= yield from _held_out(stage, step)
        yield StepMetrics(step, metrics)
        if is_epoch_end and not control.is_stopping:
            yield from answer_probes(model, data.probes, step=step, max_new_tokens=_PROBE_TOKENS)
        if cadence.is_due():
            yield run.save(trainee.checkpoint(step))
            cadence.restart()
    yield from _close(stage, trainee, run, stage.total, "completed")


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
        total=settings.epochs * math.ceil(len(train) / settings.batch_size),
    )


def _notices(stage: _Stage, dropped: int) -> Iterator[Notice]:
    if dropped:
        yield Notice(0, "sft.left_out", {"count": dropped, "limit": stage.model.context_length})
    if not stage.valid:
        yield Notice(0, "sft.no_held_out", {})
    if stage.settings.dropout and not stage.dropout.branches:
        yield Notice(0, "sft.no_dropout", {"rate": stage.settings.dropout})


def _accumulate(stage: _Stage, step: int) -> Generator[TrainEvent, None, dict[str, float]]:
    """Gradients of one batch, micro-batch by micro-batch; every token of the batch weighs the same."""
    batch = [
        stage.train[i] for i in epoch_batch(step, len(stage.train), stage.settings.batch_size, stage.settings.seed)
    ]
    count = sum(len(example.answer) for example in batch)
    pieces = chunks(range(len(batch)), stage.settings.micro_batch)
    share = stage.settings.pretraining_share
    total = 0.0
    with stage.dropout.at(step):
        for done, rows in enumerate(pieces, start=1):
            packed = pack([batch[i] for i in rows], stage.capacity, device=stage.compute.device)
            with stage.compute.autocast():
                loss = sft_loss(packed_logprobs(stage.model, packed), packed.loss_mask, count)
            total += finite(loss, "SFT", step=step)
            stage.compute.backward(loss * (1 - share))
            yield Progress(step, stage.total, "update", done / len(pieces))
            if stage.control.is_stopping:
                return {}
        return {"loss/train": total, **_mix_in_texts(stage, step, len(batch))}


def _mix_in_texts(stage: _Stage, step: int, demonstrations: int) -> dict[str, float]:
    """Add the gradient of pretraining windows; the share counts them against the whole batch (appendix C.3)."""
    share = stage.settings.pretraining_share
    if stage.texts is None:
        return {}
    windows = stage.texts.draw(max(1, round(demonstrations * share / (1 - share))), stage.settings.seed, 1, step)
    tokens = windows.to(stage.compute.device)
    with stage.compute.autocast():
        logprobs = window_logprobs(stage.model, tokens)
        loss = ptx_loss(logprobs, torch.ones_like(logprobs, dtype=torch.bool))
    stage.compute.backward(loss * share)
    return {"loss/ptx": finite(loss, "pretraining", step=step)}


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
    return (yield from measured(losses, stage.control, step, stage.total))


def _close(stage: _Stage, trainee: Trainee, run: Run, step: int, outcome: str) -> Iterator[TrainEvent]:
    """Checkpoint, model, last event: the same for a run that was stopped and one that is done."""
    stage.dropout.remove()
    yield Progress(step, stage.total, "save")
    yield run.save(trainee.checkpoint(step))
    yield run.save_model(step, "policy", lambda folder: save_language_model(stage.model, folder))
    yield RunFinished(step, "completed" if outcome == "completed" else "stopped")
