"""SFT is what appendix C.1 says: the rate, the tokens that count, and dropout in this stage alone."""

import pytest
import torch
import two_steps
from torch import nn

from fakes import MemoryRun
from rlhf_studio.events import StepMetrics
from rlhf_studio.lm.heads import ScalarModel
from rlhf_studio.lm.loading import load_language_model
from rlhf_studio.lm.saving import save_language_model
from rlhf_studio.settings import PpoSettings, RewardSettings, SftSettings
from rlhf_studio.train import dropout
from rlhf_studio.train.control import RunControl
from rlhf_studio.train.ppo import train_ppo
from rlhf_studio.train.reward import train_reward
from rlhf_studio.train.sft import train_sft


def steps(events):
    return [event.values for event in events if isinstance(event, StepMetrics) and event.step]


def sft(model, **changes):
    return list(
        train_sft(SftSettings(**{**two_steps.SFT, **changes}), model, two_steps.SFT_DATA, MemoryRun(), RunControl())
    )


def test_the_rate_begins_at_its_peak_and_ends_at_a_tenth_of_it(tiny_lm):
    rates = [values["lr"] for values in steps(sft(tiny_lm, epochs=2, learning_rate=2e-4))]
    assert rates[0] == 2e-4  # no warm-up
    assert rates[-1] == pytest.approx(2e-5)
    assert rates == sorted(rates, reverse=True)


@pytest.mark.parametrize("packing", [True, False])
def test_only_tokens_of_answers_count_each_alike(tiny_lm, packing):
    rows = two_steps.SFT_DATA.train
    total, count = 0.0, 0
    for row in rows:
        prompt, answer = tiny_lm.codec.encode_prompt(row.turns), tiny_lm.codec.encode_answer(row.answer)
        with torch.no_grad():
            logits = tiny_lm.module(input_ids=torch.tensor([[*prompt, *answer]])).logits[0]
        logprobs = logits.double().log_softmax(dim=1)
        total -= sum(float(logprobs[len(prompt) + i - 1, token]) for i, token in enumerate(answer))
        count += len(answer)
        assert answer[-1] == tiny_lm.codec.eos_id  # the end is learnt, too
    options = {"batch_size": len(rows), "dropout": 0.0, "packing": packing}
    assert steps(sft(tiny_lm, **options))[0]["loss/train"] == pytest.approx(total / count, abs=1e-5)


@pytest.mark.parametrize("architecture", ["tiny_lm", "tiny_gpt2"])
def test_dropout_is_on_in_sft_and_in_no_later_stage(request, architecture, tmp_path, monkeypatch):
    model = request.getfixturevalue(architecture)
    for part in model.module.modules():  # as published models come
        if isinstance(part, nn.Dropout):
            part.p = 0.1
    if architecture == "tiny_gpt2":
        model.module.config.update({"resid_pdrop": 0.1, "embd_pdrop": 0.1, "attn_pdrop": 0.1})
    save_language_model(model, tmp_path / "base")
    model = load_language_model(tmp_path / "base")
    dropped = []
    monkeypatch.setattr(nn.functional, "dropout", _watch(nn.functional.dropout, dropped))
    plain, wet = (steps(sft(model.clone(), dropout=rate, epochs=2)) for rate in (0.0, 0.2))
    assert plain[0]["loss/train"] != wet[0]["loss/train"]
    sft(model, dropout=0.2)
    assert not any(part._forward_hooks for part in model.module.modules())  # taken off again

    def refuse(*_args, **_kwargs):
        raise AssertionError("a later stage drops something")

    monkeypatch.setattr(dropout.ResidualDropout, "__init__", refuse)
    reward, ppo = RewardSettings(**two_steps.REWARD), PpoSettings(**two_steps.PPO)
    list(train_reward(reward, model, two_steps.REWARD_DATA, MemoryRun(), RunControl()))
    judge = ScalarModel.from_language_model(model, seed=1)
    list(train_ppo(ppo, model, judge, two_steps.PPO_DATA, MemoryRun(), RunControl()))
    assert not any(part.training for m in (model.module, judge.module.backbone) for part in m.modules())
    assert dropped == []


def _watch(original, dropped):
    """``dropout`` that remembers each call that would drop something."""

    def watched(input, p=0.5, training=True, inplace=False):  # noqa: A002  torch's names
        if training and p:
            dropped.append(p)
        return original(input, p, training, inplace)

    return watched
