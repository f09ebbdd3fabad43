"""The models a person can choose from: those that ship with the program, and what the project's runs have left.

Needs no torch, so that a window can list them at once.
"""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from rlhf_studio import words
from rlhf_studio.errors import RunError
from rlhf_studio.jobs.best_policy import best_policy
from rlhf_studio.jobs.catalog import RunSummary, list_runs
from rlhf_studio.jobs.model_folders import PROVENANCE_FILE
from rlhf_studio.jobs.run_file import RunFile, read_run_file
from rlhf_studio.paths import DEFAULT_BASE
from rlhf_studio.schema import RunKind

ModelStage = Literal["base", "pretrain", "sft", "reward", "rl-start", "ppo", "ppo-ptx"]

TRAINED: frozenset[ModelStage] = frozenset({"sft", "ppo", "ppo-ptx"})  # what people ask, if there is any
CHECKPOINTS = "checkpoints"  # a model whose path lies in a folder of this name is read from a checkpoint
AT = "@"  # before the step in the key of a checkpoint
LEFT_BY: dict[RunKind, str] = {
    "pretrain": "base",
    "sft": "policy",
    "reward": "reward",
    "rl-start": "policy",
    "ppo": "policy",
}


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """One model to choose.

    Attributes:
        key: Stays the same from session to session: "base:tiny", "run:20261123-061200-sft"; with ":best" behind it the
            policy of a PPO run that scored best on held-out prompts, with "@40" behind it the checkpoint at step 40.
        title: For lists, such as "SFT, 23 Nov 06:12".
        stage: What it has learnt last.
        path: Its folder. Where a run was cut off before it left a model, that of its newest checkpoint.
        run_id: "" for a model that ships with the program.
        step: Of the run, 0 for a model that ships with the program.
    """

    key: str
    title: str
    stage: ModelStage
    path: Path
    run_id: str = ""
    step: int = 0

    @property
    def is_checkpoint(self) -> bool:
        """Whether it is one checkpoint of a run, and not what the run has left last."""
        return AT in self.key


def language_models(project: Path, base_models: Path) -> tuple[ModelChoice, ...]:
    """Models that answer: bundled ones first, the default before all, then those of the project's runs, newest last.

    Args:
        project: Its runs are listed.
        base_models: Folder of bundled models, see ``paths.models_dir``.
    """
    found = (path.parent for path in base_models.glob("*/config.json"))
    folders = sorted(found, key=lambda folder: (folder.name != DEFAULT_BASE, folder.name))
    bundled = [ModelChoice(f"base:{path.name}", f"Base model ({path.name})", "base", path) for path in folders]
    return (*bundled, *_choices(project, ("pretrain", "sft", "rl-start", "ppo")))


def reward_models(project: Path) -> tuple[ModelChoice, ...]:
    """Models that score answers, newest last."""
    return _choices(project, ("reward",))


def _choices(project: Path, kinds: tuple[RunKind, ...]) -> tuple[ModelChoice, ...]:
    runs = [run for run in list_runs(project).runs if run.kind in kinds]
    return tuple(choice for run in runs for choice in (*_best(run), *_last(run)))


def _best(run: RunSummary) -> Iterator[ModelChoice]:
    """The best policy of a PPO run, where it has kept one. It comes before the last one, which is the newest model."""
    found = best_policy(run.path) if run.kind == "ppo" else None
    if found is None:
        return
    for last in _last(run):
        score = f"best held-out score {found.score:+.2f}, step {found.step}"
        title = f"{last.title.partition(' (')[0]} ({score})"
        yield ModelChoice(f"{last.key}:best", title, last.stage, found.path, run.id, found.step)


def _last(run: RunSummary) -> Iterator[ModelChoice]:
    choice = _choice(run)
    if choice is not None:
        yield choice


@dataclass(frozen=True, slots=True)
class Usable:
    """What of a run can be used: its model, or, where it was cut off before it left one, its newest checkpoint.

    Its step may be one before the run's last: where an earlier epoch was chosen.
    """

    path: Path
    step: int

    @property
    def is_checkpoint(self) -> bool:
        return self.path.parent.name == CHECKPOINTS


def usable(run: RunSummary) -> Usable | None:
    """What a run has left to use, None if it has not come to its first checkpoint."""
    model = run.path / "models" / LEFT_BY[run.kind]
    # a trainer that ends by itself leaves its model before it says so, without a message
    if run.outcome in {"completed", "stopped"} and not run.message and (model / "studio.json").is_file():
        return Usable(model, _step_of_model(model, run.last_step))
    newest = max((run.path / CHECKPOINTS).glob("step-*"), key=_numbers, default=None)
    return Usable(newest, _numbers(newest)[0]) if newest is not None else None


def _step_of_model(model: Path, default: int) -> int:
    """The step that a model's card names."""
    try:
        return int(json.loads((model / PROVENANCE_FILE).read_bytes())["step"])
    except (OSError, ValueError, KeyError, TypeError):  # of an earlier version, or a card that somebody broke
        return default


def kept_steps(run: Path) -> tuple[int, ...]:
    """The steps of the checkpoints that a run keeps, each once, newest first."""
    return tuple(checkpoints_by_step(run))


def checkpoints_by_step(run: Path) -> dict[int, Path]:
    """The checkpoints that a run keeps, newest step first; of several of one step the last."""
    found = sorted((run / CHECKPOINTS).glob("step-*"), key=_numbers)
    last = {_numbers(path)[0]: path for path in found}
    return dict(sorted(last.items(), reverse=True))


def _choice(run: RunSummary) -> ModelChoice | None:
    try:
        stage = stage_of(read_run_file(run.path))
    except RunError:  # removed or damaged since it was listed
        return None
    found = usable(run)
    if found is None:
        return None
    name = f"{words.STAGES[stage]}: {run.note}" if run.note else words.STAGES[stage]
    title = f"{name}, {_when(run.created)}"
    if found.is_checkpoint:
        title += f" (checkpoint at step {found.step})"
    elif run.outcome == "stopped":
        title += f" (stopped at step {found.step})"
    return ModelChoice(f"run:{run.id}", title, stage, found.path, run.id, found.step)


def _numbers(checkpoint: Path) -> tuple[int, ...]:
    """Its step, and which of several of that step it is."""
    return tuple(int(part) for part in checkpoint.name.split("-")[1:])


def stage_of(run_file: RunFile) -> ModelStage:
    """The stage of a run's model: PPO with pretraining gradients counts as a stage of its own."""
    spec = run_file.spec
    return "ppo-ptx" if spec.kind == "ppo" and spec.settings.get("ptx_coef") else spec.kind


def _when(created: str) -> str:
    """A time in UTC as the clock on the wall says it."""
    return f"{datetime.fromisoformat(created).astimezone():%d %b %H:%M}"
