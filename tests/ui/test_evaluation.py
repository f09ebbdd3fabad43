"""A reward run's evaluation in the Runs tab, told by signals; the models answer from nowhere."""

from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from window_checks import faults_of
from window_material import FakeInference, add_all_runs, evaluation_of
from window_pictures import PAGE

from rlhf_studio.jobs.inference import EvaluationDone, EvaluationProgress, RequestDone, RequestFailed
from rlhf_studio.jobs.reward_evaluation import (
    EVALUATION_FILE,
    CrossValidation,
    Fold,
    write_evaluation,
    write_folds,
)
from rlhf_studio.stats.intervals import Share
from rlhf_studio.stats.preferences import Agreement
from rlhf_studio.ui.tabs.runs_tab import RunsTab
from rlhf_studio.ui.tabs.tab import GoTo

REWARD = "20260101-101000-reward"


@pytest.fixture
def tab(qtbot, session):
    session.inference.close(5)
    session.inference = FakeInference()
    add_all_runs(session.store)
    tab = RunsTab(session)
    qtbot.addWidget(tab)
    tab.resize(1024, 620)
    with qtbot.waitExposed(tab):
        tab.show()
    tab.go_to(GoTo("runs", run_id=REWARD))
    return tab


@pytest.fixture
def found():
    return evaluation_of(REWARD, 40)


def click(qtbot, button):
    qtbot.mouseClick(button, Qt.MouseButton.LeftButton)


def measure(qtbot, tab):
    click(qtbot, tab.details.chips["evaluation"])
    click(qtbot, tab.details.evaluation.empty.button)
    return tab.session.inference.asked[-1]


def test_only_a_reward_run_has_the_page(tab, qtbot):
    assert not tab.details.chips["evaluation"].isHidden()
    click(qtbot, tab.details.chips["evaluation"])
    assert tab.details.evaluation.isVisible()
    tab.go_to(GoTo("runs", run_id="20260101-100000-sft"))
    assert tab.details.chips["evaluation"].isHidden()
    assert tab.details.grids["sft"].isVisible()
    tab.go_to(GoTo("runs", run_id=REWARD))
    assert tab.details.evaluation.isVisible()
    click(qtbot, tab.details.chips["curves"])
    assert tab.details.grids["reward"].isVisible()


def test_it_is_measured_by_the_inference_thread_and_then_shown(tab, qtbot, session, found):
    asked = measure(qtbot, tab)
    view = tab.details.evaluation
    assert asked.run == session.store.runs_dir / REWARD
    assert view.bar.isVisible()
    session.inference.tell(EvaluationProgress(asked.number, 0.4))
    session.poll_answers()
    assert view.bar.value() == 40
    assert view.share.text() == "Measuring: 40 %"
    session.inference.tell(EvaluationDone(asked.number, found))
    session.inference.tell(RequestDone(asked.number, 3.0))
    session.poll_answers()
    assert view.is_measured
    assert view.figure.text() == "85.1 %"
    assert "of 599 held-out pairs" in view.headline.text()
    assert "72.6" in view.ceiling.text()


def test_what_was_measured_before_is_there_at_once(tab, qtbot, session, found):
    write_evaluation(session.store.runs_dir / REWARD, found)
    session.runs_changed.emit()
    click(qtbot, tab.details.chips["evaluation"])
    assert tab.details.evaluation.found == found
    write_evaluation(session.store.runs_dir / REWARD, replace(found, step=39))  # the run has gone on since
    session.runs_changed.emit()
    assert not tab.details.evaluation.is_measured


def test_it_goes_on_while_another_run_is_looked_at(tab, qtbot, session, found):
    asked = measure(qtbot, tab)
    tab.go_to(GoTo("runs", run_id="20260101-100000-sft"))
    session.inference.tell(EvaluationProgress(asked.number, 0.7))
    session.poll_answers()
    tab.go_to(GoTo("runs", run_id=REWARD))
    assert tab.details.evaluation.bar.value() == 70
    tab.go_to(GoTo("runs", run_id="20260101-100000-sft"))
    write_evaluation(session.store.runs_dir / REWARD, found)  # as the thread does
    session.inference.tell(EvaluationDone(asked.number, found))
    session.poll_answers()
    tab.go_to(GoTo("runs", run_id=REWARD))
    assert tab.details.evaluation.is_measured


def test_a_failure_is_said_and_can_be_tried_again(tab, qtbot, session):
    asked = measure(qtbot, tab)
    session.inference.tell(RequestFailed(asked.number, "The model in <b>there</b> is gone."))
    session.poll_answers()
    view = tab.details.evaluation
    assert view.failure.text() == "The model in <b>there</b> is gone."
    assert view.failure.textFormat() == Qt.TextFormat.PlainText
    click(qtbot, view.empty.button)
    assert len(session.inference.asked) == 2


def test_it_can_be_given_up(tab, qtbot, session):
    asked = measure(qtbot, tab)
    click(qtbot, tab.details.evaluation.cancel)
    assert session.inference.cancelled == [asked.number]
    assert tab.details.evaluation.empty.isVisible()


def test_a_damaged_file_is_named(tab, qtbot, session):
    (session.store.runs_dir / REWARD / EVALUATION_FILE).write_text("{")
    session.runs_changed.emit()
    click(qtbot, tab.details.chips["evaluation"])
    assert "Evaluate it again" in tab.details.evaluation.failure.text()
    assert tab.details.evaluation.empty.button.isEnabled()


def test_a_run_without_a_model_cannot_be_measured(tab, qtbot, session):
    import shutil

    shutil.rmtree(session.store.runs_dir / REWARD / "models")
    session.runs_changed.emit()
    click(qtbot, tab.details.chips["evaluation"])
    assert tab.details.evaluation.failure.text() == "This run has left no model yet."
    assert tab.details.evaluation.empty.button.isHidden()


def test_the_panels_draw_what_was_found(tab, qtbot, session, found):
    view = tab.details.evaluation
    view.show_found(found)
    assert [name for name, _ in view.accuracy.rows(found)] == ["all pairs", "1 apart", "2 apart", "3 apart"]
    click(qtbot, tab.details.chips["evaluation"])
    view.accuracy.kinds.setCurrentIndex(1)
    assert [name for name, _ in view.accuracy.rows(found)][1] == "K = 4"
    view.accuracy.kinds.setCurrentIndex(2)
    assert [name for name, _ in view.accuracy.rows(found)][1:] == ["Tess", "Bartholomäus…"]
    assert view.scores.bias.text() == "The bias adds +0.42 to every score."
    session.theme.choose("dark")
    assert view.scores.view.backgroundBrush().color().name() == session.theme.colours.surface


def test_the_ceiling_is_the_projects_own_where_it_has_one(tab, found):
    view = tab.details.evaluation
    own = Agreement(Share(0.74, 0.7, 0.78, 120, 20), Share(0.9, 0.8, 0.95, 40, 8))
    view.show_found(replace(found, agreement=own))
    assert view.ceiling.text().startswith("Labelers agree with each other on 74.0 % (70.0 to 78.0) of 120 pairs")
    assert "gave the same order to 90.0 %" in view.ceiling.text()


def test_without_held_out_rankings_it_says_so(tab, found):
    view = tab.details.evaluation
    view.show_found(replace(found, accuracy=None, loss=None, rankings=0, calibration=(), calibration_error=None))
    assert view.headline.text().startswith("No ranking was held out")
    assert view.figure.isHidden()
    assert view.accuracy.isHidden()
    assert not view.scores.isHidden()


def test_it_says_what_testing_on_other_labelers_takes_or_gave(tab, qtbot, session, found):
    view = tab.details.evaluation
    view.show_found(replace(found, labelers=1))
    assert view.others.text().startswith("All rankings come from one labeler")
    view.show_found(found)
    assert view.others.text().endswith(f"rlhf-studio evaluate labelers {REWARD}")
    share = Share(0.68, 0.6, 0.75, 90, 30)
    write_evaluation(session.store.runs_dir / REWARD, found)
    folds = CrossValidation((Fold(("Tess",), 0, 40, share, None),), share, replace(share, value=0.71))
    write_folds(session.store.runs_dir / REWARD, folds)
    session.runs_changed.emit()
    assert "68.0 % of their pairs (60.0 to 75.0" in view.others.text()
    assert "71.0 % of the other labelers'" in view.others.text()


def test_nothing_of_it_is_cut_off_in_the_smallest_window(tab, qtbot, session, found):
    click(qtbot, tab.details.chips["evaluation"])
    view = tab.details.evaluation
    for show in (view.show_nothing, lambda: view.show_share(0.4), lambda: view.show_found(found)):
        show()
        QApplication.processEvents()
        assert faults_of(tab, *PAGE) == []
