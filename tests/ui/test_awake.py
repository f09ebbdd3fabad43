import ctypes
import os
import stat
import subprocess
import sys
import types

import pytest
from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QApplication, QWidget

from rlhf_studio.ui import awake as module
from rlhf_studio.ui import notice as notice_module
from rlhf_studio.ui.awake import Awake, backends_of
from rlhf_studio.ui.notice import Notice


class Backend:
    """Holds, or is not there."""

    def __init__(self, *, is_there=True, error=None):
        self.is_there, self.error = is_there, error
        self.held = []

    def __call__(self, reason):
        if self.error:
            raise self.error
        if not self.is_there:
            return None
        self.held.append(reason)
        return self.held.clear


def test_the_first_way_that_works_holds_until_it_is_released():
    absent, broken, works, unused = Backend(is_there=False), Backend(error=OSError("no")), Backend(), Backend()
    awake = Awake([absent, broken, works, unused])
    awake.hold("training")
    awake.hold("training")
    assert works.held == ["training"]
    assert unused.held == []
    assert awake.is_held
    awake.release()
    awake.release()
    assert works.held == []
    assert not awake.is_held


def test_where_nothing_works_nothing_fails():
    awake = Awake([])
    awake.hold("training")
    assert not awake.is_held
    awake.release()


def test_a_release_that_fails_is_survived():
    def fail():
        raise subprocess.TimeoutExpired("x", 2)

    awake = Awake([lambda _reason: fail])
    awake.hold("training")
    awake.release()
    assert not awake.is_held


@pytest.fixture
def programs(tmp_path, monkeypatch):
    """A folder of programs that write down how they were called and then wait."""
    monkeypatch.setattr(module, "_SYSTEMD", tmp_path)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}/usr/bin{os.pathsep}/bin")

    def add(name):
        path = tmp_path / name
        path.write_text(
            f'#!/bin/sh\nprintf "%s\\n" "$@" > {tmp_path}/{name}.part\n'
            f"mv {tmp_path}/{name}.part {tmp_path}/{name}.words\nexec cat\n"
        )
        path.chmod(path.stat().st_mode | stat.S_IXUSR)
        return tmp_path / f"{name}.words"

    return add


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell")
@pytest.mark.parametrize(
    ("platform", "program", "words"),
    [
        ("linux", "systemd-inhibit", ["--what=sleep:idle", "--why=training", "cat"]),
        ("darwin", "caffeinate", ["-i", str(os.getpid())]),
    ],
)
def test_a_program_of_the_system_holds_as_long_as_it_runs(platform, program, words, programs, qtbot, monkeypatch):
    written = programs(program)
    children = []
    popen = subprocess.Popen

    def start(*args, **options):
        children.append(popen(*args, **options))
        return children[-1]

    monkeypatch.setattr(module.subprocess, "Popen", start)
    awake = Awake(backends_of(platform))
    awake.hold("training")
    qtbot.waitUntil(written.exists)
    assert set(words) <= set(written.read_text().splitlines())
    awake.release()
    assert children[0].returncode is not None


@pytest.mark.skipif(sys.platform == "win32", reason="needs a shell")
def test_it_ends_with_a_program_that_is_killed(programs, tmp_path):
    written = programs("systemd-inhibit")
    code = (
        "import os, pathlib, sys\n"
        "from rlhf_studio.ui import awake as module\n"
        "module._SYSTEMD = pathlib.Path('/')\n"
        "from rlhf_studio.ui.awake import Awake, backends_of\n"
        "awake = Awake(backends_of('linux')); awake.hold('x')\n"
        "print(awake._release.args[0].pid, flush=True)\n"
        "sys.stdin.readline()\n"
        "os._exit(9)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as program:
        pid = int(program.stdout.readline())
        program.stdin.write("\n")
        program.stdin.flush()
        program.wait(30)
    import psutil

    _gone, alive = psutil.wait_procs([psutil.Process(pid)] if psutil.pid_exists(pid) else [], timeout=20)
    assert alive == []
    assert written.parent == tmp_path


def test_systemd_is_left_alone_where_it_does_not_run(programs, monkeypatch, tmp_path):
    programs("systemd-inhibit")
    monkeypatch.setattr(module, "_SYSTEMD", tmp_path / "missing")
    assert module._systemd("training") is None


def test_without_a_session_bus_the_desktop_is_not_asked(monkeypatch):
    monkeypatch.delenv("DBUS_SESSION_BUS_ADDRESS", raising=False)
    assert module._screen_saver("training") is None


class Bus:
    """A session bus whose desktop answers as the test says."""

    class BusType:
        SessionBus = 1

    open = ()

    def __init__(self, reply):
        self.reply = reply

    def connectToBus(self, _kind, name):  # noqa: N802
        self.open = (name,)
        return self

    def isConnected(self):  # noqa: N802
        return True

    def call(self, message, _mode, _timeout):
        self.asked = message.member(), message.arguments()
        return types.SimpleNamespace(type=lambda: self.reply)

    def disconnectFromBus(self, name):  # noqa: N802
        assert self.open == (name,)
        self.open = ()


@pytest.mark.parametrize("is_granted", [True, False])
def test_the_desktop_is_asked_over_the_session_bus(monkeypatch, is_granted):
    kinds = module.QDBusMessage.MessageType
    bus = Bus(kinds.ReplyMessage if is_granted else kinds.ErrorMessage)
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", "unix:path=/run/user/1000/bus")
    monkeypatch.setattr(module, "QDBusConnection", bus)
    awake = Awake([module._screen_saver])
    awake.hold("training")
    assert bus.asked == ("Inhibit", ["RLHF Studio", "training"])
    assert awake.is_held == bool(bus.open) == is_granted
    awake.release()
    assert bus.open == ()


def test_a_bus_that_does_not_answer_holds_nothing(monkeypatch, tmp_path):
    monkeypatch.setenv("DBUS_SESSION_BUS_ADDRESS", f"unix:path={tmp_path}/no-bus")
    assert module._screen_saver("training") is None


def test_windows_is_asked_by_its_own_call(monkeypatch):
    calls = []
    kernel = types.SimpleNamespace(SetThreadExecutionState=lambda state: calls.append(state.value) or 1)
    monkeypatch.setattr(ctypes, "windll", types.SimpleNamespace(kernel32=kernel), raising=False)
    awake = Awake(backends_of("win32"))
    awake.hold("training")
    awake.release()
    assert calls == [0x80000001, 0x80000000]


class Tray(QWidget):
    """Stands for QSystemTrayIcon, which the offscreen platform has not."""

    messageClicked = Signal()  # noqa: N815
    activated = Signal()
    MessageIcon = notice_module.QSystemTrayIcon.MessageIcon
    shown = ()

    def __init__(self, _icon, _parent):
        super().__init__()
        type(self).last = self

    @staticmethod
    def isSystemTrayAvailable():  # noqa: N802
        return True

    supportsMessages = isSystemTrayAvailable  # noqa: N815

    def showMessage(self, *words):  # noqa: N802
        self.shown = words[:2]


@pytest.fixture
def window(qtbot):
    window = QWidget()
    window.setWindowTitle("Tiny tales")
    qtbot.addWidget(window)
    return window


def test_without_a_tray_the_window_asks_for_attention(window, monkeypatch):
    alerted = []
    monkeypatch.setattr(QApplication, "alert", lambda *args: alerted.append(args[0]))
    Notice().tell(window, "Training is done.")
    assert alerted == [window]


def test_a_message_of_the_desktop_leads_back_to_the_window(window, monkeypatch, qtbot):
    monkeypatch.setattr(notice_module, "QSystemTrayIcon", Tray)
    notice = Notice()
    notice.tell(window, "Training is done.")
    tray = Tray.last
    qtbot.addWidget(tray)
    assert tray.shown == ("Training is done.", "Tiny tales")
    assert tray.isVisible()
    window.showMinimized()
    tray.messageClicked.emit()
    assert window.isVisible()
    assert not window.isMinimized()
    notice._on_application_state_changed(Qt.ApplicationState.ApplicationActive)
    assert not tray.isVisible()
    notice.close()
    assert notice._tray is None
