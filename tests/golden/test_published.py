"""Numbers that others published, in their words or as the expectations of their tests."""

import math

import pytest
import torch

from rlhf_studio.rl.advantages import gae
from rlhf_studio.rl.controllers import adapt_kl_coef
from rlhf_studio.rl.kl import full_kl, k1, k2
from rlhf_studio.rl.logprobs import token_logprobs
from rlhf_studio.rl.masking import masked_mean, masked_var, whiten
from rlhf_studio.rl.rewards import sequence_kl, token_rewards

pytestmark = pytest.mark.golden


def close(actual, expected, atol):
    torch.testing.assert_close(actual, torch.as_tensor(expected), atol=atol, rtol=0)


@pytest.mark.parametrize(
    ("unbiased", "expected"),
    [
        (False, [[0.0508, 0.4381, 0.8254], [1.2127, 1.6000, 1.9873], [2.3746, 2.7619, 3.1492]]),
        (True, [[0.1394, 0.5046, 0.8697], [1.2349, 1.6000, 1.9651], [2.3303, 2.6954, 3.0606]]),
    ],
)
def test_whitening_of_the_n_implementation_details(unbiased, expected):
    """Huang et al. 2023, "The N implementation details of RLHF with PPO": rewards, scaled but not shifted."""
    rewards = torch.tensor([[1.2, 1.3, 1.4], [1.5, 1.6, 1.7], [1.8, 1.9, 2.0]])
    everywhere = torch.ones_like(rewards, dtype=torch.bool)
    close(whiten(rewards, everywhere, shift_mean=False, unbiased=unbiased), expected, 6e-5)


def test_kl_penalties_of_trl():
    """TRL 0.11.4, tests/test_ppo_trainer.py: "kl" is k1, "mse" is k2."""
    logprobs = torch.tensor([[0.5, 0.2, 0.1], [0.6, 0.2, 0.1]])
    ref_logprobs = torch.tensor([[0.4, 0.3, 0.0], [0.7, 0.1, 0.3]])
    close(k1(logprobs, ref_logprobs), [[0.1, -0.1, 0.1], [-0.1, 0.1, -0.2]], 1e-6)
    close(k2(logprobs, ref_logprobs), [[0.005, 0.005, 0.005], [0.005, 0.005, 0.02]], 1e-6)


@pytest.mark.parametrize(
    ("policy", "reference", "expected"),
    [
        ([0.98, 0.01, 0.01], [0.01, 0.01, 0.98], 4.4474),
        ([0.01, 0.98, 0.01], [0.01, 0.01, 0.98], 4.4474),
        ([0.49, 0.02, 0.49], [0.01, 0.98, 0.01], 3.7361),
        ([0.49, 0.02, 0.49], [0.49, 0.02, 0.49], 0.0),
    ],
)
def test_full_kl_of_trl(policy, reference, expected):
    """TRL 0.11.4, tests/test_ppo_trainer.py, kl_penalty="full"."""
    out = full_kl(torch.tensor([[policy]]).log(), torch.tensor([[reference]]).log())
    close(out, [[expected]], 1e-4)


def test_token_rewards_of_torchtune():
    """torchtune 0.7.0, tests/torchtune/rlhf/test_rewards.py. Its slot after the last token is our last token here."""
    logprobs = torch.tensor([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6], [0.6, 0.7, 0.8]])
    ref_logprobs = torch.tensor([[0.2, 0.3, 0.4], [0.6, 0.7, 0.8], [0.9, 1.0, 1.1]])
    mask = torch.ones(3, 3, dtype=torch.bool)
    rewards = token_rewards(torch.tensor([1.0, 2.0, 3.0]), logprobs, ref_logprobs, mask, kl_coef=0.5)
    close(rewards, [[0.05, 0.05, 1.05], [0.1, 0.1, 2.1], [0.15, 0.15, 3.15]], 1e-6)
    close(sequence_kl(logprobs, ref_logprobs, mask), [-0.3, -0.6, -0.9], 1e-6)


def test_returns_of_torchtune():
    """torchtune 0.7.0, the same file: one reward at the end, discounted, where the value is right already."""
    last = torch.tensor([[0.0, 0.0, 0.0, 1.0]])
    mask = torch.ones(1, 4, dtype=torch.bool)
    close(gae(last, last, mask, gamma=0.9, lam=0.95).returns, [[0.6579225, 0.7695, 0.9, 1.0]], 1e-6)


def test_masked_moments_of_torchtune():
    x, mask = torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0]), torch.tensor([True, True, True, False, False])
    close(masked_mean(x, mask), 2.0, 1e-6)
    close(masked_var(x, mask, unbiased=True), 1.0, 1e-6)


def test_label_logprobs_of_summarize_from_feedback():
    """openai/summarize-from-feedback, utils/test_torch_utils.py: probabilities 1/2, 1/3, e/(e+1)."""
    low = float("-inf")
    logits = torch.tensor([[[0.0, 0.0, low], [0.0, 0.0, 0.0], [1.0, 0.0, low]]])
    expected = [math.log(1 / 2), math.log(1 / 3), math.log(math.e / (math.e + 1))]
    close(token_logprobs(logits, torch.tensor([[0, 2, 0]])), [expected], 1e-6)


def test_adaptive_kl_of_lm_human_preferences():
    """openai/lm-human-preferences, launch.py: from 0.15, 512 episodes, target 6, horizon 10,000, at a KL of 9."""
    assert adapt_kl_coef(0.15, 9, target=6, horizon=10_000, episodes=512) == pytest.approx(0.151536)


def test_worked_penalty():
    """A score of 5.246 and 13.638 nats at beta 0.05 leave 4.564."""
    logprobs = torch.full((1, 10), 1.3638)
    mask = torch.ones(1, 10, dtype=torch.bool)
    rewards = token_rewards(torch.tensor([5.246]), logprobs, torch.zeros(1, 10), mask, kl_coef=0.05)
    close(rewards.sum(), 4.5641, 1e-5)
