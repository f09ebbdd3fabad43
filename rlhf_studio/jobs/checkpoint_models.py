"""Checkpoints of runs as models that answer, beside the models that the runs have left; needs no torch."""

from collections.abc import Iterator
from pathlib import Path

from rlhf_studio.jobs.models import AT, ModelChoice, checkpoints_by_step, language_models
from rlhf_studio.store.project import RUNS


def answering_models(project: Path, base_models: Path) -> tuple[ModelChoice, ...]:
    """What ``models.language_models`` lists, each run's model followed by its checkpoints, newest first.

    A checkpoint holds the weights of its run's policy. One of the step of the run's own model is left out.
    """
    return tuple(
        found
        for model in language_models(project, base_models)
        for found in (model, *_checkpoints(project / RUNS / model.run_id, model))
    )


def _checkpoints(run: Path, model: ModelChoice) -> Iterator[ModelChoice]:
    if model.key != f"run:{model.run_id}":  # the base model, or the best policy, whose run comes by itself
        return
    name = model.title.partition(" (")[0]
    for step, path in checkpoints_by_step(run).items():
        if step != model.step:
            title = f"{name} (checkpoint at step {step})"
            yield ModelChoice(f"{model.key}{AT}{step}", title, model.stage, path, model.run_id, step)
