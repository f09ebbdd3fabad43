"""What a run must keep to go on as if it had never stopped."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer

from rlhf_studio.errors import RunError
from rlhf_studio.settings import TrainSettings
from rlhf_studio.train.run import Checkpoint


def adamw(settings: TrainSettings, module: nn.Module, rate: float) -> AdamW:
    """AdamW over what a module has to learn, with the stage's settings and peak rate."""
    return AdamW(
        [parameter for parameter in module.parameters() if parameter.requires_grad],
        lr=rate,
        betas=(settings.adam_beta1, settings.adam_beta2),
        eps=settings.adam_epsilon,
        weight_decay=settings.weight_decay,
        fused=True,  # one pass over the weights instead of ten (tests/bench/fused_adamw.py)
    )


def module_tensors(module: nn.Module, prefix: str) -> dict[str, Tensor]:
    """Parameters (tied ones once) and buffers of a module by name."""
    named = {**dict(module.named_parameters()), **dict(module.named_buffers())}
    return {f"{prefix}.{name}": tensor.detach() for name, tensor in named.items()}


@torch.no_grad()
def load_module_tensors(module: nn.Module, prefix: str, tensors: Mapping[str, Tensor]) -> None:
    """Copy what ``module_tensors`` gave back into the module, in place.

    Raises:
        RunError: If a tensor is missing or has another shape.
    """
    for name, target in module_tensors(module, prefix).items():
        source = tensors.get(name)
        if source is None or source.shape != target.shape:
            found = "nothing" if source is None else f"shape {tuple(source.shape)}"
            raise RunError(
                f"The checkpoint has {found} for {name}, the model wants {tuple(target.shape)}. "
                "It belongs to another model: start a new run."
            )
        target.copy_(source)


def optimizer_tensors(optimizer: Optimizer, prefix: str) -> dict[str, Tensor]:
    """The optimizer's moments and counters, by position of the parameter."""
    tensors = {}
    for i, parameter in enumerate(_parameters(optimizer)):
        for key, value in optimizer.state.get(parameter, {}).items():
            tensors[f"{prefix}.{i}.{key}"] = value if isinstance(value, Tensor) else torch.tensor(value)
    return tensors


def load_optimizer_tensors(optimizer: Optimizer, prefix: str, tensors: Mapping[str, Tensor]) -> None:
    """Put what ``optimizer_tensors`` gave back; copies, so that the checkpoint's memory can go."""
    parameters = _parameters(optimizer)
    for name, value in tensors.items():
        if name.startswith(f"{prefix}."):
            position, key = name[len(prefix) + 1 :].split(".", 1)
            parameter = parameters[int(position)]
            # counters stay on the CPU in float32, moments live where their parameter lives
            where = parameter.device if value.ndim else value.device
            optimizer.state[parameter][key] = value.to(where, copy=True)


def _parameters(optimizer: Optimizer) -> list[nn.Parameter]:
    return [parameter for group in optimizer.param_groups for parameter in group["params"]]


@dataclass
class Trainee:
    """Everything that changes while a stage trains, apart from the step itself.

    ``values`` holds plain JSON values: overridden settings, counters, running figures.
    """

    modules: dict[str, nn.Module]
    optimizers: dict[str, Optimizer]
    values: dict[str, Any] = field(default_factory=dict)

    def checkpoint(self, step: int, extra: Mapping[str, Tensor] | None = None) -> Checkpoint:
        """The state after ``step`` whole steps, with ``extra`` tensors of a step that is half done."""
        tensors = dict(extra or {})
        for name, module in self.modules.items():
            tensors.update(module_tensors(module, f"module.{name}"))
        for name, optimizer in self.optimizers.items():
            tensors.update(optimizer_tensors(optimizer, f"optimizer.{name}"))
        return Checkpoint(step, tensors, dict(self.values))

    def restore(self, checkpoint: Checkpoint | None) -> int:
        """Take a checkpoint's state; return the step it was taken after (0 for none)."""
        if checkpoint is None:
            return 0
        for name, module in self.modules.items():
            load_module_tensors(module, f"module.{name}", checkpoint.tensors)
        for name, optimizer in self.optimizers.items():
            load_optimizer_tensors(optimizer, f"optimizer.{name}", checkpoint.tensors)
        self.values = dict(checkpoint.state)
        return checkpoint.step


class Cadence:
    """Says when the next checkpoint is due. The clock decides when, never what: results do not depend on it."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._last = time.monotonic()

    def is_due(self) -> bool:
        return time.monotonic() - self._last >= self._seconds

    def restart(self) -> None:
        self._last = time.monotonic()
