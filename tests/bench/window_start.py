"""How long the window takes to be on screen, compared with importing Qt and pyqtgraph alone.

    python tests/bench/window_start.py --times 5 --at-most 2.5

Runs both in fresh processes by turns, in one go. The clock of each starts with its first statement; that of the window
stops when the event loop is free again after the first paint. The example project is there already, as at every start
but the first, whose time is shown too. Exits with 1 if the ratio of the medians is larger than ``--at-most``, or if
torch was loaded before the window could be used. Without a screen the window is painted offscreen.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile

IMPORTS = """
import time; began = time.perf_counter()
import PySide6.QtCore, PySide6.QtGui, PySide6.QtWidgets, pyqtgraph
import json; print(json.dumps({"seconds": time.perf_counter() - began}))
"""

WINDOW = """
import time; began = time.perf_counter()
import json, os, sys
from functools import partial
from PySide6.QtCore import QTimer
from rlhf_studio.ui.main_window import MainWindow
from rlhf_studio.cli import main
found = {}
paint, opened = MainWindow.paintEvent, MainWindow.open

def free():
    found["seconds"] = time.perf_counter() - began
    found["torch"] = "torch" in sys.modules

def paint_and_tell(self, event):
    paint(self, event)
    if "painted" not in found:
        found["painted"] = time.perf_counter() - began
        QTimer.singleShot(0, free)

def built(window):
    found["tabs"] = time.perf_counter() - began
    found["torch"] = found.get("torch") or "torch" in sys.modules
    window.close_now()

def open_and_listen(self, first):
    opened(self, first)
    self.tabs.all_built.connect(partial(built, self))

MainWindow.paintEvent, MainWindow.open = paint_and_tell, open_and_listen
code = main(["window"])
print(json.dumps(found))
sys.exit(code)
"""


def run(code, data):
    """What a fresh process printed last, as an object."""
    environment = {**os.environ, "RLHF_STUDIO_DATA": data}
    if not environment.get("DISPLAY") and not environment.get("WAYLAND_DISPLAY"):
        environment["QT_QPA_PLATFORM"] = "offscreen"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    return json.loads(done.stdout.splitlines()[-1])


def main():
    """Measure by turns, print one row each."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", type=int, default=5)
    parser.add_argument("--at-most", type=float, default=2.5, help="ratio of the medians")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as data:
        run(IMPORTS, data)  # files come from memory from now on
        first = run(WINDOW, data)
        rows = [(run(IMPORTS, data), run(WINDOW, data)) for _ in range(args.times)]
    imports = [row[0]["seconds"] for row in rows]
    windows = [row[1]["seconds"] for row in rows]
    tabs = [row[1]["tabs"] for row in rows]
    ratio = statistics.median(windows) / statistics.median(imports)
    print(f"{'':32}{'median':>8}{'least':>8}{'most':>8}   seconds, {args.times} processes each")
    for name, values in (("import Qt and pyqtgraph", imports), ("window on screen", windows), ("all tabs built", tabs)):
        print(f"{name:32}{statistics.median(values):8.2f}{min(values):8.2f}{max(values):8.2f}")
    print(f"very first start, makes the example: window on screen after {first['seconds']:.2f} s")
    has_torch = first["torch"] or any(row[1]["torch"] for row in rows)
    print(f"ratio {ratio:.2f}, at most {args.at_most:.2f} wanted; torch loaded: {'yes' if has_torch else 'no'}")
    return int(ratio > args.at_most or has_torch)


if __name__ == "__main__":
    sys.exit(main())
