"""Which models a stage starts from, when a person names a run, a folder or nothing."""

from collections.abc import Mapping
from pathlib import Path

from rlhf_studio.cli.following import quoted
from rlhf_studio.cli.places import bundled_model, model_folder
from rlhf_studio.errors import DataError
from rlhf_studio.jobs.catalog import RunSummary, find_run, list_runs
from rlhf_studio.schema import RunKind

# role of a stage -> kind of run that leaves such a model, and the model's name there
_LEFT_BY: Mapping[tuple[RunKind, str], tuple[RunKind, str]] = {
    ("reward", "base"): ("sft", "policy"),
    ("ppo", "policy"): ("sft", "policy"),
    ("ppo", "reward"): ("reward", "reward"),
}
_NEEDS = {"sft": "an SFT model", "reward": "a reward model"}


def choose_models(project: Path, kind: RunKind, named: Mapping[str, str | None]) -> dict[str, str]:
    """A folder for every role of a stage.

    Args:
        project: Its runs are looked at.
        kind: Of the stage.
        named: What a person said for each role: a folder, a run's id, or None for the newest run that fits.

    Raises:
        DataError: If there is no run that fits; it says which command makes one.
        ModelError: If what was named is not there.
    """
    if kind == "sft":
        base = named["base"]
        return {"base": str((model_folder(base) if base else bundled_model()).absolute())}
    done = [run for run in list_runs(project).runs if run.outcome == "completed"]
    chosen: dict[str, str] = {}
    # the reward model first: PPO starts from the SFT model that it began with
    for role in sorted(named, reverse=True):
        left_by, model = _LEFT_BY[kind, role]
        said = named[role]
        if said:
            chosen[role] = str(_named(project, said, model))
        else:
            chosen[role] = str(_newest(project, done, kind, left_by, chosen) / "models" / model)
    return chosen


def _named(project: Path, said: str, model: str) -> Path:
    folder = Path(said).expanduser()
    if folder.is_dir():
        return folder.absolute()
    if any(run.id.startswith(said) for run in list_runs(project).runs):
        return find_run(project, said) / "models" / model
    return model_folder(said)


def _newest(project: Path, done: list[RunSummary], kind: RunKind, left_by: RunKind, chosen: Mapping[str, str]) -> Path:
    fitting = [run for run in done if run.kind == left_by]
    if not fitting:
        needs = "The reward model" if kind == "reward" else "PPO"
        raise DataError(
            f"{needs} starts from {_NEEDS[left_by]} and this project has no complete run of that kind. "
            f"Make one first: rlhf-studio train {left_by} --project {quoted(project)}"
        )
    judge = next((run for run in done if chosen.get("reward", "").startswith(str(run.path))), None)
    origin = [run for run in fitting if judge is not None and run.id in judge.parents]
    return (origin or fitting)[-1].path
