"""Leaves out of a forward pass what nobody asks for: the last block's MLP at positions whose output is not read.

Where only answers are scored, prompts need the last block's keys and values, and nothing of it after its attention.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

from torch import Tensor, nn

# blocks that are attention and MLP, each on a norm of what comes in and added to it, and nothing else
_PLAIN_BLOCKS = frozenset({"LlamaDecoderLayer", "MistralDecoderLayer", "Qwen2DecoderLayer", "Qwen3DecoderLayer"})


@contextmanager
def last_positions(module: nn.Module, keep: int) -> Iterator[None]:
    """Let the backbone give (B, keep, d) hidden states, those of the last positions, while this is open.

    Args:
        module: A causal language model or its backbone. One whose blocks are of another kind gives all positions,
            so whoever reads the hidden states takes the last ones in any case.
        keep: Positions from the end; 0 keeps all.
    """
    block = _last_block(module)
    if block is None or not keep:
        yield
        return
    block.forward = partial(_kept, block, keep)
    try:
        yield
    finally:
        del block.forward


def _last_block(module: nn.Module) -> nn.Module | None:
    backbone: Any = getattr(module, "model", module)
    blocks = getattr(backbone, "layers", None)
    if not isinstance(blocks, nn.ModuleList) or not blocks or type(blocks[-1]).__name__ not in _PLAIN_BLOCKS:
        return None
    return blocks[-1]


def _kept(block: Any, keep: int, hidden_states: Tensor, **arguments: Any) -> Tensor:
    """What the block's own forward computes, (B, T, d) to (B, keep, d)."""
    attended, _ = block.self_attn(hidden_states=block.input_layernorm(hidden_states), **arguments)
    hidden_states = (hidden_states + attended)[:, -keep:]
    result: Tensor = hidden_states + block.mlp(block.post_attention_layernorm(hidden_states))
    return result
