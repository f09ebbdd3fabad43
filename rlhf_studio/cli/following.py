"""Follows runs to their end on the terminal: progress, Ctrl+C, and what to say when one has ended early."""

from collections.abc import Iterable
from pathlib import Path

from rlhf_studio.cli.interrupts import Interruption
from rlhf_studio.cli.progress import RunView
from rlhf_studio.errors import RunError
from rlhf_studio.events import RunFinished, TrainEvent

INTERRUPTED = 130  # what shells expect of a program that Ctrl+C ended


def follow(
    events: Iterable[tuple[str, TrainEvent]], view: RunView, interruption: Interruption
) -> tuple[str, RunFinished | None]:
    """Show every event; gives the last stage and how it ended.

    Args:
        events: Keys of ``words.STAGES`` with the events of that stage's run, as they happen.
        view: Has been entered.
        interruption: Of the run's control.
    """
    key, ending = "", None
    for stage, event in events:
        if stage != key:
            key, ending = stage, None
            view.begin(stage)
        if interruption.take_news():
            view.say("Stopping with a checkpoint. Ctrl+C again ends at once.")
        view.show(event)
        if isinstance(event, RunFinished):
            ending = event
    return key, ending


def exit_code(ending: RunFinished | None, view: RunView, how_to_go_on: str) -> int:
    """0 for a run that is complete; else says how to go on."""
    if ending is not None and ending.outcome == "completed":
        return 0
    view.say(f"To go on from the last checkpoint: {how_to_go_on}")
    return RunError.exit_code if ending is not None and ending.outcome == "failed" else INTERRUPTED


def quoted(path: Path | str) -> str:
    """A path to type into a shell."""
    text = str(path)
    return f'"{text}"' if " " in text else text
