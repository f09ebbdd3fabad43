"""Turns the events of a run into what the Train tab shows, live or from a run's folder."""

from collections.abc import Sequence
from itertools import groupby

from PySide6.QtCore import QObject, Signal

from rlhf_studio.events import Notice, Progress, RunStarted, SampleShown, StepMetrics, TrainEvent, is_alarm
from rlhf_studio.jobs.progress import SpeedMeter
from rlhf_studio.jobs.stages import StageEvent
from rlhf_studio.ui.session import Session, TrainingState
from rlhf_studio.ui.spoken import notice_text, phase_word, stage_word
from rlhf_studio.ui.train.history import HistoryReader
from rlhf_studio.ui.train.monitor import Monitor
from rlhf_studio.ui.train.probe_view import ProbeView
from rlhf_studio.ui.train.run_bar import RunBar


class Follower(QObject):
    """Knows which run is on screen, how far it is and how fast."""

    stage_began = Signal(str)  # StageKey

    def __init__(self, session: Session, monitor: Monitor, probes: ProbeView, bar: RunBar) -> None:
        super().__init__(monitor)
        self._session, self._monitor, self._probes, self._bar = session, monitor, probes, bar
        self.meter = SpeedMeter()
        self.stage = ""
        self.run_id = ""
        self._waited_before = 0.0
        self._progress: Progress | None = None
        self._reader: HistoryReader | None = None  # of what a resumed run told before
        session.events_arrived.connect(self._on_events_arrived)
        session.training_state_changed.connect(self._on_state_changed)

    def replay(self, stage: str, events: Sequence[TrainEvent]) -> None:
        """Show what a run told, now or once."""
        self._monitor.take(stage, events)
        self._take_samples(stage, events)

    def _on_events_arrived(self, items: list[StageEvent]) -> None:
        for (stage, run_id), group in groupby(items, key=lambda item: (item.stage, item.run_id)):
            events = [item.event for item in group]
            is_resumed = any(isinstance(event, RunStarted) and event.step > 0 for event in events)
            if run_id and (run_id != self.run_id or is_resumed):
                self._begin(stage, run_id, is_resumed=is_resumed)
            self.replay(stage, events if self._reader is None else self._reader.news(events))
            for event in events:
                self._measure(event)
        self._show_place()

    def _begin(self, stage: str, run_id: str, *, is_resumed: bool) -> None:
        self.stage, self.run_id = stage, run_id
        self._leave_reader()
        self._progress = None
        self._waited_before = self._session.turns.training_waited_s
        self.meter.start(0, 0)
        self._monitor.forget(stage)
        self._monitor.follow(stage)
        if stage != "reward":
            self._probes.clear_probes()
        if is_resumed:  # its curves begin where it began
            self._reader = HistoryReader(self._session.store.runs_dir / run_id, self)
            self._reader.read.connect(self._on_reader_read)
            self._reader.start()
        self.stage_began.emit(stage)

    def _leave_reader(self) -> None:
        if self._reader is not None:
            self._reader.stop()
            self._reader.deleteLater()
            self._reader = None

    def _on_reader_read(self, events: list[TrainEvent]) -> None:
        self.replay(self.stage, events)

    def _measure(self, event: TrainEvent) -> None:
        match event:
            case RunStarted():
                self.meter.start(event.step, event.total)
            case StepMetrics():
                self.meter.reached(event.step)
            case Progress():
                self._progress = event
            case Notice() if not is_alarm(event):  # an alarm stays on screen until a person says how to go on
                self._session.say(notice_text(event.message, event.values))
            case _:
                pass

    def _take_samples(self, stage: str, events: Sequence[TrainEvent]) -> None:
        samples = [event for event in events if isinstance(event, SampleShown)]
        if samples and stage != "reward":
            for sample in samples:
                self._probes.take(sample)
            self._probes.refresh()

    def _show_place(self) -> None:
        if self._session.state is TrainingState.IDLE or not self.stage:
            return
        progress = self._progress
        phase = phase_word(progress.phase) if progress else ""
        step = max(self.meter.step, progress.step if progress else 0)
        total = self.meter.total or (progress.total if progress else 0)
        self._bar.show_progress(stage_word(self.stage), phase, step, total, progress.done if progress else 0.0)
        self._bar.show_left(self.meter.left_s, self._session.turns.training_waited_s - self._waited_before)

    def _on_state_changed(self, state: TrainingState) -> None:
        if state is TrainingState.PAUSED:
            self.meter.pause()
        else:
            self.meter.resume()
