"""Which epoch's weights a run of SFT leaves: measured after each, chosen at the end.

Source: Ouyang et al. 2022, arXiv:2203.02155, appendix C.1: held-out loss rises after one epoch, more epochs raise the
reward model's score and people's preference all the same, so the model is chosen by the score on the validation set.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from rlhf_studio.events import Notice

ChooseBy = Literal["score", "loss", "last"]
LOSS, SCORE = "loss/valid", "valid/scores"  # metrics of an epoch's last step

_KEY = "epochs"  # in the state of a checkpoint


def kept_in(state: Mapping[str, Any]) -> int:
    """The step whose weights a checkpoint of this state relies on; 0 for none."""
    return int(state[_KEY]["kept"]) if _KEY in state else 0


def without_kept(state: Mapping[str, Any]) -> dict[str, Any]:
    """The state of a run that has not got these weights: it chooses among its epochs from now on."""
    known = state[_KEY]
    return {**state, _KEY: {**known, "kept": 0, "first": len(known["epochs"])}}


@dataclass(frozen=True, slots=True)
class Epoch:
    """One epoch and what was measured after it; None where that could not be measured."""

    number: int  # from 1
    step: int  # its last one
    loss: float | None = None  # held-out, nats per token
    score: float | None = None  # the reward model's, mean over sampled answers to held-out prompts

    @classmethod
    def of(cls, number: int, step: int, values: Mapping[str, float]) -> "Epoch":
        """Take what is needed out of a step's metrics; a figure that is not finite chooses nothing."""
        found = {name: value for name in (LOSS, SCORE) if math.isfinite(value := values.get(name, math.nan))}
        return cls(number, step, found.get(LOSS), found.get(SCORE))


def best(epochs: Sequence[Epoch], by: ChooseBy) -> Epoch | None:
    """The epoch of the lowest loss or the highest score, of equals the earliest; None where none was measured."""
    if by == "last":
        return epochs[-1] if epochs else None
    if by == "loss":
        return min((e for e in epochs if e.loss is not None), key=lambda e: e.loss or 0.0, default=None)
    return max((e for e in epochs if e.score is not None), key=lambda e: e.score or 0.0, default=None)


class EpochRecord:
    """The epochs of a run so far, kept in the state of its checkpoints.

    Attributes:
        epochs: In their order.
        kept: The last step of the epoch whose weights the run keeps beside its checkpoints; 0 for none.
    """

    def __init__(self, by: ChooseBy) -> None:
        self._by = by
        self.epochs: list[Epoch] = []
        self.kept = 0
        self._first = 0  # earlier epochs were not kept for this choice

    @classmethod
    def from_state(cls, by: ChooseBy, state: Mapping[str, Any]) -> "EpochRecord":
        """Go on with a run, or with the run that this one was forked from.

        A fork that chooses by something else has the weights of no earlier epoch: it chooses among its own.
        """
        record, known = cls(by), state.get(_KEY)
        if known is not None:
            record.epochs = [Epoch(**epoch) for epoch in known["epochs"]]
            is_same = known["by"] == by
            record.kept = known["kept"] if is_same else 0
            record._first = known["first"] if is_same else len(record.epochs)
        return record

    def add_to(self, state: dict[str, Any]) -> None:
        """Put the record into a checkpoint's state."""
        epochs = [asdict(epoch) for epoch in self.epochs]
        state[_KEY] = {"by": self._by, "kept": self.kept, "first": self._first, "epochs": epochs}

    @property
    def chosen(self) -> Epoch | None:
        """The epoch to leave, as far as the run has come: the last where the wanted figure was never measured."""
        own = self.epochs[self._first :]
        return best(own, self._by) or best(own, "last")

    @property
    def has_figure(self) -> bool:
        """Whether the choice was made by what the setting says."""
        return best(self.epochs[self._first :], self._by) is not None

    def take(self, epoch: Epoch) -> bool:
        """Add an epoch; say whether its weights have to be kept for the choice."""
        self.epochs.append(epoch)
        is_needed = self._by != "last" and best(self.epochs[self._first :], self._by) is epoch
        if is_needed:
            self.kept = epoch.step
        return is_needed

    def card(self, epoch: Epoch) -> dict[str, str | int | float]:
        """What stands on the card of a model that is this epoch's."""
        by = self._by if self.has_figure else "last"
        facts: dict[str, str | int | float] = {"epoch": epoch.number, "step": epoch.step, "chosen by": _WORDS[by]}
        for name, one in (("loss", best(self.epochs, "loss")), ("score", best(self.epochs, "score"))):
            if one is not None:
                facts[f"best epoch by held-out {name}"] = f"{one.number} ({getattr(one, name):.4f})"
        return facts

    def notices(self, epoch: Epoch) -> list[Notice]:
        """Both choices and the one that was made; nothing where a run had one epoch."""
        if len(self.epochs) < 2:
            return []
        step, values = self.epochs[-1].step, dict[str, int | float]()
        found = {name: best(self.epochs, by) for name, by in (("loss", _LOSS), ("score", _SCORE))}
        for name, one in found.items():
            if one is not None:
                values |= {f"by_{name}": one.number, name: getattr(one, name)}
        measured = [name for name, one in found.items() if one is not None]
        told = [Notice(step, f"sft.best.{'_and_'.join(measured)}", values)] if measured else []
        by = self._by if self.has_figure else "last"
        return [*told, Notice(step, f"sft.kept.{by}", {"epoch": epoch.number, "of": len(self.epochs)})]


_LOSS: ChooseBy = "loss"
_SCORE: ChooseBy = "score"
_WORDS: Mapping[ChooseBy, str] = {
    "score": "the reward model's score of answers to held-out prompts",
    "loss": "held-out loss",
    "last": "being the last",
}
