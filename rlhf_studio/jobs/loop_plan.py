"""Where the learning loop goes on: from the newest reward model and the newest policy of a project.

Needs no torch.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from rlhf_studio import words
from rlhf_studio.errors import DataError
from rlhf_studio.jobs.catalog import RunSummary, list_runs
from rlhf_studio.jobs.model_folders import find
from rlhf_studio.jobs.models import stage_of
from rlhf_studio.jobs.refit import refit_data
from rlhf_studio.jobs.run_file import RunData, RunFile, read_data, read_run_file
from rlhf_studio.schema import PpoData, PromptRow, RankedRow, RunSpec
from rlhf_studio.settings import LoopSettings, PpoSettings, RewardSettings, parse_settings
from rlhf_studio.store.project import Store

REFIT_NOTE, PPO_NOTE = "refitted", "after a refit"


@dataclass(frozen=True, slots=True)
class LoopPlan:
    """What to begin, or to go on with where a loop was stopped.

    Attributes:
        old_judge: Folder of the reward model as it was before the new rankings.
        old_policy: Folder of the policy as it stands.
        new: The rankings that are new to the old reward model.
        replayed: How many old ones are learned from beside them.
        refit: The refit to begin; None where it is complete or goes on.
        refit_run: Id of the refit that goes on or is complete.
        ppo_run: Id of the PPO run that goes on.
        compute: Device, precision and threads are those of the reward model's run.
        max_new_tokens: As PPO samples.
    """

    old_judge: Path
    old_policy: Path
    new: tuple[RankedRow, ...]
    replayed: int
    refit: RunSpec | None
    compute: RewardSettings
    max_new_tokens: int
    refit_run: str = ""
    ppo_run: str = ""


def plan_loop(store: Store, settings: LoopSettings) -> LoopPlan:
    """See what is new, and whether a loop that was stopped can go on.

    Raises:
        DataError: If there is no reward model, or nothing new to learn from.
    """
    runs = list_runs(store.folder).runs
    judge = _newest(runs, "reward")
    if judge is None:
        raise DataError(
            "There are 0 trained reward models to refit in this project. Train the stages once first: the Train tab, "
            "or rlhf-studio train sft, then train reward and train ppo."
        )
    try:
        refit = refit_spec(judge, settings)
        data = refit_data(store, _reward_settings(refit), _left(judge, "reward"))
    except DataError:
        unfinished = _unfinished_ppo(runs, judge)
        if unfinished is None:
            raise
        return unfinished
    refit = _with_epochs(refit, settings, len(data.train) + len(data.replay))
    stopped = next((run for run in reversed(runs) if _is_stopped_refit(run, judge, data.train)), None)
    return LoopPlan(
        old_judge=_left(judge, "reward"),
        old_policy=standing_policy(runs, judge),
        new=data.train,
        replayed=len(data.replay),
        refit=None if stopped else refit,
        compute=_reward_settings(refit),
        max_new_tokens=_longest_answer(runs),
        refit_run=stopped.id if stopped else "",
    )


def refit_spec(judge: RunSummary, settings: LoopSettings) -> RunSpec:
    """The reward model's next run: as the last one, with another rate; how many passes depends on the rankings."""
    before = read_run_file(judge.path).spec
    changes = {
        "learning_rate": settings.refit_rate,
        "replay": settings.replay,
        "seed": settings.seed,
    }
    models = {"base": before.models["base"], "from": str(_left(judge, "reward"))}
    return RunSpec("reward", {**before.settings, **changes}, models, _title("reward", REFIT_NOTE))


def ppo_spec(store: Store, refit: Path, settings: LoopSettings) -> RunSpec:
    """The policy's next run: as the last one, from where it stands, with few steps; without one, from SFT.

    Args:
        store: Its runs are looked at.
        refit: Folder of the complete refit.
        settings: Of the loop.
    """
    runs = list_runs(store.folder).runs
    last = _newest(runs, "ppo")
    models = {"policy": read_run_file(refit).spec.models["base"], "reward": str(refit / "models" / "reward")}
    before: Mapping[str, Any] = {}
    if last is not None:
        known = read_run_file(last.path)
        before = known.spec.settings
        models |= {"policy": known.spec.models["policy"], "from": str(_left(last, "policy"))}
        if (_left(last, "value")).is_dir():
            models["value"] = str(_left(last, "value"))
    changes = {
        "steps": settings.ppo_steps,
        "batch_size": settings.batch_size,
        "minibatch_size": max(1, settings.batch_size // 2),
        "learning_rate": settings.learning_rate,
        "warmup_steps": 0,
        "ema_decay": 0.0,  # an average over so few updates means nothing
        "best_kl": 0.0,
        "probe_every": settings.ppo_steps,
        "rollout_every": settings.ppo_steps,
        "seed": int(before.get("seed", 0)) + 1,  # other prompts and answers than those of the run before
    }
    values = parse_settings(PpoSettings, {**before, **changes}).model_dump(mode="json")
    spec = RunSpec("ppo", values, models)
    return RunSpec("ppo", values, models, _title(stage_of(RunFile(spec, "")), PPO_NOTE))


def focused(store: Store, data: RunData, new: Sequence[RankedRow], share: float) -> RunData:
    """PPO's data with the prompts that were just ranked put in as often as it takes to be this share of all prompts."""
    if not isinstance(data, PpoData) or not share or not new:
        return data
    ranked = {row.prompt_id: PromptRow(row.prompt_id, row.turns, store.prompt(row.prompt_id).use_case) for row in new}
    others = tuple(row for row in data.prompts if row.prompt_id not in ranked)
    times = max(1, round(share / (1 - share) * len(others) / len(ranked)))
    return replace(data, prompts=others + tuple(ranked.values()) * times)


def standing_policy(runs: Sequence[RunSummary], judge: RunSummary) -> Path:
    """The policy as it stands: that of the newest complete PPO run, else the SFT model of the reward model."""
    last = _newest(runs, "ppo")
    if last is not None:
        return _left(last, "policy")
    return find(read_run_file(judge.path).spec.models["base"], judge.path)


def _unfinished_ppo(runs: Sequence[RunSummary], judge: RunSummary) -> LoopPlan | None:
    """A loop whose refit is complete and whose policy has not gone on yet."""
    known = read_run_file(judge.path)
    after = [run for run in runs if run.kind == "ppo" and judge.id in run.parents]
    if "from" not in known.spec.models or any(run.outcome == "completed" for run in after):
        return None
    data = read_data(judge.path, known)
    stopped = [run for run in after if run.outcome in {"stopped", None}]
    return LoopPlan(
        old_judge=find(known.spec.models["from"], judge.path),
        old_policy=standing_policy(runs, judge),
        new=data.train,
        replayed=len(data.replay),
        refit=None,
        compute=_reward_settings(known.spec),
        max_new_tokens=_longest_answer(runs),
        refit_run=judge.id,
        ppo_run=stopped[-1].id if stopped else "",
    )


def _is_stopped_refit(run: RunSummary, judge: RunSummary, new: tuple[RankedRow, ...]) -> bool:
    """Whether a run is an unfinished refit of this reward model to just these rankings."""
    if run.kind != "reward" or run.outcome not in {"stopped", None} or judge.id not in run.parents:
        return False
    known = read_run_file(run.path)
    return "from" in known.spec.models and read_data(run.path, known).train == new


def _newest(runs: Sequence[RunSummary], kind: str) -> RunSummary | None:
    return next((run for run in reversed(runs) if run.kind == kind and run.outcome == "completed"), None)


def _longest_answer(runs: Sequence[RunSummary]) -> int:
    last = _newest(runs, "ppo")
    given = read_run_file(last.path).spec.settings if last is not None else {}
    return parse_settings(PpoSettings, given).max_new_tokens


def _with_epochs(spec: RunSpec, settings: LoopSettings, rows: int) -> RunSpec:
    per_epoch = math.ceil(rows / _reward_settings(spec).batch_size)
    epochs = max(1, min(settings.refit_epochs, settings.refit_updates // per_epoch))
    return replace(spec, settings={**spec.settings, "epochs": epochs})


def _left(run: RunSummary, model: str) -> Path:
    return run.path.absolute() / "models" / model


def _reward_settings(spec: RunSpec) -> RewardSettings:
    return parse_settings(RewardSettings, spec.settings)


def _title(stage: str, note: str) -> str:
    return f"{words.STAGES[stage]}: {note}"
