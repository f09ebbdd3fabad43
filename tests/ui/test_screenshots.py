"""Every tab empty, with one item and full, at 1024 x 700 and at 200 %, light and dark; pictures go to tests/out."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QImage
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QWidget
from window_checks import cut_off, faults_of, nameless, taken_for_html, too_large, unreachable
from window_pictures import (
    FILLINGS,
    HEIGHT,
    WIDTH,
    make_project,
    open_window,
    take_pictures,
)

from rlhf_studio.ui.widgets.text import PlainEditor

OUT = Path(__file__).parents[1] / "out"
TESTS = Path(__file__).parents[1]


# one of each lies between nothing and everything
@pytest.mark.whole
@pytest.mark.parametrize(
    "filling", [pytest.param(one, marks=pytest.mark.slow) if one == "one" else one for one in FILLINGS]
)
def test_every_tab_at_the_smallest_size(qtbot, theme, preferences, tmp_path, filling):
    OUT.mkdir(exist_ok=True)
    window = open_window(make_project(tmp_path, filling), theme, preferences)
    faults = take_pictures(window, OUT, f"{filling}-100")
    window.close_now()
    assert window.session.close()
    window.deleteLater()
    assert not faults, "\n".join(faults)
    assert QImage(str(OUT / f"compare-{filling}-100-dark.png")).size().toTuple() == (WIDTH, HEIGHT)


@pytest.mark.whole
def test_every_tab_at_twice_the_size():
    OUT.mkdir(exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-W", "error", TESTS / "window_pictures.py", OUT, "full"],
        env={**os.environ, "QT_SCALE_FACTOR": "2", "QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": str(TESTS.parent)},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    faults = json.loads(done.stdout.splitlines()[-1])
    assert not faults, "\n".join(faults)
    assert QImage(str(OUT / "compare-full-200-dark.png")).size().toTuple() == (2 * WIDTH, 2 * HEIGHT)


@pytest.fixture
def page(qtbot, theme):
    """A page with room for nothing, to show that the checks find faults."""
    page = QWidget()
    QHBoxLayout(page)
    qtbot.addWidget(page)
    return page


def show(page, *widgets):
    for widget in widgets:
        page.layout().addWidget(widget)
    page.resize(200, 60)
    page.show()


def test_the_checks_find_what_is_cut_off(page):
    label = QLabel("words that need more room than this")
    label.setFixedWidth(40)
    button = QPushButton("more words than fit")
    button.setFixedWidth(30)
    show(page, label, button)
    assert len(cut_off(page)) == 2
    label.setFixedWidth(400)
    assert any("needs" in fault for fault in too_large(page, 200, 60))


def test_the_checks_find_what_has_no_name(page):
    show(page, QPushButton(), PlainEditor())
    assert len(nameless(page)) == 3


def test_the_checks_find_what_qt_takes_for_html(page):
    label, other = QLabel("<b>bold</b>"), QLabel("<b>bold</b>")
    other.setTextFormat(Qt.TextFormat.PlainText)
    other.setToolTip("<b>not bold</b>")
    show(page, label, other)
    assert len(taken_for_html(page)) == 2


def test_the_checks_find_what_the_tab_key_does_not_reach(qtbot, page):
    editor = PlainEditor()
    editor.setTabChangesFocus(False)
    button = QPushButton("Press")
    show(page, editor, button)
    qtbot.waitUntil(page.isActiveWindow)
    assert any("keeps the Tab key" in fault for fault in unreachable(page))
    assert faults_of(page, 9, 9)
