"""Which models can be compared, which are by default, and what measures them; reads run folders, no torch."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rlhf_studio.errors import RunError
from rlhf_studio.jobs.model_folders import find
from rlhf_studio.jobs.models import CHECKPOINTS, ModelChoice, language_models, reward_models
from rlhf_studio.jobs.run_file import read_run_file
from rlhf_studio.store.project import RUNS

MAX_COLUMNS = 6
NEWEST = "newest:"  # a key of this kind follows the project: "newest:sft"
_TRAINED = ("sft", "ppo", "ppo-ptx")


@dataclass(frozen=True, slots=True)
class Lineup:
    """Everything a comparison can choose from.

    Attributes:
        models: That answer, newest last.
        base: What the newest SFT model learned from, else the first base model.
        reward: The newest reward model that is whole, else a checkpoint of one.
        reference: What KL is measured to: the model that reinforcement learning starts from.
    """

    models: tuple[ModelChoice, ...] = ()
    base: ModelChoice | None = None
    reward: ModelChoice | None = None
    reference: ModelChoice | None = None

    def newest(self, *stages: str) -> ModelChoice | None:
        """The newest model of any of these stages."""
        return next((model for model in reversed(self.models) if model.stage in stages), None)

    def find(self, key: str) -> ModelChoice | None:
        """The model a key means today, None if it is gone."""
        if key.startswith(NEWEST):
            return self.newest(key.removeprefix(NEWEST))
        return next((model for model in self.models if model.key == key), None)

    @property
    def is_trained(self) -> bool:
        """Whether there is anything but base models."""
        return self.newest(*_TRAINED) is not None

    def default_keys(self) -> tuple[str, ...]:
        """Base, SFT, PPO and PPO-ptx, as far as they are there."""
        trained = tuple(f"{NEWEST}{stage}" for stage in _TRAINED if self.newest(stage) is not None)
        return ((self.base.key,) if self.base else ()) + trained

    def next_key(self, shown: Sequence[str]) -> str:
        """What one more column begins with: the newest model that no column shows, else the newest of all."""
        paths = {model.path for key in shown if (model := self.find(key)) is not None}
        unseen = [model.key for model in reversed(self.models) if model.path not in paths]
        return (unseen or [model.key for model in reversed(self.models)] or [""])[0]

    def entries(self) -> tuple[tuple[str, ModelChoice], ...]:
        """Keys and models for a list: what follows the project first, then each model, newest first."""
        following = [(f"{NEWEST}{stage}", model) for stage in _TRAINED if (model := self.newest(stage)) is not None]
        return (*following, *((model.key, model) for model in reversed(self.models)))


def read_lineup(project: Path, base_models: Path) -> Lineup:
    """List the models of a project and of the program."""
    models = language_models(project, base_models)
    listed = Lineup(models)
    scoring = reward_models(project)
    whole = [model for model in scoring if model.path.parent.name != CHECKPOINTS]
    reward = (whole or scoring)[-1:]
    sft, policy = listed.newest("sft"), listed.newest("ppo", "ppo-ptx")
    return Lineup(
        models,
        base=_parent(project, sft, "base", models) or listed.newest("pretrain") or next(iter(models), None),
        reward=reward[0] if reward else None,
        reference=_parent(project, policy, "policy", models) or sft,
    )


def _parent(project: Path, child: ModelChoice | None, role: str, models: Sequence[ModelChoice]) -> ModelChoice | None:
    """The model that a run began with, None if it is gone."""
    if child is None:
        return None
    run = project / RUNS / child.run_id
    try:
        path = find(read_run_file(run).spec.models[role], run).resolve()
    except (RunError, KeyError):
        return None
    return next((model for model in models if model.path.resolve() == path), None)
