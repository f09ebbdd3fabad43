"""Command-line options made from the settings objects, and read back into them."""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, TypeVar, get_args, get_origin

from rlhf_studio.cli.parser import LazyParser
from rlhf_studio.settings import (
    STAGE_SETTINGS,
    Option,
    StageSettings,
    TrainSettings,
    options,
    parse_settings,
    read_stage_settings,
)
from rlhf_studio.settings.files import read_json_object as read_file

S = TypeVar("S", bound=StageSettings)

SETTING = "setting:"  # what the names of settings begin with in the parsed arguments
_SIGNS = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}


def add_settings(parser: LazyParser, settings: type[StageSettings]) -> None:
    """Add ``--settings FILE`` and one option per setting; what is not given keeps its default."""
    parser.add_argument(
        "--settings",
        type=Path,
        metavar="FILE.json",
        help="take settings from this file: one JSON object, keys as in a run's settings, or by stage as the window "
        "saves them; options win over it",
    )
    own = parser.add_argument_group("settings of this stage")
    shared = parser.add_argument_group("settings that all stages have")
    rows = options(settings)
    add_options(own, [row for row in rows if row.name not in TrainSettings.model_fields])
    add_options(shared, [row for row in rows if row.name in TrainSettings.model_fields])


def add_options(group: Any, rows: Sequence[Option]) -> None:
    """Add one command-line option per setting to a group of a parser."""
    for option in rows:
        dest = SETTING + option.name
        if option.annotation is bool:
            action: Any = argparse.BooleanOptionalAction
            group.add_argument(flag(option), dest=dest, action=action, default=argparse.SUPPRESS, help=_help(option))
        else:
            group.add_argument(
                flag(option), dest=dest, metavar=_metavar(option), default=argparse.SUPPRESS, help=_help(option)
            )


def add_changes(group: Any, rows: Sequence[Option]) -> None:
    """Add one option per setting where the default is not today's, but what another run has."""
    for option in rows:
        facts = [option.unit and f"in {option.unit}", allowed(option) if option.bounds else ""]
        words = "; ".join(fact for fact in facts if fact)
        words = f"{option.title}: {option.help}{f' [{words}]' if words else ''}".replace("%", "%%")
        kwargs: dict[str, Any] = {"dest": SETTING + option.name, "default": argparse.SUPPRESS, "help": words}
        if option.annotation is bool:
            group.add_argument(flag(option), action=argparse.BooleanOptionalAction, **kwargs)
        else:
            group.add_argument(flag(option), metavar=_metavar(option), **kwargs)


def read_settings(args: argparse.Namespace, settings: type[S], preset: Mapping[str, Any] | None = None) -> S:
    """The settings a person asked for: defaults, then the preset, then the file, then the options.

    Raises:
        DataError: If the file cannot be read, or a value is not allowed.
    """
    stage = next((stage for stage, cls in STAGE_SETTINGS.items() if cls is settings), "")
    kept = read_stage_settings(args.settings, stage) if args.settings else {}
    return parse_settings(settings, {**(preset or {}), **kept, **given_settings(args)})


def given_settings(args: argparse.Namespace) -> dict[str, Any]:
    """The settings that were named as options, as they were typed."""
    return {name.removeprefix(SETTING): value for name, value in vars(args).items() if name.startswith(SETTING)}


def read_json_object(path: Path | None) -> Mapping[str, Any]:
    """The JSON object in a file; empty without one.

    Raises:
        DataError: If the file cannot be read or is something else.
    """
    return read_file(path) if path else {}


def flag(option: Option) -> str:
    """The option's name on the command line."""
    return "--" + option.name.replace("_", "-")


def allowed(option: Option) -> str:
    """What a setting may be, in words; empty if anything goes."""
    if option.annotation is bool:
        return "on or off"
    if get_origin(option.annotation) is Literal:
        return " or ".join(str(choice) for choice in get_args(option.annotation))
    return " and ".join(f"{_SIGNS[key]} {_number(bound)}" for key, bound in option.bounds.items())


def default_text(option: Option) -> str:
    """The default as a person would type it."""
    return value_text(option.default)


def value_text(value: Any) -> str:
    """A setting's value as a person would type it."""
    if isinstance(value, bool):
        return "on" if value else "off"
    return _number(value)


def _number(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _metavar(option: Option) -> str:
    if get_origin(option.annotation) is Literal:
        return "{" + ",".join(str(choice) for choice in get_args(option.annotation)) + "}"
    return "N" if option.annotation is int else "X"


def _help(option: Option) -> str:
    facts = [f"default {default_text(option)}"]
    facts += [f"in {option.unit}"] if option.unit else []
    facts += [allowed(option)] if option.bounds else []
    facts += [f"paper: {option.source}"]
    return f"{option.title}: {option.help} [{'; '.join(facts)}]".replace("%", "%%")
