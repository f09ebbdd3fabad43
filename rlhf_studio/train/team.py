"""The processes that train one model together: each works out its share of a batch, and all take the same step.

What passes between them goes through ``Team.exchange``, one after the other and in the same order in all of them.
Each message also carries what its process failed with, so that a failure of one ends the others' wait.
"""

import pickle
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from functools import cache
from typing import Any, NamedTuple, NoReturn, TypeVar

import torch
from torch import Tensor, nn

from rlhf_studio.errors import RunError
from rlhf_studio.train.launch import place
from rlhf_studio.train.link import DistributedLink, Link
from rlhf_studio.train.sparing import is_out_of_memory

T = TypeVar("T")

_BUCKET = 1 << 22  # numbers that are summed in one go


class _Message(NamedTuple):
    what: str
    value: Any
    failure: Exception | None = None


class Team:
    """This process among those that train together; by default alone.

    Attributes:
        rank: From 0. Process 0 alone writes and speaks.
        size: How many processes there are ("world size").
    """

    def __init__(self, rank: int = 0, size: int = 1, link: Link | None = None) -> None:
        self.rank, self.size = rank, size
        self._link = link
        self._agreed: Exception | None = None  # a failure that every process knows of

    def share(self, rows: Sequence[T]) -> list[T]:
        """What this process does of the rows: every ``size``-th; empty where there are fewer rows than processes."""
        return list(rows[self.rank :: self.size])

    def gather_rows(self, rows: Tensor) -> Tensor:
        """The results (b, ...) of a ``share`` put together with the others' (B, ...), in the order before the cut."""
        if self._link is None:
            return rows
        parts = self.exchange("rows", rows.detach().cpu())
        whole = parts[0].new_empty(sum(len(part) for part in parts), *parts[0].shape[1:])
        for rank, part in enumerate(parts):
            if len(part):  # a process without rows does not know what they look like
                whole[rank :: self.size] = part
        return whole.to(rows.device)

    def add_up(self, *numbers: float) -> list[float]:
        """Sums over all processes."""
        return [sum(column) for column in zip(*self.exchange("numbers", numbers), strict=True)]

    def sum_gradients(self, parameters: Iterable[nn.Parameter]) -> None:
        """Put the sum over all processes into every gradient.

        A parameter that has no gradient in any process keeps none: with zeros, an optimizer would decay it.
        """
        if self._link is None:
            return
        learning = [parameter for parameter in parameters if parameter.requires_grad]
        known = self.exchange("gradients", [parameter.grad is not None for parameter in learning])
        gradients = []
        for parameter, *has_gradient in zip(learning, *known, strict=True):
            if any(has_gradient):
                parameter.grad = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
                gradients.append(parameter.grad)
        for bucket in _buckets(gradients):
            self._add_up_in_place(self._link, bucket)

    def exchange(self, what: str, value: T) -> list[T]:
        """The values of all processes, by rank.

        Args:
            what: Names what is exchanged: the same in all.
            value: Anything that pickles; tensors on the CPU.

        Raises:
            Exception: What another process failed with.
            RunError: If another process is gone.
        """
        return [value] if self._link is None else self._meet(self._link, _Message(what, value))

    @contextmanager
    def as_one(self) -> Iterator[None]:
        """Do what is inside in every process or in none: what one fails with is raised in all of them."""
        try:
            yield
        except Exception as error:
            if self._link is None or error is self._agreed:
                raise
            self._fail(self._link, error)
        self.exchange("done", None)

    def _meet(self, link: Link, message: _Message) -> list[Any]:
        try:
            messages: list[_Message] = link.all_gather(message)
        except RunError as gone:
            self._agreed = gone
            raise
        failures = {rank: sent.failure for rank, sent in enumerate(messages) if sent.failure is not None}
        if failures:
            # a failure that ends the run counts more than too little memory, which can be helped
            rank = min(failures, key=lambda rank: (is_out_of_memory(failures[rank]), rank))
            self._agreed = failures[rank]
            raise self._agreed
        if len({sent.what for sent in messages}) > 1:
            self._agreed = RuntimeError(f"the processes came apart: {', '.join(sent.what for sent in messages)}")
            raise self._agreed
        return [sent.value for sent in messages]

    def _fail(self, link: Link, error: Exception) -> NoReturn:
        """Tell the others, and raise what all agree on: this error, or that of a process that failed meanwhile."""
        try:
            self._meet(link, _Message("failure", None, self._sendable(error)))
        except Exception as agreed:
            if type(agreed) is type(error) and str(agreed) == str(error):
                self._agreed = error  # the same, with its traceback
                raise error from None
            raise agreed from error
        raise AssertionError  # pragma: no cover  a failure was sent, so one is raised

    def _sendable(self, error: Exception) -> Exception:
        try:
            pickle.loads(pickle.dumps(error))  # noqa: S301  what was made just here
        except Exception:  # noqa: BLE001  an exception of whatever library: its words can be sent in any case
            return RunError(f"Process {self.rank + 1} of {self.size} failed ({type(error).__name__}: {error}).")
        return error

    def _add_up_in_place(self, link: Link, tensors: Sequence[Tensor]) -> None:
        flat = torch.cat([tensor.flatten() for tensor in tensors])
        try:
            link.all_reduce(flat)
        except RunError as gone:
            self._agreed = gone
            raise
        for tensor, total in zip(tensors, flat.split([tensor.numel() for tensor in tensors]), strict=True):
            tensor.copy_(total.view_as(tensor))


def _buckets(tensors: Iterable[Tensor]) -> Iterator[list[Tensor]]:
    """Tensors in groups of a bounded size and one type each: one message for many small ones."""
    bucket: list[Tensor] = []
    for tensor in tensors:
        is_full = sum(other.numel() for other in bucket) + tensor.numel() > _BUCKET
        if bucket and (is_full or tensor.dtype != bucket[0].dtype):
            yield bucket
            bucket = []
        bucket.append(tensor)
    if bucket:
        yield bucket


_instead: ContextVar[Team | None] = ContextVar("_instead", default=None)


@contextmanager
def belonging_to(team: Team) -> Iterator[None]:
    """Let this thread train as one of ``team`` instead of its process's."""
    token = _instead.set(team)
    try:
        yield
    finally:
        _instead.reset(token)


def current_team() -> Team:
    """The processes that were launched together; the first call waits for all of them."""
    return _instead.get() or _launched_team()


@cache
def _launched_team() -> Team:
    here = place()
    return Team(here.rank, here.size, DistributedLink()) if here.size > 1 else Team()
