"""The numbers of a rollout, worked out anew from its tokens and from one another."""

import numpy as np
import pytest
import torch
import two_steps

from fakes import MemoryRun
from rlhf_studio.events import StepMetrics
from rlhf_studio.lm.heads import ScalarModel
from rlhf_studio.lm.padding import Padded
from rlhf_studio.settings import PpoSettings
from rlhf_studio.train.control import RunControl
from rlhf_studio.train.ppo import train_ppo


def settings(**changes):
    options = {"learning_rate": 2e-2, "warmup_steps": 0, "rollout_every": 1, "probe_every": 9, "ema_decay": 0.9}
    return PpoSettings(**{**two_steps.PPO, **options, **changes})


@pytest.fixture
def judge(tiny_lm):
    model = ScalarModel.from_language_model(tiny_lm, seed=1)
    model.score_std = 0.5
    return model


def logprobs(model, arrays):
    """(B, R) of the kept tokens: softmax of each distribution's logits, at temperature 1."""
    tokens, attention = torch.tensor(arrays["tokens"]), torch.tensor(arrays["attention"])
    length = arrays["mask"].shape[1]
    with torch.no_grad():
        chances = model.response_logits(Padded(tokens, attention), length).softmax(dim=-1)
    return chances.gather(2, tokens[:, -length:, None]).squeeze(2).log().numpy()


def test_answers_are_sampled_from_the_raw_weights_at_temperature_1(tiny_lm, judge):
    """Not from their average, not from the reference: at step 2 these are three different policies."""
    run, start, after = MemoryRun(), tiny_lm.clone(), None
    for event in train_ppo(settings(), tiny_lm, judge, two_steps.PPO_DATA, run, RunControl()):
        if isinstance(event, StepMetrics) and event.step == 1:
            after = tiny_lm.clone()
    for step, policy in ((1, start), (2, after)):
        arrays = run.rollouts[step]
        mask = arrays["mask"]
        assert arrays["logprobs"][mask] == pytest.approx(logprobs(policy, arrays)[mask], abs=1e-4)
        assert arrays["ref_logprobs"][mask] == pytest.approx(logprobs(start, arrays)[mask], abs=1e-4)
    assert np.abs(arrays["logprobs"] - arrays["ref_logprobs"]).max() > 0.1  # the policy did move


@pytest.mark.parametrize("is_whitened", [True, False])
def test_advantages_are_those_of_the_rewards_and_values(tiny_lm, judge, is_whitened):
    """Equation 16 of GAE as a sum over what follows, whitened over the tokens of all answers."""
    options = settings(steps=1, gamma=0.9, lam=0.8, whiten_advantages=is_whitened)
    run = MemoryRun()
    list(train_ppo(options, tiny_lm, judge, two_steps.PPO_DATA, run, RunControl()))
    arrays = run.rollouts[1]
    expected, returns = np.zeros((2, *arrays["mask"].shape))
    for row, length in enumerate(arrays["mask"].sum(axis=1)):
        rewards, values = arrays["rewards"][row, :length], arrays["values"][row, :length]
        deltas = rewards + 0.9 * np.append(values[1:], 0) - values
        for t in range(length):
            expected[row, t] = sum((0.9 * 0.8) ** (k - t) * deltas[k] for k in range(t, length))
        returns[row, :length] = expected[row, :length] + values
    own = expected[arrays["mask"]]
    if is_whitened:
        own = (own - own.mean()) / own.std()
    assert arrays["advantages"][arrays["mask"]] == pytest.approx(own, abs=1e-4)
    assert arrays["returns"] == pytest.approx(returns, abs=1e-5)
    assert (arrays["advantages"][~arrays["mask"]] == 0).all()
