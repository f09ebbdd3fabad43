"""The Train tab as a person uses it; runs are played by sources of events that need no model."""

import errno
import json
import threading

import pytest
from PySide6.QtCore import Qt, QTimer
from window_material import MARKUP, add_all_runs, add_run

from rlhf_studio.events import Notice, Progress, RunFinished, RunStarted, SampleShown, StepMetrics
from rlhf_studio.jobs.stages import StageEvent
from rlhf_studio.settings import PpoSettings, options
from rlhf_studio.ui import session as session_module
from rlhf_studio.ui.session import TrainingState
from rlhf_studio.ui.tabs.tab import GoTo
from rlhf_studio.ui.tabs.train_tab import TrainTab
from rlhf_studio.ui.train.side import StageColumn

PPO = {"objective/scores": 1.0, "objective/kl": 2.0, "kl_coef": 0.15, "loss/ptx": 2.5, "ptx_coef": 0.2}


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
            yield StageEvent(stage, "", StepMetrics(2, {"loss/train": 0.5, **(PPO if stage == "ppo-ptx" else {})}))
        yield StageEvent(plan.stages[-1], "", RunFinished(2, "completed"))

    monkeypatch.setattr(session_module, "train_stages", play)
    return asked


def click(qtbot, button):
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def test_one_click_trains_all_three_and_draws_them(qtbot, full, tab, session, plans):
    with qtbot.waitSignal(session.training_finished):
        click(qtbot, tab.primary_button())
    assert plans[0].stages == ("sft", "reward", "ppo-ptx")
    curves = {kind: grid.panels[0].curves[0].points.count for kind, grid in tab.watch.monitor.grids.items()}
    assert curves == {"sft": 1, "reward": 1, "rl-start": 0, "ppo": 1}
    assert tab.watch.monitor.objective.terms.objective == pytest.approx(1 - 0.3 - 0.5)


def test_f5_f6_f7_start_pause_and_stop(qtbot, full, tab, session, monkeypatch):
    def endless(project, plan, control):
        pause, step = threading.Event(), 0
        while not control.is_stopping:
            step += 1
            yield StageEvent("sft", "", StepMetrics(step))
            control.wait_if_paused()
            pause.wait(0.005)
        yield StageEvent("sft", "", RunFinished(step, "stopped"))

    monkeypatch.setattr(session_module, "train_stages", endless)
    with qtbot.waitSignal(session.events_arrived):
        qtbot.keyClick(tab, Qt.Key.Key_F5)
    qtbot.keyClick(tab, Qt.Key.Key_F6)
    assert session.state is TrainingState.PAUSED
    assert tab.bar.pause.text() == "Go on"
    qtbot.keyClick(tab, Qt.Key.Key_F6)
    assert session.state is TrainingState.RUNNING
    with qtbot.waitSignal(session.training_finished):
        qtbot.keyClick(tab, Qt.Key.Key_F7)
    assert tab.banner.isVisible()
    assert "stopped" in tab.banner.sentence.text()


def test_what_is_missing_is_said_before_the_start_with_the_button_that_mends_it(qtbot, tab):
    sft, reward = tab.column.cards["sft"], tab.column.cards["reward"]
    assert not sft.start.isEnabled()
    assert "no demonstration" in sft.missing.text()
    with qtbot.waitSignal(tab.go_to_requested) as wanted:
        click(qtbot, sft.mend)
    assert wanted.args == [GoTo("write")]
    assert "SFT model" in reward.missing.text()
    assert "rank at least 2 sets" in reward.missing.text()


def test_train_all_says_what_is_missing_instead_of_starting(qtbot, full, tab, session, plans):
    store = session.store
    for demonstration in store.demonstrations():
        session.changed(store.retract_demonstration(demonstration.id, "Tess"))
    with qtbot.waitSignal(session.messaged) as said:
        click(qtbot, tab.bar.train_all)
    assert "no demonstration" in said.args[0].text
    with qtbot.waitSignal(tab.go_to_requested) as wanted:
        said.args[0].act()
    assert wanted.args == [GoTo("write")]
    assert session.state is TrainingState.IDLE
    assert plans == []


def test_a_new_demonstration_mends_sft_at_once(qtbot, tab, session):
    session.changed(session.store.add_demonstration(2, "It scatters.", "Tess").changes)
    card = tab.column.cards["sft"]
    assert card.start.isEnabled()
    assert card.data.text() == "1 demonstration"
    assert not card.missing.isVisible()


def test_each_card_shows_at_most_six_settings_until_all_are_asked_for(qtbot, tab):
    for card in tab.column.cards.values():
        assert 1 <= sum(setting.isVisibleTo(card) for setting in card.form.fields.values()) <= 6
    form = tab.column.cards["ppo"].form
    form.more.click()
    assert all(group.head.isVisible() for group in form.groups.values())
    assert sum(setting.isVisible() for setting in form.fields.values()) <= 6  # the groups are folded
    for group in form.groups.values():
        group.head.click()
    assert sum(setting.isVisible() for setting in form.fields.values()) == len(options(PpoSettings))


def test_settings_of_the_cards_reach_the_plan_and_are_remembered(qtbot, full, tab, session, plans):
    steps = tab.column.cards["ppo"].form.fields["steps"].editor
    steps.selectAll()
    qtbot.keyClicks(steps, "7")
    beta = tab.column.cards["ppo"].form.fields["kl_coef"].editor
    beta.selectAll()
    qtbot.keyClicks(beta, "0.02")
    with qtbot.waitSignal(session.training_finished):
        tab.train_all()
    assert plans[0].settings["ppo-ptx"] == {"steps": 7, "kl_coef": 0.02}
    again = TrainTab(session)
    qtbot.addWidget(again)
    assert again.column.cards["ppo"].form.values() == {"steps": 7, "kl_coef": 0.02}
    click(qtbot, tab.column.cards["ppo"].form.reset)
    assert tab.column.cards["ppo"].form.values() == {}


def test_a_number_out_of_bounds_counts_as_not_set(qtbot, tab):
    setting = tab.column.cards["ppo"].form.fields["steps"]
    setting.editor.clear()
    assert setting.value == setting.option.default
    setting.editor.setText("-3")
    assert setting.value == setting.option.default


def test_without_pretraining_gradients_the_card_is_plain_ppo(qtbot, full, tab, session, plans):
    card = tab.column.cards["ppo"]
    assert (card.stage, card.name.text()) == ("ppo-ptx", "PPO-ptx")
    gamma = card.form.fields["ptx_coef"].editor
    gamma.selectAll()
    qtbot.keyClicks(gamma, "0")
    assert (card.stage, card.name.text()) == ("ppo", "PPO")
    with qtbot.waitSignal(session.training_finished):
        tab.train_all()
    assert plans[0].stages == ("sft", "reward", "ppo")


def test_a_finished_project_shows_its_curves_and_trains_one_stage_alone(qtbot, full, session, plans):
    add_all_runs(full)
    tab = TrainTab(session)
    qtbot.addWidget(tab)
    with qtbot.waitExposed(tab):
        tab.show()
    tab.finish()
    qtbot.waitUntil(lambda: tab.watch.monitor.grids["ppo"].panels[0].curves[0].points.count == 40)
    assert tab.column.cards["sft"].state.text() == "✓ trained"
    assert "red hat" in tab.probes.view.toPlainText()
    with qtbot.waitSignal(session.training_finished):
        click(qtbot, tab.column.cards["reward"].start)
    assert plans[0].stages == ("reward",)
    assert plans[0].parents["sft"] == "20260101-100000-sft"


def test_a_run_that_goes_on_after_a_restart_shows_its_curve_from_the_beginning(qtbot, tab, session):
    shown = SampleShown(1, 3, "Say hello.", "Hello!")
    told = [shown, *(StepMetrics(step, {"loss/train": 1 / step}) for step in (1, 2, 3))]
    add_run(session.store.folder, "20260101-100000-sft", "sft", {}, told, None)
    live = [RunStarted(3, 9, "sft", "cpu", "float32"), StepMetrics(4, {"loss/train": 0.2})]
    session.events_arrived.emit([StageEvent("sft", "20260101-100000-sft", event) for event in live[:1]])
    follower, curve = tab.watch.follower, tab.watch.monitor.grids["sft"].panels[0].curves[0]
    qtbot.waitUntil(lambda: follower._reader.last_step == 3)
    session.events_arrived.emit([StageEvent("sft", "20260101-100000-sft", event) for event in live[1:]])
    assert curve.points.points()[0].tolist() == [1, 2, 3, 4]
    assert "Hello!" in tab.probes.view.toPlainText()


def test_answers_show_as_they_were_written_and_changed_words_are_marked(qtbot, tab):
    view = tab.probes.view
    view.take(SampleShown(0, 1, MARKUP, "the red hat"))
    view.take(SampleShown(5, 1, MARKUP, "the blue hat <b>x</b>", 1.25, 3.0))
    view.refresh()
    text = view.toPlainText()
    assert MARKUP in text
    assert "the blue hat <b>x</b>" in text
    assert "step 5 · reward +1.25 · KL 3.0 nats" in text
    marked = []
    block = view.document().begin()
    while block.isValid():
        fragments = block.begin()
        while not fragments.atEnd():
            fragment = fragments.fragment()
            if fragment.charFormat().fontUnderline():
                marked.append(fragment.text())
            fragments += 1
        block = block.next()
    assert marked == [" blue", " <b>x</b>"]


def test_progress_is_said_in_words_with_the_time_left(qtbot, full, tab, session):
    follower = tab.watch.follower
    follower.stage = "sft"
    session._state = TrainingState.RUNNING
    session.events_arrived.emit([StageEvent("sft", "", RunStarted(0, 120, "sft", "cpu", "float32"))])
    session.events_arrived.emit(
        [StageEvent("sft", "", StepMetrics(36)), StageEvent("sft", "", Progress(37, 120, "update", 0.5))]
    )
    assert tab.bar.where.text() == "SFT · learning · step 37 of 120"
    assert "left" in tab.bar.left.text()
    session._state = TrainingState.IDLE


def test_an_alarm_holds_the_run_and_shows_the_texts_until_a_person_decides(qtbot, full, tab, session, monkeypatch):
    said = {"before": 0.03, "now": 0.4, "examples": f"Hi {MARKUP} \u2192 ha ha ha"}

    def hacks(project, plan, control):
        yield StageEvent("ppo", "", Notice(6, "ppo.alarm.repetition", said))
        pause = threading.Event()
        while not control.is_stopping:
            control.wait_if_paused()
            yield StageEvent("ppo", "", Progress(7, 9, "sample"))
            pause.wait(0.005)  # a step takes its time
        yield StageEvent("ppo", "", RunFinished(7, "stopped"))

    monkeypatch.setattr(session_module, "train_stages", hacks)
    assert not tab.alarm.isVisible()
    click(qtbot, tab.bar.train_all)
    qtbot.waitUntil(tab.alarm.isVisible)
    assert session.state is TrainingState.PAUSED
    assert session.control.is_paused
    text = tab.alarm.sentence.text()
    assert text.startswith("Alarm: the answers repeat themselves. At first 3%")
    assert text.endswith(f"Hi {MARKUP} \u2192 ha ha ha")
    click(qtbot, tab.alarm.go_on)
    assert session.state is TrainingState.RUNNING
    assert not tab.alarm.isVisible()
    tab.alarm.show_alarms([Notice(6, "ppo.alarm.repetition", said)])
    with qtbot.waitSignal(session.training_finished):
        click(qtbot, tab.alarm.stop)
    assert not tab.alarm.isVisible()


FAILURES = {
    "not finite": ValueError("loss of step 3 is nan"),
    "memory": MemoryError(),
    "disk": OSError(errno.ENOSPC, "No space left on device"),
}


@pytest.mark.parametrize("error", FAILURES.values(), ids=FAILURES)
def test_a_thread_that_breaks_leaves_a_sentence_and_a_window_that_lives(qtbot, full, tab, session, monkeypatch, error):
    def breaks(project, plan, control):
        yield StageEvent("sft", "", StepMetrics(2))
        raise error

    monkeypatch.setattr(session_module, "train_stages", breaks)
    with qtbot.waitSignal(session.training_finished):
        click(qtbot, tab.bar.train_all)
    assert tab.banner.isVisible()
    assert "failed" in tab.banner.sentence.text()
    assert tab.banner.again.isVisible()
    assert tab.bar.train_all.isEnabled()


def test_memory_exhausted_offers_half_the_micro_batch(qtbot, tab, tmp_path):
    last = StageEvent("ppo", "x", RunFinished(3, "failed", "The memory is exhausted (micro-batch 32)."))
    tab.banner.show_end(last, tmp_path, True, 32)
    with qtbot.waitSignal(tab.banner.continue_requested) as asked:
        click(qtbot, tab.banner.halve)
    assert asked.args == [True]
    tab.banner.show_end(StageEvent("ppo", "x", RunFinished(3, "failed", "The disk is full.")), tmp_path, True, 32)
    assert not tab.banner.halve.isVisible()


def test_an_idle_tab_runs_no_timer(qtbot, full, tab):
    assert tab.outlook._timer.isSingleShot()  # what it measures once it has rested: tests/ui/test_outlook.py
    tab.outlook._timer.stop()
    qtbot.waitUntil(lambda: [timer for timer in tab.findChildren(QTimer) if timer.isActive()] == [])


def test_a_fork_fills_the_form_and_gives_it_back(qtbot, full, tab, session, monkeypatch):
    settings = {"kl_coef": 0.123456789, "steps": 7}
    add_run(session.store.folder, "20260101-100000-ppo", "ppo", {}, settings=settings)
    forked = []

    def play(run, step, control, changes):
        forked.append((run.name, step, changes))
        yield StageEvent("ppo-ptx", "", RunFinished(2, "completed"))

    monkeypatch.setattr(session_module, "fork_stage", play)
    card = tab.column.cards["ppo"]
    card.form.fields["steps"].set_value(99)
    card.form.fields["steps"].edited.emit("steps")
    tab.go_to(GoTo("train", run_id="20260101-100000-ppo", step=4))
    assert tab.fork_note.isVisible()
    assert tab.fork_note.title.text() == "Fork of PPO (20260101-100000-ppo) at step 4"
    assert card.form.fields["steps"].value == 7
    card.form.fields["clip"].set_value(0.3)
    card.form.fields["clip"].edited.emit("clip")
    with qtbot.waitSignal(session.training_finished, timeout=30_000):
        click(qtbot, tab.fork_note.start)
    assert forked == [("20260101-100000-ppo", 4, {"clip": 0.3})]  # a rounded number on screen is no change
    assert tab.fork_note.isHidden()
    assert card.form.values() == {"steps": 99}
    assert json.loads(session.store.get_meta("ui.train.ppo")) == {"steps": 99}
    tab.go_to(GoTo("train", run_id="20260101-100000-ppo", step=4))
    click(qtbot, tab.fork_note.drop)
    assert card.form.values() == {"steps": 99}


def test_widths_come_back(qtbot, tab, session):
    tab.resize(1500, 700)
    tab._splitter.setSizes([450, *tab._splitter.sizes()[1:]])
    tab._splitter.splitterMoved.emit(450, 1)  # as a person who drags it
    kept = tab._splitter.sizes()
    again = TrainTab(session)
    qtbot.addWidget(again)
    again.resize(1500, 700)
    again.show()
    qtbot.waitUntil(lambda: abs(again._splitter.sizes()[0] - kept[0]) < 9)


def test_the_tab_fits_the_smallest_window(qtbot, tab):
    assert tab.minimumSizeHint().width() <= 1024
    assert tab.minimumSizeHint().height() <= 600
    tab.resize(1024, 600)
    for card in tab.column.cards.values():
        card.form.more.click()
    column, precision = tab.column, tab.column.cards["sft"].form.fields["precision"].editor
    qtbot.waitUntil(lambda: 0 < column.widget().width() <= column.viewport().width())
    assert precision.width() >= precision.minimumSizeHint().width()
    assert tab.watch.monitor.width() >= tab.watch.monitor.minimumSizeHint().width()


def test_the_stages_tell_their_size_after_python_has_let_go_of_them(qtbot, theme):
    """Garbage collection empties a widget's attributes while Qt may still ask for its size."""
    column = StageColumn(theme)
    qtbot.addWidget(column)
    wanted = column.minimumSizeHint()
    kept = dict(column.__dict__)
    column.__dict__.clear()
    assert column.minimumSizeHint() == wanted
    column.__dict__.update(kept)
