"""A new language model with random weights."""

import torch
from torch import Tensor, nn
from transformers import LlamaConfig, LlamaForCausalLM

from rlhf_studio.errors import DataError
from rlhf_studio.lm.induction import add_induction_heads, can_have_induction_heads
from rlhf_studio.lm.tokenizer_training import ROLE_TOKENS, FastTokenizer
from rlhf_studio.settings import PretrainSettings

_DEVIATION = 0.02  # of the random weights, as in GPT-2
_NATS_BELOW = 8.0  # a role token is e^8 times less likely than a newline where one is due


def new_language_model(settings: PretrainSettings, tokenizer: FastTokenizer, seed: int) -> nn.Module:
    """A Llama with tied embeddings whose weights depend on ``seed`` alone; torch's global generator is untouched.

    The role tokens start as a copy of the newline, which separates speakers in plain text.

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
        module = LlamaForCausalLM(config)
    if has_induction_start(settings):
        add_induction_heads(module, torch.Generator().manual_seed(seed))
    copy_newline_to_roles(module, tokenizer)
    return module


def has_induction_start(settings: PretrainSettings) -> bool:
    """Whether a model of these sizes begins with induction heads."""
    sizes = settings.layers, settings.heads, settings.hidden_size
    return settings.induction_start and can_have_induction_heads(*sizes)


@torch.no_grad()
def copy_newline_to_roles(module: nn.Module, tokenizer: FastTokenizer) -> None:
    """Let the role tokens' embeddings be those of the newline."""
    weight, newline, roles = _role_rows(module, tokenizer)
    weight[roles] = weight[newline].clone()


@torch.no_grad()
def let_roles_read_as_newline(module: nn.Module, tokenizer: FastTokenizer, tokens: Tensor) -> None:
    """Let the role tokens mean what a newline means, without ever being written in its place.

    Pretraining text has no role tokens, so training only pushes them away. A plain copy of the newline would take
    three quarters of its probability, for embeddings are tied; so the copy moves a little against the hidden states
    that predict a newline, just enough to be ``_NATS_BELOW`` less likely there.

    Args:
        module: Trained; changed in place.
        tokenizer: Its tokenizer.
        tokens: (R, T) int64, text with newlines in it.
    """
    weight, newline, roles = _role_rows(module, tokenizer)
    out = module(input_ids=tokens.to(weight.device), output_hidden_states=True, use_cache=False)
    hidden, share = out.hidden_states[-1], out.logits.softmax(-1)[..., newline]  # (R, T, D), (R, T)
    mean = (hidden * share[..., None]).sum((0, 1)) / share.sum()
    weight[roles] = weight[newline] - _NATS_BELOW * mean / mean.dot(mean)


def _role_rows(module: nn.Module, tokenizer: FastTokenizer) -> tuple[Tensor, int, list[int]]:
    weight: Tensor = module.get_input_embeddings().weight  # type: ignore[operator]
    ids = tokenizer.get_vocab()
    return weight, ids["Ċ"], [ids[token] for token in ROLE_TOKENS]  # byte-level BPE writes a newline as Ċ
