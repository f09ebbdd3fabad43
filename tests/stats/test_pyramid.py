import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlhf_studio.stats.pyramid import Pyramid
from rlhf_studio.stats.text_diff import changed_words, words


def filled(values, capacity=8):
    pyramid = Pyramid(capacity)
    for x, y in enumerate(values):
        pyramid.append(x, y)
    return pyramid


def test_few_points_are_kept_as_they_are():
    x, y = filled([3.0, 1.0, 2.0]).points()
    assert x.tolist() == [0, 1, 2]
    assert y.tolist() == [3, 1, 2]


def test_no_spike_is_dropped():
    values = [0.0] * 10_000
    values[4_321], values[8_765] = 50.0, -70.0
    x, y = filled(values).points()
    assert (y.max(), y.min()) == (50, -70)
    assert x[y.argmax()] == 4_321
    assert x[y.argmin()] == 8_765


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=300), st.sampled_from([2, 4, 8, 64]))
def test_extremes_order_and_bound_hold_for_any_curve(values, capacity):
    pyramid = filled(values, capacity)
    x, y = pyramid.points()
    assert len(x) <= 2 * capacity
    assert (np.diff(x) > 0).all()
    assert (y.min(), y.max()) == (min(values), max(values))
    assert all(values[int(at)] == value for at, value in zip(x, y, strict=True))
    assert pyramid.last == values[-1]


def test_fewer_points_on_demand_keep_the_extremes():
    values = np.sin(np.arange(5000)).tolist()
    pyramid = filled(values, 1000)
    x, y = pyramid.points(100)
    assert len(x) <= 102
    assert (y.min(), y.max()) == (min(values), max(values))


def test_a_stretch_of_steps():
    x, _ = filled(range(100), 1000).points(2000, 20, 30)
    assert x.tolist() == list(range(20, 31))


def test_what_is_not_finite_is_counted_and_not_drawn():
    pyramid = filled([1.0, float("nan"), float("inf"), 2.0])
    assert pyramid.points()[1].tolist() == [1, 2]
    assert (pyramid.count, pyramid.not_finite) == (4, 2)


def test_memory_does_not_grow_with_the_number_of_steps():
    pyramid = filled(range(20_000), 1000)
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for step in range(20_000, 120_000):
        pyramid.append(step, step % 7)
    grown = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert grown < 10_000, "100,000 more points took memory"


def test_an_odd_capacity_is_a_mistake():
    with pytest.raises(ValueError, match="7"):
        Pyramid(7)


def test_changed_words_are_found_and_the_text_stays_whole():
    pieces = changed_words("the red hat is here", "the blue hat is there now")
    assert pieces == [("the", False), (" blue", True), (" hat is", False), (" there now", True)]
    assert changed_words("", "") == []
    assert changed_words("same words", "same words") == [("same words", False)]


def test_chinese_changes_by_characters():
    assert changed_words("我喜欢猫", "我喜欢狗") == [("我喜欢", False), ("狗", True)]


@given(st.text(max_size=80), st.text(max_size=80))
def test_pieces_make_up_the_later_text(before, after):
    assert "".join(text for text, _ in changed_words(before, after)) == after
    assert "".join(words(after)) == after


def test_a_very_long_text_is_not_compared_word_by_word():
    long = "word " * 5000
    assert changed_words("x", long) == [(long, True)]
