"""Reads what a run has told so far, a slice per turn of the event loop, so that long runs do not hold the window."""

from collections.abc import Iterator, Sequence
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from rlhf_studio.events import StepMetrics, TrainEvent, from_json
from rlhf_studio.jobs.event_log import EVENT_FILE

LINES = 150  # a turn, about 5 ms


class HistoryReader(QObject):
    """One run's ``events.jsonl`` from its beginning."""

    read = Signal(list)  # list[TrainEvent]
    ended = Signal()

    def __init__(self, run: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.last_step = -1  # of the metrics that were read
        self._lines = _lines(run / EVENT_FILE)
        self._timer = QTimer(self)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._on_turn)

    def start(self) -> None:
        """Begin with the next turn."""
        self._timer.start()

    def stop(self) -> None:
        """Read no more."""
        self._timer.stop()

    def news(self, events: Sequence[TrainEvent]) -> list[TrainEvent]:
        """Of what a live run tells, what was not read and will not be: each event is on disk before it is told."""
        if self._timer.isActive():
            return []
        return [event for event in events if not isinstance(event, StepMetrics) or event.step > self.last_step]

    def _on_turn(self) -> None:
        events: list[TrainEvent] = []
        for _ in range(LINES):
            line = next(self._lines, None)
            if line is None:
                self._timer.stop()
                break
            try:
                events.append(from_json(line))
            except ValueError:  # the last line of a run that was cut off; the run's folder says so when it goes on
                continue
        if events:
            steps = [event.step for event in events if isinstance(event, StepMetrics)]
            self.last_step = max([self.last_step, *steps])
            self.read.emit(events)
        if not self._timer.isActive():
            self.ended.emit()


def _lines(path: Path) -> Iterator[str]:
    if not path.is_file():
        return
    with path.open(encoding="utf-8", errors="replace") as file:
        yield from file
