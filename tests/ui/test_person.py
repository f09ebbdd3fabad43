"""A person at the window, from the first start to the second: writes, ranks, trains, compares, closes, comes back.

Real threads, the bundled model, the example project; only the runs are short.
"""

import threading
from collections import Counter

import pytest
from PySide6.QtCore import QModelIndex, Qt, QTimer
from PySide6.QtTest import QTest
from shiboken6 import isValid

from rlhf_studio.store.project import open_project
from rlhf_studio.ui.session import TrainingState
from rlhf_studio.ui.studio import Studio
from rlhf_studio.ui.tab_pages import TABS
from rlhf_studio.ui.tabs.tab import GoTo

LEFT = Qt.MouseButton.LeftButton
SHORT = {
    "sft": {"epochs": 1, "batch_size": 256, "max_length": 24},
    "reward": {"epochs": 1, "batch_size": 16, "max_rankings": 48},
    "ppo-ptx": {"steps": 2, "batch_size": 8, "minibatch_size": 8, "epochs": 1, "max_new_tokens": 12, "probe_every": 2},
}
LONG_SFT = {"sft": {"epochs": 16, "batch_size": 16}}
PATIENCE_MS = 120_000


def opened(qtbot, studio):
    window = studio.start()
    if len(window.tabs.existing()) < len(TABS):
        with qtbot.waitSignal(window.tabs.all_built, timeout=20_000):
            pass
    return window


def writes_a_demonstration(qtbot, window):
    window.go_to(GoTo("write"))
    tab = window.tabs.tab("write")
    tab.answer.editor.setFocus()
    QTest.keyClicks(tab.answer.editor, "A good answer.")
    with qtbot.waitSignal(window.session.store_changed):
        qtbot.keyClick(tab.answer.editor, Qt.Key.Key_Return, Qt.KeyboardModifier.ControlModifier)


def ranks_two_sets(qtbot, window):
    """One by keys with a tie, one by the mouse."""
    window.go_to(GoTo("rank"))
    tab = window.tabs.tab("rank")
    store = window.session.store
    qtbot.waitUntil(lambda: tab._set is not None)
    first = tab._set
    with qtbot.waitSignal(window.session.store_changed):
        QTest.keyClicks(tab, "24=1")
        qtbot.keyClick(tab, Qt.Key.Key_Return)
    order = [[first.completion_ids[1]], sorted([first.completion_ids[3], first.completion_ids[0]])]
    order.append([first.completion_ids[2]])
    qtbot.waitUntil(lambda: tab._set is not None and tab._set.id != first.id)
    second = tab._set
    for card in (3, 2, 1):
        qtbot.mouseClick(tab.page.board.cards[card], LEFT)
    with qtbot.waitSignal(window.session.store_changed):
        qtbot.mouseClick(tab.page.submit, LEFT)
    made = [ranking for ranking in store.rankings() if not ranking.is_simulated]
    assert [[sorted(tier) for tier in ranking.tiers] for ranking in made] == [
        order,
        [[second.completion_ids[place]] for place in (3, 2, 1, 0)],
    ]
    assert [ranking.shown_order for ranking in made] == [first.completion_ids, second.completion_ids]


def trains_the_three_stages(qtbot, window):
    window.go_to(GoTo("train"))
    tab, session = window.tabs.tab("train"), window.session
    with qtbot.waitSignal(session.training_finished, timeout=PATIENCE_MS) as finished:
        tab.train_plan(("sft", "reward", "ppo-ptx"), SHORT)
    assert finished.args[0].event.outcome == "completed", finished.args[0].event.message
    grids = tab.watch.monitor.grids
    assert grids["ppo"].panels[0].curves[0].points.count == 2
    assert grids["sft"].panels[0].curves[0].points.count > 0
    terms = tab.watch.monitor.objective.terms
    assert terms.objective == pytest.approx(terms.score - terms.beta * terms.kl + terms.gamma * terms.ptx)
    assert tab.probes.view.toPlainText().count("step 2") > 0


def pauses_resumes_and_stops(qtbot, window):
    tab, session = window.tabs.tab("train"), window.session

    def is_learning(items):
        return any(type(item.event).__name__ == "StepMetrics" and item.event.step > 0 for item in items)

    with qtbot.waitSignal(session.events_arrived, timeout=PATIENCE_MS, check_params_cb=is_learning):
        tab.train_plan(("sft",), LONG_SFT)
    qtbot.mouseClick(tab.bar.pause, LEFT)
    assert session.state is TrainingState.PAUSED
    qtbot.mouseClick(tab.bar.pause, LEFT)
    with qtbot.waitSignal(session.events_arrived, timeout=PATIENCE_MS):
        pass
    with qtbot.waitSignal(session.training_finished, timeout=PATIENCE_MS) as finished:
        qtbot.mouseClick(tab.bar.stop, LEFT)
    assert finished.args[0].event.outcome == "stopped"
    assert tab.banner.go_on.isVisible()


def compares(qtbot, window):
    window.go_to(GoTo("compare"))
    tab = window.tabs.tab("compare")
    columns = tab.board.columns
    assert len(columns) >= 3  # base, SFT, PPO-ptx
    tab.ask_all()
    qtbot.waitUntil(lambda: all(column.answer is not None for column in columns), timeout=PATIENCE_MS)
    assert all(column.answer.score is not None and column.answer.kl is not None for column in columns)


def closes(qtbot, studio, window):
    timers = window.findChildren(QTimer)
    with qtbot.waitSignal(studio.ended, timeout=20_000):
        window.close()
    qtbot.waitUntil(lambda: not any(isValid(timer) and timer.isActive() for timer in timers))
    assert [thread.name for thread in threading.enumerate() if thread.name in {"training", "inference"}] == []


def below(model, parent=None):
    """Every index of a tree's first column."""
    parent = parent or QModelIndex()
    for row in range(model.rowCount(parent)):
        index = model.index(row, 0, parent)
        yield index
        yield from below(model, index)


@pytest.mark.whole
def test_the_whole_loop_by_hand(qtbot, qapp, preferences):
    studio = Studio(preferences)
    window = opened(qtbot, studio)
    folder = window.session.store.folder
    demonstrations = window.session.store.counts().demonstrations
    writes_a_demonstration(qtbot, window)
    ranks_two_sets(qtbot, window)
    trains_the_three_stages(qtbot, window)
    pauses_resumes_and_stops(qtbot, window)
    compares(qtbot, window)
    closes(qtbot, studio, window)

    with open_project(folder, read_only=True) as store:
        assert store.counts().demonstrations == demonstrations + 1
        assert store.counts().rankings_by_people == 2
        assert [run.outcome for run in store.runs()] == ["completed", "completed", "completed", "stopped"]
        assert [len(store.metrics(run.id)) > 0 for run in store.runs()] == [True] * 4

    again = Studio(preferences)
    window = opened(qtbot, again)
    assert window.session.store.folder == folder
    assert window.tabs.current_name() == "compare"
    window.go_to(GoTo("runs"))
    runs = window.tabs.tab("runs")
    states = Counter(index.siblingAtColumn(2).data() for index in below(runs.model))
    assert states == {"": 1, "■ stopped": 1, "✓ completed": 3}  # the base model, at the root, has none
    assert window.menus.actions["undo"].isEnabled()
    closes(qtbot, again, window)
