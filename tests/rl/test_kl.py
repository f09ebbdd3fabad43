import math

import pytest
import torch

from rlhf_studio.rl.kl import full_kl, k1, k2, k3
from rlhf_studio.rl.logprobs import token_logprobs


def test_estimators_of_one_token():
    logprobs, ref_logprobs = torch.tensor([[-1.0]]), torch.tensor([[-1.5]])
    assert k1(logprobs, ref_logprobs).item() == pytest.approx(0.5)
    assert k2(logprobs, ref_logprobs).item() == pytest.approx(0.125)
    assert k3(logprobs, ref_logprobs).item() == pytest.approx(math.exp(-0.5) - 1 + 0.5)


def test_two_of_them_are_never_negative():
    logprobs, ref_logprobs = -torch.rand(2, 50, 20) * 5
    assert (k2(logprobs, ref_logprobs) >= 0).all()
    assert (k3(logprobs, ref_logprobs) >= 0).all()
    assert (k1(logprobs, ref_logprobs) < 0).any()


def test_small_differences_keep_their_digits():
    tiny = torch.tensor([[1e-4]])
    assert k3(tiny, torch.zeros(1, 1)).item() == pytest.approx(5e-9, rel=0.05)


def test_estimates_from_samples_approach_the_exact_kl():
    logits, ref_logits = torch.randn(2, 1, 1, 6, dtype=torch.float64)
    exact = full_kl(logits, ref_logits).item()
    tokens = torch.distributions.Categorical(logits=logits[0, 0]).sample((1, 40_000))
    expand = (1, tokens.shape[1], 6)
    logs = [token_logprobs(x.expand(expand), tokens) for x in (logits, ref_logits)]
    assert k1(*logs).mean().item() == pytest.approx(exact, rel=0.05)
    assert k3(*logs).mean().item() == pytest.approx(exact, rel=0.05)


@pytest.mark.parametrize("seed", range(5))
def test_the_expected_ratio_under_the_reference_is_one(seed):
    """E over the reference of exp(log pi - log pi_ref) sums pi over the vocabulary."""
    generator = torch.Generator().manual_seed(seed)
    logits, ref_logits = torch.randn(2, 3, 4, 9, generator=generator).mul(2)
    everything = torch.arange(9).expand(3, 4, 9)
    logs = [
        torch.stack([token_logprobs(x, everything[..., v]) for v in range(9)], dim=-1) for x in (logits, ref_logits)
    ]
    expectation = (logs[1].exp() * k1(*logs).exp()).sum(dim=-1)
    torch.testing.assert_close(expectation, torch.ones(3, 4))


def test_full_kl_is_zero_for_equals_and_ignores_a_shift():
    logits = torch.randn(2, 3, 5)
    torch.testing.assert_close(full_kl(logits, logits + 7), torch.zeros(2, 3), atol=1e-6, rtol=0)


def test_impossible_tokens_in_full_kl():
    low = -torch.inf
    policy = torch.tensor([[[0.0, 0.0, low]]], requires_grad=True)
    out = full_kl(policy, torch.zeros(1, 1, 3))
    assert out.item() == pytest.approx(math.log(1.5))
    out.sum().backward()
    assert policy.grad.isfinite().all()
    assert full_kl(torch.zeros(1, 1, 3), policy.detach()).item() == torch.inf


def test_gradients_match_finite_differences():
    x, y = (torch.randn(2, 3, 4, dtype=torch.float64, requires_grad=True) for _ in range(2))
    for function in (k1, k2, k3, full_kl):
        assert torch.autograd.gradcheck(function, (x, y))


def test_half_precision_is_computed_in_float32():
    x = torch.randn(2, 3, 4).bfloat16()
    assert {f(x, x).dtype for f in (k1, k2, k3, full_kl)} == {torch.float32}
