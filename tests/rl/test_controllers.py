import pytest

from rlhf_studio.rl.controllers import adapt_kl_coef


@pytest.mark.parametrize(
    ("kl", "expected"),
    [
        (6.0, 1.0),  # on target
        (6.6, 1.01),  # a tenth too far, for a tenth of the horizon
        (5.4, 0.99),
        (600.0, 1.02),  # never more than a fifth
        (-3.0, 0.98),
    ],
)
def test_the_coefficient_follows_the_error(kl, expected):
    assert adapt_kl_coef(1.0, kl, target=6.0, horizon=1000, episodes=100) == pytest.approx(expected)


def test_it_is_proportional():
    once = adapt_kl_coef(0.1, 9.0, target=6.0, horizon=1000, episodes=50)
    assert adapt_kl_coef(0.2, 9.0, target=6.0, horizon=1000, episodes=50) == pytest.approx(2 * once)
