"""Where the program starts: find the command, run it, turn every failure into one sentence."""

import io
import os
import sys
from collections.abc import Sequence

from rlhf_studio import __version__
from rlhf_studio.cli import (
    adjust,
    convert,
    demo,
    evaluate,
    export,
    fork,
    label,
    loop,
    pretrain,
    project,
    resume,
    runs,
    sample,
    train,
    window,
)
from rlhf_studio.cli.failures import explain
from rlhf_studio.cli.parser import LazyParser
from rlhf_studio.cli.several import check_launch, train_along
from rlhf_studio.train.launch import place

INTERRUPTED = 130  # what shells expect of a program that Ctrl+C ended


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and return its exit code: 0 done, 2 misused, 3 data, 4 model, 5 run, 130 interrupted."""
    words = list(sys.argv[1:] if argv is None else argv)
    for stream in (sys.stdout, sys.stderr):  # a console that knows few characters shall not end a run
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")
    try:
        if not place().is_first:
            return train_along()
        words = words or ["window", "--or-demo"]
        args = build_parser().parse_args(words)
        check_launch(words)
        code: int = args.run(args)
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader of our output is gone: nothing to tell to nobody
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return INTERRUPTED
    except Exception as error:  # noqa: BLE001  the last place that can put a failure into words
        sentence, code = explain(error)
        print(sentence, file=sys.stderr)
    return code


def build_parser() -> LazyParser:
    """The whole command line."""
    parser = LazyParser(
        prog="rlhf-studio",
        description="Do InstructGPT by hand on one machine: demonstrations and rankings in; "
        "SFT, reward model and PPO-ptx out. Without a command the window opens, or the demo runs where there is no "
        "screen.",
        epilog="'rlhf-studio COMMAND --help' lists a command's options.",
    )
    parser.add_argument("--version", action="version", version=f"rlhf-studio {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True, parser_class=LazyParser)
    for module in (
        window,
        demo,
        train,
        loop,
        resume,
        adjust,
        fork,
        runs,
        sample,
        evaluate,
        export,
        label,
        project,
        pretrain,
        convert,
    ):
        module.add_parser(commands)
    return parser
