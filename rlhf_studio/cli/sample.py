"""``sample``: ask a model, and see its answers as they are written."""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from rlhf_studio import words
from rlhf_studio.cli.parser import Commands, LazyParser, add_command, one_of
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
    add(
        "--model",
        required=True,
        metavar="MODEL",
        help="folder in Hugging Face layout, the name of a bundled model, or a run's id in --project",
    )
    add("--project", type=Path, metavar="DIR", help="the project that a run's id is looked up in")
    add(
        "--weights",
        **one_of(("raw", "best")),
        help="of a run in --project: the model that it left (raw, default), or of PPO the best on held-out prompts",
    )
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

    from rlhf_studio.cli.places import model_folder, model_of_run
    from rlhf_studio.lm.generate import generate, uniforms
    from rlhf_studio.lm.loading import load_language_model, resolve_device
    from rlhf_studio.schema import Sampling, Turn

    folder = model_of_run(args.project, args.model, args.weights) if args.project else model_folder(args.model)
    model = load_language_model(folder, device=resolve_device(args.device))
    codec = model.codec
    ids = codec.encode_text(prompt) if args.plain else codec.encode_prompt((Turn("user", prompt),))
    sampling = Sampling(args.temperature, args.top_p, args.max_new_tokens, args.seed)
    noise = uniforms(args.seed, 0, range(args.k), args.max_new_tokens)
    answers = _Answers(model, args.k)
    for piece in answers.as_written(generate(model, [ids] * args.k, sampling, noise)):
        print(words.plain(piece), end="", flush=True)
    if args.k > 1 and len(set(answers.texts)) == 1:
        raise DataError(
            f"All {args.k} answers are equal at temperature {args.temperature:g}. "
            "Raise the temperature, or choose another prompt."
        )
    return 0


class _Answers:
    """Answers that are sampled side by side and printed one below the other."""

    def __init__(self, model: "LanguageModel", count: int) -> None:
        from rlhf_studio.lm.codec import TextStream

        self.texts = [""] * count
        self._eos_id = model.codec.eos_id
        self._streams = [TextStream(model.codec) for _ in range(count)]
        self._waiting = [f"[{number}] " if count > 1 else "" for number in range(1, count + 1)]
        self._has_ended = [False] * count

    def as_written(self, partials: "Iterator[Partial]") -> Iterator[str]:
        """Pieces to print: the first answer as it grows, then the second as far as it is, and so on."""
        current, count = 0, len(self.texts)
        for partial in partials:
            for row in range(count):
                if bool(partial.active[row]):
                    self._add(row, int(partial.tokens[row]))
            while current < count:
                yield self._take(current)
                if not self._has_ended[current]:
                    break
                yield "\n"
                current += 1
        for row in range(current, count):
            self._put(row, self._streams[row].flush())
            yield f"{self._take(row)} …\n"  # cut at the length limit

    def _add(self, row: int, token: int) -> None:
        self._has_ended[row] = token == self._eos_id
        stream = self._streams[row]
        self._put(row, stream.flush() if self._has_ended[row] else stream.push(token))

    def _put(self, row: int, piece: str) -> None:
        self.texts[row] += piece
        self._waiting[row] += piece

    def _take(self, row: int) -> str:
        piece, self._waiting[row] = self._waiting[row], ""
        return piece
