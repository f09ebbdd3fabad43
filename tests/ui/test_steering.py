"""Changing settings of PPO while it goes on: the card, what reaches the run, and the marks on the curves."""

import json
import threading

import pytest
from PySide6.QtCore import Qt
from window_material import add_run, ppo_events

from rlhf_studio.events import Progress, RunFinished, RunStarted, SettingChanged, StepMetrics
from rlhf_studio.jobs.stages import StageEvent
from rlhf_studio.settings import STEERABLE
from rlhf_studio.ui import session as session_module
from rlhf_studio.ui.plots.grid import PlotGrid
from rlhf_studio.ui.train.steer import SteerCard

RUN = "20260101-100000-ppo"


@pytest.fixture
def tab(full, train_tab):
    return train_tab


@pytest.fixture
def live(tab, session, monkeypatch):
    """A PPO run that goes on until it is stopped."""
    add_run(session.store.folder, RUN, "ppo", {}, outcome=None, settings={"kl_coef": 0.123, "clip": 0.2})

    def endless(project, plan, control):
        yield StageEvent("sft", "", Progress(0, 0, "load"))
        yield StageEvent("ppo", RUN, RunStarted(0, 9, "ppo", "cpu", "float32"))
        pause = threading.Event()
        while not control.is_stopping:
            control.wait_if_paused()
            yield StageEvent("ppo", RUN, Progress(1, 9, "sample"))
            pause.wait(0.005)  # a step takes its time
        yield StageEvent("ppo", RUN, RunFinished(1, "stopped"))

    monkeypatch.setattr(session_module, "train_stages", endless)


def type_into(field, text):
    field.editor.setText(text)
    field.editor.textEdited.emit(text)


def wishes(session):
    return [json.loads(path.read_text()) for path in (session.store.runs_dir / RUN).glob("wishes/*.json")]


def test_a_change_reaches_the_run_and_the_card_says_from_when_it_holds(qtbot, tab, session, live):
    card, bar = tab.steering.card, tab.bar
    assert not bar.adjust.isEnabled()
    qtbot.mouseClick(bar.train_all, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(bar.adjust.isEnabled, timeout=30_000)  # torch is loaded first
    assert card.isHidden()
    qtbot.keyClick(tab, Qt.Key.Key_F4)
    assert card.isVisible()
    assert list(card.fields) == list(STEERABLE)
    assert card.fields["kl_coef"].editor.text() == "0.123"  # of this run, not today's default
    assert not card.apply.isEnabled()
    type_into(card.fields["kl_coef"], "0.5")
    type_into(card.fields["clip"], "0.3")
    assert card.fields["kl_coef"].before.text() == "now 0.123"
    qtbot.mouseClick(card.apply, Qt.MouseButton.LeftButton)
    assert wishes(session) == [{"kl_coef": 0.5, "clip": 0.3}]
    assert card.told.text() == "From the run's next step on: beta 0.5, clip 0.3."
    with qtbot.waitSignal(session.training_finished, timeout=30_000):
        qtbot.mouseClick(bar.stop, Qt.MouseButton.LeftButton)
    assert card.isHidden()
    assert not bar.adjust.isEnabled()


def test_a_change_that_cannot_be_is_said_on_the_card(qtbot, tab, session, live):
    card = tab.steering.card
    qtbot.mouseClick(tab.bar.train_all, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(tab.bar.adjust.isEnabled, timeout=30_000)
    qtbot.mouseClick(tab.bar.adjust, Qt.MouseButton.LeftButton)
    type_into(card.fields["ptx_coef"], "0.9")
    qtbot.mouseClick(card.apply, Qt.MouseButton.LeftButton)
    assert "has read no pretraining text" in card.told.text()
    assert wishes(session) == []
    session.stop()
    qtbot.waitUntil(lambda: not tab.bar.adjust.isEnabled())


def test_the_card_follows_what_the_run_says_and_keeps_what_is_being_typed(qtbot):
    card = SteerCard()
    qtbot.addWidget(card)
    card.show_settings({"kl_coef": 0.1, "learning_rate": 1e-4})
    type_into(card.fields["clip"], "0.4")
    card.take([SettingChanged(3, "learning_rate", 5e-5), StepMetrics(3, {"kl_coef": 0.10212345678})])
    assert card.fields["learning_rate"].editor.text() == "5e-05"
    assert card.fields["kl_coef"].editor.text() == "0.102123"  # it follows a wanted KL
    assert card.changes() == {"clip": 0.4}
    card.take([SettingChanged(4, "clip", 0.4)])
    assert card.changes() == {}
    assert not card.apply.isEnabled()


def test_every_panel_has_a_line_with_a_letter_that_is_explained(qtbot, theme):
    grid = PlotGrid(theme, "ppo")
    qtbot.addWidget(grid)
    grid.resize(700, 600)
    with qtbot.waitExposed(grid):
        grid.show()
    grid.set_length(30)
    grid.mark([SettingChanged(8, "kl_coef", 0.1), SettingChanged(8, "clip", 0.3), SettingChanged(12, "kl_coef", 0.2)])
    grid.mark([SettingChanged(8, "kl_coef", 0.1)])  # told by the folder and live
    with qtbot.waitSignal(grid.drawn):
        grid.add([event for event in ppo_events(20, (), 0.2) if isinstance(event, StepMetrics)])
    for panel in grid.panels:
        lines = panel.marks.lines
        assert {step: (line.value(), line.label.toPlainText()) for step, line in lines.items()} == {
            8: (8, "A"),
            12: (12, "B"),
        }
    assert grid.changed.text() == "A from step 8: beta 0.1, clip 0.3 \u00b7 B from step 12: beta 0.2"
    grid.mark([SettingChanged(3, "ptx_coef", 0.0)])  # told late
    assert [line.label.toPlainText() for step, line in sorted(grid.panels[4].marks.lines.items())] == ["A", "B", "C"]
    theme.choose("dark")
    grid.clear()
    assert not any(panel.marks.lines for panel in grid.panels)
    assert grid.changed.isHidden()


def test_marks_come_with_the_history_of_a_run_that_is_resumed(qtbot, tab, session):
    told = [StepMetrics(1, {"objective/scores": 0.1}), SettingChanged(2, "kl_coef", 0.4), StepMetrics(2)]
    add_run(session.store.folder, RUN, "ppo", {}, told, None)
    live = [RunStarted(2, 9, "ppo", "cpu", "float32"), SettingChanged(3, "clip", 0.1)]
    session.events_arrived.emit([StageEvent("ppo", RUN, live[0])])
    follower, panel = tab.watch.follower, tab.watch.monitor.grids["ppo"].panels[0]
    qtbot.waitUntil(lambda: follower._reader.last_step == 2)
    session.events_arrived.emit([StageEvent("ppo", RUN, live[1])])
    assert sorted(panel.marks.lines) == [2, 3]
    assert tab.watch.monitor.grids["ppo"].changed.text().endswith("B from step 3: clip 0.1")
