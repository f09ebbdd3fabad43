"""One optimizer step of each stage's own loop, its batch taken in 1, 2 or 4 pieces: the same gradients."""

from collections import Counter
from itertools import chain

import pytest
import torch
import two_steps

from fakes import MemoryRun
from rlhf_studio.lm.heads import ScalarModel
from rlhf_studio.schema import Answer, RankedRow, RewardData, SftData, TextRow
from rlhf_studio.settings import PpoSettings, RewardSettings, SftSettings
from rlhf_studio.train.compute import Compute
from rlhf_studio.train.control import RunControl
from rlhf_studio.train.ppo import train_ppo
from rlhf_studio.train.reward import train_reward
from rlhf_studio.train.sft import train_sft

# lengths differ, so that a mean of means would show
SFT_DATA = SftData(train=two_steps.SFT_DATA.train, pretraining=(TextRow("The cat sat on the mat. " * 40),))
RANKS = ((2, 1, 3, 3), (1, 2, 3, 4), (1, 1, 1, 2), (4, 3, 2, 1))
REWARD_DATA = RewardData(
    train=tuple(
        RankedRow(row.prompt_id, row.turns, tuple(Answer(text) for text in two_steps.ANSWERS), ranks)
        for row, ranks in zip(two_steps.REWARD_DATA.train, RANKS, strict=True)
    )
)
ONE_STEP = {"threads": 1, "device": "cpu", "learning_rate": 1e-4, "batch_size": 4, "max_grad_norm": 0.0}


def sft(model, pieces):
    options = SftSettings(**ONE_STEP, epochs=1, dropout=0.0, pretraining_share=0.2, micro_batch=4 // pieces)
    return train_sft(options, model, SFT_DATA, MemoryRun(), RunControl())


def reward(model, pieces):
    """Pieces are counted in answers, of which each prompt has four."""
    options = RewardSettings(**ONE_STEP, epochs=1, micro_batch=16 // pieces)
    return train_reward(options, model, REWARD_DATA, MemoryRun(), RunControl())


def ppo(model, pieces):
    options = PpoSettings(**{**two_steps.PPO, **ONE_STEP, "steps": 1, "ptx_ratio": 1.0, "micro_batch": 4 // pieces})
    judge = ScalarModel.from_language_model(model, seed=1)
    return train_ppo(options, model, judge, two_steps.PPO_DATA, MemoryRun(), RunControl())


def gradients(events, monkeypatch):
    """What the first optimizer step gets, and how many losses it was added up from."""
    kept, calls = [], Counter()
    backward, clip = Compute.backward, Compute.clip_gradients

    def count(compute, loss):
        calls["backward"] += 1
        backward(compute, loss)

    def keep(compute, parameters, *, step):
        parameters = list(parameters)
        kept.append(torch.cat([p.grad.flatten().clone() for p in parameters if p.grad is not None]))
        return clip(compute, parameters, step=step)

    with monkeypatch.context() as patch:
        patch.setattr(Compute, "backward", count)
        patch.setattr(Compute, "clip_gradients", keep)
        list(events)
    return kept, calls["backward"]


# beside its pieces, SFT's step has one loss of pretraining text; PPO's has policy, text and value in pieces
@pytest.mark.parametrize(("stage", "losses"), [(sft, (2, 3, 5)), (reward, (1, 2, 4)), (ppo, (3, 6, 12))])
def test_accumulation_changes_no_gradient(tiny_lm, monkeypatch, stage, losses):
    results = [gradients(stage(tiny_lm.clone(), pieces), monkeypatch) for pieces in (1, 2, 4)]
    assert tuple(count for _, count in results) == losses
    whole = results[0][0]
    assert len(whole) == (2 if stage is ppo else 1)  # models that make one step
    assert all(gradient.norm() > 1e-2 for gradient in whole)
    for gradient, expected in chain.from_iterable(zip(kept, whole, strict=True) for kept, _ in results[1:]):
        torch.testing.assert_close(gradient, expected, atol=1e-5, rtol=0)
