"""A run on the terminal: one live line with the time left, or plain lines where there is no terminal."""

import sys
import time
from collections import deque
from collections.abc import Callable
from types import TracebackType
from typing import Protocol, Self, TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.padding import Padding
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from rlhf_studio import words
from rlhf_studio.events import (
    Notice,
    Progress,
    RunFinished,
    RunStarted,
    SampleShown,
    SettingChanged,
    StepMetrics,
    TrainEvent,
)

_RECENT_STEPS = 20
_LIVE_SECONDS = 0.1
_PLAIN_SECONDS = 1.0
_TITLE = 14  # columns of a stage's title
_COLOURS = {  # as in the report
    "sft": "#56b4e9",
    "rl-start": "#56b4e9",
    "reward": "#e69f00",
    "ppo": "#2cc79b",
    "ppo-ptx": "#e08fc0",
}


class Tracker:
    """What is known about the run right now, and how long the rest will take at the speed of recent steps."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.begin("")

    def begin(self, key: str) -> None:
        """A new run starts; everything known about the last one is forgotten."""
        self.key = key
        self.title = words.STAGES.get(key, key)
        self.kind = key
        self.step = self.total = 0
        self.phase = ""
        self.share = 0.0  # of the current phase
        self.values: dict[str, float] = {}
        self.sample: SampleShown | None = None
        self._began = self._clock()
        self._marks: deque[tuple[float, int]] = deque(maxlen=_RECENT_STEPS + 1)

    def take(self, event: TrainEvent) -> None:
        """Learn from one event."""
        match event:
            case RunStarted():
                self.step, self.total, self.kind = event.step, event.total, event.kind
                self._marks.append((self._clock(), event.step))
            case Progress():
                self.total, self.phase, self.share = event.total, event.phase, event.done
            case StepMetrics():
                self.step = event.step
                self.values.update(event.values)
                self._marks.append((self._clock(), event.step))
            case SampleShown():
                if self.sample is None or event.prompt_id == self.sample.prompt_id:  # the same prompt all along
                    self.sample = event

    @property
    def done(self) -> float:
        """Share of the run that is done, in [0, 1]."""
        return self.step / self.total if self.total else 0.0

    @property
    def seconds_spent(self) -> float:
        return self._clock() - self._began

    @property
    def seconds_left(self) -> float | None:
        """From the average of recent steps; None before the first is done."""
        (first_time, first_step), (last_time, last_step) = (
            (self._marks[0], self._marks[-1]) if self._marks else ((0.0, 0), (0.0, 0))
        )
        if last_step == first_step:
            return None
        per_step = (last_time - first_time) / (last_step - first_step)
        return max(0.0, (self.total - last_step) * per_step - (self._clock() - last_time))

    @property
    def position(self) -> str:
        return f"step {self.step} of {self.total}" if self.total else "starting"

    @property
    def time_left(self) -> str:
        left = self.seconds_left
        return f"{words.duration(left)} left" if left is not None else "measuring the speed"

    @property
    def figures(self) -> str:
        return words.figures(self.kind, self.values)

    def ending(self, event: RunFinished) -> str:
        """One line about a run that has ended."""
        word = {"completed": "done", "stopped": "stopped", "failed": "failed"}[event.outcome]
        if event.message:
            return f"{word}: {event.message}"
        if not self.total:  # it never started: it was complete before
            return f"{word} before"
        parts = [f"{word}, {event.step} steps in {words.duration(self.seconds_spent)}", self.figures]
        return " · ".join(part for part in parts if part)


class RunView(Protocol):
    """Shows runs, one after another."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def begin(self, key: str) -> None:
        """A new run starts: a key of ``words.STAGES``."""

    def show(self, event: TrainEvent) -> None:
        """Something happened."""

    def say(self, sentence: str) -> None:
        """Tell a person something outside of any run."""

    def work(self, what: str) -> None:
        """Say what goes on now, outside of any run; it need not stay on the screen."""


def open_view(stream: TextIO | None = None) -> RunView:
    """The live view on a terminal, plain lines anywhere else."""
    stream = stream or sys.stdout
    console = Console(file=stream, highlight=False)
    return LiveView(console) if console.is_terminal and not console.is_dumb_terminal else PlainView(stream)


class PlainView:
    """A line at most once a second: for log files, pipes and CI."""

    def __init__(self, stream: TextIO, clock: Callable[[], float] = time.monotonic) -> None:
        self._stream = stream
        self._clock = clock
        self._tracker = Tracker(clock)
        self._last = float("-inf")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return

    def begin(self, key: str) -> None:
        self._tracker.begin(key)
        self._last = float("-inf")
        self.say(f"{self._tracker.title}: starting")

    def show(self, event: TrainEvent) -> None:
        tracker = self._tracker
        tracker.take(event)
        match event:
            case Notice():
                self.say(f"{tracker.title}: {words.notice(event.message, event.values)}")
            case SettingChanged():
                self.say(f"{tracker.title}: {_changed(event)}")
            case RunFinished():
                self.say(f"{tracker.title}: {tracker.ending(event)}")
            case Progress() | StepMetrics() if self._clock() - self._last >= _PLAIN_SECONDS:
                self._last = self._clock()
                phase = words.PHASES.get(tracker.phase, tracker.phase)
                parts = [tracker.position, phase, tracker.time_left, tracker.figures]
                self.say(f"{tracker.title}: {', '.join(part for part in parts if part)}")

    def say(self, sentence: str) -> None:
        print(words.plain(sentence), file=self._stream, flush=True)

    def work(self, what: str) -> None:
        self.say(f"{what} ...")


class LiveView:
    """Two lines that change in place; runs that have ended stay above them."""

    def __init__(self, console: Console, clock: Callable[[], float] = time.monotonic) -> None:
        self._console = console
        self._clock = clock
        self._tracker = Tracker(clock)
        # no thread of its own: it would take turns from the training thread
        self._live = Live(console=console, auto_refresh=False, transient=True)
        self._last = float("-inf")

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._live.stop()

    def begin(self, key: str) -> None:
        self._tracker.begin(key)
        self._last = float("-inf")
        self._refresh()

    def show(self, event: TrainEvent) -> None:
        tracker = self._tracker
        tracker.take(event)
        match event:
            case Notice():
                self._remark(words.notice(event.message, event.values))
            case SettingChanged():
                self._remark(_changed(event))
            case RunFinished():
                line = Text("✓ " if event.outcome == "completed" else "■ ", style=self._colour)
                self._print(
                    Text()
                    .append_text(line)
                    .append(f"{tracker.title:<{_TITLE}}", style="bold")
                    .append(tracker.ending(event))
                )
                self._live.update(Text(""), refresh=True)
                return
        if self._clock() - self._last >= _LIVE_SECONDS:
            self._refresh()

    def say(self, sentence: str) -> None:
        self._print(Text(words.plain(sentence)))

    def work(self, what: str) -> None:
        self._live.update(Text(f"  {what} …", style="dim"), refresh=True)

    @property
    def _colour(self) -> str:
        return _COLOURS.get(self._tracker.key, "default")

    def _remark(self, sentence: str) -> None:
        self._print(Padding(Text(words.plain(sentence), style="dim"), (0, 0, 0, _TITLE + 2)))

    def _print(self, text: RenderableType) -> None:
        self._console.print(text)

    def _refresh(self) -> None:
        self._last = self._clock()
        self._live.update(self.picture(), refresh=True)

    def picture(self) -> Group:
        """What is on the screen now."""
        tracker = self._tracker
        line = Table.grid(padding=(0, 2), expand=False)
        line.add_row(
            Text(f"  {tracker.title:<{_TITLE - 2}}", style="bold"),
            ProgressBar(total=1.0, completed=tracker.done, width=24, complete_style=self._colour),
            Text(tracker.position),
            Text(tracker.time_left if tracker.total else ""),
        )
        phase = words.PHASES.get(tracker.phase, tracker.phase)
        details = Text(" · ".join(part for part in (phase, tracker.figures) if part), style="dim", overflow="ellipsis")
        rows: list[RenderableType] = [line, Text(" " * (_TITLE + 2)).append_text(details)]
        if tracker.sample is not None:
            rows.append(_answer_line(tracker.sample))
        return Group(*rows)


def _changed(event: SettingChanged) -> str:
    return words.CHANGED.format(step=event.step, changes=words.mark(event.name, event.value))


def _answer_line(sample: SampleShown) -> Text:
    """What the model says now, on one line."""
    prompt, answer = (" ".join(words.plain(text).split()) for text in (sample.prompt, sample.text))
    if len(prompt) > 40:
        prompt = prompt[:39] + "…"
    return Text(f"{'':{_TITLE + 2}}{prompt} → {answer}", no_wrap=True, overflow="ellipsis")
