"""What the tabs share: the open project, the one training run, the models that answer, and the news about them."""

from collections.abc import Mapping, Sequence
from enum import Enum
from pathlib import Path
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from rlhf_studio.errors import RunError, StudioError
from rlhf_studio.events import Progress, RunFinished, TrainEvent, is_alarm
from rlhf_studio.jobs.catalog import RunIndexer
from rlhf_studio.jobs.export_job import ExportDone, Weights, export
from rlhf_studio.jobs.inference import DeviceFound, InferenceEvent, InferenceService
from rlhf_studio.jobs.loop import LearningLoop
from rlhf_studio.jobs.models import ModelChoice
from rlhf_studio.jobs.runner import JobRunner, RunControl
from rlhf_studio.jobs.stages import StageEvent, StageKey, StagePlan, continue_run, fork_stage, train_stages
from rlhf_studio.jobs.steering import ask_changes
from rlhf_studio.jobs.turns import Turns
from rlhf_studio.schema import Answer, RunSpec, Sampling, Turn
from rlhf_studio.store.database import Changes
from rlhf_studio.store.project import Store
from rlhf_studio.ui.inquiry import Inquiry
from rlhf_studio.ui.keys.keymap import Keymap
from rlhf_studio.ui.messages import Message
from rlhf_studio.ui.preferences import Preferences
from rlhf_studio.ui.theme import Theme

TRAINING_POLL_MS = 250  # more often costs training more than it shows
ANSWER_POLL_MS = 60


class TrainingState(Enum):
    """What the training thread is doing."""

    IDLE = "idle"
    RUNNING = "running"
    PAUSED = "paused"
    STOPPING = "stopping"


class Session(QObject):
    """One open project. Every tab is given it; nothing in the window is shared otherwise."""

    store_changed = Signal(object, object)  # Changes, the object that caused them (a view may skip its own)
    labeler_changed = Signal(str)  # the name of who labels from now on
    runs_changed = Signal()  # a run began or ended, or a run folder was removed
    events_arrived = Signal(list)  # list[StageEvent], oldest first, at 4 Hz, never empty
    training_state_changed = Signal(object)  # TrainingState
    training_finished = Signal(object)  # the last StageEvent of a plan; its event is a RunFinished
    device_found = Signal(object)  # jobs.inference.DeviceFound
    messaged = Signal(object)  # Message, to be shown as a toast
    opened = Signal()  # the whole window stands: from now on there is time for what nobody has asked for

    def __init__(self, store: Store, theme: Theme, preferences: Preferences, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.store = store
        self.theme = theme
        self.preferences = preferences
        self.keymap = Keymap(preferences, self)
        self.turns = Turns()
        self.runner: JobRunner[StageEvent] = JobRunner(self.turns, failed=_failed)
        self.exporter: JobRunner[ExportDone] = JobRunner(failed=_not_exported)
        self.inference = InferenceService(self.turns, preferences.device, preferences.threads)
        self.device: DeviceFound | None = None
        self.last_finish: StageEvent | None = None
        self.is_opening = False  # whether a window is being built; nothing heavy shall begin meanwhile
        self.is_round = False  # whether what trains, or trained last, is a round of the loop, which tells its own end
        self._state = TrainingState.IDLE
        self._inquiries: dict[int, Inquiry] = {}
        self._indexer: tuple[str, RunIndexer] | None = None
        self._training_timer = QTimer(self)
        self._training_timer.setInterval(TRAINING_POLL_MS)
        self._training_timer.timeout.connect(self.poll_training)
        self._export_timer = QTimer(self)
        self._export_timer.setInterval(TRAINING_POLL_MS)
        self._export_timer.timeout.connect(self.poll_exports)
        self._answer_timer = QTimer(self)
        self._answer_timer.setInterval(ANSWER_POLL_MS)
        self._answer_timer.timeout.connect(self.poll_answers)

    # --- labels

    @property
    def labeler(self) -> str:
        """The person at the desk, as labels name them."""
        return self.preferences.labeler

    def set_labeler(self, name: str) -> None:
        """Let another person label; drafts and orders that are not submitted stay as they are.

        Args:
            name: As ``store.overlaps.person_name`` returns it.
        """
        if name != self.labeler:
            self.preferences.labeler = name
            self.labeler_changed.emit(self.labeler)

    def changed(self, changes: Changes, origin: QObject | None = None) -> None:
        """Tell every view of a write to the store."""
        if changes.tables:
            self.store_changed.emit(changes, origin)
        if "run" in changes.tables:
            self.runs_changed.emit()

    def say(self, text: str, *, kind: str = "info", action: str = "", act: object = None) -> None:
        """Show a toast. ``kind``: info, success, warning, error, or undo, whose button takes the last label back."""
        self.messaged.emit(Message(text, kind, action, act))

    # --- training

    @property
    def state(self) -> TrainingState:
        return self._state

    @property
    def live_run(self) -> str:
        """The id of the run that goes on; empty while there is none, or it has told nothing yet."""
        return self._indexer[0] if self._indexer is not None else ""

    @property
    def control(self) -> RunControl:
        """Steers the run that is going on."""
        return self.runner.control

    def train(self, plan: StagePlan) -> None:
        """Start a plan on the training thread.

        Raises:
            RunError: If a run is going on.
        """
        project = self.store.folder
        self.runner.start(lambda control: train_stages(project, plan, control))
        self._began()

    def go_on(self, run: Path, stage: StageKey, changes: Mapping[str, Any] | None = None) -> None:
        """Continue a run that did not come to its end, with some settings changed.

        Raises:
            RunError: If a run is going on.
        """
        self.runner.start(lambda control: continue_run(run, stage, control, changes))
        self._began()

    def fork(self, run: Path, step: int, settings: Mapping[str, Any]) -> None:
        """Start a run that goes on from a checkpoint of another one.

        Raises:
            RunError: If a run is going on.
        """
        self.runner.start(lambda control: fork_stage(run, step, control, settings))
        self._began()

    def adjust(self, changes: Mapping[str, Any]) -> dict[str, float]:
        """Change settings of the PPO run that goes on, from its next step; returns them as it will take them.

        Raises:
            StudioError: If no run goes on, or as ``steering.ask_changes``.
        """
        if not self.live_run:
            raise RunError("No run goes on whose settings could change. Start one first.")
        return ask_changes(self.store.runs_dir / self.live_run, changes)

    def learn(self, loop: LearningLoop) -> None:
        """Go once round the loop on the training thread: refit, PPO, the same prompts again.

        Raises:
            RunError: If a run is going on.
        """
        self.runner.start(loop.run)
        self._began(is_round=True)

    def pause(self) -> None:
        """Hold the run before its next event."""
        if self._state is TrainingState.RUNNING:
            self.control.pause()
            self._set_state(TrainingState.PAUSED)

    def resume(self) -> None:
        """Let a paused run go on."""
        if self._state is TrainingState.PAUSED:
            self.control.resume()
            self._set_state(TrainingState.RUNNING)

    def stop(self) -> None:
        """End the run at the next chance, with a checkpoint; returns at once."""
        if self._state in {TrainingState.RUNNING, TrainingState.PAUSED}:
            self.runner.request_stop()
            self._set_state(TrainingState.STOPPING)

    def poll_training(self) -> None:
        """Take what the training thread has to tell."""
        is_over = not self.runner.is_running  # read before the drain: what came until then is in it
        items = self.runner.drain()
        if items:
            self._index(items)
            if not is_over and any(is_alarm(item.event) for item in items):
                self.pause()
            self.events_arrived.emit(items)
        if is_over:
            self._ended(items)

    # --- models for other tools

    def export(self, run: Path, out: Path, weights: Weights) -> None:
        """Write a model of a run into a new folder, beside whatever else goes on; the end is said.

        Raises:
            RunError: If an export is going on.
        """
        if self.exporter.is_running:
            raise RunError("A model is being exported already. Wait until it is written.")
        self.exporter.start(lambda control: export(run, out, weights, control))
        self._export_timer.start()

    def poll_exports(self) -> None:
        """Say what has become of an export."""
        is_over = not self.exporter.is_running
        for done in self.exporter.drain():
            if done.folder is None:
                self.say(done.message, kind="error")
            else:
                words = self.tr("The model is in {folder}. {note}").format(folder=done.folder, note=done.message)
                self.say(words.strip(), kind="success")
        if is_over:
            self._export_timer.stop()

    # --- models that answer

    def ask(
        self,
        model: ModelChoice | Path,
        turns: tuple[Turn, ...],
        k: int,
        sampling: Sampling,
        *,
        prompt_id: int = 0,
        step: int = 0,
        avoid: Sequence[str] = (),
        reward: ModelChoice | Path | None = None,
        reference: ModelChoice | Path | None = None,
        priority: int = 0,
    ) -> Inquiry:
        """Sample K answers; see ``InferenceService.sample``. Connect to the inquiry's signals at once."""
        request = self.inference.sample(
            model,
            turns,
            k,
            sampling,
            prompt_id=prompt_id,
            step=step,
            avoid=avoid,
            reward=reward,
            reference=reference,
            priority=priority,
        )
        return self._listen(request)

    def score(self, reward: ModelChoice | Path, turns: tuple[Turn, ...], answers: Sequence[Answer]) -> Inquiry:
        """Score answers that are there; ``scored`` of the inquiry brings it."""
        return self._listen(self.inference.score(reward, turns, answers))

    def prepare(self, model: ModelChoice | Path) -> Inquiry:
        """Load a model before anyone asks it something."""
        return self._listen(self.inference.prepare(model))

    def evaluate(self, run: Path) -> Inquiry:
        """Find out how good a finished reward model is; ``evaluated`` of the inquiry brings it."""
        return self._listen(self.inference.evaluate(run))

    def estimate(self, spec: RunSpec) -> Inquiry:
        """Measure beside the window what a run of this project would take."""
        return self._listen(self.inference.estimate(self.store.folder, spec))

    def poll_answers(self) -> None:
        """Take what the models answered."""
        has_work = self.inference.has_work
        for event in self.inference.drain():
            self._pass_on(event)
        for request, inquiry in list(self._inquiries.items()):
            if inquiry.is_over:
                del self._inquiries[request]
                inquiry.deleteLater()
        if not has_work and not self._inquiries:
            self._answer_timer.stop()

    def close(self, timeout_s: float = 5.0) -> bool:
        """End both threads and the project; return whether they ended in time. Labels are on disk in any case."""
        self.runner.request_stop()
        for inquiry in self._inquiries.values():
            inquiry.cancel()
        ended = self.runner.join(timeout_s)
        ended = self.inference.close(timeout_s) and ended
        ended = self.exporter.join(timeout_s) and ended
        self._export_timer.stop()
        self._training_timer.stop()
        self._answer_timer.stop()
        items = self.runner.drain()
        self._index(items)
        self._release_indexer()
        self.store.close()
        return ended

    # --- inside

    def _listen(self, request: int) -> Inquiry:
        inquiry = self._inquiries[request] = Inquiry(request, self.inference, self)
        self._answer_timer.start()
        return inquiry

    def _began(self, *, is_round: bool = False) -> None:
        self.is_round = is_round
        self.last_finish = None
        self._training_timer.start()
        self._set_state(TrainingState.RUNNING)

    def _ended(self, items: Sequence[StageEvent]) -> None:
        self._training_timer.stop()
        self._release_indexer()
        for item in items:
            if isinstance(item.event, RunFinished):
                self.last_finish = item
        self._set_state(TrainingState.IDLE)
        self.runs_changed.emit()
        if self.last_finish is not None:
            self.training_finished.emit(self.last_finish)

    def _set_state(self, state: TrainingState) -> None:
        if state is not self._state:
            self._state = state
            self.training_state_changed.emit(state)

    def _index(self, items: Sequence[StageEvent]) -> None:
        """Keep the project's index of runs; one transaction for each batch."""
        for run_id in dict.fromkeys(item.run_id for item in items if item.run_id):
            events: list[TrainEvent] = [
                item.event for item in items if item.run_id == run_id and not isinstance(item.event, Progress)
            ]
            try:
                self._indexer_of(run_id).take(events)
            except StudioError as error:  # the run's folder is the truth; its index can be made again
                self.say(str(error), kind="error")
        for item in items:
            if isinstance(item.event, RunFinished):
                self.last_finish = item

    def _indexer_of(self, run_id: str) -> RunIndexer:
        if self._indexer is None or self._indexer[0] != run_id:
            self._release_indexer()
            self._indexer = run_id, RunIndexer(self.store, self.store.runs_dir / run_id)
            self.runs_changed.emit()
        return self._indexer[1]

    def _release_indexer(self) -> None:
        indexer, self._indexer = self._indexer, None
        if indexer is None:
            return
        try:
            indexer[1].__exit__(None, None, None)  # writes what is left
        except StudioError as error:
            self.say(str(error), kind="error")

    def _pass_on(self, event: InferenceEvent) -> None:
        if isinstance(event, DeviceFound):
            self.device = event
            self.device_found.emit(event)
            return
        inquiry = self._inquiries.get(event.request)
        if inquiry is not None:
            inquiry.take(event)


def _not_exported(_step: int, message: str) -> ExportDone:
    return ExportDone(None, message)


def _failed(step: int, message: str) -> StageEvent:
    """A plan that failed outside any run, for instance before the first one began."""
    return StageEvent("sft", "", RunFinished(step, "failed", message))
