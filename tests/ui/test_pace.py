"""Seconds of attention: what counts, and what is told of them."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QWidget

from rlhf_studio.schema import NewCompletion
from rlhf_studio.ui.rank.pace import IDLE_S, Attention, Stopwatch, pace


class Clock:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def watch(clock):
    watch = Stopwatch(clock)
    watch.restart()
    return watch


def test_it_counts_until_it_is_held(watch, clock):
    clock.now += 7
    assert watch.seconds == 7
    watch.hold()
    clock.now += 1000
    watch.note_input()  # as of a program in front
    assert watch.seconds == 7
    watch.go_on()
    watch.go_on()
    clock.now += 3
    assert watch.seconds == 10


def test_of_a_long_pause_the_first_minute_counts(watch, clock):
    clock.now += 30
    watch.note_input()
    clock.now += 3600
    assert watch.seconds == 30 + IDLE_S
    watch.note_input()
    clock.now += 5
    assert watch.seconds == 30 + IDLE_S + 5


def test_it_goes_on_from_what_was_counted_earlier(watch, clock):
    watch.restart(12.5)
    clock.now += 1
    assert watch.seconds == 13.5


@pytest.fixture
def page(qtbot, watch):
    page = QWidget()
    qtbot.addWidget(page)
    page.attention = Attention(page, watch)
    return page


def test_a_page_that_is_not_shown_or_not_in_front_counts_nothing(qtbot, page, watch, clock):
    clock.now += 50
    assert watch.seconds == 0
    with qtbot.waitExposed(page):
        page.show()
    qtbot.waitUntil(page.isActiveWindow)
    clock.now += 2
    assert watch.seconds == 2
    other = QWidget()
    qtbot.addWidget(other)
    other.show()
    other.activateWindow()
    qtbot.waitUntil(other.isActiveWindow)
    clock.now += 40
    assert watch.seconds == 2
    page.activateWindow()
    qtbot.waitUntil(page.isActiveWindow)
    clock.now += 1
    with qtbot.waitSignal(page.attention.left):
        page.hide()
    clock.now += 9
    assert watch.seconds == 3


def test_keys_and_the_mouse_are_noticed_at_the_window(qtbot, page, watch, clock):
    with qtbot.waitExposed(page):
        page.show()
    qtbot.waitUntil(page.isActiveWindow)
    for act in (
        lambda window: QTest.keyClick(window, Qt.Key.Key_1),
        lambda window: QTest.mouseMove(window, page.rect().center()),
    ):
        clock.now += 50
        act(page.windowHandle())
    clock.now += 50
    assert watch.seconds >= 150 - 1e-6


def test_median_and_p90_are_told_by_k(store):
    assert pace(store, "Tess", 2) is None
    prompt_id = store.prompts("rank")[0].id
    for seconds in (1.0, 2.0, 3.0, 4.0, 100.0):
        ids = store.add_completions([NewCompletion(prompt_id, text, "m") for text in "ab"]).ids
        store.add_ranking(prompt_id, [[i] for i in ids], (), seconds, "Tess")
    found = pace(store, "Tess", 2)
    assert (found.size, found.count, found.median) == (2, 5, 3.0)
    assert found.p90 == pytest.approx(61.6)
    assert pace(store, "Tess", 4) is None
