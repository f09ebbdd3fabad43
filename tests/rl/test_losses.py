import math

import pytest
import torch

from rlhf_studio.rl.losses import ppo_policy_loss, ppo_value_loss, ptx_loss, sft_loss

MASK = torch.tensor([[True] * 5, [True] * 2 + [False] * 3, [True] * 1 + [False] * 4, [True] * 4 + [False]])

# each takes the tensor that is trained and two more, a mask and a count
LOSSES = {
    "policy": lambda x, y, z, mask, count=None: ppo_policy_loss(x, y, z, mask, clip=0.2, count=count),
    "value": lambda x, y, z, mask, count=None: ppo_value_loss(x, y, z, mask, clip=0.2, count=count),
    "ptx": lambda x, _y, _z, mask, count=None: (ptx_loss(x, mask, count),),
}


def example(dtype=torch.float32):
    """Numbers on all sides of the clips."""
    x, z = torch.randn(2, 4, 5, dtype=dtype)
    return x, x + 0.3 * torch.randn(4, 5, dtype=dtype), z


def figures_and_gradient(loss, x, y, z, mask, count=None):
    x = x.clone().requires_grad_()
    out = loss(x, y, z, mask, count)
    out[0].backward()
    return torch.stack([figure.detach() for figure in out]), x.grad


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("poison", [float("nan"), float("inf"), 1e9])
def test_padded_cells_reach_no_figure_and_no_gradient(name, poison):
    tensors = example()
    clean, clean_gradient = figures_and_gradient(LOSSES[name], *tensors, MASK)
    dirty, gradient = figures_and_gradient(LOSSES[name], *(t.masked_fill(~MASK, poison) for t in tensors), MASK)
    assert torch.equal(dirty, clean)
    assert torch.equal(gradient, clean_gradient)
    assert (gradient[~MASK] == 0).all()


@pytest.mark.parametrize("name", LOSSES)
def test_the_amount_of_padding_changes_nothing(name):
    tensors = example()
    wide = [torch.nn.functional.pad(t, (0, 3), value=2.0) for t in tensors]
    clean, clean_gradient = figures_and_gradient(LOSSES[name], *tensors, MASK)
    padded, gradient = figures_and_gradient(LOSSES[name], *wide, torch.nn.functional.pad(MASK, (0, 3)))
    torch.testing.assert_close(padded, clean)
    torch.testing.assert_close(gradient[:, :5], clean_gradient)


@pytest.mark.parametrize("name", LOSSES)
@pytest.mark.parametrize("pieces", [1, 2, 4])
def test_micro_batches_add_up_to_the_minibatch(name, pieces):
    tensors = example()
    whole, whole_gradient = figures_and_gradient(LOSSES[name], *tensors, MASK)
    parts = zip(*(t.chunk(pieces) for t in (*tensors, MASK)), strict=True)
    results = [figures_and_gradient(LOSSES[name], *part, MASK.sum()) for part in parts]
    torch.testing.assert_close(sum(figures for figures, _ in results), whole, atol=1e-6, rtol=0)
    torch.testing.assert_close(torch.cat([g for _, g in results]), whole_gradient, atol=1e-6, rtol=0)


@pytest.mark.parametrize("name", LOSSES)
def test_gradients_match_finite_differences(name):
    x, y, z = example(torch.float64)
    x.requires_grad_()
    assert torch.autograd.gradcheck(lambda x: LOSSES[name](x, y, z, MASK)[0], (x,))


def test_a_policy_that_did_not_move_gets_the_plain_policy_gradient():
    logprobs, _, advantages = example()
    mask = torch.ones_like(MASK)
    figures, gradient = figures_and_gradient(LOSSES["policy"], logprobs, logprobs, advantages, mask)
    torch.testing.assert_close(gradient, -advantages / 20)
    torch.testing.assert_close(figures, torch.tensor([-advantages.mean().item(), 0.0, 0.0, 1.0]))


@pytest.mark.parametrize(("advantage", "log_ratio", "moves"), [(1, 0.5, False), (1, -0.5, True), (-1, -0.5, False)])
def test_the_clip_takes_the_gradient_of_gains_only(advantage, log_ratio, moves):
    old, one = torch.zeros(1, 1), torch.ones(1, 1, dtype=torch.bool)
    _, gradient = figures_and_gradient(LOSSES["policy"], old + log_ratio, old, old + advantage, one)
    assert bool(gradient.abs() > 0) == moves


def test_a_huge_ratio_stays_finite():
    old, one = torch.zeros(1, 1), torch.ones(1, 1, dtype=torch.bool)
    for shift in (500.0, -500.0):
        out = ppo_policy_loss(old + shift, old, torch.full((1, 1), -1.0), one, clip=0.2)
        assert all(figure.isfinite() for figure in out)
    assert out.loss.item() == pytest.approx(0.8)


def test_the_mean_runs_over_tokens_and_not_over_answers():
    """Three tokens of loss 1 and one of loss 5 are 2 on average, although one answer is longer than the other."""
    logprobs = torch.tensor([[-1.0, -1.0, -1.0], [-5.0, 0.0, 0.0]])
    mask = torch.tensor([[True, True, True], [True, False, False]])
    assert ptx_loss(logprobs, mask).item() == 2


def test_cross_entropy_of_a_uniform_guess():
    logprobs = torch.full((2, 3), -math.log(7))
    assert sft_loss(logprobs, torch.ones(2, 3, dtype=torch.bool)).item() == pytest.approx(math.log(7))


def test_a_value_clip_that_never_bites_is_a_mean_of_squares():
    values, old_values, returns = example()
    out = ppo_value_loss(values, old_values, returns, MASK, clip=1e6)
    assert out.loss.item() == pytest.approx(0.5 * (values - returns)[MASK].square().mean().item())
    assert out.clip_fraction.item() == 0


def test_rounding_counts_no_value_as_clipped():
    """old + (value - old) is another number than value for a third of these; it would count as clipped."""
    values, old_values, returns = torch.randn(3, 1, 1000)
    assert (old_values + (values - old_values) != values).any()
    out = ppo_value_loss(values, old_values, returns, torch.ones(1, 1000, dtype=torch.bool), clip=100.0)
    assert out.clip_fraction.item() == 0


@pytest.mark.parametrize("name", LOSSES)
def test_half_precision_is_computed_in_float32(name):
    halves = [t.bfloat16() for t in example()]
    assert {figure.dtype for figure in LOSSES[name](*halves, MASK)} == {torch.float32}
