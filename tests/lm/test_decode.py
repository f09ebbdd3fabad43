import copy

import pytest
import torch
from torch import nn
from transformers import (
    AutoModelForCausalLM,
    GPT2Config,
    LlamaConfig,
    MistralConfig,
    Phi3Config,
    Qwen2Config,
    Qwen3Config,
)

from rlhf_studio.lm import decode
from rlhf_studio.lm.decode import LlamaDecoder, is_llama_like
from rlhf_studio.lm.generate import collect, generate, uniforms
from rlhf_studio.lm.model import LanguageModel
from rlhf_studio.lm.padding import Padded, left_pad
from rlhf_studio.rl.logprobs import token_logprobs
from rlhf_studio.schema import Sampling

PROMPTS = [[5, 6, 7, 8, 9, 10, 11], [12], [13, 14, 15], [16, 17]]
SIZES = {
    "vocab_size": 50,
    "hidden_size": 16,
    "intermediate_size": 24,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 128,
    "initializer_range": 0.2,
}
YARN = {"rope_type": "yarn", "rope_theta": 1e4, "factor": 4.0, "original_max_position_embeddings": 32}
LLAMA3 = {
    "rope_type": "llama3",
    "rope_theta": 1e4,
    "factor": 8.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 32,
}
DYNAMIC = {"rope_type": "dynamic", "rope_theta": 1e4, "factor": 4.0}
FAST = {
    "grouped heads": LlamaConfig(**SIZES),
    "one key head each": LlamaConfig(**{**SIZES, "num_key_value_heads": 4}),
    "one key head for all": LlamaConfig(**{**SIZES, "num_key_value_heads": 1}),
    "biases": LlamaConfig(**SIZES, attention_bias=True, mlp_bias=True),
    "wide heads": LlamaConfig(**SIZES, head_dim=8),
    "tied": LlamaConfig(**SIZES, tie_word_embeddings=True),
    "llama3": LlamaConfig(**SIZES, rope_parameters=LLAMA3),
    "yarn": LlamaConfig(**SIZES, rope_parameters=YARN),
    "mistral": MistralConfig(**SIZES, sliding_window=None),
    "mistral, wide window": MistralConfig(**SIZES, sliding_window=100),
    "qwen2": Qwen2Config(**SIZES),
}
SLOW = {
    "mistral, window": MistralConfig(**SIZES, sliding_window=30),
    "qwen2, windows": Qwen2Config(**SIZES, use_sliding_window=True, sliding_window=30, max_window_layers=1),
    "qwen3": Qwen3Config(**SIZES),
    "phi3": Phi3Config(**SIZES, pad_token_id=0),
    "dynamic": LlamaConfig(**SIZES, rope_parameters=DYNAMIC),
    "gpt2": GPT2Config(vocab_size=50, n_embd=16, n_layer=2, n_head=4, n_positions=128),
}


class Ends:
    """A codec of which the sampler knows two ids."""

    eos_id, pad_id = 3, 0


def model_of(config):
    torch.manual_seed(4)
    module = AutoModelForCausalLM.from_config(copy.deepcopy(config), attn_implementation="sdpa").eval()
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.ndim == 1:  # biases and norms that show if they are forgotten
                parameter.add_(0.3 * torch.randn_like(parameter))
    return LanguageModel(module, Ends, 128, None)


def sample(lm, length):
    noise = uniforms(0, 0, range(len(PROMPTS)), length)
    return collect(generate(lm, PROMPTS, Sampling(max_new_tokens=length), noise))


def teacher_forced(lm, generation):
    left = left_pad(PROMPTS, 0)
    batch = Padded(torch.cat([left.tokens, generation.tokens], dim=1), torch.cat([left.mask, generation.mask], dim=1))
    with torch.no_grad():
        logits = lm.response_logits(batch, generation.tokens.shape[1])
    return token_logprobs(logits, generation.tokens).masked_fill(~generation.mask, 0.0)


@pytest.mark.parametrize("name", FAST)
def test_the_fast_path_computes_what_the_module_computes(name, monkeypatch):
    monkeypatch.setattr(decode, "_PREFILL_TOKENS", 14)  # prompts are read two by two
    lm = model_of(FAST[name])
    assert is_llama_like(lm, 90)
    steps, rows = 70, torch.arange(len(PROMPTS))
    answers = torch.randint(4, 50, (len(PROMPTS), steps))
    left = left_pad(PROMPTS, 0)
    mask = torch.cat([left.mask, torch.ones_like(answers, dtype=torch.bool)], dim=1)
    with torch.no_grad():
        expected = lm.logits(Padded(torch.cat([left.tokens, answers], dim=1), mask), keep=steps + 1).log_softmax(2)
    decoder = LlamaDecoder(lm, left.tokens.shape[1] + steps)
    logits = decoder.start(left)
    for t in range(steps + 1):  # the cache grows twice, rows are dropped twice
        torch.testing.assert_close(logits.log_softmax(1), expected[rows, t], atol=2e-5, rtol=0)
        if t in {20, 50}:
            kept = torch.tensor([0, 2, 3] if t == 20 else [2, 0])
            assert decoder.keep(kept)
            rows = rows[kept]
        if t < steps:
            logits = decoder.step(answers[rows, t])


@pytest.mark.parametrize("name", SLOW)
def test_other_architectures_use_their_own_cache(name):
    lm = model_of(SLOW[name])
    assert not is_llama_like(lm, 90)
    generation = sample(lm, 40)
    torch.testing.assert_close(generation.logprobs, teacher_forced(lm, generation), atol=2e-5, rtol=0)


def test_prompts_of_one_length_need_no_mask():
    lm = model_of(FAST["grouped heads"])
    prompts = left_pad([[5, 6, 7], [8, 9, 10]], 0)
    decoder = LlamaDecoder(lm, 8)
    with torch.no_grad():
        torch.testing.assert_close(decoder.start(prompts), lm.logits(prompts)[:, -1], atol=1e-5, rtol=0)
        longer = left_pad([[5, 6, 7, 4], [8, 9, 10, 11]], 0)
        step = decoder.step(torch.tensor([4, 11]))
        torch.testing.assert_close(step, lm.logits(longer)[:, -1], atol=1e-5, rtol=0)


def test_a_wrapped_linear_map_is_not_bypassed():
    class Adapted(nn.Linear):
        pass

    lm = model_of(FAST["grouped heads"])
    lm.module.model.layers[1].mlp.down_proj = Adapted(24, 16, bias=False)
    assert not is_llama_like(lm, 90)


def test_autocast_is_respected():
    lm = model_of(FAST["grouped heads"])
    exact = sample(lm, 12)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        generation = sample(lm, 12)
        expected = teacher_forced(lm, generation)
    assert generation.logprobs.dtype == torch.float32
    ratio = (expected - generation.logprobs).exp()[generation.mask]
    assert float((ratio - 1).abs().mean()) < 2e-2
    assert not torch.equal(generation.logprobs, exact.logprobs)  # it did compute in bfloat16


def test_half_precision_weights():
    lm = model_of(FAST["biases"]).to(dtype=torch.bfloat16)
    generation = sample(lm, 12)
    ratio = (teacher_forced(lm, generation) - generation.logprobs).exp()[generation.mask]
    assert float((ratio - 1).abs().mean()) < 3e-2


def test_weights_that_change_later_do_not_reach_a_sampler_at_work():
    lm = model_of(FAST["grouped heads"])
    expected = sample(lm, 6)
    sampler = generate(lm, PROMPTS, Sampling(max_new_tokens=6), uniforms(0, 0, range(4), 6))
    next(sampler)
    with torch.no_grad():
        for name, parameter in lm.module.named_parameters():
            if "proj" in name:
                parameter.zero_()
    assert torch.equal(collect(sampler).tokens, expected.tokens)
