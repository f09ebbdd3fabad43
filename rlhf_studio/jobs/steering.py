"""Settings that a person changes while a run goes on, asked for from any program: a file for each wish.

The run takes them before its next event and tells of each as ``SettingChanged``. Needs no torch, so that a window can
ask. See ``settings.STEERABLE``.
"""

import json
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from rlhf_studio.errors import DataError
from rlhf_studio.events import Notice, RunFinished, SettingChanged, TrainEvent
from rlhf_studio.jobs.event_log import EVENT_FILE, EventLog
from rlhf_studio.jobs.files import PART, explained, write_whole
from rlhf_studio.jobs.run_file import RunFile, read_run_file
from rlhf_studio.schema import RunSpec
from rlhf_studio.settings import STEERABLE, PpoSettings, parse_settings
from rlhf_studio.train.control import RunControl

WISHES = "wishes"  # the folder inside a run's


def ask_changes(run: Path, changes: Mapping[str, Any]) -> dict[str, float]:
    """Have settings changed from the next step of a run on; it may go on in another program.

    Args:
        run: Its folder.
        changes: By name, out of ``settings.STEERABLE``.

    Returns:
        The values as the run will take them. If it was cut off, they wait until it is resumed.

    Raises:
        DataError: If one cannot be changed, has a wrong value or would do nothing, or the run has ended.
        RunError: If the run cannot be read or its folder not be written.
    """
    run_file = read_run_file(run)
    values = _checked(run_file, changes)
    if isinstance(EventLog(run / EVENT_FILE).last(), RunFinished):
        raise DataError(
            f"The run {run.name} has ended, so its settings cannot change any more. "
            "Resume it with them, or fork it at one of its checkpoints."
        )
    leave_wish(run, values)
    return values


def leave_wish(run: Path, values: Mapping[str, float]) -> None:
    """Put values, which have been checked, where the run will find them.

    Raises:
        RunError: If nothing can be written there.
    """
    folder = run / WISHES
    with explained(run, "the change"):
        folder.mkdir(exist_ok=True)
        write_whole(folder / f"{time.time_ns():020d}-{os.getpid()}.json", json.dumps(dict(values)).encode())


def take_wishes(run: Path, control: RunControl) -> list[Notice]:
    """Pass on what was asked for since the last call, oldest first; what cannot be read is told."""
    try:
        names = sorted(entry.name for entry in os.scandir(run / WISHES) if not entry.name.startswith(PART))
    except FileNotFoundError:  # nobody has asked for anything
        return []
    told = []
    for name in names:
        path = run / WISHES / name
        try:
            wish = _read_wish(path)
        except ValueError as error:
            told.append(Notice(0, "run.wish_damaged", {"file": name, "reason": str(error)}))
        else:
            for key, value in wish.items():
                control.change(key, value)
        path.unlink()
    return told


def _read_wish(path: Path) -> dict[str, float]:
    content = json.loads(path.read_bytes())
    if not isinstance(content, dict) or not set(content) <= set(STEERABLE):
        raise ValueError(f"it names something else than {', '.join(STEERABLE)}")
    return {name: float(value) for name, value in content.items()}


def ask_again(events: Sequence[TrainEvent], kept: int, control: RunControl, known: Mapping[str, Any]) -> None:
    """Have changes made anew that a run has forgotten with the steps after its checkpoint, each at its step.

    Args:
        events: Of the run, before it was cut.
        kept: How many of them are left.
        control: Of the run.
        known: Settings that it goes on with; of these nothing older is wanted.
    """
    for event in events[kept:]:
        if isinstance(event, SettingChanged) and event.name in STEERABLE and event.name not in known:
            control.change(event.name, event.value, event.step)


def settings_at(spec: RunSpec, state: Mapping[str, Any]) -> dict[str, Any]:
    """The settings that hold at a checkpoint with this state: a person may have changed some since the run began."""
    changed = {name: state[name] for name in STEERABLE if name in state} if spec.kind == "ppo" else {}
    return {**spec.settings, **changed}


def settings_after(run: Path, step: int) -> dict[str, Any]:
    """The settings that held after a step of a run, read from its checkpoint; those it began with if none is kept.

    Raises:
        RunError: If the run cannot be read.
    """
    spec = read_run_file(run).spec
    for path in sorted(run.glob(f"checkpoints/step-{step:08d}*/state.json")):
        with suppress(OSError, ValueError, KeyError, TypeError):  # whoever forks there says what is wrong with it
            return settings_at(spec, json.loads(path.read_bytes())["state"])
    return dict(spec.settings)


def _checked(run_file: RunFile, changes: Mapping[str, Any]) -> dict[str, float]:
    spec = run_file.spec
    if spec.kind != "ppo":
        raise DataError(f"Only PPO's settings change while it goes on; this is a {spec.kind} run. Fork it instead.")
    fixed = sorted(set(changes) - set(STEERABLE))
    if fixed or not changes:
        raise DataError(
            f"The setting '{fixed[0] if fixed else ''}' cannot change while a run goes on. "
            f"Change one of: {', '.join(STEERABLE)}."
        )
    settings = parse_settings(PpoSettings, {**spec.settings, **changes})
    texts = run_file.data.get("pretraining")
    if "ptx_coef" in changes and (texts is None or not texts.rows):
        raise DataError("The run has read no pretraining text, so ptx_coef would do nothing. Start one with some.")
    if "ptx_coef" in changes and settings.ptx_norm_ratio:
        raise DataError(
            f"The run sets ptx_coef itself (ptx_norm_ratio is {settings.ptx_norm_ratio:g}). Fork it with that at 0."
        )
    return {name: float(getattr(settings, name)) for name in STEERABLE if name in changes}
