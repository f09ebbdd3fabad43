import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from rlhf_studio.rl.rewards import sequence_kl, token_rewards

SCORES = torch.tensor([2.0, -1.0])
LOGPROBS = torch.tensor([[-1.0, -2.0, -3.0], [-0.5, -0.25, 0.0]])
REF_LOGPROBS = torch.tensor([[-1.5, -1.0, -3.0], [-1.5, 0.0, 0.0]])
MASK = torch.tensor([[True, True, True], [True, False, False]])


def test_the_score_stands_on_the_last_token_and_the_penalty_on_each():
    rewards = token_rewards(SCORES, LOGPROBS, REF_LOGPROBS, MASK, kl_coef=0.1)
    torch.testing.assert_close(rewards, torch.tensor([[-0.05, 0.1, 2.0], [-1.1, 0.0, 0.0]]))
    torch.testing.assert_close(sequence_kl(LOGPROBS, REF_LOGPROBS, MASK), torch.tensor([-0.5, 1.0]))


@settings(deadline=None)
@given(
    st.lists(st.integers(1, 7), min_size=1, max_size=5), st.floats(0, 2), st.integers(0, 3), st.integers(0, 2**31 - 1)
)
def test_rewards_add_up_to_the_score_minus_the_penalty(lengths, kl_coef, padding, seed):
    generator = torch.Generator().manual_seed(seed)
    width = max(lengths) + padding
    mask = torch.arange(width) < torch.tensor(lengths)[:, None]
    logprobs, ref_logprobs = torch.randn(2, len(lengths), width, generator=generator, dtype=torch.float64)
    scores = torch.randn(len(lengths), generator=generator, dtype=torch.float64)
    rewards = token_rewards(scores, logprobs, ref_logprobs, mask, kl_coef=kl_coef)
    kl = sequence_kl(logprobs, ref_logprobs, mask)
    torch.testing.assert_close(rewards.sum(dim=1), scores - kl_coef * kl)
    assert (rewards[~mask] == 0).all()


@pytest.mark.parametrize("poison", [float("nan"), -float("inf"), 1e9])
def test_padded_cells_have_no_influence(poison):
    dirty = [x.masked_fill(~MASK, poison) for x in (LOGPROBS, REF_LOGPROBS)]
    expected = token_rewards(SCORES, LOGPROBS, REF_LOGPROBS, MASK, kl_coef=0.1)
    assert torch.equal(token_rewards(SCORES, *dirty, MASK, kl_coef=0.1), expected)
    assert torch.equal(sequence_kl(*dirty, MASK), sequence_kl(LOGPROBS, REF_LOGPROBS, MASK))


def test_an_episode_without_a_token_is_refused():
    with pytest.raises(ValueError, match=r"episodes \[1\] have no response token"):
        token_rewards(SCORES, LOGPROBS, REF_LOGPROBS, MASK & torch.tensor([[True], [False]]), kl_coef=0.1)


def test_half_precision_is_computed_in_float32():
    halves = [x.bfloat16() for x in (SCORES, LOGPROBS, REF_LOGPROBS)]
    assert token_rewards(*halves, MASK, kl_coef=0.1).dtype == torch.float32
