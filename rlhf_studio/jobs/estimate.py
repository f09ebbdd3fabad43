"""What a run will take, as whoever starts it is told; needs no torch."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from rlhf_studio.jobs.memory import MemoryEstimate


@dataclass(frozen=True, slots=True)
class Shortage:
    """Something that will not suffice.

    Attributes:
        what: Of what there is too little.
        needed: Bytes.
        free: Bytes.
        micro_batch: What to set it to for less memory; 0 where it cannot be smaller.
        keep_checkpoints: How many are kept now, and could be fewer; 0 where that does not help.
    """

    what: Literal["memory", "disk"]
    needed: int
    free: int
    micro_batch: int = 0
    keep_checkpoints: int = 0


@dataclass(frozen=True, slots=True)
class RunEstimate:
    """Time, memory and disk of a run before its start.

    Attributes:
        seconds: From its start to its end, with this machine as it is now.
        memory: Growth of the process over its idle state, by part.
        disk: Bytes that it leaves.
        disk_peak: Bytes that it needs at one time.
        checkpoint: Bytes of one checkpoint.
        kept: Checkpoints that it leaves.
        free_memory: Bytes.
        free_disk: Bytes.
        parts: Seconds by what is done.
        probe_seconds: What finding this out took.
        shortages: What will not suffice.
    """

    seconds: float
    memory: MemoryEstimate
    disk: int
    disk_peak: int
    checkpoint: int
    kept: int
    free_memory: int
    free_disk: int
    parts: Mapping[str, float] = field(default_factory=dict)
    probe_seconds: float = 0.0
    shortages: tuple[Shortage, ...] = ()
