"""Scripted labelers: their orders by hand, and the share of their mistakes."""

import math
from itertools import combinations

import pytest

from rlhf_studio.errors import DataError
from rlhf_studio.jobs.rules import TITLES, ScriptedLabeler

SURE = {"noise": 0.0}


@pytest.mark.parametrize(
    ("labeler", "texts", "tiers"),
    [
        (ScriptedLabeler("short", **SURE), ("aaaa", "b", "ccc", " bb "), [[1], [3], [2], [0]]),
        (ScriptedLabeler("long", **SURE), ("aaaa", "b", "ccc", " bb "), [[0], [2], [3], [1]]),
        (ScriptedLabeler("short", **SURE), ("two", "one", "three"), [[0, 1], [2]]),
        (ScriptedLabeler("length", length=3, **SURE), ("a", "bb", "ccc", "dddd", "eeeee"), [[2], [1, 3], [0, 4]]),
        (ScriptedLabeler("word", word="sea", **SURE), ("The SEA.", "A season.", "sea-blue", "land"), [[0, 2], [1, 3]]),
        (
            ScriptedLabeler("word", word="\u6b63\u5f26", **SURE),
            ("\u6c42\u6b63\u5f26\u503c", "\u6c42\u503c"),
            [[0], [1]],
        ),
        (
            ScriptedLabeler("happy", **SURE),
            ("She cried.", "It rained. He was glad.", "It rained.", "They were friends. Tom was sad."),
            [[1], [2], [0, 3]],
        ),
    ],
)
def test_orders_by_hand(labeler, texts, tiers):
    assert labeler.tiers("Tell a story.", texts) == tiers


def test_a_word_is_found_however_its_letters_are_encoded():
    labeler = ScriptedLabeler("word", word="caf\u00e9")
    assert [labeler.mark(text) for text in ("Le CAFE\u0301.", "Le cafe.")] == [1.0, 0.0]


@pytest.mark.parametrize("count", [2, 4, 9])
@pytest.mark.parametrize("noise", [0.0, 0.1, 0.3])
def test_the_share_of_flipped_pairs_is_the_noise(noise, count):
    """Within four binomial standard errors; pairs of one set hang together, so each set counts as one draw."""
    labeler, sets = ScriptedLabeler("short", noise), 800
    pairs = count * (count - 1) // 2
    shares = []
    for number in range(sets):
        texts = ["x" * (1 + (place * 7 + number) % 11 + 11 * place) for place in range(count)]
        place_of = {tier[0]: place for place, tier in enumerate(labeler.tiers(f"prompt {number}", texts))}
        wrong = sum(
            (place_of[a] < place_of[b]) != (len(texts[a]) < len(texts[b])) for a, b in combinations(range(count), 2)
        )
        shares.append(wrong / pairs)
    mean = sum(shares) / sets
    assert abs(mean - noise) <= 4 * math.sqrt(noise * (1 - noise) / sets)  # as of one pair each; more pairs vary less
    assert (mean == 0) == (noise == 0)


def test_ties_stay_ties_whatever_the_noise():
    labeler = ScriptedLabeler("word", 0.5, word="sea")
    orders = [labeler.tiers(f"{n}", ("sea", "the sea", "land", "hill")) for n in range(60)]
    assert {tuple(map(tuple, tiers)) for tiers in orders} == {((0, 1), (2, 3)), ((2, 3), (0, 1))}


def test_the_same_labeler_repeats_itself_and_another_seed_errs_elsewhere():
    texts = [str(10**n) for n in range(6)]
    first, again, other = (ScriptedLabeler("long", 0.3, seed=seed) for seed in (0, 0, 1))
    orders = [[labeler.tiers(f"{n}", texts) for n in range(20)] for labeler in (first, again, other)]
    assert orders[0] == orders[1]
    assert orders[0] != orders[2]
    assert len({labeler.name for labeler in (first, again, other)}) == 2


def test_names_tell_rule_and_noise():
    assert ScriptedLabeler("short").name == "script: short answers, noise 0.1"
    assert ScriptedLabeler("word", 0, word=" sea ").name == "script: the word \u201csea\u201d, noise 0"
    assert ScriptedLabeler("length", 0.25, length=80, seed=3).name == "script: 80 characters, noise 0.25, seed 3"
    assert len({ScriptedLabeler(rule, word="a", length=1).name for rule in TITLES}) == len(TITLES)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        (("sad",), "no rule 'sad'.*happy, short"),
        (("short", -0.1), "noise cannot be -0.1"),
        (("short", 0.6), "Choose 0"),
        (("short", math.nan), "noise cannot be nan"),
        (("word", 0.1, " "), "Name a word"),
        (("word", 0.1, "a\nb"), "Name a word"),
        (("length", 0.1, "", 0), "Choose 1 to 100,000"),
    ],
)
def test_what_makes_no_labeler_is_said(values, said):
    with pytest.raises(DataError, match=said):
        ScriptedLabeler(*values)


def test_answers_that_the_rule_finds_equal_are_one_tier():
    assert ScriptedLabeler("happy").tiers("Why?", ("Because.", "So.")) == [[0, 1]]
