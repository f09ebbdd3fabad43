"""Where, how precisely and with whom a stage computes: device, precision and backward go through accelerate."""

import os
from collections.abc import Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager

import torch
from accelerate import Accelerator
from accelerate.state import AcceleratorState
from torch import Tensor, nn

from rlhf_studio.errors import DivergedError, RunError
from rlhf_studio.lm.loading import resolve_device
from rlhf_studio.settings import TrainSettings
from rlhf_studio.train.agreed import AgreedControl
from rlhf_studio.train.control import RunControl
from rlhf_studio.train.launch import place
from rlhf_studio.train.team import current_team


class Compute:
    """One stage's accelerator. Make it in the thread that trains: OpenMP's thread count belongs to a thread.

    Attributes:
        team: The processes that train this stage, each with such an object; usually this one alone.
    """

    def __init__(self, settings: TrainSettings) -> None:
        self.team = current_team()
        self._control: AgreedControl | None = None
        self.threads = settings.threads or max(1, ((os.cpu_count() or 2) - 1) // place().on_this_machine)
        device = resolve_device(settings.device)
        _check_room(device)
        # accelerate keeps its choices for the life of the process; stages may differ in device and precision
        AcceleratorState._reset_state(reset_partial_state=True)  # noqa: SLF001
        mixed = "bf16" if settings.precision == "bfloat16" else "no"
        self.accelerator = Accelerator(cpu=device.type == "cpu", mixed_precision=mixed)
        torch.set_num_threads(self.threads)  # after accelerate, which sets them too
        # among several processes accelerate numbers CPUs as if they were cards
        self.device: torch.device = device if device.type == "cpu" else self.accelerator.device
        self.precision = settings.precision
        self.max_grad_norm = settings.max_grad_norm

    @property
    def ratio_limit(self) -> float:
        """How far the mean ratio may be from 1 at the first minibatch: rounding of this precision."""
        return 1e-5 if self.precision == "float32" else 2e-2

    def agreed(self, control: RunControl) -> RunControl:
        """The control by which all processes of the team stop and change at the same place."""
        if self.team.size == 1:
            return control
        self._control = AgreedControl(control, self.team)
        return self._control

    @contextmanager
    def attempt(self) -> Iterator[None]:
        """Work that is done in all processes or in none; a stop that is asked for meanwhile is seen after it."""
        if self._control is None:
            yield
            return
        with self._control.attempt(), self.team.as_one():
            yield

    def autocast(self) -> AbstractContextManager[None]:
        """Compute in the run's precision."""
        context: AbstractContextManager[None] = self.accelerator.autocast()
        return context

    def backward(self, loss: Tensor) -> None:
        """Add the gradient of ``loss`` to the parameters' gradients."""
        self.accelerator.backward(loss)

    def clip_gradients(self, parameters: Iterable[nn.Parameter], *, step: int) -> float:
        """Scale the gradient down to the limit and return its norm before.

        Raises:
            DivergedError: If the norm is not finite; the weights are untouched then.
        """
        limit = self.max_grad_norm or float("inf")
        norm = float(torch.nn.utils.clip_grad_norm_(list(parameters), limit))
        if not norm < float("inf"):
            raise DivergedError("gradient", norm, step)
        return norm


def _check_room(device: torch.device) -> None:
    """Each process that was launched with others needs a device of its own.

    Raises:
        RunError: If there are too few, or processes cannot reach each other from this kind of device.
    """
    processes, cards = place().on_this_machine, torch.cuda.device_count()
    if processes > 1 and device.type == "cuda" and processes > cards:
        raise RunError(
            f"There are {processes} processes and {cards} GPU here, and each needs one of its own. "
            f"Launch {cards}, or use --device cpu."
        )
    if processes > 1 and device.type not in {"cpu", "cuda"}:
        raise RunError(f"Several processes cannot train on '{device.type}'. Use --device cpu, or one process.")


def finite(value: Tensor, name: str, *, step: int) -> float:
    """The loss as a number.

    Raises:
        DivergedError: If it is not finite.
    """
    number = float(value.detach())
    if number != number or number in (float("inf"), float("-inf")):  # noqa: PLR0124
        raise DivergedError(f"{name} loss", number, step)
    return number
