"""InstructGPT's stages one after the other: SFT, reward model, the RL start if one is wanted, PPO, PPO-ptx."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from rlhf_studio import words
from rlhf_studio.errors import RunError
from rlhf_studio.events import Progress, RunFinished, TrainEvent
from rlhf_studio.jobs.catalog import RunIndexer
from rlhf_studio.jobs.judges import newest_judge
from rlhf_studio.jobs.model_folders import JUDGE
from rlhf_studio.jobs.recipes import drive, start_project_run
from rlhf_studio.jobs.run_folder import RunFolder
from rlhf_studio.jobs.run_names import run_name
from rlhf_studio.jobs.stages import STAGE_KEYS, StageKey, begins_with, in_order
from rlhf_studio.schema import RunKind, RunSpec
from rlhf_studio.store.project import Store
from rlhf_studio.train.control import RunControl

# those of every project
STAGES: Mapping[StageKey, RunKind] = {"sft": "sft", "reward": "reward", "ppo": "ppo", "ppo-ptx": "ppo"}
_KINDS: Mapping[StageKey, RunKind] = {**STAGES, "rl-start": "rl-start"}


class InstructPipeline:
    """Four runs in a project, each with the models of those before it; five where PPO wants a start of its own.

    Attributes:
        runs: Ids by stage of the runs that have begun. Given back to a new pipeline after an interruption, those that
            are complete are skipped and the one that is not goes on.
    """

    def __init__(
        self,
        store: Store,
        base_model: Path,
        settings: Mapping[str, Mapping[str, Any]] | None = None,
        runs: Mapping[str, str] | None = None,
        stages: Sequence[StageKey] | None = None,
    ) -> None:
        """Nothing is read or written yet.

        Args:
            store: Labels come from here; run folders go into its ``runs``.
            base_model: Folder of the model that SFT starts from.
            settings: By stage, what shall differ from the defaults. "ppo" holds for both PPO stages, "ppo-ptx" adds to
                it; plain PPO has ``ptx_coef`` 0 in any case.
            runs: Of an earlier pipeline in this project.
            stages: Those to run, ``STAGES`` by default; the models of others come from ``runs``. An RL start that PPO
                among them needs and that is in neither is trained too.
        """
        self._store = store
        self._base_model = base_model
        self._settings = settings or {}
        self.runs: dict[StageKey, str] = {stage: (runs or {})[stage] for stage in STAGE_KEYS if stage in (runs or {})}
        wanted = tuple(STAGES) if stages is None else tuple(stages)
        self._stages = in_order(wanted, self._settings, self.runs if stages is not None else ())

    def folder(self, stage: StageKey) -> RunFolder:
        """The run of a stage that has begun.

        Raises:
            RunError: If it is not there.
        """
        if stage not in self.runs:
            raise RunError(f"The stage {words.STAGES[stage]} has not begun. Run the stages before it first.")
        return RunFolder.open(self._store.runs_dir / self.runs[stage])

    def run(self, control: RunControl) -> Iterator[tuple[StageKey, TrainEvent]]:
        """Run what is not complete yet. Ends after a stage that was stopped or failed.

        Raises:
            StudioError: If a stage cannot start: its data or a model is missing, a setting is wrong.
        """
        for stage in self._stages:
            folder = self.folder(stage) if stage in self.runs else self._start(stage)
            self.runs[stage] = folder.id
            yield stage, Progress(0, 0, "load")  # so that whoever listens knows the run before it takes its time
            outcome = None
            with RunIndexer(self._store, folder.path) as indexer:
                for event in drive(folder, control):
                    indexer.take([event])
                    yield stage, event
                    outcome = event.outcome if isinstance(event, RunFinished) else None
            if outcome != "completed":
                return

    def _start(self, stage: StageKey) -> RunFolder:
        settings, models = self._stage_settings(stage), self._models(stage)
        spec = RunSpec(_KINDS[stage], settings, models, run_name(stage, settings, models))
        return start_project_run(self._store, spec, stage)

    def _stage_settings(self, stage: StageKey) -> dict[str, Any]:
        own = dict(self._settings.get(stage, {}))
        if stage == "ppo":
            return {**own, "ptx_coef": 0.0}
        return {**self._settings.get("ppo", {}), **own} if stage == "ppo-ptx" else own

    def _models(self, stage: StageKey) -> dict[str, str]:
        if stage in {"sft", "rl-start"}:
            return {"base": str(self._base_model.absolute()), **self._judge()}
        if stage == "reward":
            return {"base": str(self._model("sft", "policy"))}
        start = begins_with(self._settings, stage)
        return {"policy": str(self._model(start, "policy")), "reward": str(self._model("reward", "reward"))}

    def _judge(self) -> dict[str, str]:
        """The reward model of this pipeline, else the project's newest; none where there is none yet."""
        found = self._model("reward", "reward") if "reward" in self.runs else newest_judge(self._store.folder)
        return {JUDGE: str(found)} if found is not None else {}

    def _model(self, stage: StageKey, name: str) -> Path:
        return self.folder(stage).path.absolute() / "models" / name
