"""Pretraining: a small causal language model from text, before the first stage."""

import math
import time
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import Optimizer

from rlhf_studio.errors import DataError
from rlhf_studio.events import Notice, Progress, RunFinished, RunStarted, StepMetrics, TrainEvent
from rlhf_studio.lm.architecture import has_induction_start, let_roles_read_as_newline
from rlhf_studio.lm.model import LanguageModel
from rlhf_studio.lm.saving import save_language_model
from rlhf_studio.lm.tokenizer_training import has_role_tokens
from rlhf_studio.settings import PretrainSettings
from rlhf_studio.train.compute import Compute, finite
from rlhf_studio.train.control import RunControl
from rlhf_studio.train.pretrain_data import (
    IGNORED,
    PretrainData,
    Rows,
    RowSource,
    TokenSource,
    asked_rows,
    held_out_rows,
    pairs_row,
    repeated_row,
)
from rlhf_studio.train.run import Run
from rlhf_studio.train.schedule import set_rate
from rlhf_studio.train.state import Cadence, Trainee

HELD_OUT_ROWS = 32  # of each source, at each evaluation inside a run
_DRILL_ROWS = 16
_GPU_PROCESSES = 3  # a GPU is done with a batch before one process has drawn the next
_ROLE_ROWS = 16  # of text, to see where newlines stand


@dataclass
class _Stage:
    """What the loop and its helpers share."""

    settings: PretrainSettings
    model: LanguageModel
    compute: Compute
    control: RunControl
    data: PretrainData
    rows: RowSource
    total: int


def train_pretrain(
    settings: PretrainSettings, model: LanguageModel, data: PretrainData, run: Run, control: RunControl
) -> Iterator[TrainEvent]:
    """Fit a model to text; leaves the run's model ``base`` behind.

    Args:
        settings: Of this stage; the run is as long as its ``tokens``.
        model: Is trained in place; new, or one to go on with.
        data: Token streams by source, made with the model's tokenizer.
        run: Where checkpoints and the model go; a run with a checkpoint goes on from it.
        control: Stops the run between micro-batches.

    Raises:
        DataError: If a source is too short for one row, or rows are longer than the model's context.
        RunError: If the loss or the gradient is not finite.
    """
    if settings.context_length > model.context_length:
        raise DataError(
            f"Rows of {settings.context_length} tokens do not fit into the model's context of {model.context_length}. "
            "Choose a shorter context (context_length)."
        )
    compute = Compute(settings)
    model.to(compute.device)
    total = math.ceil(settings.tokens / settings.batch_tokens)
    stage = _Stage(settings, model, compute, control, data, RowSource(data, settings, total), total)
    optimizers = make_optimizers(settings, model.module)
    trainee = Trainee({"base": model.module}, optimizers)
    checkpoint = run.latest()
    start = trainee.restore(checkpoint)
    yield RunStarted(start, total, "pretrain", str(compute.device), settings.precision)
    if checkpoint is None:  # a run stopped in its first step has told this already
        yield from _notices(stage)
        yield StepMetrics(0, (yield from _held_out(stage, 0)))
    cadence = Cadence(settings.checkpoint_seconds)
    batches = stage.rows.ahead(start + 1, _GPU_PROCESSES if compute.device.type == "cuda" else 0)
    for step, rows in enumerate(batches, start + 1):
        began = time.perf_counter()
        share = rate_share(step, total, settings)
        for name, optimizer in optimizers.items():
            set_rate(optimizer, share * _peak(settings, name))
        metrics = yield from _accumulate(stage, rows, step)
        if control.is_stopping:
            model.module.zero_grad()
            yield from _close(stage, trainee, run, step - 1, "stopped")
            return
        metrics["grad_norm"] = compute.clip_gradients(model.module.parameters(), step=step)
        for name, optimizer in optimizers.items():
            optimizer.step()
            metrics[f"lr/{name}"] = share * _peak(settings, name)
        model.module.zero_grad()
        metrics["time/tokens_per_second"] = stage.rows.tokens_per_step / (time.perf_counter() - began)
        metrics["tokens"] = float(step * stage.rows.tokens_per_step)
        if step % settings.evaluate_every == 0 or step == total:
            metrics.update((yield from _held_out(stage, step)))
        yield StepMetrics(step, metrics)
        if cadence.is_due() and step < total:
            yield run.save(trainee.checkpoint(step))
            cadence.restart()
    yield from _close(stage, trainee, run, total, "completed")


def rate_share(step: int, total: int, settings: PretrainSettings) -> float:
    """Share of the peak rates at update ``step`` (from 1): a linear rise, a plateau, a linear fall at the end."""
    rise = math.ceil(settings.warmup_share * total)
    fall = math.ceil(settings.decay_share * total)
    left = total - step
    down = settings.final_rate + (1 - settings.final_rate) * left / fall if left < fall else 1.0
    return min(step / rise if rise else 1.0, down)


def make_optimizers(settings: PretrainSettings, module: nn.Module) -> dict[str, Optimizer]:
    """Muon for the matrices between the embeddings and AdamW for the rest, or AdamW for all.

    Only those matrices decay; embeddings and norms keep their scale. Attention that began with induction heads has
    small steps of its own: Muon's, which are equally large in every direction, wiped the heads out.

    Source: Jordan 2024, https://kellerjordan.github.io/posts/muon/ (Muon).
    """
    embeddings = {id(p) for m in module.modules() if isinstance(m, nn.Embedding) for p in m.parameters()}
    copying = _copying(settings, module)
    parameters = [p for p in module.parameters() if id(p) not in {id(q) for q in copying}]
    matrices = [p for p in parameters if p.ndim == 2 and id(p) not in embeddings]
    rest = [p for p in parameters if p.ndim != 2 or id(p) in embeddings]
    decay = settings.weight_decay
    groups = [{"params": rest, "weight_decay": 0.0}]
    optimizers: dict[str, Optimizer] = {}
    if settings.optimizer == "muon":
        optimizers["muon"] = torch.optim.Muon(matrices, lr=settings.matrix_rate, weight_decay=decay)
    else:
        groups.append({"params": matrices, "weight_decay": decay})
    optimizers["adamw"] = torch.optim.AdamW(
        groups,
        lr=settings.learning_rate,
        betas=(settings.adam_beta1, settings.adam_beta2),
        eps=settings.adam_epsilon,
    )
    if copying:
        optimizers["induction"] = torch.optim.AdamW(
            copying,
            lr=settings.induction_rate,
            betas=(settings.adam_beta1, settings.adam_beta2),
            eps=settings.adam_epsilon,
            weight_decay=0.0,
        )
    return optimizers


def _copying(settings: PretrainSettings, module: nn.Module) -> list[nn.Parameter]:
    """The attention matrices of the first two blocks, if they hold induction heads."""
    if not has_induction_start(settings):
        return []
    names = tuple(f"layers.{block}.self_attn." for block in (0, 1))
    return [p for name, p in module.named_parameters() if any(part in name for part in names) and p.ndim == 2]


class Cost(NamedTuple):
    """What predicting some text cost. End-of-text is a token to predict but stands for no bytes of text."""

    nats: float
    tokens: int
    bytes: int

    @property
    def loss(self) -> float:
        """Nats per token."""
        return self.nats / max(self.tokens, 1)

    @property
    def bits_per_byte(self) -> float:
        """Comparable across vocabularies, which the loss is not."""
        return self.nats / math.log(2) / max(self.bytes, 1)


def held_out_costs(
    model: LanguageModel, compute: Compute, data: PretrainData, source: TokenSource, limit: int | None = None
) -> Iterator[Cost]:
    """What a source's held-out text costs so far, after each few rows; the last value is that of all.

    Args:
        model: Is asked for the probabilities.
        compute: Where and how precisely.
        data: Knows the bytes of each token.
        source: One of the data's.
        limit: At most so many rows, evenly spread; all where None.
    """
    sizes = torch.tensor(data.token_bytes)
    total = Cost(0.0, 0, 0)
    for rows in held_out_rows(source, model.context_length, limit):
        with torch.no_grad():
            nats = float(_losses(model, compute, rows).sum())
        total = Cost(
            total.nats + nats, total.tokens + rows.targets.numel(), total.bytes + int(sizes[rows.targets].sum())
        )
        yield total


def _peak(settings: PretrainSettings, optimizer: str) -> float:
    rates = {
        "muon": settings.matrix_rate,
        "adamw": settings.learning_rate,
        "induction": settings.induction_rate,
    }
    return rates[optimizer]


def _losses(model: LanguageModel, compute: Compute, rows: Rows) -> Tensor:
    """(R * T,) nats of each target, 0 where it is IGNORED."""
    tokens, targets = rows.tokens.to(compute.device), rows.targets.to(compute.device)
    with compute.autocast():
        logits = model.module(input_ids=tokens, use_cache=False).logits
    return functional.cross_entropy(
        logits.float().flatten(0, 1), targets.flatten(), ignore_index=IGNORED, reduction="none"
    )


def _accumulate(stage: _Stage, rows: Rows, step: int) -> Generator[TrainEvent, None, dict[str, float]]:
    """Gradients of one batch, micro-batch by micro-batch; every row weighs the same, however few targets it has."""
    weights = _target_weights(rows)
    pieces = range(0, len(rows.tokens), stage.settings.micro_batch or len(rows.tokens))
    total = 0.0
    for done, first in enumerate(pieces, start=1):
        here = slice(first, first + pieces.step)
        losses = _losses(stage.model, stage.compute, Rows(*(tensor[here] for tensor in rows)))
        loss = (losses * weights[here].flatten().to(losses.device)).sum()
        total += finite(loss, "pretraining", step=step)
        stage.compute.backward(loss)
        yield Progress(step, stage.total, "update", done / len(pieces))
        if stage.control.is_stopping:
            return {}
    return {"loss/train": total}


def _target_weights(rows: Rows) -> Tensor:
    """(R, T) share of each target in the loss: a row's share is split among its targets."""
    is_target = rows.targets != IGNORED
    return is_target / is_target.sum(1, keepdim=True).clamp(min=1) / len(rows.targets)


def _held_out(stage: _Stage, step: int) -> Generator[TrainEvent, None, dict[str, float]]:
    """Held-out loss and bits per byte, of each source and of the mix, and how well drills go."""
    metrics: dict[str, float] = {}
    sources = [source for source in stage.data.sources if len(source.held_out) > 1]
    weight = sum(source.weight for source in sources)
    mix_loss = mix_bits = 0.0
    for done, source in enumerate(sources):
        cost = Cost(0.0, 0, 0)
        for so_far in held_out_costs(stage.model, stage.compute, stage.data, source, HELD_OUT_ROWS):
            cost = so_far
            yield Progress(step, stage.total, "evaluate", done / len(sources))
            if stage.control.is_stopping:
                return {}
        metrics[f"loss/valid_{source.name}"] = cost.loss
        metrics[f"bits_per_byte/{source.name}"] = cost.bits_per_byte
        mix_loss += cost.loss * source.weight / weight
        mix_bits += cost.bits_per_byte * source.weight / weight
    if sources:
        metrics |= {"loss/valid": mix_loss, "bits_per_byte/mix": mix_bits}
    for source in sources:
        if source.held_out_asked is not None and len(source.held_out) > stage.settings.context_length:
            rows = asked_rows(source, stage.settings.context_length, HELD_OUT_ROWS)
            metrics[f"accuracy/{source.name}"] = _accuracy(stage, rows)
    metrics["accuracy/repeat"] = _accuracy(stage, stage.rows.drill_test(repeated_row, _DRILL_ROWS))
    metrics["accuracy/pairs"] = _accuracy(stage, stage.rows.drill_test(pairs_row, _DRILL_ROWS))
    return metrics


@torch.no_grad()
def _accuracy(stage: _Stage, rows: Rows) -> float:
    with stage.compute.autocast():
        logits = stage.model.module(input_ids=rows.tokens.to(stage.compute.device), use_cache=False).logits
    is_target = rows.targets != IGNORED
    return float((logits.argmax(-1).cpu() == rows.targets)[is_target].float().mean())


def _notices(stage: _Stage) -> Iterator[Notice]:
    for source in stage.data.sources:
        if len(source.held_out) <= 1:
            yield Notice(0, "pretrain.no_held_out", {"source": source.name})


def _close(stage: _Stage, trainee: Trainee, run: Run, step: int, outcome: str) -> Iterator[TrainEvent]:
    """Checkpoint, model, last event: the same for a run that was stopped and one that is done."""
    yield Progress(step, stage.total, "save")
    yield run.save(trainee.checkpoint(step))
    if has_role_tokens(stage.model.codec.tokenizer):
        tokens = stage.rows.draw_text(_ROLE_ROWS)
        let_roles_read_as_newline(stage.model.module, stage.model.codec.tokenizer, tokens)
    yield run.save_model(step, "base", lambda folder: save_language_model(stage.model, folder))
    yield RunFinished(step, "completed" if outcome == "completed" else "stopped")
