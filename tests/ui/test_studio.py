"""The program around the window: what it opens, what it asks before it closes, what it remembers."""

import threading
from pathlib import Path

import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QApplication
from shiboken6 import isValid

from rlhf_studio.events import RunFinished, StepMetrics
from rlhf_studio.jobs.stages import StageEvent, StagePlan
from rlhf_studio.schema import NewPrompt, Turn
from rlhf_studio.store.project import create_project, open_project
from rlhf_studio.ui import session as session_module
from rlhf_studio.ui.session import TrainingState
from rlhf_studio.ui.studio import Studio
from rlhf_studio.ui.tab_pages import TABS
from rlhf_studio.ui.tabs.tab import GoTo

PLAN = StagePlan(("sft",), Path("base"))


@pytest.fixture
def studio(qtbot, qapp, preferences):
    studio = Studio(preferences)
    yield studio
    if studio.window is not None:
        with qtbot.waitSignal(studio.ended, timeout=20_000):
            studio.window.close_now()
    assert [thread.name for thread in threading.enumerate() if thread.name in {"training", "inference"}] == []
    studio.deleteLater()


@pytest.fixture
def project(tmp_path):
    with create_project(tmp_path / "mine", "My tales") as store:
        store.add_prompts([NewPrompt((Turn("user", "Say hello."),))])
    return tmp_path / "mine"


@pytest.fixture
def endless(monkeypatch):
    def source(project, plan, control):
        pause = threading.Event()
        step = 0
        while not control.is_stopping:
            step += 1
            yield StageEvent("sft", "", StepMetrics(step))
            control.wait_if_paused()
            pause.wait(0.005)
        yield StageEvent("sft", "", RunFinished(step, "stopped"))

    monkeypatch.setattr(session_module, "train_stages", source)


def built(qtbot, window):
    if len(window.tabs.existing()) < len(TABS):
        with qtbot.waitSignal(window.tabs.all_built, timeout=20_000):
            pass
    return window


def test_the_first_start_shows_the_example_where_training_begins(qtbot, studio):
    window = studio.start()
    assert window.session.store.title == "Tiny tales"
    assert window.tabs.current_name() == "train"
    button = window.tabs.current().primary_button()
    assert button is not None
    assert button.isVisible()
    assert button.isEnabled()


def test_the_window_comes_back_as_it_was_left(qtbot, preferences, qapp, project):
    first = Studio(preferences)
    window = built(qtbot, first.start(project))
    window.go_to(GoTo("compare"))
    with qtbot.waitSignal(first.ended):
        window.close()
    again = Studio(preferences)
    window = again.start()
    assert window.session.store.folder == project
    assert window.tabs.current_name() == "compare"
    assert not preferences.state("window").isEmpty()
    with qtbot.waitSignal(again.ended):
        window.close()


def test_every_tab_has_a_key_a_title_and_key_help(qtbot, studio, project):
    window = built(qtbot, studio.start(project))
    for place, name in enumerate(TABS):
        window.menus.actions[name].trigger()
        assert window.tabs.current_name() == name
        assert window.menus.actions[name].shortcut().toString() == f"Ctrl+{place + 1}"
        title, keys = window.tab_key_help()
        assert title == window.tabs.tabText(place)
        assert all(line.keys and line.what for line in keys)


def test_no_key_of_the_menus_is_a_bare_letter_or_taken_twice(qtbot, studio, project):
    window = built(qtbot, studio.start(project))
    keys = [line.keys for line in window.key_help()]
    assert len(keys) == len(set(keys))
    assert all("+" in key or key.startswith("F") for key in keys)


def test_closing_during_a_run_asks_once_and_cancel_changes_nothing(qtbot, studio, project, endless):
    window = studio.start(project)
    with qtbot.waitSignal(window.session.events_arrived):
        window.session.train(PLAN)
    window.close()
    box = window.question()
    assert box is not None
    window.close()
    assert window.question() is box
    with qtbot.waitSignal(box.finished):
        qtbot.mouseClick(window._closing.cancel, Qt.MouseButton.LeftButton)
    assert window.question() is None
    assert window.isVisible()
    assert window.session.state is TrainingState.RUNNING


def test_stop_and_keep_closes_when_the_run_has_ended(qtbot, studio, project, endless):
    window = studio.start(project)
    with qtbot.waitSignal(window.session.events_arrived):
        window.session.train(PLAN)
    window.close()
    with qtbot.waitSignal(studio.ended):
        qtbot.mouseClick(window._closing.stop, Qt.MouseButton.LeftButton)
    assert studio.window is None


def test_going_on_in_the_background_ends_the_program_with_the_run(qtbot, studio, project, endless):
    window = studio.start(project)
    session = window.session
    with qtbot.waitSignal(session.events_arrived):
        session.train(PLAN)
    window.close()
    with qtbot.waitSignal(window.question().finished):
        qtbot.mouseClick(window._closing.background, Qt.MouseButton.LeftButton)
    assert window.isMinimized()
    with qtbot.waitSignal(session.events_arrived):
        pass  # it goes on
    with qtbot.waitSignal(studio.ended):
        session.stop()  # stands for the end of the run


def test_a_run_in_the_background_is_not_lost_when_the_window_is_closed_again(qtbot, studio, project, endless):
    window = studio.start(project)
    session = window.session
    with qtbot.waitSignal(session.events_arrived):
        session.train(PLAN)
    window.close()
    with qtbot.waitSignal(window.question().finished):
        qtbot.mouseClick(window._closing.background, Qt.MouseButton.LeftButton)
    window.showNormal()
    window.close()
    assert window.question() is not None
    assert session.state is TrainingState.RUNNING
    with qtbot.waitSignal(studio.ended):
        qtbot.mouseClick(window._closing.stop, Qt.MouseButton.LeftButton)
    assert session.last_finish.event.outcome == "stopped"


def test_a_window_that_is_closed_while_its_run_stops_waits_until_it_is_kept(qtbot, studio, project, endless):
    window = studio.start(project)
    session = window.session
    with qtbot.waitSignal(session.events_arrived):
        session.train(PLAN)
    session.stop()
    with qtbot.waitSignal(studio.ended):
        window.close()
        assert window.isVisible()
        assert window.question() is None
    assert session.last_finish.event.outcome == "stopped"


def test_another_project_takes_the_window_and_the_first_is_remembered(qtbot, studio, project, tmp_path):
    first = built(qtbot, studio.start(project))
    other = tmp_path / "other"
    studio.create(str(other))
    assert studio.window is not first
    assert studio.window.session.store.title == "other"
    assert [action.text() for action in studio.window._recent_menu.actions()] == [str(project)]
    with open_project(project) as store:  # the first project is free again
        assert not store.is_read_only


def test_no_other_project_during_a_run(qtbot, studio, project, tmp_path, endless):
    window = studio.start(project)
    with qtbot.waitSignal(window.session.events_arrived):
        window.session.train(PLAN)
    with qtbot.waitSignal(window.session.messaged) as said:
        studio.create(str(tmp_path / "other"))
    assert "Stop it" in said.args[0].text
    assert studio.window is window


def test_a_folder_that_is_no_project_is_said_and_the_window_stays(qtbot, studio, project, tmp_path):
    window = studio.start(project)
    with qtbot.waitSignal(window.session.messaged) as said:
        studio.open_folder(str(tmp_path))
    assert str(tmp_path) in said.args[0].text
    assert studio.window is window


def test_a_project_that_is_open_elsewhere_opens_read_only_and_says_so(qtbot, studio, project):
    with open_project(project):
        window = studio.start(project)
        assert "read-only" in window.windowTitle()


def test_a_last_project_that_broke_leads_to_the_example(qtbot, studio, preferences, project):
    (project / "project.sqlite").write_bytes(b"")
    preferences.last_project = project
    window = studio.start()
    assert window.session.store.title == "Tiny tales"


def test_labels_are_undone_and_redone_from_the_menu(qtbot, studio, project):
    window = built(qtbot, studio.start(project))
    store = window.session.store
    undo, redo = window.menus.actions["undo"], window.menus.actions["redo"]
    assert not undo.isEnabled()
    window.session.changed(store.add_demonstration(1, "Hello!", "Tess").changes)
    assert undo.isEnabled()
    assert "a demonstration" in undo.text()
    with qtbot.waitSignal(window.session.store_changed):
        undo.trigger()
    assert store.demonstrations() == ()
    assert redo.isEnabled()
    with qtbot.waitSignal(window.session.store_changed):
        redo.trigger()
    assert [d.text for d in store.demonstrations()] == ["Hello!"]


def test_text_grows_and_the_theme_changes_from_the_menu(qtbot, studio, project, preferences):
    window = studio.start(project)
    usual = studio.theme.font_points
    window.menus.actions["larger"].trigger()
    assert studio.theme.font_points > usual
    assert preferences.font_points > usual
    window.menus.actions["normal"].trigger()
    assert studio.theme.font_points == usual
    with qtbot.waitSignal(studio.theme.changed):
        window.menus.actions["dark"].trigger()
    assert preferences.theme == "dark"


def test_diagnostics_hold_no_text_of_the_person(qtbot, studio, project):
    window = studio.start(project)
    window.session.store.add_demonstration(1, "A secret answer", "Tess")
    window.menus.actions["diagnostics"].trigger()
    text = QApplication.clipboard().text()
    assert "Python" in text
    assert "secret" not in text
    assert "Say hello" not in text


def test_nothing_is_left_running_when_the_window_is_closed(qtbot, studio, project):
    window = built(qtbot, studio.start(project))
    timers = window.findChildren(QTimer)
    with qtbot.waitSignal(studio.ended):
        window.close()
    qtbot.waitUntil(lambda: not any(isValid(timer) and timer.isActive() for timer in timers))
