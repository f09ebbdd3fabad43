"""What a long run leaves in memory: nothing that grows with its steps."""

import gc
import tracemalloc

import numpy as np
import pytest
from window_material import FakeInference, add_run

from rlhf_studio.events import Progress, RunStarted, SampleShown, StepMetrics
from rlhf_studio.jobs.stages import StageEvent
from rlhf_studio.ui.main_window import MainWindow
from rlhf_studio.ui.tab_pages import TABS
from rlhf_studio.ui.tabs.tab import GoTo

RUN = "20260101-100000-ppo"
STEPS, BATCH, MEASURED_EVERY = 100_000, 1_000, 10  # batches
VALUES = [{name: float(step) for name in ("objective/scores", "objective/kl", "loss/policy_avg")} for step in range(9)]
MOST_BYTES = 4.0  # a step; one float kept of each of its three metrics would be 72


def batches():
    """What 100,000 steps of PPO tell, as the window takes it."""
    yield [StageEvent("ppo", RUN, RunStarted(0, STEPS, "ppo", "cpu", "float32"))]
    for first in range(1, STEPS + 1, BATCH):
        items = [StepMetrics(step, VALUES[step % 9]) for step in range(first, first + BATCH)]
        shown = SampleShown(first, 3, "Say hello.", f"Hello number {first}!", 1.0, 2.0)
        told = (*items, shown, Progress(first + BATCH, STEPS, "update", 0.5))
        yield [StageEvent("ppo", RUN, event) for event in told]


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_steps(qtbot, session):
    session.inference.close(5)
    session.inference = FakeInference()
    add_run(session.store.folder, RUN, "ppo", {}, (), None)
    window = MainWindow(session)
    qtbot.addWidget(window)
    window.open("train")
    for name in TABS:
        window.go_to(GoTo(name))
    window.go_to(GoTo("train"))
    window.tabs.tab("train").build_watch()
    grid = window.tabs.tab("train").watch.monitor.grids["ppo"]
    used = []
    tracemalloc.start()
    for number, items in enumerate(batches()):
        with qtbot.waitSignal(grid.drawn, timeout=20_000):
            session._index(items)
            session.events_arrived.emit(items)
        if number % MEASURED_EVERY == 0:
            gc.collect()
            used.append(tracemalloc.get_traced_memory()[0])
    tracemalloc.stop()
    assert grid.panels[0].curves[0].points.count == STEPS
    settled = np.array(used[2:])  # curves have all the points they ever keep
    slope = np.polyfit(np.arange(len(settled)) * BATCH * MEASURED_EVERY, settled, 1)[0]
    assert slope < MOST_BYTES, f"{slope:.1f} bytes a step"
