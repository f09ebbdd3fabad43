"""What a run will take, said before its start."""

from rlhf_studio import words
from rlhf_studio.jobs.estimate import RunEstimate, Shortage
from rlhf_studio.jobs.estimate_job import estimate_project_run
from rlhf_studio.schema import RunSpec
from rlhf_studio.store.project import Store

_PARTS = {"load": "reading", "sample": "sampling", "learn": "learning", "read": "scoring, measuring", "save": "saving"}


def find_estimate(store: Store, spec: RunSpec) -> RunEstimate:
    """Measure for a moment.

    Raises:
        StudioError: If the run could not start.
    """
    steps = estimate_project_run(store, spec)
    while True:
        try:
            next(steps)
        except StopIteration as end:
            found: RunEstimate = end.value
            return found


def say_estimate(estimate: RunEstimate, *, is_all: bool = False) -> None:
    """Print the line, and what will not suffice; with ``is_all`` also what the figures are made of."""
    line = words.estimate(estimate.seconds, estimate.memory.total, estimate.disk)
    print(f"{line[0].upper()}{line[1:]}.")
    for shortage in estimate.shortages:
        print(shortage_words(shortage))
    if is_all:
        print(f"Time: {', '.join(f'{_PARTS[name]} {words.duration(s)}' for name, s in estimate.parts.items() if s)}")
        print(f"Memory: {words.size(estimate.free_memory)} are free")
        peak, free = words.size(estimate.disk_peak), words.size(estimate.free_disk)
        print(f"Disk: {words.size(estimate.checkpoint)} for each checkpoint, up to {peak} at one time; {free} are free")
        print(f"Found out in {words.duration(estimate.probe_seconds)}; nothing was started.")


def shortage_words(shortage: Shortage) -> str:
    """What will not suffice, in a sentence, with what to do."""
    return words.shortage(
        shortage.what, shortage.needed, shortage.free, shortage.micro_batch or shortage.keep_checkpoints
    )
