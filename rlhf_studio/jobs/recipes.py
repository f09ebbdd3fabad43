"""From a run's description to its events: start it, and drive it from the beginning or from its last checkpoint."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from rlhf_studio.errors import ModelError, RunError, StudioError
from rlhf_studio.events import Notice, TrainEvent
from rlhf_studio.jobs.catalog import new_run_path
from rlhf_studio.jobs.data import prepare
from rlhf_studio.jobs.device_trial import try_device
from rlhf_studio.jobs.label_counts import label_counts
from rlhf_studio.jobs.model_folders import JUDGE, check_unchanged, digests, find, portable
from rlhf_studio.jobs.record import record
from rlhf_studio.jobs.run_file import RunData, ended_early, stage_settings
from rlhf_studio.jobs.run_folder import RunFolder
from rlhf_studio.jobs.scripted import scripted_reward
from rlhf_studio.jobs.second_try import Recipe, with_second_try
from rlhf_studio.jobs.steering import ask_again
from rlhf_studio.jobs.team_run import as_one, cut_together
from rlhf_studio.lm.heads import ScalarModel, load_scalar_model
from rlhf_studio.lm.loading import load_language_model
from rlhf_studio.lm.model import LanguageModel
from rlhf_studio.schema import RunSpec
from rlhf_studio.settings import PpoSettings, RewardSettings, SftSettings
from rlhf_studio.store.project import Store
from rlhf_studio.train.control import RunControl
from rlhf_studio.train.ppo import train_ppo
from rlhf_studio.train.ppo_stage import PpoStage, PpoStart
from rlhf_studio.train.reward import train_reward
from rlhf_studio.train.sft import train_sft

# what a resumed run may be given anew: how it is computed, and what a person may steer
CHANGEABLE = frozenset(
    {
        "micro_batch",
        "threads",
        "device",
        "checkpoint_seconds",
        "keep_checkpoints",
        "keep_best",
        "checkpoint_steps",
        "fork_points",
        "max_grad_norm",
        *PpoStage.changeable,
    }
)


def start_run(store: Store | None, spec: RunSpec, path: Path, data: RunData | None = None) -> RunFolder:
    """Make the folder of a new run, with all that it reads.

    Args:
        store: Where the data comes from; None where ``data`` is given.
        spec: Settings that are not named get today's defaults, and keep them. Model folders are absolute, or
            relative to the project, the folder above the one that ``path`` lies in.
        path: Not there yet, or empty: see ``catalog.new_run_path``.
        data: Instead of the project's.

    Raises:
        DataError: If a setting is wrong or the stage lacks its data.
        RunError: If a model folder is missing or the run's folder cannot be written.
    """
    settings = stage_settings(spec).model_dump(mode="json")
    models = {role: portable(model, path) for role, model in spec.models.items()}
    spec = replace(spec, settings=settings, models=models)
    hashes = digests(spec, path)
    labels = None
    if data is None:
        if store is None:
            raise RunError(f"The {spec.kind} run has no data: name a project, or give its data.")
        data = prepare(store, spec)
        labels = label_counts(store, data)
    return RunFolder.create(path, spec, data, hashes, labels=labels)


def start_project_run(store: Store, spec: RunSpec, label: str = "", data: RunData | None = None) -> RunFolder:
    """Start a run in the project's ``runs``; its id ends with ``label``, by default the kind.

    ``data`` is read instead of the project's, as in ``start_run``.

    Raises:
        StudioError: As ``start_run``; no folder is left then.
    """
    path = new_run_path(store.runs_dir, label or spec.kind)
    try:
        return start_run(store, spec, path, data)
    except StudioError:
        with suppress(OSError):  # an empty folder does no harm
            path.rmdir()
        raise


def drive(
    folder: RunFolder, control: RunControl, changes: Mapping[str, Any] | None = None, recipe: Recipe | None = None
) -> Iterator[TrainEvent]:
    """Run to the end: from the beginning, or from the last checkpoint. A run that is complete says so and ends.

    Args:
        folder: Belongs to this call until the last event.
        control: Stops, pauses and steers the run.
        changes: Settings to go on with instead of the run's own, out of ``CHANGEABLE``. With some, a run goes on also
            where it ended at its limit of the KL.
        recipe: Makes the events; by default that of the run's kind.

    Raises:
        RunError: Before anything is written, if the run goes on elsewhere, a model it began with is missing or was
            changed, no checkpoint is whole, or a change is not allowed. Later failures end the run as an event.
    """
    ending = folder.ending()
    if ending is not None and ending.outcome == "completed" and not (changes and ended_early(folder.spec, ending.step)):
        yield ending
        return
    recipe = recipe or _RECIPES.get(folder.spec.kind)
    if recipe is None:
        raise RunError(f"A {folder.spec.kind} run cannot be driven here. Use the command that started it.")
    with folder:
        check_unchanged(folder.spec, folder.run_file.models, folder.path)
        told = _told(folder)
        _apply(folder, control, changes or {})
        cut_together(folder)
        ask_again(told, len(_told(folder)), control, changes or {})
        yield from record(with_second_try(as_one(recipe), folder, control, _apply), folder, control)


def _told(folder: RunFolder) -> list[TrainEvent]:
    """Its events; none where a line is damaged, which going on may cut away."""
    try:
        return folder.events()
    except RunError:
        return []


def _apply(folder: RunFolder, control: RunControl, changes: Mapping[str, Any]) -> None:
    refused = sorted(set(changes) - CHANGEABLE)
    if refused:
        raise RunError(
            f"The setting '{refused[0]}' cannot change once a run has begun. Start a new run, or change one of: "
            f"{', '.join(sorted(CHANGEABLE))}."
        )
    if not changes:
        return
    settings = stage_settings(replace(folder.spec, settings={**folder.spec.settings, **changes}))
    # what can change between steps is part of a checkpoint, which would win over run.json
    live = {name for name in changes if folder.spec.kind == "ppo" and name in PpoStage.changeable}
    for name in sorted(live):
        control.change(name, float(getattr(settings, name)))
    kept = {name: getattr(stage_settings(folder.spec), name) for name in live}
    folder.amend({**settings.model_dump(mode="json"), **kept})


def _language_model(folder: RunFolder, role: str) -> LanguageModel:
    return load_language_model(find(folder.spec.models[role], folder.path))


def _scalar_model(folder: RunFolder, role: str) -> ScalarModel:
    return load_scalar_model(find(folder.spec.models[role], folder.path))


def _run_sft(folder: RunFolder, control: RunControl) -> Iterator[TrainEvent]:
    settings = cast("SftSettings", stage_settings(folder.spec))
    model = _language_model(folder, "base")
    try_device(folder, settings, {"base": model})
    yield from train_sft(settings, model, folder.data(), folder, control, _judge(folder, model))


def _judge(folder: RunFolder, model: LanguageModel) -> ScalarModel | None:
    """The reward model that scores the epochs, if the run has one that reads the model's tokens."""
    if JUDGE not in folder.spec.models:
        return None
    judge = load_scalar_model(find(folder.spec.models[JUDGE], folder.path))
    if judge.codec.tokenizer.get_vocab() == model.codec.tokenizer.get_vocab():
        return judge
    if not folder.events():
        folder.tell(Notice(0, "sft.judge_of_other_tokens", {}))
    return None


def _run_reward(folder: RunFolder, control: RunControl) -> Iterator[TrainEvent]:
    settings = cast("RewardSettings", stage_settings(folder.spec))
    is_refit = "from" in folder.spec.models
    model = _scalar_model(folder, "from") if is_refit else _language_model(folder, "base")
    try_device(folder, settings, {"from" if is_refit else "base": model})
    yield from train_reward(settings, model, folder.data(), folder, control)


def _run_ppo(folder: RunFolder, control: RunControl) -> Iterator[TrainEvent]:
    settings = cast("PpoSettings", stage_settings(folder.spec))
    policy = _language_model(folder, "policy")
    reward_model = _scalar_model(folder, "reward")
    _check_same_tokens(policy, reward_model)
    try_device(folder, settings, {"policy": policy, "reward": reward_model})
    named = {str(settings.reward_source), str(settings.watching)} - {"model", "none"}
    scripts = {name: scripted_reward(name) for name in named}
    yield from train_ppo(
        settings, policy, reward_model, folder.data(), folder, control, scripts, _ppo_start(folder, reward_model)
    )


def _ppo_start(folder: RunFolder, reward_model: ScalarModel) -> PpoStart | None:
    """What a run that does not begin at its reference goes on from."""
    if "from" not in folder.spec.models:
        return None
    policy = _language_model(folder, "from")
    _check_same_tokens(policy, reward_model)
    return PpoStart(policy, _scalar_model(folder, "value") if "value" in folder.spec.models else None)


def _check_same_tokens(policy: LanguageModel, reward_model: ScalarModel) -> None:
    """The reward model reads the policy's tokens as they are: with another vocabulary it would score noise."""
    ours, theirs = (model.codec.tokenizer.get_vocab() for model in (policy, reward_model))
    if ours != theirs:
        raise ModelError(
            f"The reward model has another vocabulary ({len(theirs)} tokens) than the policy ({len(ours)}). "
            "Train a reward model from this policy's SFT model, or choose one that was."
        )


_RECIPES: Mapping[str, Recipe] = {"sft": _run_sft, "rl-start": _run_sft, "reward": _run_reward, "ppo": _run_ppo}
