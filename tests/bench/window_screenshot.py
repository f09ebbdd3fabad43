"""Pictures for the README, from a real run in the real window.

    python tests/bench/window_screenshot.py [FOLDER] [--settings FILE] [--stages sft reward ppo-ptx] [--size 1280x800]

Opens the example project in a fresh data folder, trains the stages one after the other, and keeps pictures of every
tab in both themes: Train in the middle of the last stage, the others at the end. Without a screen it starts Xvfb if
that is installed, else it draws without one. Exits with 1 if a stage fails.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

from PySide6.QtCore import QObject, QTimer
from PySide6.QtGui import QImage

from rlhf_studio.events import RunFinished, RunStarted, StepMetrics
from rlhf_studio.paths import resources_dir
from rlhf_studio.ui.app import make_application, play_demo
from rlhf_studio.ui.preferences import Preferences
from rlhf_studio.ui.studio import Studio
from rlhf_studio.ui.tabs.tab import GoTo

LARGEST = 300_000  # bytes of a picture
TOASTS_MS = 7_000  # notices have gone by then
SAMPLES_MS = 120_000  # answers for Rank and Compare are waited for so long


@contextmanager
def screen(size):
    """An X server of our own where there is none."""
    program = shutil.which("Xvfb")
    if os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY") or os.environ.get("QT_QPA_PLATFORM"):
        yield
        return
    if program is None:
        os.environ["QT_QPA_PLATFORM"] = "offscreen"
        yield
        return
    reader, writer = os.pipe()
    command = [program, "-displayfd", str(writer), "-screen", "0", f"{size}x24", "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=[writer], stderr=subprocess.DEVNULL)
    os.close(writer)
    os.environ["QT_QPA_PLATFORM"] = "xcb;offscreen"
    try:
        with os.fdopen(reader) as numbers:
            os.environ["DISPLAY"] = f":{numbers.readline().strip()}"
        yield
    finally:
        server.terminate()
        server.wait()


class Album(QObject):
    """Takes each picture when its moment has come."""

    def __init__(self, window, stages, folder):
        super().__init__(window)
        self.window, self.stages, self.folder = window, stages, folder
        self.failure = ""
        self._is_train_taken = False
        self._total = 0
        self._pages = iter(())
        self._waited_ms = 0
        self._timer = QTimer(self)
        self._timer.setInterval(250)
        self._timer.timeout.connect(self._on_timer)
        window.session.events_arrived.connect(self._on_events)
        window.session.training_finished.connect(self._on_training_finished)

    def _on_events(self, items):
        for item in items:
            if item.stage != self.stages[-1]:
                continue
            if isinstance(item.event, RunStarted):
                self._total = item.event.total
            is_late = isinstance(item.event, StepMetrics) and item.event.step * 3 >= self._total * 2
            if is_late and not self._is_train_taken:
                self._is_train_taken = True
                QTimer.singleShot(1500, self, self._take_train)  # the plots take a moment

    def _take_train(self):
        self.take("train")

    def _on_training_finished(self, last):
        if isinstance(last.event, RunFinished) and last.event.outcome != "completed":
            self.failure = f"{last.stage}: {last.event.message or last.event.outcome}"
            self.window.close_now()
            return
        names = ["compare", "rank", "write", "prompts", "labels", "runs"] + ([] if self._is_train_taken else ["train"])
        self._pages = iter(names)
        self._next()

    def _next(self):
        name = next(self._pages, None)
        if name is None:
            self.window.close_now()
            return
        self.window.go_to(GoTo(name, act=name == "compare"))
        self._waited_ms = 0
        self._timer.start()

    def _on_timer(self):
        """Wait for what the models say, then take the picture and turn the page."""
        self._waited_ms += self._timer.interval()
        is_busy = self.window.session.inference.has_work
        if self._waited_ms < TOASTS_MS or (is_busy and self._waited_ms < SAMPLES_MS):
            return
        self._timer.stop()
        self.take(self.window.tabs.current_name())
        self._next()

    def take(self, name):
        """Keep what is seen now, in both themes."""
        theme = self.window.session.theme
        for choice in ("light", "dark"):
            theme.choose(choice)
            save(self.window.grab().toImage(), self.folder / f"{name}-{choice}.png")
        theme.choose("light")


def save(image, path):
    """Write a picture; one that is too large gets along with 256 colours."""
    image.save(str(path), quality=0)
    if path.stat().st_size > LARGEST:
        image.convertToFormat(QImage.Format.Format_Indexed8).save(str(path), quality=0)
    print(f"{path}  {path.stat().st_size // 1000} kB")


def make_pictures(args, folder):
    """Run the window to its end; returns why it failed, or nothing."""
    app = make_application(sys.argv[:1])
    preferences = Preferences(folder / "window.ini")
    preferences.labeler = "Kim"
    preferences.theme = "light"
    studio = Studio(preferences)
    studio.ended.connect(app.quit)
    window = studio.start()
    window.resize(*(int(number) for number in args.size.split("x")))
    album = Album(window, args.stages, args.folder)
    settings = json.loads(Path(args.settings).read_text()) if args.settings else {}
    play_demo(window, args.stages, settings)
    app.exec()
    return album.failure


def main():
    """Take the pictures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, default=resources_dir() / "docs" / "images")
    parser.add_argument("--settings", help="JSON of settings by stage; without it the defaults")
    parser.add_argument("--stages", nargs="+", default=["sft", "reward", "ppo", "ppo-ptx"])
    parser.add_argument("--size", default="1280x800")
    args = parser.parse_args()
    if not re.fullmatch(r"\d+x\d+", args.size):
        parser.error(f"the size is '{args.size}'; write it like 1280x800")
    args.folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder, screen(args.size):
        os.environ["RLHF_STUDIO_DATA"] = folder
        failure = make_pictures(args, Path(folder))
    if failure:
        sys.exit(failure)


if __name__ == "__main__":
    main()
