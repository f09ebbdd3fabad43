"""Pictures of every tab, empty, with one item and full, in both themes; a program of its own for other scales.

    QT_SCALE_FACTOR=2 python tests/window_pictures.py FOLDER full

writes the pictures into FOLDER and prints the faults that it found as JSON.
"""

import json
import os
import sys
import tempfile
from pathlib import Path

from PySide6.QtWidgets import QApplication
from window_checks import MARK, blank, faults_of
from window_material import MARKUP, FakeInference, add_all_runs

from rlhf_studio.paths import resources_dir
from rlhf_studio.schema import NewCompletion, NewPrompt, Turn
from rlhf_studio.store.bundle import open_or_create_example
from rlhf_studio.store.project import create_project
from rlhf_studio.ui.main_window import MainWindow
from rlhf_studio.ui.preferences import Preferences
from rlhf_studio.ui.session import Session
from rlhf_studio.ui.tab_pages import TABS
from rlhf_studio.ui.tabs.tab import GoTo
from rlhf_studio.ui.theme import Theme

FILLINGS = ("empty", "one", "full")
WIDTH, HEIGHT = 1024, 700  # of the window
PAGE = (1024, 620)  # what a tab may ask for
ANSWERS = (
    "Once there was a red hat. It wanted to see the wide blue sea, so one windy morning it flew away.",
    f"{MARKUP} is what the hat said.",
    "The hat was red. The hat was red. The hat was",
    "A girl lost her red hat at the beach. A seal brought it back, and they became friends.",
    "I like hats.",
)


def make_project(folder, filling):
    """A project with nothing in it, with one of each thing, or the example with four finished runs."""
    if filling == "full":
        store = open_or_create_example(folder, resources_dir())
        add_all_runs(store)
        return store
    store = create_project(folder / "project", "A project")
    if filling == "one":
        assert MARK in MARKUP
        purposes = frozenset({"demonstrate", "rank", "ppo", "probe"})
        (prompt_id,) = store.add_prompts([NewPrompt((Turn("user", MARKUP),), "generation", purposes=purposes)]).ids
        store.add_demonstration(prompt_id, ANSWERS[1], "Tess")
        ids = store.add_completions([NewCompletion(prompt_id, text, "tiny") for text in ANSWERS[:4]]).ids
        store.add_ranking(prompt_id, [ids[:1], ids[1:3], ids[3:]], labeler="Tess")
    return store


def open_window(store, theme, preferences):
    """A window whose models answer from a list."""
    session = Session(store, theme, preferences)
    session.inference.close(5)
    session.inference = FakeInference(ANSWERS)
    window = MainWindow(session)
    window.resize(WIDTH, HEIGHT)
    window.open("write")
    return window


def take_pictures(window, out, name):
    """Show each tab in each theme, write the pictures, and return what is wrong with them."""
    faults = []
    for tab in TABS:
        window.go_to(GoTo(tab))
        page = window.tabs.tab(tab)
        if tab == "compare" and page.primary_button().isEnabled():
            page.ask_all()
        settle(window)
        found = faults_of(page, *PAGE)
        for theme in ("light", "dark"):
            window.session.theme.choose(theme)
            settle(window)
            picture = window.grab()
            picture.save(str(out / f"{tab}-{name}-{theme}.png"))
            found += blank(picture.toImage())
        faults += [f"{tab}, {name}: {fault}" for fault in dict.fromkeys(found)]
    return faults


def settle(window):
    """Let what was asked be answered and laid out."""
    for _ in range(6):
        window.session.poll_answers()
        QApplication.processEvents()


def main(out, fillings):
    app = QApplication([sys.argv[0], "-style", "fusion"])
    theme = Theme("light")
    faults = []
    for filling in fillings:
        with tempfile.TemporaryDirectory() as folder:
            os.environ["RLHF_STUDIO_DATA"] = folder
            window = open_window(make_project(Path(folder), filling), theme, Preferences(Path(folder) / "window.ini"))
            faults += take_pictures(window, out, f"{filling}-{round(100 * window.devicePixelRatio())}")
            window.close_now()
            window.session.close()
            window.deleteLater()
    app.processEvents()
    print(json.dumps(faults))


if __name__ == "__main__":
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    main(Path(sys.argv[1]), sys.argv[2:])
