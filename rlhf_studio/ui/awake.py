"""Keeps the computer from falling asleep while a model is trained; where that cannot be asked for, nothing fails."""

import atexit
import ctypes
import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from PySide6.QtDBus import QDBus, QDBusConnection, QDBusMessage

Release = Callable[[], None]
Backend = Callable[[str], Release | None]  # asks by a reason; None where it is not there

_NAME = "RLHF Studio"
_BUS = "rlhf-studio-awake"
_BUS_TIMEOUT_MS = 500  # the window waits for the answer
_ES_CONTINUOUS, _ES_SYSTEM_REQUIRED = 0x80000000, 0x00000001
_SYSTEMD = Path("/run/systemd/system")
_LOG = logging.getLogger("rlhf_studio")


class Awake:
    """Holds sleep off from ``hold`` to ``release``; the end of the program releases it, too, also a violent one."""

    def __init__(self, backends: Sequence[Backend] | None = None) -> None:
        """Nothing is held yet.

        Args:
            backends: Asked in this order until one holds; by default those of this system.
        """
        self._backends = backends_of(sys.platform) if backends is None else tuple(backends)
        self._release: Release | None = None

    @property
    def is_held(self) -> bool:
        """Whether the computer was asked to stay awake."""
        return self._release is not None

    def hold(self, reason: str) -> None:
        """Ask the system to stay awake; again while it does changes nothing.

        Args:
            reason: Shown by systems that tell a person who keeps them awake.
        """
        for backend in self._backends if self._release is None else ():
            try:
                self._release = backend(reason)
            except (OSError, AttributeError) as error:
                _LOG.info("The computer cannot be kept awake this way: %s", error)
            if self._release is not None:
                atexit.register(self.release)
                return

    def release(self) -> None:
        """Let the computer sleep again; where it was not held, nothing happens."""
        release, self._release = self._release, None
        if release is None:
            return
        atexit.unregister(self.release)
        try:
            release()
        except (OSError, subprocess.SubprocessError) as error:
            _LOG.warning("The computer may stay awake: %s", error)


def backends_of(platform: str) -> tuple[Backend, ...]:
    """The ways of a system, best first."""
    if platform == "darwin":
        return (_caffeinate,)
    if platform == "win32":
        return (_execution_state,)
    return (_systemd, _screen_saver) if platform.startswith("linux") else (_screen_saver,)


def _child(words: Sequence[str]) -> Release | None:
    """Hold by a program that runs; None if it is not installed."""
    program = shutil.which(words[0])
    if program is None:
        return None
    quiet = subprocess.DEVNULL
    child = subprocess.Popen([program, *words[1:]], stdin=subprocess.PIPE, stdout=quiet, stderr=quiet)  # noqa: S603
    return partial(_end, child)


def _end(child: "subprocess.Popen[bytes]") -> None:
    if child.stdin is not None:
        child.stdin.close()
    child.terminate()
    child.wait(2)


def _systemd(reason: str) -> Release | None:
    if not _SYSTEMD.exists():  # installed, but not what runs this computer
        return None
    # cat ends when our end of the pipe is closed, however this program ends
    asked = ("--what=sleep:idle", "--mode=block", f"--who={_NAME}", f"--why={reason}")
    return _child(("systemd-inhibit", *asked, "cat"))


def _caffeinate(_reason: str) -> Release | None:
    return _child(("caffeinate", "-i", "-w", str(os.getpid())))


def _screen_saver(reason: str) -> Release | None:
    """Of desktops that follow freedesktop.org; the desktop forgets it when this program ends."""
    if not os.environ.get("DBUS_SESSION_BUS_ADDRESS"):
        return None
    # a connection of its own, for a desktop lets go of what a connection held when that is closed
    bus = QDBusConnection.connectToBus(QDBusConnection.BusType.SessionBus, _BUS)
    name = "org.freedesktop.ScreenSaver"
    message = QDBusMessage.createMethodCall(name, "/org/freedesktop/ScreenSaver", name, "Inhibit")
    message.setArguments([_NAME, reason])
    reply = bus.call(message, QDBus.CallMode.Block, _BUS_TIMEOUT_MS) if bus.isConnected() else None
    if reply is None or reply.type() != QDBusMessage.MessageType.ReplyMessage:
        QDBusConnection.disconnectFromBus(_BUS)
        return None
    return partial(QDBusConnection.disconnectFromBus, _BUS)


def _execution_state(_reason: str) -> Release | None:
    kernel = getattr(ctypes, "windll").kernel32  # noqa: B009  only Windows has it
    if not kernel.SetThreadExecutionState(ctypes.c_uint(_ES_CONTINUOUS | _ES_SYSTEM_REQUIRED)):
        return None
    return partial(kernel.SetThreadExecutionState, ctypes.c_uint(_ES_CONTINUOUS))
