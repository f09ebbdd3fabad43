"""Reads what a run has told so far, a slice per turn of the event loop, so that long runs do not hold the window."""

from collections.abc import Iterator
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from rlhf_studio.events import TrainEvent, from_json
from rlhf_studio.jobs.event_log import EVENT_FILE

LINES = 150  # a turn, about 5 ms


class HistoryReader(QObject):
    """One run's ``events.jsonl`` from its beginning."""

    read = Signal(list)  # list[TrainEvent]
    ended = Signal()

    def __init__(self, run: Path, parent: QObject | None = None) -> None:
        super().__init__(parent)
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
            self.read.emit(events)
        if not self._timer.isActive():
            self.ended.emit()


def _lines(path: Path) -> Iterator[str]:
    if not path.is_file():
        return
    with path.open(encoding="utf-8", errors="replace") as file:
        yield from file
