"""The same work in smaller pieces where the memory does not suffice."""

from collections.abc import Callable, Generator, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, TypeVar

import torch

from rlhf_studio.events import Notice, TrainEvent
from rlhf_studio.settings import TrainSettings

if TYPE_CHECKING:
    from rlhf_studio.train.compute import Compute

# how torch's CPU allocators say it, and cuBLAS, which allocates by itself
_NO_MEMORY = ("can't allocate memory", "not enough memory", "out of memory", "CUBLAS_STATUS_ALLOC_FAILED")

S = TypeVar("S", bound=TrainSettings)
T = TypeVar("T")
E = TypeVar("E", bound=TrainEvent)


class Adjustable(Protocol[S]):
    """A stage whose settings can be put in place of others while it runs."""

    settings: S
    compute: "Compute"


def is_out_of_memory(error: Exception) -> bool:
    """Whether an error says that memory is exhausted, of whatever device."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _NO_MEMORY)


class Portion(NamedTuple):
    """Something of a stage that says how much is done at once, and can be halved."""

    read: Callable[[Any], int]  # of the stage; 0 while all is done at once
    write: Callable[[Any, int], object]
    notice: Callable[[int, dict[str, int]], Notice]  # tells of it, from the step and how many "before" and "now"


def _set_micro_batch(stage: Adjustable[S], count: int) -> None:
    stage.settings = stage.settings.model_copy(update={"micro_batch": count})


MICRO_BATCH = Portion(
    lambda stage: int(stage.settings.micro_batch),
    _set_micro_batch,
    lambda step, counts: Notice(step, "run.micro_batch_halved", counts),
)


def sparingly(
    stage: Adjustable[S],
    step: int,
    whole: int,
    attempt: Callable[[], Generator[TrainEvent, None, T]],
    undo: Callable[[], object],
    portion: Portion = MICRO_BATCH,
) -> Generator[TrainEvent, None, T]:
    """Drive ``attempt``; where memory is exhausted, halve the stage's micro-batch, say so and begin anew.

    Args:
        stage: Its micro-batch, or other portion, stays halved until the run ends.
        step: For the notice.
        whole: Sequences in one pass where the portion is 0.
        attempt: Work that can be done twice: it changes no weight, and its result does not depend on the micro-batch.
        undo: Forgets what a broken attempt has left, such as gradients.
        portion: What is halved.

    Where several processes train, all begin anew if one of them lacks memory.

    Raises:
        Exception: What ``attempt`` raised, if it was something else or a single sequence is too much.
    """
    while True:
        before = min(portion.read(stage) or whole, whole)
        try:
            with stage.compute.attempt():
                return (yield from attempt())
        except (MemoryError, RuntimeError) as error:
            if before <= 1 or not is_out_of_memory(error):
                raise
        undo()  # here, where the broken attempt and its tensors are gone
        portion.write(stage, before // 2)
        yield portion.notice(step, {"before": before, "now": before // 2})


def in_halves(items: Sequence[T], step: int, attempt: Callable[[Sequence[T]], Iterator[E]]) -> Iterator[E | Notice]:
    """What ``attempt`` tells of all items at once; where memory is exhausted, of each half by itself, and so on.

    Raises:
        Exception: What ``attempt`` raised, if it was something else or a single item is too much.
    """
    try:
        told: list[E] = list(attempt(items))
    except (MemoryError, RuntimeError) as error:
        if len(items) <= 1 or not is_out_of_memory(error):
            raise
        told = []
    else:
        yield from told
        return
    half = (len(items) + 1) // 2
    yield Notice(step, "run.sampling_halved", {"before": len(items), "now": half})
    for part in (items[:half], items[half:]):
        yield from in_halves(part, step, attempt)
