import math
import random
from statistics import NormalDist

import numpy as np
import pytest

from rlhf_studio.stats.intervals import bootstrap_share, grouped_share, wilson


def test_the_interval_of_independent_draws_is_the_binomial_one():
    hits = [1.0] * 70 + [0.0] * 30
    low, high = bootstrap_share(hits, [1] * 100)
    half = 1.96 * (0.7 * 0.3 / 100) ** 0.5
    assert (low, high) == (pytest.approx(0.7 - half, abs=0.011), pytest.approx(0.7 + half, abs=0.011))


def test_pairs_of_one_prompt_count_as_one_thing():
    alone = bootstrap_share([1.0, 0.0] * 50, [1] * 100)
    repeated = bootstrap_share([10.0, 0.0] * 50, [10] * 100)
    assert repeated == alone  # ten pairs that agree by being the same know no more


def test_it_covers_the_truth_as_often_as_it_says():
    draw, covered = random.Random(1), 0
    for _ in range(200):
        counts = [draw.randint(1, 6) for _ in range(60)]
        hits = [float(sum(draw.random() < 0.6 for _ in range(count))) for count in counts]
        low, high = bootstrap_share(hits, counts, resamples=400, level=0.9)
        covered += low <= 0.6 <= high
    assert 0.82 <= covered / 200 <= 0.96


def test_a_difference_may_be_negative_and_the_same_seed_repeats_it():
    first = bootstrap_share([-1.0, 0.5, 0.0], [2, 2, 2], seed=3)
    assert first == bootstrap_share([-1.0, 0.5, 0.0], [2, 2, 2], seed=3)
    assert -0.5 <= first[0] < first[1] <= 0.25


@pytest.mark.parametrize(("hits", "counts"), [([], []), ([1.0], [1, 2]), ([1.0, 0.0], [1, 0])])
def test_groups_that_say_nothing_are_refused(hits, counts):
    with pytest.raises(ValueError, match="hits and"):
        bootstrap_share(hits, counts)


@pytest.mark.parametrize(
    ("hits", "count", "low", "high"),
    [  # Newcombe 1998, Statistics in Medicine 17, table I, method 3 (Wilson's score)
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0, 0.1611),
        (1, 29, 0.0061, 0.1718),
    ],
)
def test_wilson_as_published(hits, count, low, high):
    assert wilson(hits, count) == pytest.approx((low, high), abs=5e-5)
    assert wilson(count - hits, count) == pytest.approx((1 - high, 1 - low), abs=5e-5)


def test_wilson_of_another_level_by_hand():
    """One of two, at the level of z = 1: the ends are 1/2 -+ sqrt(1/8 + 1/16) / (1 + 1/2)."""
    level = 2 * NormalDist().cdf(1) - 1
    half = math.sqrt(1 / 8 + 1 / 16) / 1.5
    assert wilson(1, 2, level=level) == pytest.approx((0.5 - half, 0.5 + half))


@pytest.mark.parametrize(("hits", "count"), [(1, 0), (-1, 3), (4, 3)])
def test_wilson_needs_something_to_count(hits, count):
    with pytest.raises(ValueError, match="hits of"):
        wilson(hits, count)


def test_pairs_of_their_own_groups_have_wilsons_interval_and_all_alike_count_once():
    alone = grouped_share([1.0] * 8 + [0.0] * 2, [1] * 10)
    assert (alone.value, alone.count, alone.groups) == (0.8, 10, 10)
    # the variance has 9 in place of 10: worth 9 pairs
    assert (alone.low, alone.high) == pytest.approx(wilson(0.8 * 9, 9))
    alike = grouped_share([5.0] * 8 + [0.0] * 2, [5] * 10)
    assert (alike.low, alike.high) == pytest.approx((alone.low, alone.high))
    assert alike.count == 50


def test_pairs_are_never_worth_more_than_they_are():
    even = grouped_share([1.0] * 6, [2] * 6)  # every group is half right: no variance between them
    assert (even.low, even.high) == pytest.approx(wilson(6, 12))


@pytest.mark.parametrize(("hits", "counts"), [([3.0, 4.0], [3, 4]), ([0.0, 0.0], [3, 4]), ([1.0], [3])])
def test_without_a_variance_a_group_counts_once(hits, counts):
    share = grouped_share(hits, counts)
    assert (share.low, share.high) == pytest.approx(wilson(share.value * len(counts), len(counts)))


def test_a_share_of_nothing_is_refused():
    with pytest.raises(ValueError, match="0 hits and 0 counts"):
        grouped_share([], [])


def test_the_interval_of_groups_is_about_as_wide_as_the_bootstraps():
    draw = np.random.default_rng(5)
    counts = draw.integers(3, 20, size=60).tolist()
    hits = [float(draw.binomial(count, draw.beta(6, 2))) for count in counts]
    share, (low, high) = grouped_share(hits, counts), bootstrap_share(hits, counts)
    assert (share.low, share.high) == pytest.approx((low, high), abs=0.015)
    naive = wilson(sum(hits), sum(counts))
    assert share.high - share.low > naive[1] - naive[0]
