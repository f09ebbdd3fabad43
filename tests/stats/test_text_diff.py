"""What an edit changed, in words."""

import random
import time
from difflib import SequenceMatcher

import pytest

from rlhf_studio.stats.text_diff import LONGEST, word_changes, words


def after_of(pieces):
    return "".join(text for text, kind in pieces if kind != "gone")


@pytest.mark.parametrize(
    ("before", "after", "pieces"),
    [
        ("", "", []),
        ("", "a b", [("a b", "new")]),
        ("a b", "", [("a b", "gone")]),
        ("a b", "a b", [("a b", "same")]),
        (
            "The hat was red.",
            "The hat was dark blue.",
            [("The hat was", "same"), (" red.", "gone"), (" dark blue.", "new")],
        ),
        ("one two three", "two three", [("one", "gone"), ("two three", "same")]),
        (
            "天空是蓝色的",
            "天空是红色的",
            [("天空是", "same"), ("蓝", "gone"), ("红", "new"), ("色的", "same")],
        ),
        ("a  b", "a b", [("a b", "same")]),
    ],
)
def test_words_that_are_new_gone_or_the_same(before, after, pieces):
    assert word_changes(before, after) == pieces


def test_it_keeps_as_many_words_as_can_be_kept():
    rng = random.Random(5)
    for _ in range(200):
        old, new = ([rng.choice("abcd") for _ in range(rng.randrange(12))] for _ in range(2))
        pieces = word_changes(" ".join(old), " ".join(new))
        kept = sum(len(words(text)) for text, kind in pieces if kind == "same")
        assert kept == longest_common(old, new)
        assert [w.strip() for w in words(after_of(pieces))] == new
        assert kept >= sum(b.size for b in SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks())


def longest_common(old, new):
    """By the textbook."""
    table = [[0] * (len(new) + 1) for _ in range(len(old) + 1)]
    for i, a in enumerate(old):
        for j, b in enumerate(new):
            table[i + 1][j + 1] = table[i][j] + 1 if a == b else max(table[i][j + 1], table[i + 1][j])
    return table[-1][-1]


def test_texts_that_repeat_take_no_longer():
    before, after = "the hat was red " * (LONGEST // 4), "the hat was blue red " * (LONGEST // 5)
    began = time.perf_counter()
    pieces = word_changes(before, after)
    assert time.perf_counter() - began < 1
    assert after_of(pieces) == after


def test_what_is_too_long_counts_as_changed():
    before, after = "a " * (LONGEST + 1), "b"
    assert word_changes(before, after) == [(before, "gone"), (after, "new")]
