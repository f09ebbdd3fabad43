"""The learning loop as the Rank tab sees it: what is new, the round that goes on, and its clock."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, Signal

from rlhf_studio.errors import DataError, StudioError
from rlhf_studio.events import Progress, RunFinished
from rlhf_studio.jobs.loop import LearningLoop
from rlhf_studio.jobs.loop_news import (
    AnswersShown,
    JudgeRefitted,
    LoopBegan,
    LoopNews,
    LoopPart,
    PartBegan,
    PartDone,
    PromptAnswers,
)
from rlhf_studio.jobs.stages import StageEvent, StageKey
from rlhf_studio.settings import LoopSettings, parse_settings
from rlhf_studio.store.database import Changes
from rlhf_studio.store.runs import RunRecord
from rlhf_studio.ui.session import Session, TrainingState

_AUTOMATIC, _SETTINGS = "loop/after", "loop/settings"
_TABLES = frozenset({"ranking", "answer_set", "prompt"})


class RoundState(Enum):
    """What has become of the last time round."""

    NONE = "none"
    RUNNING = "running"
    TOLD = "told"  # everything is there, nobody has seen it yet
    SHOWN = "shown"
    STOPPED = "stopped"
    FAILED = "failed"


class Learner(QObject):
    """Starts the loop, listens to it, and stops the clock when the answers are on screen.

    Attributes:
        new_rankings: Since the last reward model was trained, those of held-out prompts included.
        has_judge: Whether there is a reward model to refit.
        is_half_done: Whether a reward model was refitted and the policy has not gone on yet.
        state: Of the last time round.
        part: That goes on.
        started: Seconds until the first part began.
        done: Parts that are over, in order.
        progress: Of the run that goes on.
        judge: How the reward model orders now; None before the refit.
        prompts: With their answers as far as they are known.
        began: What is learned from; None before that is known.
        message: Why a round failed.
    """

    changed = Signal()

    def __init__(
        self,
        session: Session,
        parent: QObject | None = None,
        clock: Callable[[], float] = time.perf_counter,
        make_loop: Callable[[Path, LoopSettings], LearningLoop] = LearningLoop,
    ) -> None:
        super().__init__(parent)
        self._session, self._clock, self._make_loop = session, clock, make_loop
        self._loop: LearningLoop | None = None
        self.new_rankings = 0
        self.has_judge = False
        self.is_half_done = False
        self._began_at = 0.0
        self._ended: float | None = None
        self._forget()
        session.events_arrived.connect(self._on_events_arrived)
        session.training_finished.connect(self._on_training_finished)
        session.training_state_changed.connect(self._on_training_state_changed)
        session.store_changed.connect(self._on_store_changed)
        session.runs_changed.connect(self.count)

    @property
    def can_learn(self) -> bool:
        """Whether a round can begin now."""
        session = self._session
        is_free = session.state is TrainingState.IDLE and not session.store.is_read_only
        return is_free and self.has_judge and (self.new_rankings > 0 or self.is_half_done)

    @property
    def is_running(self) -> bool:
        return self.state is RoundState.RUNNING

    @property
    def seconds(self) -> float:
        """From the act that began the round to the answers on screen, or until now."""
        return (self._ended if self._ended is not None else self._clock()) - self._began_at

    @property
    def automatic(self) -> int:
        """After how many new rankings a round begins by itself; 0 only when a person asks."""
        kept = self._session.preferences.value(_AUTOMATIC, "0")
        return int(kept) if kept.isdigit() else 0

    @automatic.setter
    def automatic(self, count: int) -> None:
        self._session.preferences.keep(_AUTOMATIC, count)
        self.changed.emit()

    @property
    def settings(self) -> Mapping[str, Any]:
        """What of the loop's settings differs from the defaults; a kept text that makes no sense is none."""
        try:
            kept = json.loads(self._session.preferences.value(_SETTINGS, "{}"))
            parse_settings(LoopSettings, kept)
        except (ValueError, TypeError, DataError):
            return {}
        return dict(kept)

    @settings.setter
    def settings(self, values: Mapping[str, Any]) -> None:
        self._session.preferences.keep(_SETTINGS, json.dumps(dict(values)))

    def learn(self) -> None:
        """Begin a round; the clock starts."""
        if not self.can_learn:
            return
        self._forget()
        self._began_at = self._clock()
        self._loop = self._make_loop(self._session.store.folder, parse_settings(LoopSettings, self.settings))
        self.state = RoundState.RUNNING
        self._session.learn(self._loop)
        self.changed.emit()

    def learn_if_due(self) -> None:
        """Begin a round if that was wanted after so many rankings."""
        if 0 < self.automatic <= self.new_rankings:
            self.learn()

    def note_shown(self) -> None:
        """The answers are on screen: the clock stops."""
        if self.state is RoundState.TOLD:
            self.state = RoundState.SHOWN
            self._ended = self._clock()
            self.changed.emit()

    def note_told(self) -> None:
        """The person looks elsewhere and was told: the clock has stopped when everything was there."""
        if self.state is RoundState.TOLD:
            self.state = RoundState.SHOWN

    def count(self) -> None:
        """See what is new."""
        try:
            runs = self._session.store.runs()
            done = [run for run in runs if run.kind == "reward" and run.outcome == "completed"]
            self.has_judge = bool(done)
            self.is_half_done = bool(done) and _is_half_done(runs, done[-1])
            self.new_rankings = self._session.store.labels_since(rankings=done[-1].created).rankings if done else 0
        except StudioError as error:
            self._session.say(str(error), kind="error")
        self.changed.emit()

    # --- inside

    def _forget(self) -> None:
        self.state = RoundState.NONE
        self.part: LoopPart | None = None
        self.started: float | None = None
        self.done: list[PartDone] = []
        self.progress: tuple[StageKey, Progress] | None = None
        self.judge: JudgeRefitted | None = None
        self.prompts: tuple[PromptAnswers, ...] = ()
        self.began: LoopBegan | None = None
        self.message = ""
        self._began_at, self._ended = 0.0, None

    def _take(self, news: LoopNews) -> None:
        match news:
            case LoopBegan():
                self.began = news
            case PartBegan(part, at):
                self.part = part
                if self.started is None:
                    self.started = max(0.0, at - self._began_at)
            case PartDone():
                self.done.append(news)
                self.part = None
            case JudgeRefitted():
                self.judge = news
            case AnswersShown(prompts):
                self.prompts = prompts

    def _take_all(self) -> None:
        if self._loop is not None:
            for news in self._loop.take():
                self._take(news)

    # --- slots

    def _on_events_arrived(self, items: list[StageEvent]) -> None:
        if not self.is_running:
            return
        self._take_all()
        for item in items:
            if isinstance(item.event, Progress) and item.event.total:
                self.progress = item.stage, item.event
        self.changed.emit()

    def _on_training_state_changed(self, state: TrainingState) -> None:
        if self.is_running and state is TrainingState.IDLE:
            self._take_all()
            self._ended = self._clock()
            is_whole = bool(self.done) and self.done[-1].part == "after"
            self.state = RoundState.TOLD if is_whole else RoundState.STOPPED
            self._loop = None
            self.progress = None
        self.changed.emit()

    def _on_training_finished(self, last: StageEvent) -> None:
        event = last.event
        if self.state is RoundState.STOPPED and isinstance(event, RunFinished) and event.outcome == "failed":
            self.state, self.message = RoundState.FAILED, event.message
            self.changed.emit()

    def _on_store_changed(self, changes: Changes, _origin: QObject | None) -> None:
        if changes.tables & _TABLES:
            self.count()


def _is_half_done(runs: Sequence[RunRecord], judge: RunRecord) -> bool:
    """Whether a reward model comes of another one, and no policy has been trained against it."""
    judges = {run.id for run in runs if run.kind == "reward"}
    has_policy = any(run.kind == "ppo" and run.outcome == "completed" and judge.id in run.parents for run in runs)
    return bool(judges.intersection(judge.parents)) and not has_policy
