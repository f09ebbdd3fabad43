"""Runs the window; the only place where a QApplication is made."""

import signal
import socket
import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

from PySide6.QtCore import QLibraryInfo, QLocale, QObject, QSocketNotifier, QTranslator
from PySide6.QtWidgets import QApplication

from rlhf_studio.jobs.logs import start_logging
from rlhf_studio.jobs.stages import StageEvent, StageKey
from rlhf_studio.paths import resources_dir
from rlhf_studio.ui.diagnostics import catch_faults
from rlhf_studio.ui.main_window import MainWindow
from rlhf_studio.ui.preferences import Preferences
from rlhf_studio.ui.studio import Studio
from rlhf_studio.ui.tabs.tab import GoTo


def run(
    project: Path | None = None,
    *,
    demo_stages: Sequence[StageKey] = (),
    demo_settings: Mapping[str, Mapping[str, Any]] | None = None,
) -> int:
    """Open the window and return the exit code when it is closed.

    Args:
        project: Its folder; by default the last one, or the example.
        demo_stages: Are trained at once, without a click; then the models are compared.
        demo_settings: What differs from the defaults, by stage.

    Raises:
        DataError: If the project cannot be opened.
    """
    start_logging()
    app = make_application(sys.argv[:1])
    preferences = Preferences()
    translators = translate(app, preferences.language)
    studio = Studio(preferences)
    restore = catch_faults(studio)
    studio.ended.connect(app.quit)
    interrupts = Interrupts(studio)
    window = studio.start(project)
    if demo_stages:
        play_demo(window, demo_stages, demo_settings or {})
    try:
        return int(app.exec())
    finally:
        interrupts.close()
        restore()
        for translator in translators:
            app.removeTranslator(translator)


def make_application(argv: Sequence[str]) -> QApplication:
    """The one QApplication, in Fusion style, which looks the same everywhere and takes our palette."""
    app = QApplication(list(argv))
    app.setStyle("Fusion")
    app.setApplicationName("rlhf-studio")
    app.setApplicationDisplayName("RLHF Studio")
    app.setQuitOnLastWindowClosed(False)  # the studio says when it is over: a run may outlive its window
    return app


def translate(app: QApplication, language: str) -> list[QTranslator]:
    """Install the translations of a language that ship with Qt and with us; English needs none."""
    locale = QLocale(language) if language else QLocale.system()
    places = (
        ("qtbase", QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)),
        ("rlhf_studio", str(resources_dir() / "translations")),
    )
    found = []
    for name, folder in places:
        translator = QTranslator(app)
        if locale.language() != QLocale.Language.English and translator.load(locale, name, "_", folder):
            app.installTranslator(translator)
            found.append(translator)
    return found


def play_demo(window: MainWindow, stages: Sequence[StageKey], settings: Mapping[str, Mapping[str, Any]]) -> None:
    """Train without a click and end with the models side by side, for talks."""
    from rlhf_studio.ui.tabs.train_tab import TrainTab  # noqa: PLC0415  brings pyqtgraph

    tab = window.tabs.tab("train")
    window.go_to(GoTo("train"))
    if isinstance(tab, TrainTab):
        window.session.training_finished.connect(partial(_compare, window))
        tab.train_plan(tuple(stages), settings)


def _compare(window: MainWindow, last: StageEvent) -> None:
    if getattr(last.event, "outcome", "") == "completed":
        window.go_to(GoTo("compare", act=True))


class Interrupts(QObject):
    """Ctrl+C in the terminal and a polite kill: the run is stopped and kept, the window closes in order."""

    def __init__(self, studio: Studio) -> None:
        super().__init__()
        self._studio = studio
        self._reader, self._writer = socket.socketpair()
        for end in (self._reader, self._writer):
            end.setblocking(False)
        self._notifier = QSocketNotifier(self._reader.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._on_activated)
        self._old_fd = signal.set_wakeup_fd(self._writer.fileno(), warn_on_full_buffer=False)
        self._old = {number: signal.signal(number, _nothing) for number in (signal.SIGINT, signal.SIGTERM)}

    def close(self) -> None:
        """Give the signals back."""
        signal.set_wakeup_fd(self._old_fd)
        for number, handler in self._old.items():
            signal.signal(number, handler)
        self._notifier.setEnabled(False)
        self._reader.close()
        self._writer.close()

    def _on_activated(self) -> None:
        self._reader.recv(64)
        if self._studio.window is not None:
            self._studio.window.close_now()


def _nothing(_number: int, _frame: object) -> None:
    """The wake-up socket has told Qt already."""
