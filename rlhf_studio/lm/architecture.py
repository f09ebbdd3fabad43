"""A new language model with random weights."""

import torch
from torch import nn
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

from rlhf_studio.errors import DataError
from rlhf_studio.lm.tokenizer_training import ROLE_TOKENS
from rlhf_studio.settings import PretrainSettings

_DEVIATION = 0.02  # of the random weights, as in GPT-2


def new_language_model(settings: PretrainSettings, tokenizer: PreTrainedTokenizerFast, seed: int) -> nn.Module:
    """A Llama with tied embeddings whose weights depend on ``seed`` alone; torch's global generator is untouched.

    The role tokens never occur in pretraining text; they start as a copy of the newline, which separates speakers
    there, and share its fate through weight tying only until fine-tuning moves them.

    Raises:
        DataError: If the heads do not divide the width into even parts.
    """
    if settings.hidden_size % (2 * settings.heads):
        raise DataError(
            f"A width of {settings.hidden_size} cannot be split into {settings.heads} heads of even size. "
            "Choose a width that is a multiple of twice the heads."
        )
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=settings.hidden_size,
        intermediate_size=settings.feed_forward,
        num_hidden_layers=settings.layers,
        num_attention_heads=settings.heads,
        num_key_value_heads=settings.heads,
        max_position_embeddings=settings.context_length,
        rms_norm_eps=1e-5,
        initializer_range=_DEVIATION,
        tie_word_embeddings=True,
        use_cache=True,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        dtype="float32",
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        module: nn.Module = LlamaForCausalLM(config)
    copy_newline_to_roles(module, tokenizer)
    return module


@torch.no_grad()
def copy_newline_to_roles(module: nn.Module, tokenizer: PreTrainedTokenizerFast) -> None:
    """Let the role tokens' embeddings be those of the newline."""
    weight = module.get_input_embeddings().weight  # type: ignore[operator]
    newline = tokenizer.convert_tokens_to_ids("Ċ")  # how byte-level BPE writes a newline
    for token in ROLE_TOKENS:
        weight[tokenizer.convert_tokens_to_ids(token)] = weight[newline]
