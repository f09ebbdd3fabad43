"""``pretrain``: a small base model from text files."""

import argparse
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from rlhf_studio.cli.parser import Commands, LazyParser, add_command

if TYPE_CHECKING:
    from rlhf_studio.events import TrainEvent
    from rlhf_studio.jobs.run_folder import RunFolder
    from rlhf_studio.train.control import RunControl

_RUN = "run"


def add_parser(commands: Commands) -> None:
    """Register the command."""
    add_command(
        commands,
        "pretrain",
        "make a small base model from text files",
        description="Makes a small base model from text files: DIR gets the model and its card, DIR/run the run "
        "itself. The same command again goes on with a run that was interrupted; the texts need not be named then.",
        fill=_fill,
        run=run,
    )


def _fill(parser: LazyParser) -> None:
    from rlhf_studio.cli.options import add_settings
    from rlhf_studio.settings import PretrainSettings

    parser.add_argument("--out", type=Path, required=True, metavar="DIR", help="the model's folder; new or empty")
    parser.add_argument(
        "--text",
        action="append",
        default=[],
        metavar="NAME=PATH[:WEIGHT[:CUT]]",
        help="a .txt or .txt.gz file in UTF-8, its share of the text relative to the others (default 1), and where "
        "documents end: blank (at an empty line, the default), line (each line is one), joined (paragraphs, joined "
        "to about a thousand characters) or asked (as blank, and only what stands between \u27e6 and \u27e7 is "
        "learned); may be given several times",
    )
    parser.add_argument(
        "--from", dest="start", type=Path, metavar="MODEL", help="go on with this model and its tokenizer"
    )
    parser.add_argument("--notes", type=Path, metavar="FILE.md", help="put this text on the model's card")
    add_settings(parser, PretrainSettings)


def run(args: argparse.Namespace) -> int:
    """Start the run or go on with it, follow it, and write the model out."""
    from rlhf_studio.cli.following import exit_code, follow, quoted
    from rlhf_studio.cli.interrupts import interruptible
    from rlhf_studio.cli.progress import open_view
    from rlhf_studio.jobs.pretraining import export_base
    from rlhf_studio.train.control import RunControl

    notes = _read_notes(args.notes)
    folder = _open_run(args)
    control = RunControl()
    with open_view() as view, interruptible(control) as interruption:
        _, ending = follow(_events(folder, control), view, interruption)
        code = exit_code(ending, view, f"rlhf-studio pretrain --out {quoted(args.out)}")
        if code == 0:
            export_base(folder, args.out, notes=notes)
            view.say(f"The model and its card are in {quoted(args.out)}.")
    return code


def _open_run(args: argparse.Namespace) -> "RunFolder":
    """The run in the output folder: new, or the one that is there."""
    from rlhf_studio.cli.options import given_settings, read_settings
    from rlhf_studio.errors import DataError, RunError
    from rlhf_studio.jobs.pretraining import start_pretraining
    from rlhf_studio.jobs.run_folder import RunFolder
    from rlhf_studio.jobs.text_sources import parse_text_file
    from rlhf_studio.settings import PretrainSettings

    path = args.out / _RUN
    if (path / "run.json").exists():
        folder = RunFolder.open(path)
        asked = read_settings(args, PretrainSettings).model_dump(mode="json")
        has_settings = bool(given_settings(args)) or args.settings is not None
        if has_settings and asked != folder.spec.settings:
            raise RunError(
                f"A run with other settings lies in {path}. Name only --out to go on with it, or choose another folder."
            )
        return folder
    texts = [parse_text_file(text) for text in args.text]
    if not texts:
        raise DataError(f"There is no run in {path} to go on with, and no text for a new one. Name a file with --text.")
    names = [text.name for text in texts]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise DataError(f"Two texts are called '{twice}'. Give each a name of its own.")
    return start_pretraining(path, texts, read_settings(args, PretrainSettings), args.start)


def _events(folder: "RunFolder", control: "RunControl") -> Iterator[tuple[str, "TrainEvent"]]:
    from rlhf_studio.jobs.pretraining import pretrain
    from rlhf_studio.jobs.recipes import drive

    for event in drive(folder, control, recipe=pretrain):
        yield "pretrain", event


def _read_notes(path: Path | None) -> str:
    from rlhf_studio.errors import DataError

    if path is None:
        return ""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"The notes {path} cannot be read: {error}. Name a text file in UTF-8.") from error
