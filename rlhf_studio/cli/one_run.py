"""Begins one run of a project, or goes on with one, and follows it to its end."""

from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Any

from rlhf_studio.cli.following import exit_code, follow, quoted
from rlhf_studio.cli.interrupts import interruptible
from rlhf_studio.cli.progress import open_view
from rlhf_studio.errors import StudioError
from rlhf_studio.events import Progress, TrainEvent
from rlhf_studio.jobs.catalog import RunIndexer, new_run_path
from rlhf_studio.jobs.recipes import drive, start_run
from rlhf_studio.jobs.run_file import ended_early
from rlhf_studio.jobs.run_folder import RunFolder
from rlhf_studio.jobs.team_run import announce
from rlhf_studio.schema import RunSpec
from rlhf_studio.store.project import Store
from rlhf_studio.train.control import RunControl


def begin(store: Store, spec: RunSpec) -> RunFolder:
    """Make the run's folder; nothing is left of it if it cannot start.

    Raises:
        StudioError: If its data or a model is missing or a setting is wrong.
    """
    path = new_run_path(store.runs_dir, stage_key(spec))
    try:
        return start_run(store, spec, path)
    except StudioError:
        with suppress(OSError):
            path.rmdir()
        raise


def follow_one(store: Store, folder: RunFolder, changes: Mapping[str, Any] | None = None) -> int:
    """Drive a run to its end on the terminal and return the exit code."""
    control = RunControl()
    with open_view() as view, interruptible(control) as interruption:
        if store.is_read_only:
            view.say(f"{store.read_only_reason} The run itself is kept, only the project's index is not.")
        _, ending = follow(_events(store, folder, control, changes or {}), view, interruption)
        code = exit_code(ending, view, f"rlhf-studio resume {quoted(folder.id)} --project {quoted(store.folder)}")
        if code == 0:
            models = sorted(path.name for path in (folder.path / "models").glob("[!.]*"))
            view.say(f"Models: {', '.join(models)} in {quoted(folder.path / 'models')}")
        if code == 0 and ending is not None and ended_early(folder.spec, ending.step):
            view.say(
                f"It ended at step {ending.step}, above its limit of the KL. To go on with another limit: "
                f"rlhf-studio resume {quoted(folder.id)} --project {quoted(store.folder)} --kl-stop X"
            )
    return code


def stage_key(spec: RunSpec) -> str:
    """What words and colours go by: PPO with pretraining gradients has its own."""
    return "ppo-ptx" if spec.kind == "ppo" and spec.settings.get("ptx_coef") else spec.kind


def _events(
    store: Store, folder: RunFolder, control: RunControl, changes: Mapping[str, Any]
) -> Iterator[tuple[str, TrainEvent]]:
    key = stage_key(folder.spec)
    announce(folder, changes)
    yield key, Progress(0, 0, "load")
    with RunIndexer(store, folder.path) as indexer:
        for event in drive(folder, control, changes):
            indexer.take([event])
            yield key, event
