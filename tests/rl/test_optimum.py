import pytest
import torch

from rlhf_studio.rl.optimum import kl_regularised_optimum

REWARDS = torch.tensor([0.3, -1.2, 2.0, 0.0, 5.0], dtype=torch.float64)
REFERENCE = torch.tensor([0.4, 0.3, 0.2, 0.1, 0.0], dtype=torch.float64)


def objective(policy, kl_coef):
    return (policy * REWARDS).sum() - kl_coef * torch.special.xlogy(policy, policy / REFERENCE).nan_to_num().sum()


@pytest.mark.parametrize("kl_coef", [0.1, 0.5, 3.0])
def test_no_neighbour_is_better(kl_coef):
    best = kl_regularised_optimum(REWARDS, REFERENCE, kl_coef)
    assert best.sum().item() == pytest.approx(1)
    assert best[4] == 0  # impossible under the reference, however well paid
    for seed in range(20):
        noise = 0.1 * torch.randn(5, dtype=torch.float64, generator=torch.Generator().manual_seed(seed))
        assert objective(torch.softmax(best.log() + noise, dim=0), kl_coef) < objective(best, kl_coef)


def test_a_strong_penalty_stays_at_the_reference_and_a_weak_one_takes_the_best():
    torch.testing.assert_close(kl_regularised_optimum(REWARDS, REFERENCE, 1e9), REFERENCE)
    assert kl_regularised_optimum(REWARDS, REFERENCE, 1e-3)[2].item() == pytest.approx(1)


@pytest.mark.parametrize("kl_coef", [0.0, -1.0, float("nan")])
def test_beta_must_be_positive(kl_coef):
    with pytest.raises(ValueError, match="kl_coef must be above 0, not"):
        kl_regularised_optimum(REWARDS, REFERENCE, kl_coef)
