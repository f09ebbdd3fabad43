import pytest
from PySide6.QtCore import Qt
from window_material import add_all_runs, add_run

from rlhf_studio.events import RunFinished, RunStarted, StepMetrics
from rlhf_studio.jobs.stages import StageEvent, StagePlan
from rlhf_studio.ui import session as session_module
from rlhf_studio.ui.itemmodels.runs import RunsModel
from rlhf_studio.ui.tabs.runs_tab import RunsTab
from rlhf_studio.ui.tabs.tab import GoTo


@pytest.fixture
def tab(qtbot, session):
    add_all_runs(session.store)
    tab = RunsTab(session)
    qtbot.addWidget(tab)
    tab.resize(1024, 620)
    with qtbot.waitExposed(tab):
        tab.show()
    return tab


def click(qtbot, button):
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_the_model_keeps_qts_rules(qtmodeltester, session):
    add_all_runs(session.store)
    from rlhf_studio.jobs.catalog import list_runs

    model = RunsModel(session.theme)
    model.show_runs(list_runs(session.store.folder).runs, "")
    qtmodeltester.check(model)
    assert [model.index(row, 0).data() for row in range(4)] == ["PPO-ptx", "PPO", "Reward model", "SFT"]
    assert model.index(0, 2).data() == "✓ completed"


def test_an_empty_project_leads_to_training(qtbot, session):
    tab = RunsTab(session)
    qtbot.addWidget(tab)
    tab.show()
    with qtbot.waitSignal(tab.go_to_requested) as wanted:
        click(qtbot, tab.primary_button())
    assert wanted.args == [GoTo("train")]


def test_the_newest_run_is_shown_with_its_curves(qtbot, tab):
    points = tab.details.grids["ppo"].panels[0].curves[0]
    qtbot.waitUntil(lambda: points.points.count == 40)
    assert tab.details.title.text().startswith("PPO-ptx")
    assert "ptx_coef = 2.0 (0.2)" in tab.details.settings.text()


def test_another_run_is_chosen_by_keys(qtbot, tab):
    tab.table.setFocus()
    for _ in range(3):
        qtbot.keyClick(tab.table, Qt.Key.Key_Down)
    assert tab.details.stage == "sft"
    qtbot.waitUntil(lambda: tab.details.grids["sft"].panels[0].curves[0].points.count == 41)
    with qtbot.waitSignal(tab.go_to_requested) as wanted:
        click(qtbot, tab.details.compare)
    assert wanted.args == [GoTo("compare", run_id="20260101-100000-sft")]


def test_a_run_that_failed_says_why_and_can_go_on_from_its_checkpoint(qtbot, session):
    end = RunFinished(3, "failed", "The disk is full <b>here</b>.")
    add_run(session.store.folder, "20260101-100000-sft", "sft", {}, [StepMetrics(3, {"loss/train": 1.0}), end], None)
    (session.store.runs_dir / "20260101-100000-sft" / "checkpoints" / "step-3").mkdir(parents=True)
    tab = RunsTab(session)
    qtbot.addWidget(tab)
    tab.show()
    assert tab.details.message.text() == "The disk is full <b>here</b>."
    assert tab.details.message.textFormat() == Qt.TextFormat.PlainText
    assert tab.details.go_on.isEnabled()


def test_a_damaged_run_is_named(qtbot, session, tab):
    (session.store.runs_dir / "20260101-100000-sft" / "run.json").write_text("{")
    session.runs_changed.emit()
    assert "20260101-100000-sft" in tab.damaged.text()
    assert tab.model.rowCount() == 3


def test_a_run_that_goes_on_is_called_so_and_its_steps_count_on(qtbot, tab, session, monkeypatch):
    told = [StepMetrics(step, {"loss/train": 1.0}) for step in (1, 2)]
    add_run(session.store.folder, "20260102-100000-sft", "sft", {}, told, None)

    def source(project, plan, control):
        for event in (RunStarted(0, 9, "sft", "cpu", "float32"), *told, StepMetrics(3, {"loss/train": 0.5})):
            yield StageEvent("sft", "20260102-100000-sft", event)
        control.pause()
        control.wait_if_paused()
        yield StageEvent("sft", "20260102-100000-sft", RunFinished(3, "stopped"))

    monkeypatch.setattr(session_module, "train_stages", source)
    with qtbot.waitSignal(session.events_arrived):
        session.train(StagePlan(("sft",), session.store.folder))
    assert tab.model.index(0, 2).data() == "● training"
    assert tab.model.index(0, 3).data() == "3"
    assert not tab.details.go_on.isEnabled()
    tab.go_to(GoTo("runs", run_id="20260102-100000-sft"))
    assert tab.details.go_on.isHidden()
    points = tab.details.grids["sft"].panels[0].curves[0].points
    qtbot.waitUntil(lambda: points.count == 2)
    tab.details.take_live([*told, StepMetrics(3, {"loss/train": 0.5})])
    assert points.count == 3  # none twice
    with qtbot.waitSignal(session.training_finished):
        session.stop()
    assert session.live_run == ""


def test_widths_come_back(qtbot, tab, session):
    tab.resize(1500, 700)
    tab._splitter.setSizes([450, *tab._splitter.sizes()[1:]])
    tab._splitter.splitterMoved.emit(450, 1)  # as a person who drags it
    kept = tab._splitter.sizes()
    again = RunsTab(session)
    qtbot.addWidget(again)
    again.resize(1500, 700)
    again.show()
    qtbot.waitUntil(lambda: abs(again._splitter.sizes()[0] - kept[0]) < 9)


def test_the_tab_fits_the_smallest_window(tab):
    assert tab.minimumSizeHint().width() <= 1024
    assert tab.minimumSizeHint().height() <= 600
