"""Exporting for the window: what is asked, and what it hears; needs no torch to be imported."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from rlhf_studio.jobs.best_policy import BEST
from rlhf_studio.jobs.models import LEFT_BY
from rlhf_studio.jobs.runner import RunControl
from rlhf_studio.schema import RunKind

Weights = Literal["raw", "best", "ema", "value"]
FOLDERS: dict[Weights, str] = {"best": BEST, "ema": "policy-ema", "value": "value"}  # of PPO, in the run's models


@dataclass(frozen=True, slots=True)
class ExportDone:
    """An export that has ended: what was written where, or why nothing was."""

    folder: Path | None
    message: str = ""  # why it failed, or what a reader of the model must know


def exportable(run: Path, kind: RunKind) -> tuple[Weights, ...]:
    """Which models a run has left."""
    names: dict[Weights, str] = {"raw": LEFT_BY[kind], **(FOLDERS if kind == "ppo" else {})}
    return tuple(weights for weights, name in names.items() if (run / "models" / name / "config.json").is_file())


def model_name(kind: RunKind, weights: str) -> str:
    """What such a model is called in its run's folder."""
    return next((name for key, name in FOLDERS.items() if key == weights), LEFT_BY[kind])


def export(source: Path, out: Path, weights: Weights, _control: RunControl) -> Iterator[ExportDone]:
    """Write a model of a run into a new folder. For a thread of its own.

    Raises:
        StudioError: As ``exporting.export_model``.
    """
    from rlhf_studio.jobs.exporting import export_model  # noqa: PLC0415  loads torch

    made = export_model(source, out, weights=weights)
    yield ExportDone(made.folder, made.note)
