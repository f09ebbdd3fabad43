import math

import numpy as np
import pytest

from rlhf_studio.stats.preferences import (
    Bin,
    Order,
    ScoredRanking,
    accuracy,
    accuracy_by,
    agreement,
    calibration,
    calibration_error,
    histogram,
    pairs_of,
    ranking_nats,
)

# prompt 1: tiers {a} > {b, c} > {d}; the scores put d above b
FOUR = ScoredRanking(1, (2.0, 0.0, 1.0, 0.5), (1, 2, 2, 3), "Ada")
# prompt 2: scores equal
TWO = ScoredRanking(2, (1.0, 1.0), (2, 1), "Bo")


def test_pairs_have_margin_size_and_distance_and_leave_ties_out():
    pairs = pairs_of([FOUR])
    assert [(p.margin, p.distance) for p in pairs] == [(2.0, 1), (1.0, 1), (1.5, 2), (-0.5, 1), (0.5, 1)]
    assert {p.size for p in pairs} == {4}
    (even,) = pairs_of([TWO])
    assert (even.margin, even.hit, even.size, even.distance) == (0.0, 0.5, 2, 1)


def test_accuracy_counts_pairs_and_halves_equal_scores():
    share = accuracy(pairs_of([FOUR, TWO]))
    assert share.value == pytest.approx((4 + 0.5) / 6)
    assert (share.count, share.groups) == (6, 2)
    assert share.low < share.value < share.high
    assert accuracy([]) is None


def test_accuracy_by_size_distance_and_labeler():
    pairs = pairs_of([FOUR, TWO])
    assert [(k, s.value, s.count) for k, s in accuracy_by(pairs, lambda p: p.size)] == [("2", 0.5, 1), ("4", 0.8, 5)]
    by_distance = accuracy_by(pairs, lambda p: p.distance)
    assert [(k, s.value, s.count) for k, s in by_distance] == [("1", 0.7, 5), ("2", 1.0, 1)]
    assert [k for k, _ in accuracy_by(pairs, lambda p: p.labeler)] == ["Ada", "Bo"]
    ten = ScoredRanking(3, tuple(range(10, 0, -1)), tuple(range(1, 11)))
    assert [k for k, _ in accuracy_by(pairs_of([ten]), lambda p: p.distance)][-2:] == ["8", "9"]  # numbers, not words


def test_the_loss_is_a_mean_over_pairs_and_then_over_prompts():
    first = [math.log1p(math.exp(-m)) for m in (2.0, 1.0, 1.5, -0.5, 0.5)]
    assert ranking_nats([FOUR, TWO]) == pytest.approx((sum(first) / 5 + math.log(2)) / 2)
    assert ranking_nats([ScoredRanking(1, (0.0, 1.0), (1, 1))]) is None


def test_the_loss_and_accuracy_are_the_trainers():
    torch = pytest.importorskip("torch")
    from rlhf_studio.rl.ranking import ranking_loss

    draw = np.random.default_rng(3)
    rows = [
        ScoredRanking(i, tuple(draw.normal(size=5)), tuple(int(r) for r in draw.integers(1, 4, size=5)))
        for i in range(20)
    ]
    scores = torch.tensor([s for row in rows for s in row.scores])
    ranks = torch.tensor([r for row in rows for r in row.ranks])
    index = torch.tensor([row.prompt_id for row in rows for _ in row.ranks])
    theirs = ranking_loss(scores, ranks, index, tie_divisor="pairs")
    assert ranking_nats(rows) == pytest.approx(theirs.loss.item())
    share = accuracy(pairs_of(rows))
    assert share.value == pytest.approx(theirs.accuracy.item())
    assert share.count == theirs.pairs.item()


def test_calibration_by_hand():
    """Margins of ln 1.5 predict 60 %, of ln 9 they predict 90 %."""
    sixty, ninety = math.log(1.5) + 1e-9, math.log(9) + 1e-9
    rows = [ScoredRanking(i, (sixty, 0.0), (1, 2) if i < 3 else (2, 1)) for i in range(4)]
    rows += [ScoredRanking(10 + i, (0.0, ninety), (2, 1)) for i in range(2)]
    low, high = calibration(pairs_of(rows))
    assert low.predicted == pytest.approx(0.6)
    assert (low.observed.value, low.observed.count) == (0.75, 4)
    assert high.predicted == pytest.approx(0.9)
    assert (high.observed.value, high.observed.count) == (1.0, 2)
    assert calibration_error([low, high]) == pytest.approx((4 * 0.15 + 2 * 0.1) / 6)
    assert calibration([]) == ()
    assert calibration_error([]) is None


def test_certain_and_undecided_scores_fall_into_the_outer_bins():
    rows = [ScoredRanking(1, (1000.0, 0.0), (1, 2)), ScoredRanking(2, (0.0, 0.0), (1, 2))]
    undecided, certain = calibration(pairs_of(rows))
    assert (undecided.predicted, undecided.observed.value) == (0.5, 0.5)
    assert (certain.predicted, certain.observed.value) == (1.0, 1.0)
    assert isinstance(certain, Bin)


def test_labelers_agree_on_what_both_rank_apart():
    orders = [
        Order(1, "Ada", {"a": 1, "b": 2, "c": 2}),
        Order(1, "Bo", {"a": 1, "b": 2, "c": 3, "d": 4}),  # agrees on ab, ac; bc is Ada's tie
        Order(1, "Cy", {"a": 2, "b": 1}),  # against both on ab
        Order(2, "Ada", {"a": 1, "b": 2}),
        Order(2, "Ada", {"a": 1, "b": 2}),  # a second time
        Order(3, "Bo", {"a": 1, "b": 2}),  # alone
    ]
    found = agreement(orders)
    assert (found.between.value, found.between.count, found.between.groups) == (0.5, 4, 1)
    assert (found.within.value, found.within.count) == (1.0, 1)
    alone = agreement(orders[-1:])
    assert alone.between is None
    assert alone.within is None


def test_histograms_share_their_bins():
    edges, (one, other, none) = histogram([[0.0, 1.0, 1.0], [2.0, 4.0], []], bins=4)
    assert edges.tolist() == [0, 1, 2, 3, 4]
    assert one.tolist() == pytest.approx([1 / 3, 2 / 3, 0, 0])
    assert other.tolist() == [0, 0, 0.5, 0.5]  # the last bin holds its upper edge
    assert none.tolist() == [0, 0, 0, 0]
    edges, (same,) = histogram([[3.0, 3.0]], bins=2)
    assert edges.tolist() == [2.5, 3.0, 3.5]
    assert same.tolist() == [0, 1]
