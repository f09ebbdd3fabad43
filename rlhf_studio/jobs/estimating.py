"""What a run will take on this machine: counts its work, times some of it, and multiplies."""

import contextlib
import math
import shutil
import time
from collections.abc import Generator, MutableMapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import torch

from rlhf_studio.jobs import disk
from rlhf_studio.jobs.estimate import RunEstimate, Shortage
from rlhf_studio.jobs.memory import MemoryEstimate, ModelShape, PassSizes, estimate_memory
from rlhf_studio.jobs.model_folders import JUDGE
from rlhf_studio.jobs.probe import (
    Clock,
    DiskSpeed,
    Probe,
    Timed,
    WritingSpeed,
    representative,
    time_disk,
    total_seconds,
)
from rlhf_studio.jobs.run_file import stage_settings
from rlhf_studio.jobs.text_lengths import answer_lengths, some, text_sizes
from rlhf_studio.jobs.workload import PROBE_TOKENS, Pass, TextSizes, Workload, count_work
from rlhf_studio.lm.model import LanguageModel
from rlhf_studio.schema import DemonstrationRow, PpoData, RewardData, RunSpec, SftData, record_json
from rlhf_studio.settings import PpoSettings, SftSettings, TrainSettings
from rlhf_studio.train.judging import spread

_CGROUP = Path("/sys/fs/cgroup")
_FULL = 0.95  # of what is free: the rest of the machine lives, too


@dataclass(frozen=True, slots=True)
class Subject:
    """A run that is to be estimated.

    Attributes:
        spec: Kind and settings.
        data: All that it would read.
        model: That it would begin with; it is as before when the estimate is there.
        folder: Of that model.
        place: A folder on the disk where the run would lie.
        demonstrations: Tell how long answers may become, where the model has not learnt to end them.
        is_trained: Whether it has.
        before_s: Seconds of reading the data and the models.
    """

    spec: RunSpec
    data: SftData | RewardData | PpoData
    model: LanguageModel
    folder: Path
    place: Path
    demonstrations: Sequence[DemonstrationRow] = ()
    is_trained: bool = True
    before_s: float = 0.0

    @property
    def settings(self) -> TrainSettings:
        return stage_settings(self.spec)


def estimate_run(
    subject: Subject, clock: Clock = time.perf_counter, known: MutableMapping[Timed, float] | None = None
) -> Generator[None, None, RunEstimate]:
    """Find out what a run would take; yields between measurements, each of about a second at most.

    Args:
        subject: The run.
        clock: For the measurements.
        known: What was timed before; new times are added.

    Raises:
        DataError: If a setting is wrong.
        ModelError: If the model's folder cannot be read.
    """
    began = time.perf_counter()
    threads = torch.get_num_threads()
    torch.set_num_threads(subject.settings.threads or threads)
    try:
        estimate = yield from _estimate(subject, clock, known)
    finally:
        torch.set_num_threads(threads)
    return replace(estimate, probe_seconds=time.perf_counter() - began)


def free_memory(device: torch.device) -> int:
    """Bytes that may still be taken: of a GPU, of the machine, or of the container if that has less."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    free = int(psutil.virtual_memory().available)
    with contextlib.suppress(OSError, ValueError):  # no container, or one without a limit
        limit = int((_CGROUP / "memory.max").read_text())
        free = min(free, limit - int((_CGROUP / "memory.current").read_text()))
    return free


def _estimate(
    subject: Subject, clock: Clock, known: MutableMapping[Timed, float] | None
) -> Generator[None, None, RunEstimate]:
    began = clock()
    measured = text_sizes(subject.settings, subject.model, subject.data)
    encode_s = (clock() - began) * measured.rows / max(1, measured.encoded) + _texts_s(subject, clock)
    yield
    probe = Probe(subject.model, subject.settings, clock, known)
    speed = _writing_speed(subject, probe)
    sizes = _with_answers(subject, measured.sizes, speed)
    sizes = replace(sizes, bytes=len(record_json(subject.data)))
    yield
    work = count_work(subject.settings, sizes)
    timed: dict[Pass, float] = {}
    for one in representative(work.passes):
        timed[one] = probe.seconds(one)
        yield
    parts = {
        "load": subject.before_s + encode_s,
        "sample": sum(times * speed.seconds(one) for one, times in work.writings.items()) if speed else 0.0,
        "learn": total_seconds(_of(work, "learn"), timed) + _weights_s(subject, work, probe),
        "read": total_seconds(_of(work, "read"), timed),
    }
    yield
    return _conclude(subject, sizes, work, probe, parts, time_disk(subject.place, clock))


def _texts_s(subject: Subject, clock: Clock) -> float:
    """Seconds of encoding pretraining text."""
    data = subject.data
    texts = () if isinstance(data, RewardData) else (*data.pretraining, *data.pretraining_valid)
    if not texts:
        return 0.0
    sample = some(texts)
    began = clock()
    subject.model.codec.encode_documents([row.text for row in sample])
    return (clock() - began) * len(texts) / len(sample)


def _writing_speed(subject: Subject, probe: Probe) -> WritingSpeed | None:
    """How fast answers are sampled; None where the run samples none."""
    data, settings = subject.data, subject.settings
    if isinstance(data, RewardData):
        return None
    is_ppo = isinstance(settings, PpoSettings)
    rows = data.prompts if isinstance(data, PpoData) else data.probes
    longest = settings.max_new_tokens if isinstance(settings, PpoSettings) else PROBE_TOKENS
    room = subject.model.context_length - longest
    encoded = [subject.model.codec.encode_prompt(row.turns) for row in some(rows)]
    prompts = [ids for ids in encoded if 0 < len(ids) <= room]
    if not prompts:
        return None
    batch = settings.batch_size if isinstance(settings, PpoSettings) else len(prompts)
    prompts = [prompts[i % len(prompts)] for i in range(batch)]
    return probe.writing(prompts, longest=longest, to_the_end=is_ppo and subject.is_trained)


def _with_answers(subject: Subject, sizes: TextSizes, speed: WritingSpeed | None) -> TextSizes:
    settings = subject.settings
    if JUDGE in subject.spec.models:
        prompts = [prompt for item in sizes.valid for prompt, _ in item]
        return replace(sizes, questions=spread([p for p in prompts if p <= sizes.context - PROBE_TOKENS]))
    if not isinstance(settings, PpoSettings):
        return sizes
    written = speed.answers if speed else ()
    told = written or answer_lengths(subject.model, subject.demonstrations, settings.max_new_tokens)
    return replace(sizes, answers=told)


def _of(work: Workload, kind: str) -> dict[Pass, float]:
    return {one: times for one, times in work.passes.items() if one.kind.startswith(kind)}


def _weights_s(subject: Subject, work: Workload, probe: Probe) -> float:
    """Seconds of what is done to weights between passes."""
    speed = probe.weights(subject.settings)
    language, scalar = (count_of(m.module) for m in (subject.model, probe.scalar))
    steps = work.language_steps * language + work.scalar_steps * scalar
    return steps * speed.step + language * (work.averages * speed.average + work.comparisons * speed.comparison)


def _conclude(
    subject: Subject, sizes: TextSizes, work: Workload, probe: Probe, parts: dict[str, float], speed: DiskSpeed
) -> RunEstimate:
    settings = subject.settings
    shape = ModelShape.of_folder(subject.folder)
    checkpoint = disk.checkpoint_bytes(settings, subject.model, probe.scalar)
    models = disk.models_bytes(settings, subject.model, probe.scalar, subject.folder)
    written = _checkpoints(settings, sum(parts.values()) - parts["load"], work.units)
    kept, most = disk.checkpoints_kept(settings, written)
    widths = max(p for item in sizes.train for p, _ in item), max(sizes.answers, default=0)
    other = disk.other_bytes(settings, work.steps, sizes.bytes, widths)
    if _keeps_an_epoch(settings, sizes):
        other += disk.weights_bytes(subject.model)
    space = disk.DiskEstimate(checkpoint, written, kept, most, models, other)
    parts["save"] = written * checkpoint * (speed.write + speed.hash) + models * speed.write
    memory = _memory(settings, sizes, shape)
    free_disk = shutil.disk_usage(subject.place).free
    estimate = RunEstimate(
        seconds=sum(parts.values()),
        memory=memory,
        disk=space.total,
        disk_peak=space.peak,
        checkpoint=checkpoint,
        kept=kept,
        free_memory=free_memory(subject.model.device),
        free_disk=free_disk,
        parts=parts,
    )
    return replace(estimate, shortages=_shortages(estimate, settings, sizes, shape))


def _checkpoints(settings: TrainSettings, seconds: float, units: int) -> int:
    """How many checkpoints a run writes: by the clock, at epochs of SFT or every so many steps of PPO, at its end."""
    if isinstance(settings, SftSettings) and settings.epochs > 1:
        one = settings.model_copy(update={"epochs": 1})
        return settings.epochs * _checkpoints(one, seconds / settings.epochs, units // settings.epochs)
    if isinstance(settings, PpoSettings) and settings.checkpoint_steps:
        pieces = math.ceil(settings.steps / settings.checkpoint_steps)
        by_clock = settings.model_copy(update={"checkpoint_steps": 0})
        return pieces * _checkpoints(by_clock, seconds / pieces, units // pieces)
    unit_s = seconds / max(1, units)
    apart_s = max(1, math.ceil(settings.checkpoint_seconds / max(unit_s, 1e-9))) * unit_s
    return int(seconds / apart_s) + 1 if apart_s > 0 else 1


def _keeps_an_epoch(settings: TrainSettings, sizes: TextSizes) -> bool:
    """Whether the weights of one of SFT's epochs are kept beside the checkpoints, for the choice at the end."""
    if not isinstance(settings, SftSettings) or settings.epochs == 1:
        return False
    return bool({"score": sizes.questions, "loss": sizes.valid}.get(settings.choose_by))


def _memory(settings: TrainSettings, sizes: TextSizes, shape: ModelShape) -> MemoryEstimate:
    work = count_work(settings, sizes)
    cached = max((len(w.answers) * (w.prompt + max(w.answers)) for w in work.writings), default=0)
    sampled = max((len(w.answers) for w in work.writings), default=0)
    found = estimate_memory(settings, shape, PassSizes(work.together, work.alone, sizes.bytes, cached, sampled))
    # the reward model that scores SFT's epochs has no place in its settings
    return replace(found, weights=found.weights + disk.FLOAT * shape.body) if sizes.questions else found


def _shortages(
    estimate: RunEstimate, settings: TrainSettings, sizes: TextSizes, shape: ModelShape
) -> tuple[Shortage, ...]:
    """What will not suffice, and what could be changed."""
    found = []
    needed = estimate.memory.total
    if needed > _FULL * estimate.free_memory:
        micro_batch = _smaller(estimate, settings, sizes, shape)
        found.append(Shortage("memory", needed, estimate.free_memory, micro_batch=micro_batch))
    if estimate.disk_peak > _FULL * estimate.free_disk:
        kept = settings.keep_checkpoints if settings.keep_checkpoints > 1 else 0
        found.append(Shortage("disk", estimate.disk_peak, estimate.free_disk, keep_checkpoints=kept))
    return tuple(found)


def _smaller(estimate: RunEstimate, settings: TrainSettings, sizes: TextSizes, shape: ModelShape) -> int:
    """The largest micro-batch, by halves, with which the memory suffices; 0 if none does."""
    whole = getattr(settings, "minibatch_size", 0) or getattr(settings, "batch_size", 1)
    size = (settings.micro_batch or whole) // 2
    while size:
        smaller = settings.model_copy(update={"micro_batch": size})
        if _memory(smaller, sizes, shape).total <= _FULL * estimate.free_memory:
            return int(size)
        size //= 2
    return 0


def count_of(module: torch.nn.Module) -> int:
    """Weights, tied ones once."""
    return sum(parameter.numel() for parameter in module.parameters())
