"""``export``: a model as a folder that other tools open."""

import argparse
from pathlib import Path

from rlhf_studio.cli.parser import Commands, LazyParser, add_command, one_of

_WEIGHTS = ("raw", "best", "ema", "value")
_TYPES = ("float32", "bfloat16", "float16")


def add_parser(commands: Commands) -> None:
    """Register the command."""
    add_command(
        commands,
        "export",
        "write a model of a run as a folder in Hugging Face layout",
        description="Writes a model with its tokenizer and chat template into a new folder that transformers and other "
        "tools open. A reward model becomes a sequence classifier with one label; its bias is carried by the weights, "
        "so that AutoModelForSequenceClassification gives the same scores.",
        fill=_fill,
        run=run,
    )


def _fill(parser: LazyParser) -> None:
    add = parser.add_argument
    add(
        "name",
        metavar="MODEL",
        help="a run's id in --project (the beginning is enough), or the folder of a run or model",
    )
    add("--project", type=Path, metavar="DIR", help="the project that the id is looked up in")
    add("--out", type=Path, required=True, metavar="DIR", help="the model's folder; new or empty")
    add(
        "--weights",
        **one_of(_WEIGHTS),
        help="of a PPO run: the last policy (raw, default), the best on held-out prompts, the average, or the values",
    )
    add("--step", type=int, metavar="N", help="of a checkpoint that the run keeps (default: the model it has left)")
    add(
        "--dtype",
        **one_of(_TYPES),
        help="of a language model's weights (default float32); a classifier is always float32",
    )


def run(args: argparse.Namespace) -> int:
    """Write the model and say what it is."""
    from rlhf_studio.cli.following import quoted
    from rlhf_studio.cli.places import run_folder
    from rlhf_studio.jobs.exporting import export_model

    path = run_folder(args.name, args.project)
    made = export_model(path, args.out, weights=args.weights, step=args.step, dtype=args.dtype)
    print(f"Wrote a {made.kind} of {made.parameters:,} parameters to {quoted(made.folder)}.")
    if made.note:
        print(made.note)
    return 0
