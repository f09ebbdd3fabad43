"""``convert``: a GGUF file becomes a folder that can be trained."""

import argparse
from pathlib import Path

from rlhf_studio.cli.parser import Commands, LazyParser, add_command, one_of

_TYPES = ("float16", "bfloat16", "float32")


def add_parser(commands: Commands) -> None:
    """Register the command."""
    add_command(
        commands,
        "convert",
        "make a folder that can be trained out of a GGUF file",
        description="Makes a model folder in Hugging Face layout out of a GGUF file: safetensors, the tokenizer and "
        "the file's own chat template. Needs the package gguf (pip install 'rlhf-studio[gguf]').",
        fill=_fill,
        run=run,
    )


def _fill(parser: LazyParser) -> None:
    add = parser.add_argument
    add("--gguf", type=Path, required=True, metavar="FILE", help="the file with the quantised weights")
    add("--out", type=Path, required=True, metavar="DIR", help="the model's folder; new or empty")
    add(
        "--dtype",
        **one_of(_TYPES),
        help="how the weights are written (default float16, which keeps more of a 4-bit weight than bfloat16)",
    )


def run(args: argparse.Namespace) -> int:
    """Convert, and say what came of it."""
    import torch

    from rlhf_studio.cli.following import quoted
    from rlhf_studio.lm.gguf import convert_gguf

    print(f"Reading {quoted(args.gguf)} ...", flush=True)
    model = convert_gguf(args.gguf, args.out, dtype=getattr(torch, args.dtype))
    template = "its own chat template" if model.codec.template_name == "model" else "our chat template"
    print(
        f"{model.parameter_count:,} parameters, {model.codec.vocab_size:,} tokens, {template}, "
        f"a context of {model.context_length:,} tokens."
    )
    print(f"To train it: rlhf-studio demo --base {quoted(args.out)}")
    return 0
