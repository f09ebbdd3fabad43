"""Every stage on folders as other tools write them: GPT-2, Llama and Qwen, embeddings tied or not."""

import math

import pytest
import torch
import two_steps
from transformers import AutoModelForCausalLM, GPT2Config, LlamaConfig, Qwen2Config, Qwen3Config

from fakes import MemoryRun
from rlhf_studio.events import Notice, RunFinished, StepMetrics
from rlhf_studio.lm.heads import load_scalar_model
from rlhf_studio.lm.loading import load_language_model
from rlhf_studio.lm.padding import left_pad
from rlhf_studio.settings import PpoSettings, RewardSettings, SftSettings
from rlhf_studio.train.control import RunControl
from rlhf_studio.train.ppo import train_ppo
from rlhf_studio.train.reward import train_reward
from rlhf_studio.train.sft import train_sft

SIZES = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 256,
    "initializer_range": 0.2,  # large, so that mistakes show
}
CONFIGS = {
    "gpt2": (GPT2Config, {"n_embd": 32, "n_layer": 2, "n_head": 4, "n_positions": 256, "initializer_range": 0.2}),
    "llama, tied": (LlamaConfig, {**SIZES, "tie_word_embeddings": True}),
    "llama, untied": (LlamaConfig, {**SIZES, "tie_word_embeddings": False}),
    "qwen2, tied": (Qwen2Config, {**SIZES, "tie_word_embeddings": True}),
    "qwen2, untied": (Qwen2Config, {**SIZES, "tie_word_embeddings": False}),
    "qwen3, tied": (Qwen3Config, {**SIZES, "head_dim": 16, "tie_word_embeddings": True}),
    "qwen3, untied": (Qwen3Config, {**SIZES, "head_dim": 16, "tie_word_embeddings": False}),
}
BATCH = left_pad([[40, 50, 60, 70], [80, 90]], 1)


@pytest.fixture(params=CONFIGS)
def base(request, byte_tokenizer, tmp_path):
    """A folder that transformers alone wrote, with a vocabulary larger than its tokenizer's, as Qwen has it."""
    kind, options = CONFIGS[request.param]
    ids = {"bos_token_id": None, "eos_token_id": byte_tokenizer.eos_token_id, "pad_token_id": None}
    config = kind(vocab_size=len(byte_tokenizer) + 4, **options, **ids)
    AutoModelForCausalLM.from_config(config).save_pretrained(tmp_path / "base")
    byte_tokenizer.save_pretrained(tmp_path / "base")
    return tmp_path / "base"


def finished(events):
    """The events of a run, which completed two steps with finite figures."""
    events = list(events)
    assert events[-1] == RunFinished(2, "completed")
    steps = {event.step: event.values for event in events if isinstance(event, StepMetrics)}
    assert sorted(steps) == [0, 1, 2]
    assert all(math.isfinite(value) for values in steps.values() for value in values.values())
    assert all(values["grad_norm"] > 0 for values in steps.values() if "grad_norm" in values)
    return events, steps


def is_tied(model):
    return model.module.get_output_embeddings().weight is model.module.get_input_embeddings().weight


def test_two_steps_of_every_stage(base, tmp_path):
    run, control = MemoryRun(tmp_path / "models"), RunControl()

    model = load_language_model(base)
    before, tied = model.logits(BATCH).detach(), is_tied(model)
    finished(train_sft(SftSettings(**two_steps.SFT), model, two_steps.SFT_DATA, run, control))
    sft = load_language_model(run.folder / "policy")
    assert torch.equal(sft.logits(BATCH), model.logits(BATCH))
    assert not torch.allclose(sft.logits(BATCH), before)
    assert is_tied(sft) == tied

    run.checkpoints.clear()
    finished(train_reward(RewardSettings(**two_steps.REWARD), sft, two_steps.REWARD_DATA, run, control))
    reward_model = load_scalar_model(run.folder / "reward")
    assert reward_model.scores(BATCH).std() > 0
    assert reward_model.bias != 0  # centred on the demonstrations

    run.checkpoints.clear()
    before = sft.logits(BATCH).detach()
    events, steps = finished(
        train_ppo(PpoSettings(**two_steps.PPO), sft, reward_model, two_steps.PPO_DATA, run, control)
    )
    assert steps[1]["gate/ratio_error"] < 1e-5  # the sampler against a pass without gradient
    assert steps[1]["val/ratio"] == pytest.approx(1, abs=1e-5)  # against the pass of the first update
    assert not [event for event in events if isinstance(event, Notice) and event.message == "ppo.ratio_gate"]
    assert steps[1]["objective/kl"] == pytest.approx(0, abs=1e-4)  # the policy still is its reference
    assert steps[1]["loss/ptx"] > 0
    ppo = load_language_model(run.folder / "policy")
    assert torch.equal(ppo.logits(BATCH), sft.logits(BATCH))
    assert not torch.allclose(ppo.logits(BATCH), before)
    assert is_tied(ppo) == tied
