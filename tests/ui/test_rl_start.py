"""The RL start in the window: its card and its place in a plan; and what is said of an SFT run's epochs."""

import pytest
from PySide6.QtCore import Qt
from window_material import add_run

from rlhf_studio.events import Notice, RunFinished, RunStarted, StepMetrics
from rlhf_studio.jobs.stages import StageEvent
from rlhf_studio.paths import models_dir
from rlhf_studio.ui import session as session_module
from rlhf_studio.ui.tabs.runs_tab import RunsTab

BEST = Notice(8, "sft.best.loss_and_score", {"by_loss": 1, "loss": 1.25, "by_score": 3, "score": 0.5})
KEPT = Notice(8, "sft.kept.score", {"epoch": 3, "of": 4})


@pytest.fixture
def tab(train_tab):
    return train_tab


@pytest.fixture
def plans(monkeypatch):
    """Plans that were started, and what stands for the pipeline."""
    asked = []

    def play(project, plan, control):
        asked.append(plan)
        for stage in plan.stages:
            yield StageEvent(stage, "", RunStarted(0, 2, stage, "cpu", "float32"))
            yield StageEvent(stage, "", StepMetrics(2, {"loss/train": 0.5, "valid/scores": 0.25}))
        yield StageEvent(plan.stages[-1], "", RunFinished(2, "completed"))

    monkeypatch.setattr(session_module, "train_stages", play)
    return asked


def test_the_papers_preset_brings_the_card_and_trains_an_rl_start(qtbot, full, tab, session, plans):
    card = tab.column.cards["rl-start"]
    assert card.isHidden()
    tab.presets.choose("paper")
    assert card.isVisible()
    assert tab.presets.box.currentData() == "paper"
    with qtbot.waitSignal(session.training_finished, timeout=30_000):
        qtbot.mouseClick(tab.primary_button(), Qt.MouseButton.LeftButton)
    (plan,) = plans
    assert plan.stages == ("sft", "reward", "rl-start", "ppo-ptx")
    assert plan.settings["rl-start"]["learning_rate"] == 5e-6
    assert plan.settings["ppo-ptx"]["start"] == "rl-start"
    monitor = tab.watch.monitor
    assert monitor.chips["rl-start"].isVisible()
    assert monitor.grids["rl-start"].panels[0].curves[0].points.count == 1
    score = next(panel for panel in monitor.grids["sft"].panels if panel.spec.name == "score")
    assert score.curves[0].points.last == 0.25
    with qtbot.waitSignal(tab.column.start_changed):
        tab.presets.choose("")
    assert card.isHidden()


def test_ppo_alone_says_that_an_rl_start_is_missing_and_takes_the_one_there_is(qtbot, full, tab, session, plans):
    store, ppo = session.store, tab.column.cards["ppo"]
    sft = add_run(store.folder, "20260101-100000-sft", "sft", {"base": str(models_dir() / "tiny")})
    add_run(store.folder, "20260101-101000-reward", "reward", {"base": str(sft)})
    ppo.form.set_values({"start": "rl-start"})
    assert "RL start" in ppo.missing.text()
    assert not ppo.start.isEnabled()
    assert ppo.mend.text() == "Train all"
    add_run(store.folder, "20260101-102000-rl-start", "rl-start", {"base": str(models_dir() / "tiny")})
    session.runs_changed.emit()
    assert ppo.start.isEnabled()
    assert tab.column.cards["rl-start"].state.text() == "\u2713 trained"
    with qtbot.waitSignal(session.training_finished, timeout=30_000):
        qtbot.mouseClick(ppo.start, Qt.MouseButton.LeftButton)
    assert plans[0].stages == ("ppo-ptx",)
    assert plans[0].parents["rl-start"] == "20260101-102000-rl-start"
    ppo.form.set_values({})
    assert ppo.start.isEnabled()


def test_a_demo_whose_settings_want_an_rl_start_trains_one_too(qtbot, full, tab, session, plans):
    with qtbot.waitSignal(session.training_finished, timeout=30_000):
        tab.train_plan(("sft", "reward", "ppo", "ppo-ptx"), {"ppo": {"start": "rl-start"}})
    assert plans[0].stages == ("sft", "reward", "rl-start", "ppo", "ppo-ptx")


def test_the_runs_tab_says_which_epoch_was_kept_and_which_was_best_by_what(qtbot, session):
    base = {"base": str(models_dir() / "tiny")}
    steps = [StepMetrics(step, {"loss/valid": 1.0, "valid/scores": 0.5}) for step in (2, 4, 6, 8)]
    add_run(session.store.folder, "20260101-090000-rl-start", "rl-start", base, steps)
    add_run(session.store.folder, "20260101-100000-sft", "sft", base, [*steps, BEST, KEPT])
    tab = RunsTab(session)
    qtbot.addWidget(tab)
    tab.resize(1280, 690)
    tab.reload()
    with qtbot.waitExposed(tab):
        tab.show()
    details = tab.details
    qtbot.waitUntil(lambda: bool(details.epochs.text()))
    assert details.epochs.text() == (
        "Best epoch by held-out loss: 1 (1.250 nats per token); by the reward model's score of answers to held-out "
        "prompts: 3 (+0.50). The model is that of epoch 3 of 4, chosen by the score."
    )
    tab.table.setCurrentIndex(tab.model.index_of("20260101-090000-rl-start"))
    assert details.title.text().startswith("RL start")
    assert details.epochs.isHidden()
    assert details.compare.isEnabled()
