"""The learning loop: refit, a few steps of PPO, the same prompts again. Imported in the training thread only.

Both runs are runs like any other: in ``runs/``, with events, checkpoints and models, stoppable and resumable.
"""

import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import cast

from rlhf_studio.events import Progress, RunFinished, StepMetrics
from rlhf_studio.jobs.data import prepare
from rlhf_studio.jobs.loop_answers import fitting, ordered_pairs, prompt_answers, sample_answers, shown_prompts
from rlhf_studio.jobs.loop_news import AnswersShown, JudgeRefitted, LoopBegan, LoopNews, LoopPart, PartBegan, PartDone
from rlhf_studio.jobs.loop_plan import LoopPlan, focused, plan_loop, ppo_spec
from rlhf_studio.jobs.models import stage_of
from rlhf_studio.jobs.recipes import drive, start_project_run
from rlhf_studio.jobs.run_folder import RunFolder
from rlhf_studio.jobs.stages import StageEvent, StageKey
from rlhf_studio.lm.heads import ScalarModel, load_scalar_model
from rlhf_studio.lm.loading import load_language_model
from rlhf_studio.lm.model import LanguageModel
from rlhf_studio.lm.sampling import SampledAnswer
from rlhf_studio.schema import PromptRow
from rlhf_studio.settings import LoopSettings
from rlhf_studio.store.project import Store
from rlhf_studio.train.compute import Compute
from rlhf_studio.train.control import RunControl

Events = Iterator[StageEvent]


class LoopRound:
    """One time round the loop, told as events of its runs and as news of its own."""

    def __init__(self, store: Store, settings: LoopSettings, tell: Callable[[LoopNews], None]) -> None:
        self._store = store
        self._settings = settings
        self._tell = tell
        self._prompts: list[tuple[PromptRow, bool]] = []
        self._before: list[list[SampledAnswer]] = []
        self._accuracies: list[float] = []  # on held-out rankings, of the refit, first to last

    def run(self, control: RunControl) -> Events:
        """Go once round; ends early where a run is stopped or fails.

        Raises:
            StudioError: If there is nothing to refit or nothing new, or a run cannot start.
        """
        yield StageEvent("reward", "", Progress(0, 0, "load"))
        with self._part("before"):
            plan = plan_loop(self._store, self._settings)
            self._tell(LoopBegan(len(plan.new), plan.replayed))
            self._answer(plan)
        yield StageEvent("reward", "", Progress(0, 0, "sample"))
        with self._part("refit"):
            refit, is_complete = yield from self._refit(plan, control)
            if is_complete:
                self._compare_judges(plan, refit)
        yield StageEvent("reward", refit.id, Progress(0, 0, "evaluate"))
        if not is_complete or control.is_stopping:
            return
        with self._part("ppo"):
            ppo, is_complete = yield from self._go_on(plan, refit, control)
        if not is_complete or control.is_stopping:
            return
        with self._part("after"):
            self._answer_again(plan, refit, ppo)
        yield StageEvent(_stage(ppo), ppo.id, Progress(0, 0, "sample"))

    @contextmanager
    def _part(self, part: LoopPart) -> Iterator[None]:
        """Tell that a part begins, and what it took."""
        began, cpu = time.perf_counter(), time.process_time()
        self._tell(PartBegan(part, began))
        yield
        self._tell(PartDone(part, time.perf_counter() - began, time.process_time() - cpu))

    # --- the runs

    def _refit(self, plan: LoopPlan, control: RunControl) -> Generator[StageEvent, None, tuple[RunFolder, bool]]:
        if plan.refit is not None:
            folder = start_project_run(self._store, plan.refit, "reward")
        else:
            folder = RunFolder.open(self._store.runs_dir / plan.refit_run)
        return folder, (yield from self._drive(folder, control))

    def _go_on(
        self, plan: LoopPlan, refit: RunFolder, control: RunControl
    ) -> Generator[StageEvent, None, tuple[RunFolder, bool]]:
        if plan.ppo_run:
            folder = RunFolder.open(self._store.runs_dir / plan.ppo_run)
        else:
            spec = ppo_spec(self._store, refit.path.absolute(), self._settings)
            data = focused(self._store, prepare(self._store, spec), plan.new, self._settings.focus)
            label = "ppo-ptx" if spec.settings.get("ptx_coef") else "ppo"
            folder = start_project_run(self._store, spec, label, data)
        return folder, (yield from self._drive(folder, control))

    def _drive(self, folder: RunFolder, control: RunControl) -> Generator[StageEvent, None, bool]:
        """Run to the end; says whether it is complete."""
        stage, is_complete = _stage(folder), False
        yield StageEvent(stage, folder.id, Progress(0, 0, "load"))
        for event in drive(folder, control):
            if isinstance(event, StepMetrics) and "accuracy/valid" in event.values:
                self._accuracies.append(event.values["accuracy/valid"])
            is_complete = isinstance(event, RunFinished) and event.outcome == "completed"
            yield StageEvent(stage, folder.id, event)
        return is_complete

    # --- what is shown

    def _answer(self, plan: LoopPlan) -> None:
        """Before anything is learned."""
        compute, policy = self._compute(plan), self._policy(plan, plan.old_policy)
        shown = shown_prompts(self._store, plan.new, self._settings.prompts)
        self._prompts = fitting(policy, shown, plan.max_new_tokens)
        self._before = self._sample(plan, policy)
        judges = [self._scalar(plan, plan.old_judge)]
        self._tell(AnswersShown(prompt_answers(judges, compute, self._prompts, self._before)))

    def _compare_judges(self, plan: LoopPlan, refit: RunFolder) -> None:
        """How the reward model orders what it was just told, and what was held out."""
        compute, judges = self._compute(plan), self._judges(plan, refit)
        (before, pairs), (after, _) = (ordered_pairs(judge, compute, plan.new) for judge in judges)
        first, last = (self._accuracies[0], self._accuracies[-1]) if self._accuracies else (None, None)
        self._tell(JudgeRefitted(before / pairs, after / pairs, pairs, first, last))
        self._tell(AnswersShown(prompt_answers(judges, compute, self._prompts, self._before)))

    def _answer_again(self, plan: LoopPlan, refit: RunFolder, ppo: RunFolder) -> None:
        """By the policy that has gone on, with the same random numbers."""
        compute = self._compute(plan)
        after = self._sample(plan, self._policy(plan, ppo.path / "models" / "policy"))
        judges = self._judges(plan, refit)
        self._tell(AnswersShown(prompt_answers(judges, compute, self._prompts, self._before, after)))

    def _sample(self, plan: LoopPlan, policy: LanguageModel) -> list[list[SampledAnswer]]:
        return sample_answers(policy, [row for row, _ in self._prompts], self._settings, plan.max_new_tokens)

    def _compute(self, plan: LoopPlan) -> Compute:
        return Compute(plan.compute)  # made anew, since each trainer sets accelerate up for itself

    def _policy(self, plan: LoopPlan, folder: Path) -> LanguageModel:
        return load_language_model(folder).to(self._compute(plan).device)

    def _scalar(self, plan: LoopPlan, folder: Path) -> ScalarModel:
        return load_scalar_model(folder).to(self._compute(plan).device)

    def _judges(self, plan: LoopPlan, refit: RunFolder) -> list[ScalarModel]:
        return [self._scalar(plan, folder) for folder in (plan.old_judge, refit.path / "models" / "reward")]


def _stage(folder: RunFolder) -> StageKey:
    return cast("StageKey", stage_of(folder.run_file))
