"""``project new`` and ``project info``."""

import argparse
from collections.abc import Mapping
from pathlib import Path

from rlhf_studio import words
from rlhf_studio.cli.parser import Commands, LazyParser, add_command


def add_parser(commands: Commands) -> None:
    """Register the command."""
    add_command(commands, "project", "make a project, or say what one holds", fill=_fill)


def _fill(parser: LazyParser) -> None:
    actions = parser.add_subparsers(metavar="ACTION", required=True, parser_class=LazyParser)
    add_command(actions, "new", "make a project in a new or empty folder", fill=_fill_new, run=run_new)
    add_command(actions, "info", "say what a project holds", fill=_fill_info, run=run_info)


def _fill_new(parser: LazyParser) -> None:
    parser.add_argument("folder", type=Path, metavar="DIR", help="the project's folder; new or empty")
    parser.add_argument("--title", help="what the project is called; the folder's name if not given")


def _fill_info(parser: LazyParser) -> None:
    parser.add_argument("folder", type=Path, metavar="DIR", help="the project's folder")


def run_new(args: argparse.Namespace) -> int:
    """Make the project and say where it is."""
    from rlhf_studio.store.project import create_project

    title = args.folder.resolve().name if args.title is None else args.title
    with create_project(args.folder, title) as store:
        print(f"Made the project '{words.plain(store.title)}' in {args.folder}.")
    return 0


def run_info(args: argparse.Namespace) -> int:
    """What there is to train on, and the runs."""
    from rlhf_studio.store.project import open_project

    with open_project(args.folder, read_only=True) as store:
        counts = store.counts()
        print(f"{words.plain(store.title)} ({args.folder})")
        print(f"  prompts         {counts.prompts:>6}   {_parts(counts.by_purpose)}")
        print(f"  splits                   {_parts(counts.by_split)}")
        print(f"  use cases                {_parts(counts.by_use_case)}")
        print(f"  demonstrations  {counts.demonstrations:>6}")
        people, simulated = counts.rankings_by_people, counts.rankings_simulated
        print(f"  rankings        {people + simulated:>6}   by people {people}, simulated {simulated}")
        print(f"  sampled answers {counts.completions:>6}")
        runs = store.runs()
        print(f"  runs            {len(runs):>6}")
        for run in runs:
            stage = words.STAGES.get(run.kind, run.kind)
            print(f"    {run.id:<32} {stage:<13} {run.outcome or 'not finished':<13} {words.plain(run.title)}")
    return 0


def _parts(counts: Mapping[str, int]) -> str:
    shown = [f"{name.replace('_', ' ')} {count}" for name, count in counts.items() if count]
    return ", ".join(shown) or "none"
