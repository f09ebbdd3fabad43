import hypothesis
import pytest
import torch

from rlhf_studio.lm.codec import Codec
from rlhf_studio.lm.model import LanguageModel
from rlhf_studio.lm.tokenizer_training import train_tokenizer

hypothesis.settings.register_profile("shared machine", deadline=None)  # others' work must not fail a test
hypothesis.settings.load_profile("shared machine")

SENTENCES = [
    "The sky is blue and the grass is green.",
    "Why do cats sleep all day? They hunt at night.",
    "Write a short story about a red hat, please!",
]


@pytest.fixture(autouse=True)
def _same_numbers_everywhere():
    torch.set_num_threads(1)
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def byte_tokenizer():
    """A byte-level tokenizer of 300 tokens with the reserved tokens; do not change it."""
    return train_tokenizer(SENTENCES, 300)


@pytest.fixture(scope="session")
def _tiny_llama(byte_tokenizer):
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=len(byte_tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=128,
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=byte_tokenizer.eos_token_id,
        pad_token_id=byte_tokenizer.pad_token_id,
        initializer_range=0.2,  # large, so that mistakes show
        attn_implementation="sdpa",
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        module = LlamaForCausalLM(config).eval()
    return LanguageModel(module, Codec(byte_tokenizer), context_length=128, source=None)


@pytest.fixture
def tiny_lm(_tiny_llama):
    """A Llama of two layers and width 32 with random weights; each test gets a copy of its own."""
    return _tiny_llama.clone()


@pytest.fixture(scope="session")
def _tiny_gpt2_module(byte_tokenizer):
    from transformers import GPT2Config, GPT2LMHeadModel

    config = GPT2Config(
        vocab_size=len(byte_tokenizer),
        n_embd=32,
        n_layer=2,
        n_head=4,
        n_positions=128,
        bos_token_id=None,
        eos_token_id=byte_tokenizer.eos_token_id,
        pad_token_id=byte_tokenizer.pad_token_id,
        initializer_range=0.2,
        attn_implementation="sdpa",
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        return GPT2LMHeadModel(config).eval()


@pytest.fixture
def tiny_gpt2(_tiny_gpt2_module, byte_tokenizer):
    """The same for GPT-2, which has learnt positions and no fast sampling path."""
    return LanguageModel(_tiny_gpt2_module, Codec(byte_tokenizer), context_length=128, source=None).clone()
