"""``fork``: a new run that goes on from a checkpoint of another one, with other settings."""

import argparse
from typing import TYPE_CHECKING

from rlhf_studio.cli.parser import Commands, LazyParser, add_command, add_run

if TYPE_CHECKING:
    from rlhf_studio.settings import Option


def add_parser(commands: Commands) -> None:
    """Register the command."""
    add_command(
        commands,
        "fork",
        "start a run from a checkpoint of another one, with other settings",
        description="Starts a new run that goes on from a kept checkpoint of another one; that run stays as it is. "
        "Settings that are not given are those of the run it was forked from. How many checkpoints a run keeps is its "
        "setting keep_checkpoints.",
        fill=_fill,
        run=run,
    )


def _fill(parser: LazyParser) -> None:
    from rlhf_studio.cli.options import add_changes

    add_run(parser)
    parser.add_argument("--step", type=int, metavar="N", help="of the checkpoint (default: the newest)")
    parser.add_argument("--title", default="", metavar="TEXT", help="what to call the new run")
    for title, rows in _groups():
        add_changes(parser.add_argument_group(title), rows)


def _groups() -> "list[tuple[str, list[Option]]]":
    """Every setting once, under the stages that have it."""
    from rlhf_studio import words
    from rlhf_studio.settings import STAGE_SETTINGS, TrainSettings, options

    groups: dict[str, list[Option]] = {}
    done: set[str] = set()
    for settings in STAGE_SETTINGS.values():
        for option in options(settings):
            if option.name in done:
                continue
            done.add(option.name)
            having = [words.STAGES[key] for key, one in STAGE_SETTINGS.items() if option.name in one.model_fields]
            shared = option.name in TrainSettings.model_fields
            groups.setdefault("all stages" if shared else ", ".join(having), []).append(option)
    return [(f"settings of {stages}", rows) for stages, rows in groups.items()]


def run(args: argparse.Namespace) -> int:
    """Make the new run and follow it."""
    from rlhf_studio.cli.options import given_settings
    from rlhf_studio.cli.places import run_folder
    from rlhf_studio.store.project import open_project

    path = run_folder(args.name, args.project)
    with open_project(path.absolute().parent.parent) as store:
        from rlhf_studio.cli.one_run import follow_one
        from rlhf_studio.jobs.forking import fork_run
        from rlhf_studio.jobs.models import kept_steps

        step = args.step if args.step is not None else max(kept_steps(path), default=0)
        folder = fork_run(path, step, given_settings(args), args.title)
        print(f"Forked {path.name} at step {step} as {folder.id}.")
        return follow_one(store, folder)
