import io
import re
from pathlib import Path

import pytest
from rich.console import Console

from rlhf_studio import words
from rlhf_studio.cli.progress import LiveView, PlainView, Tracker, open_view
from rlhf_studio.events import (
    ALARM,
    Notice,
    Progress,
    RunFinished,
    RunStarted,
    SampleShown,
    SettingChanged,
    StepMetrics,
)


class Clock:
    """Time that stands still until it is told to go on."""

    def __init__(self):
        self.now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


def start(tracker, clock, seconds_per_step, steps, total=10, first=0):
    tracker.begin("sft")
    tracker.take(RunStarted(first, total, "sft", "cpu", "float32"))
    for step in range(first + 1, first + steps + 1):
        clock.now += seconds_per_step
        tracker.take(StepMetrics(step, {"loss/train": 3.0 - step / 10}))


def test_time_left_is_the_rest_at_the_measured_speed(clock):
    tracker = Tracker(clock)
    start(tracker, clock, seconds_per_step=2.0, steps=4)
    assert tracker.seconds_left == pytest.approx(12.0)
    clock.now += 1.5
    assert tracker.seconds_left == pytest.approx(10.5)
    clock.now += 100
    assert tracker.seconds_left == 0.0


def test_time_left_is_unknown_before_the_first_step(clock):
    tracker = Tracker(clock)
    tracker.begin("sft")
    assert tracker.seconds_left is None
    start(tracker, clock, 2.0, steps=0)
    assert tracker.time_left == "measuring the speed"


def test_a_resumed_run_counts_only_its_own_steps(clock):
    tracker = Tracker(clock)
    start(tracker, clock, seconds_per_step=3.0, steps=2, first=5)
    assert tracker.position == "step 7 of 10"
    assert tracker.seconds_left == pytest.approx(9.0)


def test_only_recent_steps_count(clock):
    tracker = Tracker(clock)
    start(tracker, clock, seconds_per_step=10.0, steps=30, total=100)
    for step in range(31, 61):
        clock.now += 1.0
        tracker.take(StepMetrics(step, {}))
    assert tracker.seconds_left == pytest.approx(40.0)


def test_a_new_run_forgets_the_last(clock):
    tracker = Tracker(clock)
    start(tracker, clock, 2.0, steps=4)
    tracker.begin("reward")
    assert (tracker.position, tracker.figures, tracker.seconds_left) == ("starting", "", None)


def test_plain_lines_come_at_most_once_a_second(clock):
    stream = io.StringIO()
    view = PlainView(stream, clock)
    view.begin("sft")
    view.show(RunStarted(0, 100, "sft", "cpu", "float32"))
    for step in range(1, 17):
        clock.now += 0.25
        view.show(StepMetrics(step, {"loss/train": 2.0}))
    view.show(RunFinished(16, "stopped"))
    lines = stream.getvalue().splitlines()
    assert lines[0] == "SFT: starting"
    assert [line.split(",")[0] for line in lines[1:-1]] == [f"SFT: step {step} of 100" for step in (1, 5, 9, 13)]
    assert "22 s left" in lines[-2]
    assert lines[-1] == "SFT: stopped, 16 steps in 4 s · loss 2.00"


def test_a_run_that_was_complete_before_says_so(clock):
    stream = io.StringIO()
    view = PlainView(stream, clock)
    view.begin("ppo-ptx")
    view.show(Progress(0, 0, "load"))
    view.show(RunFinished(30, "completed"))
    assert stream.getvalue().splitlines()[-1] == "PPO-ptx: done before"


def test_notices_are_put_into_words(clock):
    stream = io.StringIO()
    view = PlainView(stream, clock)
    view.begin("sft")
    view.show(Notice(0, "sft.left_out", {"count": 3, "limit": 256}))
    assert "3 demonstrations are longer than 256 tokens" in stream.getvalue()


def test_the_live_view_shows_stage_figures_and_answer():
    stream = io.StringIO()
    console = Console(file=stream, force_terminal=True, width=120, color_system=None)
    with LiveView(console) as view:
        view.begin("ppo")
        view.show(RunStarted(0, 30, "ppo", "cpu", "float32"))
        view.show(Notice(0, "ppo.no_held_out_text"))
        view.show(SampleShown(0, 7, "[bold]Hi[/bold]", "one\ntwo"))
        view.show(SampleShown(0, 8, "Another", "answer"))
        view.show(StepMetrics(1, {"objective/scores": 1.25, "objective/kl": 3.0}))
        view.show(SettingChanged(2, "value_learning_rate", 1e-5))
        view.say("Stopping.")
        view.work("Writing the report")
        view.begin("ppo")  # draws at once
        view.show(RunFinished(1, "failed", "the loss is not finite"))
    shown = stream.getvalue()
    assert "natural text cannot be measured" in shown
    assert "failed: the loss is not finite" in shown
    assert "From step 2 on: value rate 1e-05." in shown
    assert "Stopping." in shown
    assert "Writing the report" in shown


def test_the_live_picture():
    console = Console(file=io.StringIO(), force_terminal=True, width=100, color_system=None)
    view = LiveView(console)
    view.begin("ppo")
    for event in (
        RunStarted(0, 30, "ppo", "cpu", "float32"),
        SampleShown(0, 7, "[bold]Hi[/bold] " + "there " * 20, "one\ntwo\x1b[31m"),
        Progress(2, 30, "sample", 0.5),
        StepMetrics(1, {"objective/scores": 1.25, "objective/kl": 3.0}),
    ):
        view.show(event)
    with console.capture() as captured:
        console.print(view.picture())
    assert "PPO" in captured.get()
    assert "step 1 of 30" in captured.get()
    assert "sampling answers · reward +1.25 · KL 3.0" in captured.get()
    assert "[bold]Hi[/bold] there there there there… → one two\ufffd[31m" in captured.get()


def test_no_terminal_gives_plain_lines():
    assert isinstance(open_view(io.StringIO()), PlainView)


def test_an_unknown_message_shows_as_it_is():
    assert words.notice("new.thing", {"count": 2}) == "new.thing (count 2)"
    assert words.notice("new.thing", {}) == "new.thing"


def test_a_message_with_wrong_values_does_not_fail():
    assert words.notice("ppo.ratio_gate", {"error": "much", "limit": 1}) == "ppo.ratio_gate (error much, limit 1)"
    assert words.notice("sft.left_out", {}) == "? demonstrations are longer than ? tokens or empty and are left out."


@pytest.mark.parametrize(("seconds", "said"), [(0.4, "0 s"), (59.4, "59 s"), (100, "1 min 40 s"), (7500, "2 h 5 min")])
def test_durations(seconds, said):
    assert words.duration(seconds) == said


def test_control_characters_never_reach_the_terminal():
    assert words.plain("a\x1b[2Jb\rc\nd\te\u202e") == "a\ufffd[2Jb\ufffdc\nd\te\ufffd"


def test_every_notice_and_phase_of_the_program_has_words():
    package = Path(words.__file__).parent
    files = [path for path in sorted(package.rglob("*.py")) if path != Path(words.__file__)]
    text = "\n".join(path.read_text(encoding="utf-8") for path in files)
    notices = set(re.findall(r"Notice\(\s*[\w.()+ -]+,\s*\"([\w.]+)\"", text))
    assert len(notices) >= 10
    assert notices <= set(words.NOTICES)
    # see tests/train/test_alarm.py and tests/train/test_epochs.py
    put_together = {name for name in words.NOTICES if name.startswith((ALARM, "sft.best.", "sft.kept."))}
    said = set(re.findall(r"\"([a-z]+\.[\w.]+)\"", text))
    assert set(words.NOTICES) <= said | put_together  # nothing is left from what is gone
    phases = set(re.findall(r"Progress\([^)]*?\"(\w+)\"", text)) | set(re.findall(r"progress\(step, \"(\w+)\"", text))
    assert {"sample", "score", "update", "save"} <= phases
    assert phases <= set(words.PHASES)
