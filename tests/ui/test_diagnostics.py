import logging
import sys
import threading

import pytest
from PySide6.QtCore import qWarning

from rlhf_studio.errors import DataError
from rlhf_studio.events import RunFinished
from rlhf_studio.jobs.logs import log_file, start_logging, stop_logging
from rlhf_studio.jobs.stages import StageEvent
from rlhf_studio.ui.diagnostics import FaultCatcher, catch_faults, diagnostics_text


class Desk:
    def __init__(self, session):
        self.session = session
        self.copied = 0

    def copy_diagnostics(self):
        self.copied += 1


@pytest.fixture
def desk(session):
    start_logging()
    yield Desk(session)
    stop_logging()


@pytest.fixture
def catcher(desk):
    catcher = FaultCatcher(desk)
    catcher.install()
    yield catcher
    catcher.restore()


def fail():
    raise ZeroDivisionError("by nothing")


def test_a_fault_of_the_window_is_logged_and_told_once_with_a_button(catcher, desk, session, qtbot):
    try:
        fail()
    except ZeroDivisionError:
        with qtbot.waitSignal(session.messaged) as told:
            sys.excepthook(*sys.exc_info())
    (message,) = told.args
    assert message.kind == "error"
    assert "Something went wrong that should not" in message.text
    message.act()
    assert desk.copied == 1
    log = log_file().read_text()
    assert "ZeroDivisionError: by nothing" in log
    assert "in fail" in log


def test_a_fault_of_a_thread_reaches_the_window_on_its_own_thread(catcher, session, qtbot):
    threads = []
    session.messaged.connect(lambda _message: threads.append(threading.current_thread()))
    thread = threading.Thread(target=fail, name="training")
    with qtbot.waitSignal(session.messaged):
        thread.start()
    thread.join()
    assert threads == [threading.main_thread()]
    assert "training" in log_file().read_text()


def test_a_failure_that_explains_itself_is_told_in_its_words(catcher, session, qtbot):
    with qtbot.waitSignal(session.messaged) as told:
        sys.excepthook(DataError, DataError("The disk is full. Free some space."), None)
    assert told.args[0].text == "The disk is full. Free some space."
    assert told.args[0].action == ""
    assert "Traceback" not in log_file().read_text()


def test_ctrl_c_is_no_fault(catcher, session, monkeypatch, qtbot):
    passed_on = []
    monkeypatch.setattr(catcher, "_old_hook", lambda *args: passed_on.append(args[0]))
    with qtbot.assertNotEmitted(session.messaged):
        sys.excepthook(KeyboardInterrupt, KeyboardInterrupt(), None)
    assert passed_on == [KeyboardInterrupt]


def test_what_qt_says_is_logged(catcher):
    qWarning("the pixmap is null")
    assert "WARNING MainThread Qt default: the pixmap is null" in log_file().read_text()


def test_without_a_window_a_fault_is_only_logged(catcher, desk):
    desk.session = None
    sys.excepthook(ValueError, ValueError("early"), None)
    assert "ValueError: early" in log_file().read_text()


def test_hooks_are_given_back(desk):
    before = sys.excepthook, threading.excepthook
    restore = catch_faults(desk)
    assert sys.excepthook != before[0]
    restore()
    assert (sys.excepthook, threading.excepthook) == before


def test_the_text_names_versions_machine_counts_and_the_last_run_but_no_words_of_the_person(desk, session, monkeypatch):
    session.store.add_demonstration(1, "My secret answer.", "Tess Secretname")
    session.last_finish = StageEvent("ppo", "r", RunFinished(37, "failed", "The loss is not finite."))
    monkeypatch.setenv("HOME", "/home/secretname")
    logging.getLogger("rlhf_studio").warning("cannot read /home/secretname/x.json")
    text = diagnostics_text(session)
    for part in ("RLHF Studio 0.", "Python 3.", "Qt 6.", "torch ", "3 prompts, 1 demonstrations", "threads"):
        assert part in text
    assert "last run of this session: ppo, failed at step 37" in text
    assert "The loss is not finite." in text
    assert "cannot read ~/x.json" in text
    for words in ("secret", "Secretname", "red hat", "Tess"):
        assert words not in text, words
