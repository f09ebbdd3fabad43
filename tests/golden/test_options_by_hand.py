"""Options of PPO and of the reward model's loss, each worked out by hand in the comments."""

import math

import pytest
import torch

from fakes import FixedLogits, MemoryRun, NumberCodec, TokenScores
from rlhf_studio.events import StepMetrics
from rlhf_studio.lm.model import LanguageModel
from rlhf_studio.rl.controllers import adapt_kl_coef
from rlhf_studio.rl.masking import whiten
from rlhf_studio.rl.ranking import ranking_loss
from rlhf_studio.schema import PpoData, PromptRow, TextRow, Turn
from rlhf_studio.settings import PpoSettings
from rlhf_studio.train.control import RunControl
from rlhf_studio.train.ppo import train_ppo

pytestmark = pytest.mark.golden

LN_2 = math.log(2)
# no whitening, no warm-up and no ptx, so that every number can be followed
PLAIN = {
    "steps": 1,
    "batch_size": 32,
    "minibatch_size": 32,
    "epochs": 1,
    "warmup_steps": 0,
    "ptx_coef": 0.0,
    "whiten_advantages": False,
    "ema_decay": 0.0,
    "rollout_every": 1,
    "threads": 1,
    "device": "cpu",
}


def one_step(probabilities, scores, score_std=1.0, text=(), **options):
    """A step of a policy that gives tokens 0, 1 and 2 fixed probabilities; token 2 ends an answer.

    The score of an answer is that of its last token, and the value network begins at 0 everywhere.
    """
    codec = NumberCodec(3)
    codec.eos_id = 2
    judge = TokenScores(scores, codec)
    judge.score_std = score_std
    run, data = MemoryRun(), PpoData((PromptRow(1, (Turn("user", "0"),)),), pretraining=text)
    policy = LanguageModel(FixedLogits(probabilities), codec, 64, None)
    events = list(train_ppo(PpoSettings(**{**PLAIN, **options}), policy, judge, data, run, RunControl()))
    metrics = next(event.values for event in events if isinstance(event, StepMetrics) and event.step == 1)
    return run.rollouts[1], metrics


def test_rewards_and_advantages_of_every_possible_answer():
    """Scores 1, -1 and 3 of the last token; an answer of two tokens without token 2 loses 2 deviations of 0.5 = 1.

    The policy is its reference still, so there is no KL. Values are 0, so the temporal differences are the rewards,
    and with gamma = lambda = 1/2 an advantage is the reward that follows, times 1/4 for a step.
    """
    expected = {
        (2,): ([3.0], [3.0]),  # ended by itself
        (0, 2): ([0.0, 3.0], [0.75, 3.0]),
        (1, 2): ([0.0, 3.0], [0.75, 3.0]),
        (0, 0): ([0.0, 0.0], [0.0, 0.0]),  # cut: 1 - 1
        (1, 0): ([0.0, 0.0], [0.0, 0.0]),
        (0, 1): ([0.0, -2.0], [-0.5, -2.0]),  # cut: -1 - 1
        (1, 1): ([0.0, -2.0], [-0.5, -2.0]),
    }
    options = {"missing_eos_penalty": 2.0, "max_new_tokens": 2, "gamma": 0.5, "lam": 0.5}
    rollout, metrics = one_step([0.4, 0.3, 0.3], [1.0, -1.0, 3.0], 0.5, **options)
    seen = set()
    for tokens, mask, rewards, advantages in zip(
        rollout["tokens"][:, -2:], rollout["mask"], rollout["rewards"], rollout["advantages"], strict=True
    ):
        answer = tuple(tokens[mask].tolist())
        seen.add(answer)
        numbers = rewards[mask].tolist(), advantages[mask].tolist()
        assert numbers == tuple(pytest.approx(row, abs=1e-6) for row in expected[answer])
    assert seen == set(expected)
    assert metrics["answer/finished"] == (rollout["tokens"][:, -2:] == 2).any(axis=1).mean()


def test_cells_after_a_short_answer_are_no_tokens():
    """The policy that learns is the one that sampled: each ratio is 1. A padded cell would add exp(ln 0.4 - 0) = 0.4.

    Seven answers are too few to be sorted by length, so those of one token lie beside those of two.
    """
    few = {"batch_size": 7, "minibatch_size": 7, "max_new_tokens": 2}
    rollout, metrics = one_step([0.4, 0.3, 0.3], [1.0, -1.0, 3.0], **few)
    assert set(rollout["mask"].sum(axis=1)) == {1, 2}
    assert (metrics["val/ratio"], metrics["policy/approxkl_avg"]) == pytest.approx((1.0, 0.0), abs=1e-6)


def test_the_value_clip_counts_in_deviations_of_the_score():
    """Every answer is token 2 with score 3. The value 0 has the loss 9 / 2; Adam's first step is the rate, 0.3.

    In the second pass the trust region ends at 0.2 deviations of 0.5 = 0.1: (0.1 - 3)^2 / 2 = 4.205 is larger than
    (0.3 - 3)^2 / 2 = 3.645, so every token is clipped there. On average (4.5 + 4.205) / 2, and half of them.
    """
    options = {"value_clip": 0.2, "value_learning_rate": 0.3, "epochs": 2, "max_new_tokens": 1}
    _, metrics = one_step([1e-12, 1e-12, 1.0], [0.0, 0.0, 3.0], 0.5, **options)
    assert metrics["loss/value_avg"] == pytest.approx(4.3525, abs=1e-4)
    assert metrics["val/clipfrac_avg"] == 0.5


def test_gradient_of_the_pretraining_text():
    """All scores are 0, so PPO's own gradient is 0. The text says token 0 only: its loss is -ln(1/2).

    By the logits, cross-entropy has the gradient (1/2 - 1, 0.3, 0.2), of length sqrt(0.38); gamma is 3/2.
    """
    text = (TextRow("0 " * 50),)
    options = {"ptx_coef": 1.5, "ptx_window": 4, "kl_coef": 0.0, "max_new_tokens": 1}
    _, metrics = one_step([0.5, 0.3, 0.2], [0.0, 0.0, 0.0], text=text, **options)
    assert metrics["loss/ptx"] == pytest.approx(LN_2, abs=1e-6)
    assert metrics["policy/grad_norm"] == pytest.approx(1.5 * math.sqrt(0.38), abs=1e-6)


# mean 1/2, squares of deviations 1/4, 1/4, 1/4, 9/4: variance 3/4, and 1 with one less in the divisor
@pytest.mark.parametrize(
    ("unbiased", "shift_mean", "expected"),
    [
        (False, True, [-1 / math.sqrt(3)] * 3 + [math.sqrt(3)]),
        (False, False, [0.5 - 1 / math.sqrt(3)] * 3 + [0.5 + math.sqrt(3)]),
        (True, True, [-0.5, -0.5, -0.5, 1.5]),
        (True, False, [0.0, 0.0, 0.0, 2.0]),  # deviation 1 and the mean put back: nothing changes
    ],
)
def test_whitened_rewards_of_an_answer_with_a_reward_at_its_end(unbiased, shift_mean, expected):
    rewards = torch.tensor([[0.0, 0.0, 0.0, 2.0, 7.0]], dtype=torch.float64)
    mask = torch.tensor([[True] * 4 + [False]])
    out = whiten(rewards, mask, unbiased=unbiased, shift_mean=shift_mean)
    assert out[0].tolist() == pytest.approx([*expected, 0.0], abs=1e-7)


# two prompts with all scores equal: every pair has the loss ln 2 and pulls its answers apart by 1/2.
# ranks 1, 1, 2, 2 make 4 pairs of 6, ranks 1, 2 make one of one; each prompt counts half
@pytest.mark.parametrize(
    ("tie_divisor", "loss", "gradient"),
    [
        ("pairs", LN_2, [-1 / 8, -1 / 8, 1 / 8, 1 / 8, -1 / 4, 1 / 4]),  # 2 pairs of 1/2, by 4, by 2
        ("all", (4 / 6 + 1) / 2 * LN_2, [-1 / 12, -1 / 12, 1 / 12, 1 / 12, -1 / 4, 1 / 4]),  # by 6, by 2
    ],
)
def test_both_divisors_where_half_of_the_answers_are_tied(tie_divisor, loss, gradient):
    scores = torch.full((6,), 0.7, dtype=torch.float64, requires_grad=True)
    ranks, index = torch.tensor([1, 1, 2, 2, 1, 2]), torch.tensor([0, 0, 0, 0, 1, 1])
    out = ranking_loss(scores, ranks, index, tie_divisor=tie_divisor)
    out.loss.backward()
    assert out.pairs.item() == 5
    assert out.loss.item() == pytest.approx(loss, abs=1e-12)
    assert scores.grad.tolist() == pytest.approx(gradient, abs=1e-12)


def test_an_adaptive_beta_over_three_batches():
    """Target 6 nats, horizon 10,000, batches of 512: an error of e changes beta by the factor 1 + 0.0512 e."""
    beta = 0.1
    for kl, expected in (
        (12.0, 0.101024),  # twice the target, but at most 0.2: 0.1 * 1.01024
        (6.6, 0.10154124288),  # a tenth above: * 1.00512
        (0.0, 0.10050146055291),  # nothing at all, but at least -0.2: * 0.98976
    ):
        beta = adapt_kl_coef(beta, kl, target=6.0, horizon=10_000, episodes=512)
        assert beta == pytest.approx(expected, abs=1e-14)


def test_clipped_scores_and_whitened_rewards_in_a_step():
    """Scores 1, -1 and 3 of tokens 0, 1 and 2, clipped at 2 deviations of 0.5: 1, -1 and 1. There is no KL yet.

    With a share p of answers that are token 1, the rewards have the mean m = 1 - 2p and the variance 1 - m^2. Whitened
    without a shift, r becomes (r - m) / sqrt(1 - m^2) + m; of one token that is the advantage, and the return.
    """
    options = {"score_clip": 2.0, "whiten_rewards": True, "max_new_tokens": 1, "gamma": 1.0, "lam": 0.5}
    rollout, metrics = one_step([0.4, 0.3, 0.3], [1.0, -1.0, 3.0], 0.5, **options)
    answers = rollout["tokens"][:, -1]
    assert set(answers) == {0, 1, 2}
    mean = 1 - 2 * (answers == 1).mean()
    spread = math.sqrt(1 - mean**2)
    for answer, score, reward, advantage, value in zip(
        answers, rollout["scores"], rollout["rewards"], rollout["advantages"], rollout["returns"], strict=True
    ):
        clipped = -1.0 if answer == 1 else 1.0
        assert (score, reward[0]) == pytest.approx((clipped, clipped), abs=1e-6)
        assert (advantage[0], value[0]) == pytest.approx(((clipped - mean) / spread + mean,) * 2, abs=1e-5)
    assert metrics["objective/scores"] == pytest.approx(mean, abs=1e-6)


def test_a_beta_that_follows_the_kl_in_a_step():
    """The policy is its start still: KL 0, so the error is -1, cut at -0.2. A batch of 32 at horizon 100: 1 - 0.064."""
    codec = NumberCodec(3)
    run, data = MemoryRun(), PpoData((PromptRow(1, (Turn("user", "0"),)),))
    policy = LanguageModel(FixedLogits([0.4, 0.3, 0.3]), codec, 64, None)
    options = {**PLAIN, "kl_coef": 0.5, "kl_target": 6.0, "kl_horizon": 100.0, "max_new_tokens": 1}
    judge = TokenScores([1.0, 0.0, -1.0], codec)
    list(train_ppo(PpoSettings(**options), policy, judge, data, run, RunControl()))
    assert run.latest().state["kl_coef"] == pytest.approx(0.5 * 0.936, abs=1e-12)
