"""Tables worked out by hand or in plain Python, to eight digits, before the code was there."""

import math

import pytest
import torch

from rlhf_studio.rl.advantages import gae
from rlhf_studio.rl.kl import full_kl, k1, k2, k3
from rlhf_studio.rl.losses import ppo_policy_loss, ppo_value_loss
from rlhf_studio.rl.masking import whiten
from rlhf_studio.rl.optimum import kl_regularised_optimum
from rlhf_studio.rl.ranking import ranking_loss

pytestmark = pytest.mark.golden


def rank(scores, ranks, tie_divisor="pairs"):
    index = torch.zeros(len(ranks), dtype=torch.int64)
    return ranking_loss(scores, torch.tensor(ranks), index, tie_divisor=tie_divisor)


def doubles(*numbers, requires_grad=False):
    return torch.tensor(numbers, dtype=torch.float64, requires_grad=requires_grad)


def close(actual, expected, atol=1e-9):
    torch.testing.assert_close(actual, torch.as_tensor(expected, dtype=actual.dtype), atol=atol, rtol=0)


def test_ranking_of_four_answers():
    scores = doubles(2, 1, 0, -1, requires_grad=True)
    out = rank(scores, [1, 2, 3, 4])
    assert out.loss.item() == pytest.approx(0.2070380727, abs=1e-10)
    assert (out.pairs.item(), out.accuracy.item()) == (6, 1.0)
    out.loss.backward()
    close(scores.grad, [-0.0725950361, -0.0198671537, 0.0198671537, 0.0725950361], 1e-10)


@pytest.mark.parametrize(("tie_divisor", "expected"), [("pairs", 0.1857933497), ("all", 0.1548277914)])
def test_ranking_with_the_middle_tied(tie_divisor, expected):
    out = rank(doubles(2, 1, 0, -1), [1, 2, 2, 3], tie_divisor)
    assert out.loss.item() == pytest.approx(expected, abs=1e-10)
    assert out.pairs.item() == 5


def test_ranking_of_equal_scores():
    out = rank(doubles(0.3, 0.3, 0.3, 0.3), [1, 2, 3, 4])
    assert out.loss.item() == pytest.approx(math.log(2), abs=1e-12)
    assert out.accuracy.item() == 0.5


REWARDS, VALUES = doubles(-0.01, 0.02, -0.03, 1.005)[None], doubles(0.1, 0.2, 0.3, 0.4)[None]
EVERYWHERE = torch.ones(1, 4, dtype=torch.bool)


@pytest.mark.parametrize(
    ("lam", "advantages", "returns"),
    [
        (0.95, [0.785886875, 0.7325125, 0.64475, 0.605], [0.885886875, 0.9325125, 0.94475, 1.005]),
        (1.0, [0.885, 0.795, 0.675, 0.605], [0.985, 0.995, 0.975, 1.005]),
    ],
)
def test_advantages_of_four_tokens(lam, advantages, returns):
    out = gae(REWARDS, VALUES, EVERYWHERE, gamma=1.0, lam=lam)
    close(out.advantages[0], advantages)
    close(out.returns[0], returns)


@pytest.mark.parametrize(
    ("unbiased", "expected"),
    [
        (False, [1.31876695, 0.56875402, -0.66447840, -1.22304258]),
        (True, [1.14208596, 0.49255555, -0.57545532, -1.05918620]),
    ],
)
def test_whitened_advantages_of_four_tokens(unbiased, expected):
    advantages = gae(REWARDS, VALUES, EVERYWHERE, gamma=1.0, lam=0.95).advantages
    close(whiten(advantages, EVERYWHERE, unbiased=unbiased)[0], expected, 1e-8)


@pytest.mark.parametrize(
    ("advantage", "log_ratio", "expected", "is_clipped"),
    [
        (1.0, -0.5, -0.60653066, 1),
        (1.0, 0.1, -1.10517092, 0),
        (1.0, 0.5, -1.2, 1),
        (-1.0, -0.5, 0.8, 1),
        (-1.0, 0.1, 1.10517092, 0),
        (-1.0, 0.5, 1.64872127, 1),
    ],
)
def test_clipped_surrogate_of_one_token(advantage, log_ratio, expected, is_clipped):
    old, one = doubles(-2.0)[None], torch.ones(1, 1, dtype=torch.bool)
    out = ppo_policy_loss(old + log_ratio, old, doubles(advantage)[None], one, clip=0.2)
    assert out.loss.item() == pytest.approx(expected, abs=1e-8)
    assert out.clip_fraction.item() == is_clipped
    assert out.ratio_mean.item() == pytest.approx(math.exp(log_ratio))
    assert out.approx_kl.item() == pytest.approx(math.exp(log_ratio) - 1 - log_ratio)


@pytest.mark.parametrize(
    ("value", "old_value", "target", "expected", "is_clipped"),
    [(1.0, 0.5, 1.2, 0.125, 1), (0.6, 0.5, 1.2, 0.18, 0), (1.5, 0.5, 0.2, 0.845, 0)],
)
def test_value_loss_of_one_token(value, old_value, target, expected, is_clipped):
    one = torch.ones(1, 1, dtype=torch.bool)
    out = ppo_value_loss(doubles(value)[None], doubles(old_value)[None], doubles(target)[None], one, clip=0.2)
    assert out.loss.item() == pytest.approx(expected, abs=1e-12)
    assert out.clip_fraction.item() == is_clipped


def test_expectations_of_the_kl_estimators():
    policy, reference = doubles(0.7, 0.2, 0.1), doubles(0.5, 0.3, 0.2)
    logs = policy.log(), reference.log()
    expected = 0.0851228260
    assert (policy * k1(*logs)).sum().item() == pytest.approx(expected, abs=1e-10)
    assert (policy * k3(*logs)).sum().item() == pytest.approx(expected, abs=1e-10)
    assert (policy * k2(*logs)).sum().item() == pytest.approx(0.0800875942, abs=1e-10)
    close(full_kl(logs[0][None, None], logs[1][None, None]), [[expected]], 1e-10)


def test_optimum_of_a_bandit():
    rewards, reference = doubles(1, 0, -1), doubles(0.5, 0.3, 0.2)
    best = kl_regularised_optimum(rewards, reference, 0.5)
    close(best, [0.9186723, 0.0745973, 0.0067304], 5e-8)
    reward, kl = (best * rewards).sum().item(), (best * (best / reference).log()).sum().item()
    assert reward == pytest.approx(0.9119419, abs=5e-8)
    assert kl == pytest.approx(0.4322051, abs=5e-8)
    assert reward - 0.5 * kl == pytest.approx(0.6958393, abs=5e-8)
    assert 0.5 * (reference * (rewards / 0.5).exp()).sum().log().item() == pytest.approx(0.6958393, abs=5e-8)


def test_optimum_of_a_bandit_with_pretraining():
    """Maximise E r - beta KL + gamma * mean log-likelihood by mirror ascent: what PPO-ptx must reach."""
    rewards, reference, text = doubles(1, 0, -1), doubles(0.5, 0.3, 0.2), doubles(1, 1, 1) / 3
    beta, gamma = 0.5, 0.5
    best = reference.clone()
    for _ in range(2000):
        slope = rewards - beta * ((best / reference).log() + 1) + gamma * text / best
        best = torch.softmax(best.log() + 0.05 * slope, dim=0)
    close(best, [0.7063, 0.1960, 0.0977], 5e-5)
    assert (slope - slope.mean()).abs().max() < 1e-9  # nothing left to gain on the simplex
    assert (best - kl_regularised_optimum(rewards, reference, beta)).abs().max() > 0.2
