"""How fast this machine computes: single passes of the real model, timed at the shapes of a run that is to come.

A pass that would take too long is timed with fewer rows, and its time multiplied. What was timed once is kept.
"""

import hashlib
import os
import statistics
import time
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.optim import AdamW

from rlhf_studio.jobs.files import PART
from rlhf_studio.jobs.workload import Pass, Writing
from rlhf_studio.lm.generate import generate, uniforms
from rlhf_studio.lm.heads import ScalarModel, ScalarModule
from rlhf_studio.lm.model import LanguageModel
from rlhf_studio.lm.padding import Padded
from rlhf_studio.rl.logprobs import token_logprobs
from rlhf_studio.schema import Sampling
from rlhf_studio.settings import TrainSettings
from rlhf_studio.train.dropout import ResidualDropout
from rlhf_studio.train.evaluate import packed_logprobs
from rlhf_studio.train.packing import Example, pack

Clock = Callable[[], float]
Timed = tuple[object, ...]  # model, how it computes, and a pass

_WORK = 1e11  # multiplications and additions of one timed pass, at most: about a second on one core
_ENOUGH_S = 0.3  # a pass that is shorter was only warming up
_SHORT_S, _REPEATS = 0.05, 3  # a shorter one is timed several times, and the median counts
_ELEMENTS = 10_000_000  # weights of which an optimizer step is timed
_FILE_BYTES = 16 * 2**20
_FEW_POSITIONS = 10  # of answers whose lengths are not asked for
_SHARES = (0.25, 0.85)  # of all tokens, at which passes are timed
_SHORTER = 4  # so many times fewer rows in the second measurement of sampling


class WritingSpeed(NamedTuple):
    """Seconds of sampling, as straight lines over the rows that are sampled side by side."""

    start: tuple[float, float]  # reading the prompts: always, and for each token of each row
    step: tuple[float, float]  # one more token: always, and for each row
    answers: tuple[int, ...]  # tokens of the answers that were written to their end

    def seconds(self, writing: Writing) -> float:
        """Of one batch; rows that have ended are dropped once they are the majority, as in lm.generate."""
        rows = len(writing.answers)
        total = self.start[0] + self.start[1] * rows * writing.prompt
        for position in range(1, max(writing.answers)):
            going = sum(length > position for length in writing.answers)
            rows = going if 2 * going < rows else rows
            total += self.step[0] + self.step[1] * rows
        return total


class WeightSpeed(NamedTuple):
    """Seconds for each weight."""

    step: float  # clipping and one optimizer step
    average: float  # one update of the moving average
    comparison: float  # of two gradients' lengths


class DiskSpeed(NamedTuple):
    """Seconds for each byte."""

    write: float  # until it is on the disk
    hash: float


class Probe:
    """Times one model on its device. Belongs to one thread; the model is as before after each call."""

    def __init__(
        self,
        model: LanguageModel,
        settings: TrainSettings,
        clock: Clock = time.perf_counter,
        known: MutableMapping[Timed, float] | None = None,
    ) -> None:
        """Nothing is timed yet.

        Args:
            model: Trainable weights without gradients.
            settings: For precision, dropout and Adam.
            clock: Seconds; a process's own clock where others disturb this machine.
            known: Passes that were timed before, of any model; new ones are added.
        """
        self.model = model
        self._clock = clock
        self._precision = settings.precision
        self._dropout = float(getattr(settings, "dropout", 0.0))
        self._generator = torch.Generator().manual_seed(0)
        self._known: MutableMapping[Timed, float] = {} if known is None else known
        self._key = (model.source, model.parameter_count, self._precision, self._dropout, torch.get_num_threads())
        size = int(model.module.get_input_embeddings().weight.shape[1])  # type: ignore[operator]
        backbone: Any = model.module
        head = torch.zeros(1, size, device=model.device, dtype=model.dtype)
        self.scalar = ScalarModel(
            ScalarModule(backbone.base_model, head), model.codec, model.context_length
        )  # shares the weights

    def seconds(self, one: Pass) -> float:
        """Of one pass, with its backward pass where it learns."""
        key = (*self._key, one)
        if key not in self._known:
            rows = min(one.rows, max(1, int(_WORK / (self._work(one) / one.rows))))
            self._known[key] = self._timed(self._act(one._replace(rows=rows))) * one.rows / rows
            self.model.module.zero_grad(set_to_none=True)
            self.scalar.module.zero_grad(set_to_none=True)
        return self._known[key]

    def writing(self, prompts: Sequence[Sequence[int]], *, longest: int, to_the_end: bool) -> WritingSpeed:
        """Sample answers to some prompts.

        Args:
            prompts: Of one batch, as token ids.
            longest: Tokens that an answer may have.
            to_the_end: Write the answers whole, so that their lengths are known.
        """
        width = max(len(prompt) for prompt in prompts)
        cost = 2 * self.model.parameter_count * (width + _FEW_POSITIONS)
        many = max(1, min(len(prompts), max(_SHORTER, int(_WORK / cost))))
        few = max(1, many // _SHORTER)
        short = min(longest, _FEW_POSITIONS)
        more = self._write(prompts[:many], longest if to_the_end else short)
        less = self._write(prompts[:few], short)
        return WritingSpeed(
            start=_line((few * width, less.start), (many * width, more.start)),
            step=_line((few, less.step), (many, more.step)),
            answers=more.answers if to_the_end else (),
        )

    def weights(self, settings: TrainSettings) -> WeightSpeed:
        """Time what is done to weights between passes, on some of the model's shapes."""
        parameters: list[nn.Parameter] = []
        for one in reversed(list(self.model.module.parameters())):
            if not parameters or sum(p.numel() for p in parameters) + one.numel() <= _ELEMENTS:
                parameters.append(nn.Parameter(torch.zeros_like(one)))
        for parameter in parameters:
            parameter.grad = torch.full_like(parameter, 1e-3)
        count = sum(p.numel() for p in parameters)
        copies = [parameter.detach().clone() for parameter in parameters]
        optimizer = AdamW(
            parameters, betas=(settings.adam_beta1, settings.adam_beta2), eps=settings.adam_epsilon, fused=True
        )

        def step() -> None:
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()

        def average() -> None:
            for copy, parameter in zip(copies, parameters, strict=True):
                copy.lerp_(parameter.detach(), 0.01)

        def compare() -> None:
            kept = [parameter.detach().clone() for parameter in parameters]
            for one, copy in zip(kept, copies, strict=True):
                one.neg_().add_(copy)
            for group in (kept, copies):
                torch.stack([torch.linalg.vector_norm(one) for one in group]).norm()

        step()  # makes the moments
        return WeightSpeed(*(self._timed(act) / count for act in (step, average, compare)))

    def _work(self, one: Pass) -> float:
        """Floating-point operations."""
        return (6 if one.kind.startswith("learn") else 2) * self.model.parameter_count * one.tokens

    def _timed(self, act: Callable[[], object]) -> float:
        """Seconds of one call; the first one warms up where it is short."""
        first = self._once(act)
        if first > _ENOUGH_S:
            return first
        return statistics.median(self._once(act) for _ in range(_REPEATS if first < _SHORT_S else 1))

    def _once(self, act: Callable[[], object]) -> float:
        began = self._clock()
        act()
        self._wait()
        return self._clock() - began

    def _wait(self) -> None:
        """A GPU computes on while Python goes on."""
        kind = self.model.device.type
        if kind == "cuda":
            torch.cuda.synchronize(self.model.device)
        elif kind == "mps":
            torch.mps.synchronize()

    def _autocast(self) -> AbstractContextManager[Any]:
        if self._precision == "bfloat16":
            return torch.autocast(self.model.device.type, torch.bfloat16)
        return nullcontext()

    def _act(self, one: Pass) -> Callable[[], object]:
        run = {"packed": self._packed, "scalar": self._scalar}.get(one.kind.partition("_")[2], self._plain)

        def read() -> None:
            with torch.no_grad(), self._autocast():
                run(one)

        def learn() -> None:
            with self._autocast():
                numbers = run(one)
            numbers.float().mean().backward()

        return learn if one.kind.startswith("learn") else read

    def _packed(self, one: Pass) -> Tensor:
        ids = tuple(self._ids(1, one.length)[0].tolist())
        half = one.length // 2
        rows = pack([Example(ids[:half], ids[half:])] * one.rows, 1, device=self.model.device)
        if one.kind != "learn_packed" or not self._dropout:
            return packed_logprobs(self.model, rows)
        dropout = ResidualDropout(self.model.module, self._dropout, seed=0)
        try:
            with dropout.at(1, rows.cells(range(one.rows))):
                return packed_logprobs(self.model, rows)
        finally:
            dropout.remove()

    def _plain(self, one: Pass) -> Tensor:
        batch = self._batch(one)
        return token_logprobs(self.model.logits(batch, keep=one.predicted), batch.tokens[:, -one.predicted :])

    def _scalar(self, one: Pass) -> Tensor:
        return self.scalar.per_token(self._batch(one))

    def _batch(self, one: Pass) -> Padded:
        tokens = self._ids(one.rows, one.length)
        return Padded(tokens, torch.ones_like(tokens, dtype=torch.bool))

    def _ids(self, rows: int, length: int) -> Tensor:
        """(rows, length) any tokens."""
        ids = torch.randint(self.model.codec.vocab_size, (rows, length), generator=self._generator)
        return ids.to(self.model.device)

    def _write(self, prompts: Sequence[Sequence[int]], longest: int) -> "_Written":
        sampling = Sampling(temperature=1.0, max_new_tokens=longest)
        numbers = uniforms(0, 0, range(len(prompts)), longest)
        times = [self._clock()]
        sampler = generate(self.model, prompts, sampling, numbers)
        while True:
            try:
                with self._autocast():
                    next(sampler)
            except StopIteration as end:
                answers = tuple(end.value.mask.sum(dim=1).tolist())
                break
            self._wait()
            times.append(self._clock())
        spans = [after - before for before, after in pairwise(times)]
        steps = spans[1 : _FEW_POSITIONS + 1] or spans[:1]
        return _Written(spans[0], statistics.median(steps), answers)


class _Written(NamedTuple):
    start: float
    step: float
    answers: tuple[int, ...]


def time_disk(folder: Path, clock: Clock = time.perf_counter) -> DiskSpeed:
    """Write a file, read it for its hash, and take it away again."""
    path = folder / f"{PART}probe"
    content = os.urandom(2**20) * (_FILE_BYTES // 2**20)
    try:
        began = clock()
        with path.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        written = clock()
        with path.open("rb") as file:
            hashlib.file_digest(file, "sha256")
        return DiskSpeed((written - began) / _FILE_BYTES, (clock() - written) / _FILE_BYTES)
    finally:
        path.unlink(missing_ok=True)


def representative(passes: Mapping[Pass, float]) -> list[Pass]:
    """Of each kind of pass, a small one and a large one by tokens, whose times tell those of all."""
    chosen: list[Pass] = []
    for kind in dict.fromkeys(one.kind for one in passes):
        ranked = sorted((one for one in passes if one.kind == kind), key=lambda one: (one.tokens, one))
        weights = [passes[one] * one.tokens for one in ranked]
        chosen += dict.fromkeys(_at_share(ranked, weights, share) for share in _SHARES)
    return chosen


def _at_share(ranked: Sequence[Pass], weights: Sequence[float], share: float) -> Pass:
    """The pass at which this share of all weight is reached."""
    wanted, total = share * sum(weights), 0.0
    for one, weight in zip(ranked, weights, strict=True):
        total += weight
        if total >= wanted:
            return one
    return ranked[-1]


def total_seconds(passes: Mapping[Pass, float], timed: Mapping[Pass, float]) -> float:
    """All passes, each by those of its kind that were timed: between two of them in a straight line over the tokens.

    Args:
        passes: How often each is made.
        timed: Seconds of some of every kind.
    """
    total = 0.0
    for kind in dict.fromkeys(one.kind for one in passes):
        known = sorted((one.tokens, seconds) for one, seconds in timed.items() if one.kind == kind)
        total += sum(times * _between(known, one.tokens) for one, times in passes.items() if one.kind == kind)
    return total


def _between(known: Sequence[tuple[int, float]], tokens: int) -> float:
    below = [(x, y) for x, y in known if x <= tokens]
    above = [(x, y) for x, y in known if x >= tokens]
    if not below or not above:  # beyond what was timed: by its size
        x, y = known[-1] if below else known[0]
        return y * tokens / x
    (x0, y0), (x1, y1) = below[-1], above[0]
    return y0 if x0 == x1 else y0 + (y1 - y0) * (tokens - x0) / (x1 - x0)


def _line(low: tuple[float, float], high: tuple[float, float]) -> tuple[float, float]:
    """The straight line through two measurements, never falling; through 0 where there is one only."""
    (x0, y0), (x1, y1) = low, high
    if x1 <= x0:
        return 0.0, y1 / x1
    slope = max(0.0, (y1 - y0) / (x1 - x0))
    begin = y1 - slope * x1
    return (begin, slope) if begin >= 0 else (0.0, y1 / x1)
