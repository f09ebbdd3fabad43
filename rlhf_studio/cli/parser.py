"""A parser whose commands fill in their options only when they are asked for, so that ``--help`` starts at once."""

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol


class Commands(Protocol):
    """What ``add_subparsers(parser_class=LazyParser)`` gives; argparse has no public name for it."""

    def add_parser(self, name: str, **kwargs: Any) -> "LazyParser": ...


class LazyParser(argparse.ArgumentParser):
    """An argument parser that calls ``fill(parser)`` before it first parses or shows its help."""

    def __init__(self, *args: Any, fill: Callable[["LazyParser"], None] | None = None, **kwargs: Any) -> None:
        kwargs.setdefault("allow_abbrev", False)  # an abbreviation would change its meaning with a new option
        super().__init__(*args, **kwargs)
        self._fill = fill

    def fill(self) -> None:
        """Add the options now; does nothing the second time."""
        fill, self._fill = self._fill, None
        if fill is not None:
            fill(self)

    @property
    def actions(self) -> list[argparse.Action]:
        """Its options and arguments, in the order in which they were added."""
        return [action for action in self._actions if action.dest != "help"]

    def parse_known_args(  # type: ignore[override]  # the overloads of the base only differ in the namespace
        self, args: Sequence[str] | None = None, namespace: Any = None
    ) -> tuple[Any, list[str]]:
        self.fill()
        return super().parse_known_args(args, namespace)


def add_run(parser: LazyParser) -> None:
    """Add what names a run: its folder, or its id and the project."""
    parser.add_argument(
        "name", metavar="RUN", help="folder of the run, or its id (the beginning is enough) in --project"
    )
    parser.add_argument("--project", type=Path, metavar="DIR", help="the project that the id is looked up in")


def one_of(values: Sequence[str]) -> dict[str, Any]:
    """Make arguments of ``add_argument`` for an option that is one of these; the first is the default."""
    return {"choices": values, "default": values[0], "metavar": "{" + ",".join(values) + "}"}


def add_command(
    commands: Commands,
    name: str,
    summary: str,
    *,
    fill: Callable[[LazyParser], None],
    run: Callable[[argparse.Namespace], int] | None = None,
    description: str = "",
) -> None:
    """Register a command.

    Args:
        commands: What ``add_subparsers`` gave.
        name: As typed.
        summary: One line for the list of commands.
        fill: Adds the options; may import what is slow, for it is called only for the command in use.
        run: Does the work and returns the exit code; None for a command that has commands of its own.
        description: The first paragraph of the command's own help; the summary as a sentence if empty.
    """
    description = description or f"{summary[0].upper()}{summary[1:]}."
    parser = commands.add_parser(name, help=summary, description=description, fill=fill)
    if run is not None:
        parser.set_defaults(run=run)
