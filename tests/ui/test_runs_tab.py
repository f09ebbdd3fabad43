import json

import pytest
from PySide6.QtCore import QModelIndex, Qt
from PySide6.QtWidgets import QDialogButtonBox, QFileDialog, QMessageBox
from window_material import add_all_runs, add_run

from rlhf_studio.events import RunFinished, RunStarted, StepMetrics
from rlhf_studio.jobs.export_job import ExportDone
from rlhf_studio.jobs.stages import StageEvent, StagePlan
from rlhf_studio.ui import session as session_module
from rlhf_studio.ui.itemmodels.runs import RunsModel
from rlhf_studio.ui.runs.card import CardDialog
from rlhf_studio.ui.runs.describe import DescribeDialog
from rlhf_studio.ui.runs.limit import LimitDialog
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


def texts(model, parent=None, depth=0):
    """The first column, indented as the tree shows it."""
    parent = parent or QModelIndex()
    found = []
    for row in range(model.rowCount(parent)):
        index = model.index(row, 0, parent)
        found += [" " * depth + index.data(), *texts(model, index, depth + 1)]
    return found


def test_the_model_keeps_qts_rules(qtmodeltester, session):
    add_all_runs(session.store)
    from rlhf_studio.jobs.catalog import list_runs

    model = RunsModel(session.theme)
    model.show_runs(list_runs(session.store.folder).runs, "")
    qtmodeltester.check(model)
    assert texts(model) == ["Base model (tiny)", " SFT", "  Reward model", "   PPO-ptx", "   PPO"]
    ppo = model.index_of("20260101-102300-ppo")
    assert [ppo.siblingAtColumn(column).data() for column in (2, 3)] == ["✓ completed", "40"]
    assert ppo.siblingAtColumn(4).data().endswith(" kB")


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
    for _ in range(2):
        qtbot.keyClick(tab.table, Qt.Key.Key_Up)
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


def test_a_run_that_ended_at_its_limit_of_the_kl_goes_on_with_another_one(qtbot, session, monkeypatch):
    settings = {"steps": 9, "kl_stop": 2.5}
    add_run(session.store.folder, "20260101-100000-ppo", "ppo", {}, [StepMetrics(4)], settings=settings)
    (session.store.runs_dir / "20260101-100000-ppo" / "checkpoints" / "step-00000004").mkdir(parents=True)
    tab = RunsTab(session)
    qtbot.addWidget(tab)
    tab.show()
    asked = []
    monkeypatch.setattr(session, "go_on", lambda *words: asked.append(words))
    assert tab.details.go_on.text() == "Go on with another limit of the KL"
    click(qtbot, tab.details.go_on)
    dialog = tab.details.findChild(LimitDialog)
    assert dialog.labelText().startswith("The run ended at step 4, above its limit of 2.5 nats per answer.")
    assert dialog.doubleValue() == 5
    dialog.setDoubleValue(0)
    dialog.accept()
    assert asked == [(session.store.runs_dir / "20260101-100000-ppo", "ppo", {"kl_stop": 0.0})]
    add_run(session.store.folder, "20260102-100000-ppo", "ppo", {}, [StepMetrics(9)], settings=settings)
    session.runs_changed.emit()
    tab.go_to(GoTo("runs", run_id="20260102-100000-ppo"))
    assert tab.details.go_on.isHidden()  # it came to its last step


def test_a_damaged_run_is_named(qtbot, session, tab):
    (session.store.runs_dir / "20260101-100000-sft" / "run.json").write_text("{")
    session.runs_changed.emit()
    assert "20260101-100000-sft" in tab.damaged.text()
    assert texts(tab.model) == ["Base model (deleted)", " Reward model", "  PPO-ptx", "  PPO"]


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
    with qtbot.waitSignal(session.events_arrived, timeout=60_000):
        session.train(StagePlan(("sft",), session.store.folder))
    live = tab.model.index_of("20260102-100000-sft")
    assert live.siblingAtColumn(2).data() == "● training"
    assert live.siblingAtColumn(3).data() == "3"
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


def test_it_says_in_words_whether_a_run_can_be_used(qtbot, session):
    add_run(session.store.folder, "20260101-100000-sft", "sft", {}, [StepMetrics(7)], None)
    tab = RunsTab(session)
    qtbot.addWidget(tab)
    tab.show()
    assert tab.details.usable.text() == "Usable: no, it has not come to its first checkpoint"
    assert not tab.details.fork.isEnabled()
    for step in (2, 6):
        (session.store.runs_dir / "20260101-100000-sft" / "checkpoints" / f"step-0000000{step}").mkdir(parents=True)
    session.runs_changed.emit()
    assert tab.details.usable.text() == "Usable: yes, checkpoint at step 6"
    assert [tab.details.steps.itemData(place) for place in range(2)] == [6, 2]
    tab.details.steps.setCurrentIndex(1)
    session.runs_changed.emit()  # another run has begun: the choice stays
    with qtbot.waitSignal(tab.go_to_requested) as wanted:
        click(qtbot, tab.details.fork)
    assert wanted.args == [GoTo("train", run_id="20260101-100000-sft", step=2)]


def test_the_best_policy_of_a_run_is_told_and_can_be_exported(qtbot, session):
    model = add_run(session.store.folder, "20260101-100000-ppo", "ppo", {}, [StepMetrics(7)])
    for name in ("policy", "policy-best"):
        (model.parent / name).mkdir(exist_ok=True)
        (model.parent / name / "config.json").write_text("{}")
    card = {"step": 4, "score": 1.25, "kl": 3.14, "chosen by": "held-out score, KL at most 5"}
    (model.parent / "policy-best" / "studio.json").write_text(json.dumps({"card": card}))
    tab = RunsTab(session)
    qtbot.addWidget(tab)
    tab.show()
    told = "Usable: yes, model of step 7 \u00b7 best policy at step 4: held-out score +1.25, KL 3.1"
    assert tab.details.usable.text() == told
    assert [action.data() for action in tab.details.export_menu.actions()] == ["raw", "best"]


def test_a_run_is_named_and_noted(qtbot, tab, session):
    click(qtbot, tab.details.rename)
    dialog = tab.details.findChild(DescribeDialog)
    assert dialog.name.text() == "PPO-ptx"
    dialog.name.setText("<b>Best</b>")
    dialog.note.setPlainText("keeps its words")
    click(qtbot, dialog.buttons.button(QDialogButtonBox.StandardButton.Save))
    assert texts(tab.model)[3] == "   PPO-ptx: <b>Best</b>"
    assert tab.details.title.text().startswith("PPO-ptx: <b>Best</b>")
    assert tab.details.comment.text() == "keeps its words"
    assert session.store.runs()[-1].title == "<b>Best</b>"


def test_a_deleted_run_comes_back_by_undo_until_the_trash_is_emptied(qtbot, tab, session):
    with qtbot.waitSignal(session.messaged) as told:
        click(qtbot, tab.details.delete)
    assert told.args[0].kind == "undo"
    assert texts(tab.model) == ["Base model (tiny)", " SFT", "  Reward model", "   PPO"]
    assert tab.details.stage == "ppo"
    assert tab.trash.text() == "Empty the trash (1 deleted runs)"
    session.changed(session.store.undo().changes)
    assert texts(tab.model)[3] == "   PPO-ptx"
    assert tab.trash.isHidden()
    session.changed(session.store.redo().changes)
    click(qtbot, tab.trash)
    assert tab.trash.isHidden()
    assert session.store.undoable() is None


def test_a_run_that_others_began_with_is_not_deleted_unasked(qtbot, tab, session):
    tab.go_to(GoTo("runs", run_id="20260101-100000-sft"))
    click(qtbot, tab.details.delete)
    box = tab.question()
    assert box.text() == "3 runs began with the model of 20260101-100000-sft."
    assert "Reward model · 20260101-101000-reward" in box.informativeText()
    click(qtbot, box.button(QMessageBox.StandardButton.Cancel))
    assert tab.question() is None
    assert len(texts(tab.model)) == 5
    click(qtbot, tab.details.delete)
    click(qtbot, next(button for button in tab.question().buttons() if button.text() == "Delete"))
    assert texts(tab.model) == ["Base model (deleted)", " Reward model", "  PPO-ptx", "  PPO"]


def test_a_model_is_exported_beside_everything_else(qtbot, tab, session, tmp_path, monkeypatch):
    model = tab.details.run.path / "models" / "policy"
    assert not tab.details.export.isEnabled()
    (model / "config.json").write_text("{}")
    tab.reload()
    assert [action.data() for action in tab.details.export_menu.actions()] == ["raw"]
    asked = []

    def play(run, out, weights, control):
        asked.append((run, out, weights))
        yield ExportDone(out, "Keep it dry.") if len(asked) == 1 else ExportDone(None, "The disk is full.")

    monkeypatch.setattr(session_module, "export", play)
    written = f"The model is in {tmp_path / tab.details.run.id}. Keep it dry."
    for kind, words in (("success", written), ("error", "The disk is full.")):
        with qtbot.waitSignal(session.messaged, timeout=60_000) as told:
            tab.export(tab.details.run, "raw", str(tmp_path))
        assert told.args[0].kind == kind
        assert told.args[0].text.startswith(words)
    assert asked[0] == (tab.details.run.path, tmp_path / tab.details.run.id, "raw")
    with qtbot.waitSignal(tab.details.export_requested) as wanted:
        tab.details.export_menu.actions()[0].trigger()
    assert wanted.args == [tab.details.run, "raw"]
    tab.findChild(QFileDialog).reject()


def test_the_card_says_where_the_model_comes_from(qtbot, tab):
    click(qtbot, tab.details.card)
    text = tab.details.findChild(CardDialog).text.toPlainText()
    assert text.startswith("# PPO-ptx: policy\n")
    assert "by the run 20260101-102700-ppo-ptx" in text
    assert "| ptx_coef | 2.0 |" in text


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
