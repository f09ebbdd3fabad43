"""The matrix against numbers worked out by hand, and the loss against the one that trains."""

import math

import numpy as np
import pytest
import torch

from rlhf_studio.rl.ranking import ranking_loss
from rlhf_studio.stats.pair_matrix import order_cost, pair_loss, preferred

# sigmoid(ln 3) = 3/4, sigmoid(ln 9) = 9/10: answers of rewards ln 9, ln 3 and 0
SCORES = (math.log(9), math.log(3), 0.0)


def test_the_probabilities_of_three_answers():
    by_hand = [[0.5, 0.75, 0.9], [0.25, 0.5, 0.75], [0.1, 0.25, 0.5]]
    assert preferred(SCORES) == pytest.approx(np.array(by_hand))


def test_scores_far_apart_do_not_overflow():
    found = preferred((1000.0, -1000.0))
    assert found.tolist() == [[0.5, 1.0], [0.0, 0.5]]
    assert pair_loss(-1000.0) == 1000.0
    assert pair_loss(1000.0) == 0.0


def test_the_model_s_own_order_costs_the_least():
    cost = order_cost(SCORES, [[0], [1], [2]])
    assert cost.loss == pytest.approx(-(math.log(0.75) + math.log(0.9) + math.log(0.75)) / 3)
    assert (cost.pairs, cost.disagreed) == (3, frozenset())
    assert cost.losses[0, 2] == pytest.approx(-math.log(0.9))


def test_disagreeing_pairs_are_named_better_first():
    cost = order_cost(SCORES, [[1], [2], [0]])
    assert cost.disagreed == {(1, 0), (2, 0)}
    assert cost.loss == pytest.approx(-(math.log(0.75) + math.log(0.25) + math.log(0.1)) / 3)


@pytest.mark.parametrize(("divisor", "count"), [("pairs", 2), ("all", 3)])
def test_ties_make_no_pair(divisor, count):
    cost = order_cost(SCORES, [[0, 1], [2]], divisor)
    assert cost.pairs == 2
    assert cost.loss == pytest.approx(-(math.log(0.9) + math.log(0.75)) / count)


def test_equal_scores_side_with_nobody():
    cost = order_cost((1.0, 1.0), [[1], [0]])
    assert (cost.disagreed, cost.loss) == (frozenset(), pytest.approx(math.log(2)))


def test_an_order_of_some_answers_counts_those():
    assert order_cost(SCORES, [[2], [0]]).losses.keys() == {(2, 0)}
    for tiers in ([], [[1]], [[0, 1, 2]]):
        assert order_cost(SCORES, tiers).loss == 0.0


@pytest.mark.parametrize("divisor", ["pairs", "all"])
@pytest.mark.parametrize("tiers", [[[3], [1], [0], [2]], [[0, 3], [1, 2]], [[2], [0, 1, 3]], [[1], [3, 2], [0]]])
def test_the_loss_is_the_one_that_trains(tiers, divisor):
    scores = (0.3, -1.2, 2.5, 0.31)
    ranks = [next(place for place, tier in enumerate(tiers) if i in tier) + 1 for i in range(4)]
    trained = ranking_loss(
        torch.tensor(scores), torch.tensor(ranks), torch.zeros(4, dtype=torch.long), tie_divisor=divisor
    )
    cost = order_cost(scores, tiers, divisor)
    assert cost.loss == pytest.approx(trained.loss.item(), rel=1e-6)
    assert cost.pairs == trained.pairs.item()
    assert 1 - len(cost.disagreed) / cost.pairs == pytest.approx(trained.accuracy.item())
