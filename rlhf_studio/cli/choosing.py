"""Which models a stage starts from, when a person names a run, a folder or nothing."""

from collections.abc import Mapping
from pathlib import Path

from rlhf_studio.cli.following import quoted
from rlhf_studio.cli.places import bundled_model, model_folder
from rlhf_studio.errors import DataError
from rlhf_studio.jobs.catalog import RunSummary, find_run, list_runs
from rlhf_studio.jobs.judges import newest_judge
from rlhf_studio.jobs.model_folders import JUDGE, STARTS
from rlhf_studio.schema import RunKind

# role of a stage -> kind of run that leaves such a model, and the model's name there; PPO's policy depends on its start
_LEFT_BY: Mapping[tuple[RunKind, str], tuple[RunKind, str]] = {
    ("reward", "base"): ("sft", "policy"),
    ("ppo", "reward"): ("reward", "reward"),
    ("reward", "from"): ("reward", "reward"),
    ("ppo", "from"): ("ppo", "policy"),
    ("ppo", "value"): ("ppo", "value"),
}
_NEEDS = {"sft": "an SFT model", "reward": "a reward model", "rl-start": "an RL start (its setting start says so)"}
NO_JUDGE = "none"


def choose_models(
    project: Path, kind: RunKind, named: Mapping[str, str | None], start: RunKind = "sft"
) -> dict[str, str]:
    """A folder for every role of a stage.

    Args:
        project: Its runs are looked at.
        kind: Of the stage.
        named: What a person said for each role: a folder, a run's id, or None for the newest run that fits.
        start: The kind of run whose model PPO begins with.

    Raises:
        DataError: If there is no run that fits; it says which command makes one.
        ModelError: If what was named is not there.
    """
    if kind in {"sft", "rl-start"}:
        base = named["base"]
        folder = (model_folder(base) if base else bundled_model()).absolute()
        return {"base": str(folder), **_judge(project, named.get(JUDGE))}
    project = project.absolute()  # a run reads what is relative from its own place
    done = [run for run in list_runs(project).runs if run.outcome == "completed"]
    chosen: dict[str, str] = {}
    # the reward model first: PPO starts from the SFT model that it began with
    for role in sorted(named, reverse=True):
        left_by, model = _LEFT_BY[kind, role] if role != "policy" else (start, "policy")
        said = named[role]
        if role in STARTS[kind] and not said:
            continue  # it begins where the paper says
        if said:
            chosen[role] = str(_named(project, said, model))
        else:
            chosen[role] = str(_newest(project, done, kind, left_by, chosen) / "models" / model)
    return chosen


def _judge(project: Path, said: str | None) -> dict[str, str]:
    """The reward model that scores the epochs; none before a project's first, or if a person wants none."""
    if said == NO_JUDGE:
        return {}
    found = _named(project, said, "reward") if said else newest_judge(project)
    return {JUDGE: str(found)} if found is not None else {}


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
        way_out = ", or start from the SFT model with --start sft" if left_by == "rl-start" else ""
        raise DataError(
            f"{needs} starts from {_NEEDS[left_by]} and this project has no complete run of that kind. "
            f"Make one first: rlhf-studio train {left_by} --project {quoted(project)}{way_out}"
        )
    judge = next((run for run in done if chosen.get("reward", "").startswith(str(run.path))), None)
    origin = [run for run in fitting if judge is not None and run.id in judge.parents]
    return (origin or fitting)[-1].path
