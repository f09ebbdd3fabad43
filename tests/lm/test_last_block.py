"""What the shortened last block gives is what the whole one gives, in value and in gradient."""

import pytest
import torch
from transformers import AutoModelForCausalLM, GPT2Config, LlamaConfig, MistralConfig, Qwen2Config, Qwen3Config

from rlhf_studio.lm.heads import ScalarModel
from rlhf_studio.lm.last_block import last_positions
from rlhf_studio.lm.model import LanguageModel
from rlhf_studio.lm.padding import Padded

SIZES = {
    "vocab_size": 64,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "max_position_embeddings": 64,
    "initializer_range": 0.2,  # large, so that mistakes show
}
CONFIGS = {
    "llama": LlamaConfig(**SIZES),
    "mistral": MistralConfig(**SIZES),
    "qwen2": Qwen2Config(**SIZES),
    "qwen3": Qwen3Config(**SIZES, head_dim=8),
    "gpt2": GPT2Config(vocab_size=64, n_embd=32, n_layer=2, n_head=4, n_positions=64, initializer_range=0.2),
}
PLAIN = sorted(set(CONFIGS) - {"gpt2"})
TOKENS = torch.randint(0, 64, (3, 12), generator=torch.Generator().manual_seed(1))
MASK = torch.ones(3, 12, dtype=torch.bool)
MASK[0, :4] = False  # padded in front, as a prompt is
MASK[1, 9:] = False  # and behind, as an answer is
BATCH = Padded(TOKENS, MASK)


@pytest.fixture(params=CONFIGS)
def lm(request):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        module = AutoModelForCausalLM.from_config(CONFIGS[request.param]).eval()
    return LanguageModel(module, None, 64, None)


def gradients(module):
    return torch.cat([p.grad.flatten() for p in module.parameters() if p.grad is not None])


def test_logits_and_gradients_are_those_of_the_whole_block(lm):
    whole = lm.clone()
    expected = whole.logits(BATCH)[:, -5:]
    found = lm.logits(BATCH, keep=5)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-5)
    for logits in (found, expected):
        logits.log_softmax(dim=-1)[..., 3].sum().backward()
    torch.testing.assert_close(gradients(lm.module), gradients(whole.module), atol=1e-4, rtol=1e-4)


def test_values_are_those_of_every_position(lm):
    scalar = ScalarModel.from_language_model(lm, seed=3)
    expected = scalar.per_token(Padded(TOKENS[:, :-1], MASK[:, :-1]))[:, -6:]
    torch.testing.assert_close(scalar.values(BATCH, 6), expected, atol=1e-5, rtol=1e-5)


def test_scores_are_read_at_the_last_real_token_wherever_it_is(lm):
    scalar = ScalarModel.from_language_model(lm, seed=3)
    numbers = scalar.per_token(BATCH)
    expected = torch.stack([numbers[0, 11], numbers[1, 8], numbers[2, 11]])
    torch.testing.assert_close(scalar.scores(BATCH), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", PLAIN)
def test_the_mlp_sees_only_what_is_kept_and_the_block_is_whole_again(kind):
    module = AutoModelForCausalLM.from_config(CONFIGS[kind]).eval()
    widths = []
    block = module.model.layers[-1]
    block.mlp.register_forward_hook(lambda _m, inputs, _o: widths.append(inputs[0].shape[1]))
    for keep in (5, 0):
        with last_positions(module, keep):
            module(TOKENS, use_cache=False)
    with pytest.raises(ZeroDivisionError), last_positions(module.model, 2):
        raise ZeroDivisionError
    module(TOKENS, use_cache=False)
    assert widths == [5, 12, 12]
    assert "forward" not in vars(block)


def test_a_model_of_other_blocks_is_left_alone():
    module = AutoModelForCausalLM.from_config(CONFIGS["gpt2"]).eval()
    with last_positions(module, 5):
        assert not any("forward" in vars(part) for part in module.modules())
        assert module(TOKENS, use_cache=False).logits.shape[1] == TOKENS.shape[1]
