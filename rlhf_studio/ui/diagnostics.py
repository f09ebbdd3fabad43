"""Faults that nobody foresaw: they go to the log file, one toast tells of them, and a person can hand them on."""

import logging
import os
import platform
import sys
import threading
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from types import TracebackType
from typing import Protocol

import psutil
from PySide6.QtCore import QMessageLogContext, QObject, QtMsgType, Signal, qInstallMessageHandler, qVersion
from PySide6.QtGui import QGuiApplication

from rlhf_studio import __version__
from rlhf_studio.errors import StudioError
from rlhf_studio.events import RunFinished
from rlhf_studio.jobs.logs import LOGGER, last_lines
from rlhf_studio.ui.session import Session
from rlhf_studio.ui.status_bar import size_text, used_threads

LOG_LINES = 50
_PROGRAMS = ("PySide6-Essentials", "pyqtgraph", "torch", "transformers", "numpy")
_LEVELS = {
    QtMsgType.QtDebugMsg: logging.DEBUG,
    QtMsgType.QtInfoMsg: logging.INFO,
    QtMsgType.QtWarningMsg: logging.WARNING,
    QtMsgType.QtCriticalMsg: logging.ERROR,
    QtMsgType.QtFatalMsg: logging.CRITICAL,
}
_LOG = logging.getLogger(LOGGER)


class Desk(Protocol):
    """What shows faults: the program around the windows."""

    @property
    def session(self) -> Session | None:
        """Of the present window, if there is one."""
        ...

    def copy_diagnostics(self) -> None:
        """Put ``diagnostics_text`` on the clipboard."""
        ...


class FaultCatcher(QObject):
    """Takes exceptions of every thread, and Qt's messages, to the log; the window is told on its own thread."""

    _caught = Signal(str)  # crosses from other threads to the window's

    def __init__(self, desk: Desk, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._desk = desk
        self._caught.connect(self._on_caught)
        self._old_hook = sys.excepthook
        self._old_thread_hook = threading.excepthook
        self._old_handler: object = None

    def install(self) -> None:
        """Take over from whoever handled faults before."""
        sys.excepthook = self.take
        threading.excepthook = self._take_from_thread
        self._old_handler = qInstallMessageHandler(self._take_message)

    def restore(self) -> None:
        """Give the faults back to whoever handled them before."""
        sys.excepthook = self._old_hook
        threading.excepthook = self._old_thread_hook
        qInstallMessageHandler(self._old_handler)  # type: ignore[arg-type]  # what it gave us

    def take(self, kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        """An exception that nobody caught."""
        if not issubclass(kind, Exception):  # Ctrl+C, and the end of the program, are no faults
            self._old_hook(kind, error, trace)
            return
        if isinstance(error, StudioError):  # says itself what is wrong and what to do
            _LOG.warning("%s", error)
            self._caught.emit(str(error))
            return
        _LOG.error("Unexpected fault", exc_info=(kind, error, trace))
        self._caught.emit("")

    def _take_from_thread(self, args: threading.ExceptHookArgs) -> None:
        if args.exc_value is not None:
            self.take(args.exc_type, args.exc_value, args.exc_traceback)

    def _take_message(self, kind: QtMsgType, context: QMessageLogContext, message: str) -> None:
        _LOG.log(_LEVELS.get(kind, logging.WARNING), "Qt %s: %s", context.category or "", message)

    def _on_caught(self, sentence: str) -> None:
        session = self._desk.session
        if session is None:
            return
        session.say(
            sentence or self.tr("Something went wrong that should not. Your labels are safe; the details are logged."),
            kind="error",
            action="" if sentence else self.tr("Copy diagnostics"),
            act=None if sentence else self._desk.copy_diagnostics,
        )


def catch_faults(desk: Desk) -> Callable[[], None]:
    """Log every fault from now on and tell the person; the function returned ends that."""
    catcher = FaultCatcher(desk)
    catcher.install()
    return catcher.restore


def diagnostics_text(session: Session) -> str:
    """What a report of a fault needs; none of the person's own text is in it, and no name of theirs."""
    parts = [
        ("Program", _versions()),
        ("Machine", _machine(session)),
        ("Window", _window(session)),
        ("Project", _project(session)),
        (f"Log, last {LOG_LINES} lines", iter(last_lines(LOG_LINES) or ("empty",))),
    ]
    lines = [line for title, rows in parts for line in (f"[{title}]", *rows, "")]
    return _without_names("\n".join(lines))


def _versions() -> Iterator[str]:
    yield f"RLHF Studio {__version__}"
    yield f"Python {platform.python_version()}, Qt {qVersion()}"
    for name in _PROGRAMS:
        try:
            found = version(name)
        except PackageNotFoundError:
            found = "not installed"
        yield f"{name} {found}{'' if name != 'torch' or 'torch' in sys.modules else ', not loaded yet'}"


def _machine(session: Session) -> Iterator[str]:
    yield f"{platform.platform()}, {platform.machine()}"
    memory = psutil.virtual_memory()
    used = size_text(psutil.Process().memory_info().rss)
    yield f"memory: {used} in use by the program, {size_text(memory.available)} of {size_text(memory.total)} free"
    threads, there = used_threads(session.preferences)
    device = session.device.name if session.device is not None else "not known yet"
    yield f"device: {device} (chosen: {session.preferences.device}), {threads} of {there} threads"
    gpu = session.inference.gpu_memory()
    if gpu is not None:
        yield f"GPU memory: {size_text(gpu[0])} of {size_text(gpu[1])} in use"


def _window(session: Session) -> Iterator[str]:
    yield f"platform {QGuiApplication.platformName()}, theme {session.theme.choice}"
    yield f"text {session.theme.font_points:g} pt, language {session.preferences.language or 'of the system'}"
    for screen in QGuiApplication.screens():
        size = screen.size()
        yield f"screen {size.width()} x {size.height()}, scale {screen.devicePixelRatio():g}"


def _project(session: Session) -> Iterator[str]:
    store = session.store
    counts = store.counts()
    yield f"{counts.prompts} prompts, {counts.demonstrations} demonstrations, {counts.completions} answers"
    yield f"{counts.rankings_by_people} rankings by people, {counts.rankings_simulated} simulated"
    yield f"read-only: {'yes' if store.is_read_only else 'no'}; training: {session.state.value}"
    yield f"free disk space: {size_text(psutil.disk_usage(str(store.folder)).free)}"
    runs = store.runs()
    yield f"{len(runs)} runs" + (f", the last: {runs[-1].kind}, {runs[-1].outcome or 'not ended'}" if runs else "")
    last = session.last_finish
    if last is not None and isinstance(last.event, RunFinished):
        yield f"last run of this session: {last.stage}, {last.event.outcome} at step {last.event.step}"
        if last.event.message:
            yield f"its message: {last.event.message}"


def _without_names(text: str) -> str:
    """Home folders hold a person's name."""
    home = str(Path.home())
    return text.replace(home, "~") if len(home) > len(os.sep) else text
