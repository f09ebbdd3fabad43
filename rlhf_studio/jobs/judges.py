"""Which reward model scores the epochs of SFT and of the RL start; needs no torch."""

from pathlib import Path

from rlhf_studio.jobs.catalog import list_runs
from rlhf_studio.jobs.models import LEFT_BY


def newest_judge(project: Path) -> Path | None:
    """The model of the project's newest complete reward-model run; None before the first."""
    for run in reversed(list_runs(project).runs):
        model = run.path.absolute() / "models" / LEFT_BY["reward"]
        if run.kind == "reward" and run.outcome == "completed" and model.is_dir():
            return model
    return None
