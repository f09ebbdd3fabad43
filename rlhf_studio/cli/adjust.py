"""``adjust``: changes settings of a PPO run while it goes on, in this program or another one."""

import argparse

from rlhf_studio.cli.parser import Commands, LazyParser, add_command, add_run


def add_parser(commands: Commands) -> None:
    """Register the command."""
    add_command(
        commands,
        "adjust",
        "change settings of a PPO run while it goes on",
        description="Changes settings of a PPO run that goes on, in the window or in another terminal. They hold from "
        "its next step on, are marked on its curves, and a run that is resumed keeps them.",
        fill=_fill,
        run=run,
    )


def _fill(parser: LazyParser) -> None:
    from rlhf_studio.cli.options import add_changes
    from rlhf_studio.settings import STEERABLE, PpoSettings, options

    add_run(parser)
    by_name = {option.name: option for option in options(PpoSettings)}
    add_changes(parser.add_argument_group("settings to change"), [by_name[name] for name in STEERABLE])


def run(args: argparse.Namespace) -> int:
    """Leave the wish and say when it holds."""
    from rlhf_studio import words
    from rlhf_studio.cli.options import flag, given_settings
    from rlhf_studio.cli.places import run_folder
    from rlhf_studio.errors import DataError
    from rlhf_studio.jobs.steering import ask_changes
    from rlhf_studio.settings import STEERABLE, PpoSettings, options

    given = given_settings(args)
    if not given:
        flags = [flag(option) for option in options(PpoSettings) if option.name in STEERABLE]
        raise DataError(f"Nothing was named that shall change. Give one of: {', '.join(flags)}.")
    path = run_folder(args.name, args.project)
    values = ask_changes(path, given)
    changes = ", ".join(words.mark(name, value) for name, value in values.items())
    print(f"{path.name}, from its next step on: {changes}.")
    return 0
