"""A new run that goes on from a kept checkpoint of another one, with other settings.

It has its own copy of all it needs: the data, the events up to the checkpoint (so that its curves begin where they
branch off) and the checkpoint. So the run that it was forked from may go on, be pruned or be deleted.
"""

import json
import math
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from rlhf_studio.errors import DataError, RunError
from rlhf_studio.events import Notice
from rlhf_studio.jobs.catalog import new_run_path
from rlhf_studio.jobs.checkpoints import STATE_FILE, TENSOR_FILE, StoredCheckpoint
from rlhf_studio.jobs.event_log import EVENT_FILE
from rlhf_studio.jobs.files import sync_folder, write_whole
from rlhf_studio.jobs.kept_weights import KeptWeights, share_file
from rlhf_studio.jobs.model_folders import check_unchanged
from rlhf_studio.jobs.models import stage_of
from rlhf_studio.jobs.recipes import CHANGEABLE
from rlhf_studio.jobs.run_file import Fork, stage_settings
from rlhf_studio.jobs.run_folder import RunFolder
from rlhf_studio.jobs.run_names import run_name
from rlhf_studio.jobs.steering import leave_wish, settings_at
from rlhf_studio.schema import RunSpec
from rlhf_studio.settings import STEERABLE, PpoSettings, RewardSettings, SftSettings
from rlhf_studio.train.epochs import kept_in, without_kept

# what has done its work before the checkpoint: the run's data or models were chosen by it, or its head drawn
_SPENT = {"max_rankings", "replay", "head_seed", "start"}


def fork_run(source: Path, step: int, changes: Mapping[str, Any] | None = None, title: str = "") -> RunFolder:
    """Make the folder of a run that goes on after a step of another run, in the same project.

    With no changes it does what the other run did from there on, bit for bit on a CPU. What it has learnt, its
    optimizers' state and its place in the data are the checkpoint's.

    Args:
        source: Folder of the run; it may be going on meanwhile.
        step: Of one of its checkpoints.
        changes: Settings that shall differ from that run's.
        title: What to call it; by default as a run with its settings is called.

    Raises:
        DataError: If a setting is wrong, cannot change any more, or leaves nothing to do.
        RunError: If no whole checkpoint of this step is kept, a model is missing or changed, or nothing can be written.
    """
    origin = RunFolder.open(source)
    if origin.spec.kind == "pretrain":
        raise RunError(f"The run {source} makes a base model, which cannot be forked. Start another one.")
    start = origin.checkpoint(step)
    data = origin.data()
    before = replace(origin.spec, settings=settings_at(origin.spec, start.state))
    spec = _spec(origin, before, changes or {}, title)
    _check(before, spec, step, data)
    check_unchanged(spec, origin.run_file.models, source)
    path = new_run_path(source.absolute().parent, stage_of(replace(origin.run_file, spec=spec)))

    def fill(folder: Path) -> None:
        _copy_start(origin, start, folder, before, spec)

    made = origin.run_file
    try:
        fork = RunFolder.create(path, spec, data, made.models, Fork(source.name, step), made.labels, fill)
    except RunError:
        with suppress(OSError):  # half a run is none, and does no harm
            shutil.rmtree(path)
        raise
    _tell_place(before, fork, step)
    return fork


def _tell_place(before: RunSpec, fork: RunFolder, step: int) -> None:
    """Which rows a step reads follows from its number and the batch: with another one the fork is elsewhere."""
    old, new = before.settings.get("batch_size"), fork.spec.settings.get("batch_size")
    if old != new:
        fork.tell(Notice(step, "run.fork_elsewhere", {"step": step, "before": old or 0, "now": new or 0}))


def _spec(origin: RunFolder, before: RunSpec, changes: Mapping[str, Any], title: str) -> RunSpec:
    spec = replace(before, settings={**before.settings, **changes})
    settings = stage_settings(spec).model_dump(mode="json")
    stage = stage_of(replace(origin.run_file, spec=replace(spec, settings=settings)))
    return replace(spec, settings=settings, title=title or run_name(stage, settings, spec.models))


def _check(before: RunSpec, after: RunSpec, step: int, data: Any) -> None:
    old, new = stage_settings(before).model_dump(mode="json"), after.settings
    spent = sorted(name for name in _SPENT & set(new) if new[name] != old[name])
    if spent:
        raise DataError(
            f"The setting '{spent[0]}' has done its work when a run begins, so a fork cannot change it. "
            "Start a new run with it."
        )
    if new.get("ema_decay") and not old.get("ema_decay"):
        raise DataError(
            "The setting 'ema_decay' cannot be switched on in a fork: the run it begins from has kept no average. "
            "Leave it at 0, or start a new run."
        )
    if new.get("pretraining_share") and not data.pretraining:
        raise DataError(
            "The setting 'pretraining_share' cannot be switched on in a fork: the run it begins from has read no "
            "pretraining text. Leave it at 0, or start a new run."
        )
    last = _total(after, data)
    if step >= last:
        name = "steps" if after.kind == "ppo" else "epochs"
        raise DataError(
            f"With these settings the run ends at step {last}, so a fork at step {step} has nothing left to do. "
            f"Raise '{name}', or fork at an earlier step."
        )


def _total(spec: RunSpec, data: Any) -> int:
    settings = stage_settings(spec)
    if isinstance(settings, PpoSettings):
        return settings.steps
    by_epochs = cast("SftSettings | RewardSettings", settings)
    rows = (*data.train, *getattr(data, "replay", ()))
    is_shuffled = isinstance(settings, RewardSettings) and settings.pair_batches == "shuffled"
    elements = sum(row.pair_count for row in rows) if is_shuffled else len(rows)
    return by_epochs.epochs * math.ceil(elements / by_epochs.batch_size)


def _copy_start(origin: RunFolder, start: StoredCheckpoint, folder: Path, before: RunSpec, after: RunSpec) -> None:
    """Put events and checkpoint of a run into another folder, as if that one had come so far."""
    with (origin.path / EVENT_FILE).open("rb") as file:
        write_whole(folder / EVENT_FILE, file.read(start.events_bytes))
    steered = _steered(before, after)
    if steered:  # so that it is told, and marked on the curves
        leave_wish(folder, steered)
    target = folder / "checkpoints" / start.path.name
    target.mkdir(parents=True)
    share_file(start.path / TENSOR_FILE, target / TENSOR_FILE)
    content = json.loads((start.path / STATE_FILE).read_bytes())
    state = _state(start.state, before, after)
    kept = kept_in(state)  # weights of an earlier epoch, which the fork may choose in the end
    content["state"] = state if not kept or KeptWeights(origin.path).share(kept, folder) else without_kept(state)
    write_whole(target / STATE_FILE, json.dumps(content, indent=1).encode())
    sync_folder(target.parent)


def _state(state: Mapping[str, Any], before: RunSpec, after: RunSpec) -> dict[str, Any]:
    """A checkpoint's values with what differs: those of a run would win over its settings."""
    values = {**state, **_steered(before, after)}
    if after.kind == "ppo" and _differing(before, after) - CHANGEABLE:
        for name in ("update", "tally"):  # a step that was half done with other settings is sampled anew
            values.pop(name, None)
    return values


def _differing(before: RunSpec, after: RunSpec) -> set[str]:
    return {name for name, value in after.settings.items() if value != before.settings.get(name)}


def _steered(before: RunSpec, after: RunSpec) -> dict[str, float]:
    """What differs of that which a person may change while PPO goes on."""
    names = _differing(before, after).intersection(STEERABLE) if after.kind == "ppo" else set()
    return {name: float(after.settings[name]) for name in sorted(names)}
