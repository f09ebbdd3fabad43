import random

import pytest

from rlhf_studio.stats.intervals import bootstrap_share


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
