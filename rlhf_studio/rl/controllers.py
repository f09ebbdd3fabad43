"""What changes a coefficient while a run goes on."""


def adapt_kl_coef(kl_coef: float, kl: float, *, target: float, horizon: float, episodes: float) -> float:
    """The next beta, so that the KL drifts towards a target; InstructGPT itself keeps beta fixed.

    Args:
        kl_coef: beta so far, reward per nat.
        kl: Mean KL of the latest batch, nats per answer.
        target: Wanted KL, nats per answer.
        horizon: Episodes over which beta may change by about a fifth.
        episodes: Size of that batch.

    Source: Ziegler et al. 2019, arXiv:1909.08593, section 2.2; the horizon is that of openai/lm-human-preferences,
    train_policy.py (AdaptiveKLController).
    """
    error = min(max(kl / target - 1, -0.2), 0.2)
    return kl_coef * (1 + error * episodes / horizon)
