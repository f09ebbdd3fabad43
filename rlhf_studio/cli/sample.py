"""``sample``: ask a model, and see its answers as they are written."""

import argparse
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from rlhf_studio.cli import words
from rlhf_studio.cli.parser import Commands, LazyParser, add_command
from rlhf_studio.errors import DataError

if TYPE_CHECKING:
    from rlhf_studio.lm.generate import Partial
    from rlhf_studio.lm.model import LanguageModel

_MOST = 64


def add_parser(commands: Commands) -> None:
    """Register the command."""
    add_command(commands, "sample", "ask a model and see its answers as they are written", fill=_fill, run=run)


def _fill(parser: LazyParser) -> None:
    add = parser.add_argument
    add("--model", required=True, metavar="DIR", help="folder in Hugging Face layout, or the name of a bundled model")
    add("--prompt", required=True, metavar="TEXT", help="what to ask; - reads it from the standard input")
    add("-k", type=int, default=1, metavar="K", help="number of answers, 1 to 64 (default 1)")
    add("--temperature", type=float, default=1.0, metavar="X", help="0 takes the likeliest word each time (default 1)")
    add(
        "--top-p",
        type=float,
        default=1.0,
        metavar="X",
        help="draw from the likeliest words that together have this share (default 1: off)",
    )
    add("--max-new-tokens", type=int, default=64, metavar="N", help="longest answer, in tokens (default 64)")
    add("--seed", type=int, default=0, metavar="N", help="the same seed gives the same answers (default 0)")
    add("--device", default="auto", metavar="{auto,cpu,cuda,mps}", help="where to compute (default auto)")
    add("--plain", action="store_true", help="let the model continue the text itself, without its chat template")


def run(args: argparse.Namespace) -> int:
    """Sample K answers and print them."""
    if not 1 <= args.k <= _MOST:
        raise DataError(f"-k cannot be {args.k}. Ask for 1 to {_MOST} answers.")
    prompt = sys.stdin.read() if args.prompt == "-" else args.prompt

    from rlhf_studio.cli.places import model_folder
    from rlhf_studio.lm.generate import generate, uniforms
    from rlhf_studio.lm.loading import load_language_model, resolve_device
    from rlhf_studio.schema import Sampling, Turn

    model = load_language_model(model_folder(args.model), device=resolve_device(args.device))
    codec = model.codec
    ids = codec.encode_text(prompt) if args.plain else codec.encode_prompt((Turn("user", prompt),))
    sampling = Sampling(args.temperature, args.top_p, args.max_new_tokens, args.seed)
    noise = uniforms(args.seed, 0, range(args.k), args.max_new_tokens)
    for piece in _as_written(model, generate(model, [ids] * args.k, sampling, noise), args.k):
        print(words.plain(piece), end="", flush=True)
    return 0


def _as_written(model: "LanguageModel", partials: Iterator["Partial"], count: int) -> Iterator[str]:
    """Pieces to print: the first answer as it grows, then the second as far as it is, and so on."""
    from rlhf_studio.lm.codec import TextStream

    streams = [TextStream(model.codec) for _ in range(count)]
    waiting = [f"[{number}] " if count > 1 else "" for number in range(1, count + 1)]
    has_ended = [False] * count
    current = 0
    for partial in partials:
        for row in range(count):
            token = int(partial.tokens[row])
            if not bool(partial.active[row]):
                continue
            has_ended[row] = token == model.codec.eos_id
            waiting[row] += streams[row].flush() if has_ended[row] else streams[row].push(token)
        while current < count:
            yield waiting[current]
            waiting[current] = ""
            if not has_ended[current]:
                break
            yield "\n"
            current += 1
    for row in range(current, count):
        yield waiting[row] + streams[row].flush() + " …\n"  # cut at the length limit
