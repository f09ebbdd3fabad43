import random
import time

import pytest

from rlhf_studio.stats.differing import LONGEST, common, differing


def parts(reference, text):
    return [text[first:last] for first, last in differing(reference, text)]


@pytest.mark.parametrize(
    ("reference", "text", "expected"),
    [
        ("The hat was red.", "The hat was blue.", ["blue"]),
        ("A red hat.", "A  red\nhat.", []),  # spaces do not count
        ("He can't sing.", "He can sing.", ["can"]),
        ("one two", "", []),
        ("", "one two", ["one two"]),
        ("a_b = 1", "a_c = 1", ["c"]),
        ("从前有一顶红帽子。", "从前有一顶蓝帽子。", ["蓝"]),
        ("我喜欢帽子", "我很喜欢红色的帽子", ["很", "红色的"]),
        ("😀 happy", "😢 happy", ["😢"]),
        ("p q r x s t", "a b x c d", ["a b x c d"]),  # a single shared word among others is no comfort
    ],
)
def test_what_differs(reference, text, expected):
    assert parts(reference, text) == expected


def longest(old, new):
    table = [[0] * (len(new) + 1) for _ in range(len(old) + 1)]
    for i, word in enumerate(old):
        for j, other in enumerate(new):
            table[i + 1][j + 1] = table[i][j] + 1 if word == other else max(table[i][j + 1], table[i + 1][j])
    return table[-1][-1]


def test_what_is_common_is_a_longest_common_subsequence():
    draw = random.Random(1)
    for _ in range(500):
        old, new = ([draw.choice("abcd") for _ in range(draw.randint(0, 12))] for _ in range(2))
        found = [word for word, is_shared in zip(new, common(old, new), strict=True) if is_shared]
        assert len(found) == longest(old, new)
        rest = iter(old)
        assert all(word in rest for word in found)  # in this order


def test_two_answers_of_two_thousand_characters_take_less_than_a_turn_of_the_event_loop_may():
    draw = random.Random(2)
    old, new = ("".join(chr(0x4E00 + int(draw.expovariate(1 / 90))) for _ in range(2000)) for _ in range(2))
    best = min(_seconds(old, new) for _ in range(3))
    assert best < 0.05


def _seconds(old, new):
    start = time.perf_counter()
    assert differing(old, new)
    return time.perf_counter() - start


def test_beyond_a_limit_everything_differs():
    assert parts("a " * (LONGEST + 1), " b a") == ["b a"]
