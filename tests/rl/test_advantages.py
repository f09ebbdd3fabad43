import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rlhf_studio.rl.advantages import gae


def double_loop(rewards, values, length, gamma, lam):
    """Equation 16 as it is written: a sum of discounted temporal differences, for one episode."""
    following = [*values[1:length], 0.0]
    deltas = [rewards[t] + gamma * following[t] - values[t] for t in range(length)]
    return [sum((gamma * lam) ** (k - t) * deltas[k] for k in range(t, length)) for t in range(length)]


@settings(deadline=None)
@given(
    st.lists(st.integers(0, 6), min_size=1, max_size=4),
    st.integers(0, 3),
    st.floats(0, 1),
    st.floats(0, 1),
    st.integers(0, 2**31 - 1),
)
def test_it_equals_the_double_loop(lengths, padding, gamma, lam, seed):
    generator = np.random.default_rng(seed)
    width = max(1, max(lengths) + padding)
    rewards, values = generator.normal(size=(2, len(lengths), width))
    mask = torch.arange(width) < torch.tensor(lengths)[:, None]
    out = gae(torch.tensor(rewards), torch.tensor(values), mask, gamma=gamma, lam=lam)
    for row, length in enumerate(lengths):
        expected = double_loop(rewards[row], values[row], length, gamma, lam)
        assert out.advantages[row, :length].tolist() == pytest.approx(expected, abs=1e-12)
        assert out.returns[row, :length].tolist() == pytest.approx(expected + values[row, :length], abs=1e-12)
        assert (out.advantages[row, length:] == 0).all()
        assert (out.returns[row, length:] == 0).all()


def test_lambda_one_gives_monte_carlo_returns():
    rewards = torch.tensor([[0.0, 0.0, 2.0, 9.0]])
    values = torch.tensor([[0.5, 0.25, 0.125, 9.0]])
    mask = torch.tensor([[True, True, True, False]])
    advantages, returns = gae(rewards, values, mask, gamma=0.5, lam=1.0)
    torch.testing.assert_close(returns, torch.tensor([[0.5, 1.0, 2.0, 0.0]]))
    torch.testing.assert_close(advantages, torch.tensor([[0.0, 0.75, 1.875, 0.0]]))


def test_a_right_value_leaves_no_advantage():
    """With gamma 1 and a reward at the end, a value that foresees it is never surprised, whatever lambda is."""
    rewards, values = torch.tensor([[0.0, 0.0, 3.0]]), torch.full((1, 3), 3.0)
    assert (gae(rewards, values, torch.ones(1, 3, dtype=torch.bool), gamma=1.0, lam=0.7).advantages == 0).all()


@pytest.mark.parametrize("poison", [float("nan"), float("inf"), 1e9])
def test_nothing_leaks_from_after_the_end(poison):
    rewards, values = torch.randn(2, 3, 5)
    mask = torch.arange(5) < torch.tensor([[5], [2], [1]])
    clean = gae(rewards, values, mask, gamma=0.9, lam=0.8)
    dirty = gae(rewards.masked_fill(~mask, poison), values.masked_fill(~mask, poison), mask, gamma=0.9, lam=0.8)
    torch.testing.assert_close(dirty, clean, atol=0, rtol=0)
    narrow = gae(rewards[1:, :2], values[1:, :2], mask[1:, :2], gamma=0.9, lam=0.8)
    assert torch.equal(narrow.advantages, clean.advantages[1:, :2])


def test_half_precision_is_computed_in_float32():
    x = torch.ones(1, 300, dtype=torch.bfloat16)
    out = gae(x, torch.zeros_like(x), torch.ones_like(x, dtype=torch.bool), gamma=1.0, lam=1.0)
    assert out.returns[0, 0].item() == 300


def test_an_answer_that_begins_later_has_the_same_advantages():
    rewards, values = torch.randn(2, 1, 3)
    whole = torch.ones(1, 3, dtype=torch.bool)
    expected = gae(rewards, values, whole, gamma=0.9, lam=0.8)
    late = [torch.nn.functional.pad(x, (2, 1)) for x in (rewards, values, whole)]
    out = gae(*late, gamma=0.9, lam=0.8)
    for actual, wanted in zip(out, expected, strict=True):
        torch.testing.assert_close(actual, torch.nn.functional.pad(wanted, (2, 1)))
