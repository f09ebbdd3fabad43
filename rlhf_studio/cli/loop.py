"""``loop``: learns from the rankings since the last training, and shows the same prompts before and after."""

import argparse
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from rlhf_studio import words
from rlhf_studio.cli.parser import Commands, LazyParser, add_command

if TYPE_CHECKING:
    from rlhf_studio.cli.progress import RunView
    from rlhf_studio.events import TrainEvent
    from rlhf_studio.jobs.loop import LearningLoop
    from rlhf_studio.jobs.loop_news import AnswersShown, JudgeRefitted, LoopNews, PartDone, PromptAnswers, ScoredAnswer
    from rlhf_studio.store.project import Store
    from rlhf_studio.train.control import RunControl

_PARTS = {"before": "answers before", "refit": "refit", "ppo": "PPO", "after": "answers after"}


def add_parser(commands: Commands) -> None:
    """Register the command."""
    add_command(
        commands,
        "loop",
        "learn from the newest rankings and show what they change",
        description="Refits the newest reward model to the rankings it has not learned from, goes on with the newest "
        "policy for a few steps of PPO against it, and answers the same prompts before and after with the same random "
        "numbers. Both are runs of the project. Stopped, it goes on when it is called again.",
        fill=_fill,
        run=run,
    )


def _fill(parser: LazyParser) -> None:
    from rlhf_studio.cli.options import add_settings
    from rlhf_studio.settings import LoopSettings

    parser.add_argument("--project", type=Path, required=True, metavar="DIR", help="the project's folder")
    add_settings(parser, LoopSettings)


def run(args: argparse.Namespace) -> int:
    """Go once round the loop."""
    from rlhf_studio.cli.options import read_settings
    from rlhf_studio.settings import LoopSettings
    from rlhf_studio.store.project import open_project

    began = time.perf_counter()
    settings = read_settings(args, LoopSettings)
    with open_project(args.project) as store:
        from rlhf_studio.cli.following import exit_code, follow, quoted
        from rlhf_studio.cli.interrupts import interruptible
        from rlhf_studio.cli.progress import open_view
        from rlhf_studio.jobs.loop import LearningLoop
        from rlhf_studio.train.control import RunControl

        control, loop = RunControl(), LearningLoop(store.folder, settings)
        report = _Report(began)
        with open_view() as view:
            if store.is_read_only:
                view.say(f"{store.read_only_reason} The runs are kept, only the project's index is not.")
            with interruptible(control) as interruption:
                _, ending = follow(_events(store, loop, control, report), view, interruption)
            if not report.is_whole:
                return exit_code(ending, view, f"rlhf-studio loop --project {quoted(store.folder)}")
            report.show(view)
    return 0


def _events(
    store: "Store", loop: "LearningLoop", control: "RunControl", report: "_Report"
) -> "Iterator[tuple[str, TrainEvent]]":
    """The events of both runs, which are put into the project's index; what else is told goes into the report."""
    from rlhf_studio.jobs.catalog import RunIndexer

    indexers: dict[str, RunIndexer] = {}
    try:
        for item in loop.run(control):
            if item.run_id:
                if item.run_id not in indexers:
                    indexers[item.run_id] = RunIndexer(store, store.runs_dir / item.run_id)
                indexers[item.run_id].take([item.event])
            report.take(loop.take())
            yield item.stage, item.event
        report.take(loop.take())
    finally:
        for indexer in indexers.values():
            indexer.__exit__(None, None, None)


class _Report:
    """What the loop told, as it is printed at the end."""

    def __init__(self, began: float) -> None:
        self._began = began
        self._parts: list[PartDone] = []
        self._judge: JudgeRefitted | None = None
        self._shown: AnswersShown | None = None

    @property
    def is_whole(self) -> bool:
        return bool(self._parts) and self._parts[-1].part == "after"

    def take(self, news: "list[LoopNews]") -> None:
        from rlhf_studio.jobs.loop_news import AnswersShown, JudgeRefitted, PartDone

        for one in news:
            match one:
                case PartDone():
                    self._parts.append(one)
                case JudgeRefitted():
                    self._judge = one
                case AnswersShown():
                    self._shown = one

    def show(self, view: "RunView") -> None:
        from rlhf_studio.jobs.loop_news import mean_scores

        prompts = self._shown.prompts if self._shown is not None else ()
        for one in prompts:
            view.say(_comparison(one))
        if self._judge is not None:
            for line in _judge_lines(self._judge):
                view.say(line)
        means = mean_scores(prompts)
        if means is not None:
            count = sum(len(one.after) for one in prompts)
            view.say(
                f"Mean reward of {count} answers, by the refitted reward model: {means[0]:+.2f} -> {means[1]:+.2f}"
            )
        seconds = time.perf_counter() - self._began
        parts = ", ".join(f"{_PARTS[one.part]} {one.seconds:.1f}" for one in self._parts)
        view.say(f"{seconds:.1f} s from the command to here: {parts}, the rest {self._rest(seconds):.1f}")

    def _rest(self, seconds: float) -> float:
        return max(0.0, seconds - sum(one.seconds for one in self._parts))


def _comparison(one: "PromptAnswers") -> str:
    kind = "ranked" if one.is_ranked else "probe"
    lines = [f"\n{words.plain(one.prompt)} [{kind}]", f"  before {_answer(one.before[0])}"]
    lines += [f"  after  {_answer(one.after[0])}"] if one.after else []
    return "\n".join(lines)


def _answer(answer: "ScoredAnswer") -> str:
    score = answer.old_score if answer.new_score is None else answer.new_score
    return f"({score:+.2f}) {' '.join(words.plain(answer.text).split())}"


def _judge_lines(judge: "JudgeRefitted") -> Iterator[str]:
    yield (
        f"\nPairs of the new rankings that the reward model orders as they say: "
        f"{judge.new_before:.0%} -> {judge.new_after:.0%} of {judge.new_pairs}"
    )
    if judge.held_out_before is not None and judge.held_out_after is not None:
        yield f"Held-out pairs: {judge.held_out_before:.1%} -> {judge.held_out_after:.1%}"
