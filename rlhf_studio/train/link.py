"""How processes that train together reach each other."""

import atexit
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Protocol

import torch
from torch import Tensor

from rlhf_studio.errors import RunError

PATIENCE = timedelta(minutes=30)  # for a process that says nothing: the first may be saving or measuring meanwhile


class Link(Protocol):
    """Both calls wait for all processes, which make the same calls in the same order."""

    def all_gather(self, message: object) -> list[Any]:
        """The message of every process, by rank.

        Raises:
            RunError: If one is gone.
        """

    def all_reduce(self, tensor: Tensor) -> None:
        """Put the sum over all processes into the tensor.

        Raises:
            RunError: If one is gone.
        """


class DistributedLink:
    """torch.distributed: gloo for messages and on CPUs, nccl between GPUs."""

    def __init__(self) -> None:
        """Join the others; waits for them."""
        import torch.distributed as dist  # noqa: PLC0415  no process that trains alone needs it

        self._dist = dist
        os.environ.setdefault("OMP_NUM_THREADS", "1")  # accelerate would set threads by itself; ``Compute`` does
        card = int(os.environ.get("LOCAL_RANK", "0"))
        if card < torch.cuda.device_count():
            torch.cuda.set_device(card)  # what "cuda" means in this process from now on
        if not dist.is_initialized():
            backend = "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo"
            with _explained():
                dist.init_process_group(backend, timeout=PATIENCE)
            atexit.register(dist.destroy_process_group)

    def all_gather(self, message: object) -> list[Any]:
        messages: list[Any] = [None] * self._dist.get_world_size()
        with _explained():
            self._dist.all_gather_object(messages, message)
        return messages

    def all_reduce(self, tensor: Tensor) -> None:
        with _explained():
            self._dist.all_reduce(tensor)


@contextmanager
def _explained() -> Iterator[None]:
    try:
        yield
    except RuntimeError as error:
        reason = str(error).strip().splitlines()[0]
        raise RunError(
            f"Another process of this run has ended or does not answer ({reason[:200]}). The last checkpoint is kept: "
            "look for what the other process said, then resume the run."
        ) from error
