import math

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rlhf_studio.rl.ranking import ranking_loss

LOG_2 = math.log(2)
rankings = st.lists(st.lists(st.integers(1, 5), min_size=1, max_size=9), min_size=1, max_size=5)


def flat(prompts):
    """Ranks and prompt numbers of a list of rankings."""
    ranks = torch.tensor([rank for ranks in prompts for rank in ranks])
    index = torch.tensor([10 * i for i, ranks in enumerate(prompts) for _ in ranks])
    return ranks, index


def double_loop(scores, prompts, tie_divisor):
    """Equation 1 in words: loss, accuracy and number of pairs."""
    scores, losses, right, pairs = list(scores), [], 0.0, 0
    for ranks in prompts:
        own, scores = scores[: len(ranks)], scores[len(ranks) :]
        terms = []
        for i in range(len(ranks)):
            for j in range(len(ranks)):
                if ranks[i] < ranks[j]:
                    terms.append(math.log1p(math.exp(own[j] - own[i])))
                    right += 1.0 if own[i] > own[j] else 0.5 if own[i] == own[j] else 0.0
        if terms:
            losses.append(sum(terms) / (len(terms) if tie_divisor == "pairs" else math.comb(len(ranks), 2)))
        pairs += len(terms)
    return sum(losses) / max(1, len(losses)), right / max(1, pairs), pairs


@settings(deadline=None)
@given(rankings, st.sampled_from(["pairs", "all"]), st.integers(0, 2**31 - 1))
def test_it_equals_a_double_loop_over_pairs(prompts, tie_divisor, seed):
    ranks, index = flat(prompts)
    generator = torch.Generator().manual_seed(seed)
    scores = torch.randint(-4, 5, ranks.shape, generator=generator).double() / 2  # some are equal
    out = ranking_loss(scores, ranks, index, tie_divisor=tie_divisor)
    loss, accuracy, pairs = double_loop(scores.tolist(), prompts, tie_divisor)
    assert out.loss.item() == pytest.approx(loss, abs=1e-12)
    assert out.accuracy.item() == pytest.approx(accuracy)
    assert out.pairs.item() == pairs


@settings(deadline=None)
@given(rankings, st.sampled_from(["pairs", "all"]), st.permutations(range(45)))
def test_the_order_of_answers_changes_nothing(prompts, tie_divisor, order):
    ranks, index = flat(prompts)
    order = [i for i in order if i < len(ranks)]
    scores = torch.randn(len(ranks), dtype=torch.float64)
    out = ranking_loss(scores, ranks, index, tie_divisor=tie_divisor)
    again = ranking_loss(scores[order], ranks[order], index[order], tie_divisor=tie_divisor)
    torch.testing.assert_close(again, out)


@pytest.mark.parametrize("tie_divisor", ["pairs", "all"])
@pytest.mark.parametrize("pieces", [1, 2, 4])
def test_micro_batches_of_prompts_add_up(tie_divisor, pieces):
    prompts = [[1, 2, 3, 4, 5, 6, 7, 8, 9], [1, 2, 2, 3], [2, 1], [1, 1, 2]]
    ranks, index = flat(prompts)
    scores = torch.randn(len(ranks), requires_grad=True)
    whole = ranking_loss(scores, ranks, index, tie_divisor=tie_divisor)
    (expected,) = torch.autograd.grad(whole.loss, scores)
    parts = [i for group in torch.arange(4).chunk(pieces) for i in [torch.isin(index, 10 * group)]]
    losses = [
        ranking_loss(scores[part], ranks[part], index[part], tie_divisor=tie_divisor, prompts=4).loss for part in parts
    ]
    torch.testing.assert_close(sum(losses), whole.loss, atol=1e-6, rtol=0)
    (gradient,) = torch.autograd.grad(sum(losses), scores)
    torch.testing.assert_close(gradient, expected, atol=1e-6, rtol=0)


def test_a_prompt_with_nine_answers_weighs_no_more_than_one_with_four():
    """Nine answers the wrong way round by a mile, four the right way: the mean is over two prompts, not 42 pairs."""
    scores = torch.cat([100.0 * torch.arange(9), -100.0 * torch.arange(4)]).requires_grad_()
    ranks, index = flat([list(range(1, 10)), list(range(1, 5))])
    nine = 100 * sum(d * (9 - d) for d in range(1, 9)) / 36
    out = ranking_loss(scores, ranks, index, tie_divisor="pairs")
    assert out.loss.item() == pytest.approx(nine / 2)
    assert out.accuracy.item() == pytest.approx(6 / 42)


@pytest.mark.parametrize("tie_divisor", ["pairs", "all"])
def test_a_prompt_without_a_pair_is_not_counted(tie_divisor):
    scores = torch.tensor([0.7, 0.7, 3.0, -3.0, 1.0], requires_grad=True)
    ranks, index = flat([[1, 2], [1, 1], [1]])
    out = ranking_loss(scores, ranks, index, tie_divisor=tie_divisor)
    assert out.loss.item() == pytest.approx(LOG_2)
    out.loss.backward()
    torch.testing.assert_close(scores.grad, torch.tensor([-0.5, 0.5, 0.0, 0.0, 0.0]))


@pytest.mark.parametrize("tie_divisor", ["pairs", "all"])
def test_no_pair_at_all_is_no_loss(tie_divisor):
    scores = torch.tensor([3.0, -3.0, 1.0], requires_grad=True)
    ranks, index = flat([[1, 1], [1]])
    out = ranking_loss(scores, ranks, index, tie_divisor=tie_divisor)
    assert (out.loss.item(), out.accuracy.item(), out.pairs.item()) == (0.0, 0.0, 0)
    out.loss.backward()
    assert (scores.grad == 0).all()


def test_a_shift_of_all_scores_changes_nothing():
    ranks, index = flat([[1, 2, 3, 2], [2, 1]])
    scores = torch.randn(6, dtype=torch.float64, requires_grad=True)
    out = ranking_loss(scores, ranks, index, tie_divisor="pairs")
    torch.testing.assert_close(ranking_loss(scores + 5, ranks, index, tie_divisor="pairs").loss, out.loss)
    out.loss.backward()
    assert scores.grad.sum().item() == pytest.approx(0, abs=1e-12)


@pytest.mark.parametrize("tie_divisor", ["pairs", "all"])
def test_gradient_matches_finite_differences(tie_divisor):
    ranks, index = flat([[1, 2, 2, 3], [2, 1], [1, 1]])
    scores = torch.randn(8, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda s: ranking_loss(s, ranks, index, tie_divisor=tie_divisor).loss, (scores,))


def test_a_hopeless_pair_keeps_a_finite_loss_and_gradient():
    scores = torch.tensor([-1e4, 1e4], requires_grad=True)
    out = ranking_loss(scores, *flat([[1, 2]]), tie_divisor="pairs")
    out.loss.backward()
    assert out.loss.item() == 2e4
    torch.testing.assert_close(scores.grad, torch.tensor([-1.0, 1.0]))


def test_half_precision_is_computed_in_float32():
    scores = torch.randn(4).bfloat16()
    assert ranking_loss(scores, *flat([[1, 2, 3, 4]]), tie_divisor="pairs").loss.dtype == torch.float32


def test_different_shapes_are_refused():
    with pytest.raises(ValueError, match=r"\(3,\), \(2,\), \(2,\)"):
        ranking_loss(torch.zeros(3), *flat([[1, 2]]), tie_divisor="pairs")
