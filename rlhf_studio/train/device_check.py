"""Whether another device computes what the CPU does: the same texts read by the same weights on both."""

from typing import NamedTuple

import torch
from torch import Tensor

from rlhf_studio.errors import RunError
from rlhf_studio.lm.heads import ScalarModel
from rlhf_studio.lm.model import LanguageModel
from rlhf_studio.lm.padding import Padded, left_pad

_TEXTS = (
    "The sky is blue because air scatters short waves more than long ones. Why does it turn red in the evening?",
    "Once there was a red hat. It wanted to see the sea.",
    "1, 2, 3",
)
_LONGEST = 64  # tokens of a text
# largest difference, in units of the largest number on the CPU. float32 sums in another order; bfloat16 keeps 8 bits,
# and its errors add up over the layers: the bundled models and value networks of them come to 0.006 to 0.013 on a CPU
LIMITS = {"float32": 1e-3, "bfloat16": 0.05}


class Agreement(NamedTuple):
    """How far two devices are apart."""

    difference: float  # largest, absolute: of logits in nats, of a scalar model in units of its score
    scale: float  # largest number on the CPU, at least 1
    limit: float  # of their ratio

    @property
    def is_close(self) -> bool:
        """False also where the device's numbers are none."""
        return self.difference <= self.limit * self.scale


def move_and_compare(model: LanguageModel | ScalarModel, device: torch.device, precision: str) -> Agreement:
    """Move a model from the CPU to the device it shall be trained on, and compare what it reads there.

    Args:
        model: On the CPU; on ``device`` afterwards.
        device: Where it shall be trained.
        precision: Of the run there, "float32" or "bfloat16"; the CPU's numbers are float32.
    """
    batch = _batch(model)
    expected = _read(model, batch)
    model.to(device)
    with torch.autocast(device.type, torch.bfloat16, enabled=precision == "bfloat16"):
        found = _read(model, batch)
    difference = float((found - expected).abs().max())
    return Agreement(difference, max(1.0, float(expected.abs().max())), LIMITS[precision])


def demand(agreement: Agreement, device: torch.device, role: str) -> None:
    """See that a device can be trusted.

    Raises:
        RunError: If it computes something else than the CPU.
    """
    if not agreement.is_close:
        raise RunError(
            f"The device {device} computes something else than the CPU: what the {role} model says of the same texts "
            f"differs by {agreement.difference:.3g}, {agreement.limit * agreement.scale:.3g} is the most that rounding "
            "explains. Nothing was trained. Choose device cpu, or bring the device's driver and torch up to date."
        )


def _batch(model: LanguageModel | ScalarModel) -> Padded:
    """Rows of different lengths, so that padding and positions are looked at, too."""
    limit = min(_LONGEST, model.context_length)
    rows = [model.codec.encode_text(text)[:limit] for text in _TEXTS]
    return left_pad([row for row in rows if row], 0)


@torch.no_grad()
def _read(model: LanguageModel | ScalarModel, batch: Padded) -> Tensor:
    """(N,) logits, or numbers of a scalar model, at the real tokens; on the CPU in float32."""
    placed = Padded(batch.tokens.to(model.device), batch.mask.to(model.device))
    numbers = model.per_token(placed) if isinstance(model, ScalarModel) else model.logits(placed)
    return numbers.float().cpu()[batch.mask]
