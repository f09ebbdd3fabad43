"""Whether the window tells the truth about what sampling for Rank takes of training's time.

    python tests/bench/sampling_cost.py --stage sft --rounds 4 --seconds 8

On the example project, in the real Rank tab with the real threads: while one run goes on, the queue of sets rests and
samples by turns. Each time it samples, the share that the status beside the queue tells is noted, and from the steps
per second of both halves of a round what training really lost. On a machine that does other things meanwhile the steps
are noisy, so the median over the rounds counts.
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from pathlib import Path

SETTINGS = {"sft": {"epochs": 50, "batch_size": 4}, "ppo": {"steps": 500, "warmup_steps": 1}}
STAGES = {"sft": ("sft",), "ppo": ("sft", "reward", "ppo")}
SHORT = {"sft": {"epochs": 1}, "reward": {"epochs": 1}}  # of the stages before the one that is measured


class Meter:
    """Counts the steps of one stage as the window hears of them."""

    def __init__(self, session, stage):
        self.stage, self.steps = stage, 0
        session.events_arrived.connect(self._on_events_arrived)

    def _on_events_arrived(self, items):
        from rlhf_studio.events import StepMetrics

        self.steps += sum(item.stage == self.stage and isinstance(item.event, StepMetrics) for item in items)


def let_go(seconds, is_enough=lambda: False):
    """Let the event loop run for a while."""
    from PySide6.QtCore import QEventLoop, QTimer

    end = time.perf_counter() + seconds
    loop = QEventLoop()
    timer = QTimer()
    timer.setInterval(50)
    timer.timeout.connect(lambda: loop.quit() if is_enough() or time.perf_counter() >= end else None)
    timer.start()
    loop.exec()
    timer.stop()


def measure(session, tab, meter, seconds, *, is_sampling):
    """Steps per second of one half of a round, the share of training's time that was told, and sets made."""
    tab.queue.set_pace(10, rests_while_training=not is_sampling)
    let_go(0.6)  # what was under way ends, and the events of it are in
    steps, waited, began = meter.steps, session.turns.training_waited_s, time.perf_counter()
    sets = len(session.store.answer_sets(None))
    let_go(seconds)
    passed = time.perf_counter() - began
    return {
        "rate": (meter.steps - steps) / passed,
        "waited": (session.turns.training_waited_s - waited) / passed,
        "told": tab.page.sources.cost.text(),
        "now": tab.page.sources._cost.now,
        "sets": len(session.store.answer_sets(None)) - sets,
    }


def run(args):
    """Measure, and return a row for each round."""
    from PySide6.QtWidgets import QApplication

    from rlhf_studio.jobs.lineup import LineUp, Source
    from rlhf_studio.jobs.stages import StagePlan
    from rlhf_studio.paths import data_dir, models_dir, resources_dir
    from rlhf_studio.store.bundle import open_or_create_example
    from rlhf_studio.ui.preferences import Preferences
    from rlhf_studio.ui.session import Session
    from rlhf_studio.ui.tabs.rank_tab import RankTab
    from rlhf_studio.ui.theme import Theme

    app = QApplication([])
    store = open_or_create_example(data_dir(), resources_dir())
    session = Session(store, Theme("light"), Preferences(data_dir() / "window.ini"))
    for answers in store.answer_sets():  # else enough would be ready
        store.skip_set(answers.id, "bench")
    tab = RankTab(session)
    tab.resize(1280, 690)
    tab.page.sources.use(LineUp((Source("base:tiny", "Base", 1.0), Source("base:tiny", "Base", 0.7))))
    tab.queue.set_ready.connect(lambda set_id: store.skip_set(set_id, "bench"))  # the queue is never full
    tab.show()
    meter = Meter(session, args.stage)
    settings = {**SHORT, args.stage: SETTINGS[args.stage]}
    session.train(StagePlan(STAGES[args.stage], models_dir() / "tiny", settings))
    let_go(600, lambda: meter.steps >= 3)
    rows = []
    for _ in range(args.rounds):
        rested = measure(session, tab, meter, args.seconds, is_sampling=False)
        sampled = measure(session, tab, meter, args.seconds, is_sampling=True)
        rows.append({"rested": rested, "sampled": sampled, "lost": 1 - sampled["rate"] / rested["rate"]})
        print(
            f"{rested['rate']:6.2f} steps/s resting, {sampled['rate']:6.2f} sampling ({sampled['sets']} sets): "
            f"lost {100 * rows[-1]['lost']:5.1f} %, waited {100 * sampled['waited']:5.1f} %, told: {sampled['told']}",
            flush=True,
        )
    tab.queue.close()
    session.close(30)
    app.quit()
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--stage", choices=("sft", "ppo"), default="sft")
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--out", type=Path, help="write the rounds there, as JSON")
    args = parser.parse_args()
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    with tempfile.TemporaryDirectory() as folder:
        os.environ["RLHF_STUDIO_DATA"] = folder
        rows = run(args)
    if args.out is not None:
        args.out.write_text(json.dumps(rows, indent=1))
    lost = statistics.median(row["lost"] for row in rows)
    waited = statistics.median(row["sampled"]["waited"] for row in rows)
    print(
        f"median: training lost {100 * lost:.1f} % of its steps per second, and waited {100 * waited:.1f} % of the time"
    )


if __name__ == "__main__":
    main()
