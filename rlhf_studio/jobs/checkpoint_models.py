"""Checkpoints of runs as models that answer, beside the models that the runs have left; needs no torch."""

from collections.abc import Iterable, Iterator
from pathlib import Path

from rlhf_studio.jobs.models import AT, ModelChoice, checkpoints_by_step
from rlhf_studio.store.project import RUNS


def with_checkpoints(project: Path, models: Iterable[ModelChoice]) -> tuple[ModelChoice, ...]:
    """What ``models.language_models`` lists of a project, each run's model followed by its checkpoints, newest first.

    A checkpoint holds the weights of its run's policy. One of the step of the run's own model is left out.
    """
    runs = project / RUNS
    return tuple(found for model in models for found in (model, *_checkpoints(runs / model.run_id, model)))


def _checkpoints(run: Path, model: ModelChoice) -> Iterator[ModelChoice]:
    if model.key != f"run:{model.run_id}":  # the base model, or the best policy, whose run comes by itself
        return
    name = model.title.partition(" (")[0]
    for step, path in checkpoints_by_step(run).items():
        if step != model.step:
            title = f"{name} (checkpoint at step {step})"
            yield ModelChoice(f"{model.key}{AT}{step}", title, model.stage, path, model.run_id, step)
