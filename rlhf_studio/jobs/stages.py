"""One or more of InstructGPT's stages for the window: what is to be run, and the events with the run they belong to.

Needs no torch to be imported: the window describes a plan, the training thread does the rest.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, cast

from rlhf_studio.events import Progress, TrainEvent
from rlhf_studio.jobs.runner import RunControl

StageKey = Literal["sft", "reward", "rl-start", "ppo", "ppo-ptx"]
STAGE_KEYS: tuple[StageKey, ...] = ("sft", "reward", "rl-start", "ppo", "ppo-ptx")


_PPO: tuple[StageKey, ...] = ("ppo", "ppo-ptx")


@dataclass(frozen=True, slots=True)
class StageEvent:
    """An event of a run that the window started. ``run_id`` is empty where no run had begun."""

    stage: StageKey
    run_id: str
    event: TrainEvent


@dataclass(frozen=True, slots=True)
class StagePlan:
    """What to train, one after the other.

    Attributes:
        stages: In the order of the paper.
        base_model: Where SFT starts from.
        settings: By stage, what differs from the defaults.
        parents: Runs of earlier stages whose models are used, by stage.
    """

    stages: tuple[StageKey, ...]
    base_model: Path
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    parents: Mapping[str, str] = field(default_factory=dict)


def begins_with(settings: Mapping[str, Mapping[str, Any]], stage: StageKey) -> StageKey:
    """The stage whose model a PPO stage begins with: SFT, or the RL start where its settings say so."""
    start = {**settings.get("ppo", {}), **settings.get(stage, {})}.get("start", "sft")
    return "rl-start" if start == "rl-start" else "sft"


def in_order(
    stages: Sequence[StageKey], settings: Mapping[str, Mapping[str, Any]], there: Collection[str] = ()
) -> tuple[StageKey, ...]:
    """Some stages in the order in which they can be trained, with the RL start where PPO among them needs one.

    Args:
        stages: That a person wants.
        settings: By stage.
        there: Stages whose models are there already.
    """
    is_needed = any(stage in stages and begins_with(settings, stage) == "rl-start" for stage in _PPO)
    wanted = {*stages, *(["rl-start"] if is_needed and "rl-start" not in there else [])}
    return tuple(stage for stage in STAGE_KEYS if stage in wanted)


def train_stages(project: Path, plan: StagePlan, control: RunControl) -> Iterator[StageEvent]:
    """Run a plan to its end, or to the first stage that is stopped or fails. For the training thread.

    The project is read through a connection of its own; the window keeps the index.

    Raises:
        StudioError: If a stage cannot start: its data or a model is missing, a setting is wrong.
    """
    from rlhf_studio.jobs.pipeline import InstructPipeline  # noqa: PLC0415  loads torch, in the training thread
    from rlhf_studio.store.project import open_project  # noqa: PLC0415

    with open_project(project, read_only=True) as store:
        pipeline = InstructPipeline(store, plan.base_model, plan.settings, plan.parents, stages=plan.stages)
        for stage, event in pipeline.run(control):
            yield StageEvent(stage, pipeline.runs[stage], event)


def continue_run(
    run: Path, stage: StageKey, control: RunControl, changes: Mapping[str, Any] | None = None
) -> Iterator[StageEvent]:
    """Go on with a run that was stopped, cut off or failed, from its last checkpoint. For the training thread.

    Args:
        run: Its folder.
        stage: For the events.
        control: Stops and pauses it.
        changes: Settings to go on with, such as a smaller ``micro_batch``.

    Raises:
        StudioError: As ``recipes.drive``.
    """
    from rlhf_studio.jobs.recipes import drive  # noqa: PLC0415  loads torch, in the training thread
    from rlhf_studio.jobs.run_folder import RunFolder  # noqa: PLC0415

    for event in drive(RunFolder.open(run), control, changes):
        yield StageEvent(stage, run.name, event)


def fork_stage(
    run: Path, step: int, control: RunControl, changes: Mapping[str, Any] | None = None
) -> Iterator[StageEvent]:
    """Start a run that goes on after a step of another one, and run it to its end. For the training thread.

    Args:
        run: Folder of the run to fork.
        step: Of one of its checkpoints.
        control: Stops and pauses the new run.
        changes: Settings that shall differ from those of the run it was forked from.

    Raises:
        StudioError: As ``forking.fork_run`` and ``recipes.drive``.
    """
    from rlhf_studio.jobs.forking import fork_run  # noqa: PLC0415  loads torch, in the training thread
    from rlhf_studio.jobs.models import stage_of  # noqa: PLC0415
    from rlhf_studio.jobs.recipes import drive  # noqa: PLC0415

    folder = fork_run(run, step, changes)
    stage = cast("StageKey", stage_of(folder.run_file))
    yield StageEvent(stage, folder.id, Progress(0, 0, "load"))
    for event in drive(folder, control):
        yield StageEvent(stage, folder.id, event)
