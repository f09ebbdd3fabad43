"""``window``: the desktop program. Without a command it opens, too, or the demo runs where no window can open."""

import argparse
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rlhf_studio.cli.parser import Commands, LazyParser, add_command
from rlhf_studio.errors import StudioError

if TYPE_CHECKING:
    from rlhf_studio.jobs.stages import StageKey

_QT = ("PySide6", "shiboken6", "pyqtgraph", "qtawesome")


class NoWindowError(StudioError):
    """No window can open on this machine."""


def add_parser(commands: Commands) -> None:
    """Register the command."""
    add_command(
        commands,
        "window",
        "write, rank, train and compare in a window",
        description="Opens the window. Without a project it shows the one that was open last, or the example.",
        fill=_fill,
        run=run,
    )


def _fill(parser: LazyParser) -> None:
    parser.add_argument("project", type=Path, nargs="?", metavar="PROJECT", help="folder of the project to open")
    parser.add_argument(
        "--or-demo",
        action="store_true",
        help="where no window can open, say why and run 'rlhf-studio demo' instead, as without a command",
    )


def run(args: argparse.Namespace) -> int:
    """Open the window and return when it is closed."""
    try:
        return open_window(args.project)
    except NoWindowError as error:
        if not args.or_demo:
            raise
        print(f"{error} The demo runs instead.", file=sys.stderr)
    from rlhf_studio.cli import demo, entry

    return demo.run(entry.build_parser().parse_args(["demo"]))


def open_window(
    project: Path | None,
    stages: "tuple[StageKey, ...]" = (),
    settings: Mapping[str, Mapping[str, Any]] | None = None,
) -> int:
    """Show a project and return the exit code of the window.

    Args:
        project: Its folder; None for the last one, or the example.
        stages: Are trained without a click.
        settings: Of the stages, what differs from the defaults.

    Raises:
        NoWindowError: If no window can open here.
    """
    from rlhf_studio.cli.screen import obstacle

    reason = obstacle()
    if reason:
        raise NoWindowError(reason)
    try:
        from rlhf_studio.ui.app import run as run_window
    except ImportError as error:
        if not _is_of_qt(error):
            raise
        raise NoWindowError(f"Qt cannot be loaded here ({error}), so no window can open.") from error
    return run_window(project, demo_stages=stages, demo_settings=settings)


def _is_of_qt(error: ImportError) -> bool:
    """A library of the system is missing, or Qt itself is not there; anything else is a fault of ours."""
    return (error.name or "").split(".")[0] in _QT or ".so" in str(error)
