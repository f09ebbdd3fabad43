"""``project``: making one, what it holds, and what is done to all of its simulated rankings at once."""

import argparse
from collections.abc import Mapping
from pathlib import Path

from rlhf_studio import words
from rlhf_studio.cli.parser import Commands, LazyParser, add_command
from rlhf_studio.cli.prompt_quality import add_prompt_commands


def add_parser(commands: Commands) -> None:
    """Register the command."""
    add_command(
        commands,
        "project",
        "make a project, say what one holds, check its prompts, or change its simulated rankings",
        fill=_fill,
    )


def _fill(parser: LazyParser) -> None:
    actions = parser.add_subparsers(metavar="ACTION", required=True, parser_class=LazyParser)
    add_command(actions, "new", "make a project in a new or empty folder", fill=_fill_new, run=run_new)
    add_command(actions, "info", "say what a project holds", fill=_fill_folder, run=run_info)
    add_command(
        actions,
        "target",
        "choose which answers the simulated rankings prefer",
        description="Lets a script rank the answers of the simulated rankings anew, by another rubric; rankings by "
        "people stay. Without --rubric it says what there is to choose. 'project undo' takes it back.",
        fill=_fill_target,
        run=run_target,
    )
    add_command(
        actions,
        "delete-simulated",
        "remove every simulated ranking, so that rewards come from people alone",
        description="Takes every simulated ranking back; their answers wait to be ranked by hand. 'project undo' "
        "brings them back.",
        fill=_fill_folder,
        run=run_delete_simulated,
    )
    add_prompt_commands(actions)
    add_command(
        actions, "undo", "take the last act on labels back, as Ctrl+Z in the window", fill=_fill_folder, run=run_undo
    )


def _fill_new(parser: LazyParser) -> None:
    parser.add_argument("folder", type=Path, metavar="DIR", help="the project's folder; new or empty")
    parser.add_argument("--title", help="what the project is called; the folder's name if not given")


def _fill_folder(parser: LazyParser) -> None:
    parser.add_argument("folder", type=Path, metavar="DIR", help="the project's folder")


def _fill_target(parser: LazyParser) -> None:
    from rlhf_studio.jobs.targets import TITLES

    _fill_folder(parser)
    known = "; ".join(f"{name} ({title})" for name, title in TITLES.items())
    parser.add_argument("--rubric", metavar="NAME", help=f"what the script likes: {known}")


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


def run_target(args: argparse.Namespace) -> int:
    """Rank the same answers by another rubric, or say which there are."""
    from rlhf_studio.jobs.targets import current_target, find_target, rank_again, set_target, sets_to_rank, targets
    from rlhf_studio.store.project import open_project

    with open_project(args.folder, read_only=args.rubric is None) as store:
        in_use = current_target(store)
        if args.rubric is None:
            for target in targets():
                print(
                    f"{target.name} ({target.title}{', in use' if target.name == in_use else ''}): {target.description}"
                )
            return 0
        target = find_target(args.rubric)
        if target.name == in_use:
            print(f"The simulated rankings have the target '{target.name}' already; nothing was changed.")
            return 0
        store.require_writable()
        print(f"{target.title}: {target.description}")
        orders = list(rank_again(sets_to_rank(store), target))
        made = set_target(store, target, orders, "")
        people, equal = store.counts().rankings_by_people, len(orders) - len(made.ids)
        if equal:
            print(f"{equal} sets hold answers that it finds equally good; they wait to be ranked by hand.")
        print(f"{len(made.ids)} simulated rankings were made anew; {people} by people stay as they are.")
    return 0


def run_delete_simulated(args: argparse.Namespace) -> int:
    """Take them back and say how many there were, and what is left."""
    from rlhf_studio.store.project import open_project

    with open_project(args.folder) as store:
        made = store.delete_simulated_rankings()
        counts = store.counts()
        print(
            f"{len(made.ids)} simulated rankings were removed; {counts.rankings_by_people} by people are left, and "
            f"{counts.sets_waiting} sets of answers wait to be ranked."
        )
    return 0


def run_undo(args: argparse.Namespace) -> int:
    """Take the last act back and say what it was."""
    from rlhf_studio.store.project import open_project

    with open_project(args.folder) as store:
        entry = store.undo()
        print(f"Taken back: {words.ACTS[entry.kind]}." if entry else "There is nothing to undo.")
    return 0


def _parts(counts: Mapping[str, int]) -> str:
    shown = [f"{name.replace('_', ' ')} {count}" for name, count in counts.items() if count]
    return ", ".join(shown) or "none"
