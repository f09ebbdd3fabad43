"""The labeling desk in every state a person may meet it, light and dark; pictures go to tests/out."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from desk_pictures import STATES, take
from PySide6.QtGui import QImage
from window_pictures import HEIGHT, WIDTH

TESTS = Path(__file__).parents[1]
OUT = TESTS / "out"
AT_ONCE = {"rank-9-done"}  # the others on demand


@pytest.mark.parametrize(
    "state", [state if state in AT_ONCE else pytest.param(state, marks=pytest.mark.slow) for state in STATES]
)
def test_every_state_of_the_desk_at_the_smallest_size(qtbot, theme, tmp_path, state):
    OUT.mkdir(exist_ok=True)
    faults = take(state, tmp_path, OUT, theme)
    assert not faults, "\n".join(faults)
    assert QImage(str(OUT / f"desk-{state}-100-dark.png")).size().toTuple() == (WIDTH, HEIGHT)


@pytest.mark.slow
def test_every_state_of_the_desk_at_twice_the_size():
    OUT.mkdir(exist_ok=True)
    done = subprocess.run(
        [sys.executable, "-W", "error", TESTS / "desk_pictures.py", OUT],
        env={**os.environ, "QT_SCALE_FACTOR": "2", "QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": str(TESTS.parent)},
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    faults = json.loads(done.stdout.splitlines()[-1])
    assert not faults, "\n".join(faults)
    assert QImage(str(OUT / "desk-rank-9-200-dark.png")).size().toTuple() == (2 * WIDTH, 2 * HEIGHT)


def test_states_of_each_labeling_tab_are_there():
    tabs = {state.tab for state in STATES.values()}
    assert tabs == {"prompts", "write", "rank", "labels"}
    for tab in tabs:
        assert f"{tab}-empty" in STATES
        assert f"{tab}-many" in STATES or tab == "rank"
