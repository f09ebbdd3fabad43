"""``runs``: the runs of a project as a tree, their names and notes, and deleting them."""

import argparse
from pathlib import Path
from typing import TYPE_CHECKING

from rlhf_studio import words
from rlhf_studio.cli.parser import Commands, LazyParser, add_command

if TYPE_CHECKING:
    from rlhf_studio.jobs.catalog import RunSummary
    from rlhf_studio.jobs.run_tree import RunNode


def add_parser(commands: Commands) -> None:
    """Register the command."""
    add_command(commands, "runs", "list a project's runs as a tree, name, annotate or delete them", fill=_fill)


def _fill(parser: LazyParser) -> None:
    actions = parser.add_subparsers(metavar="ACTION", required=True, parser_class=LazyParser)
    add_command(actions, "list", "show what came of what, and what can be used", fill=_fill_dir, run=run_list)
    add_command(actions, "rename", "call a run something else", fill=_fill_rename, run=run_rename)
    add_command(actions, "note", "write a note about a run, or take it away", fill=_fill_note, run=run_note)
    add_command(actions, "curves", "write the figures of a run as a table (CSV)", fill=_fill_curves, run=run_curves)
    add_command(
        actions,
        "delete",
        "move a run to the project's trash",
        description="Moves a run to the project's trash; 'project undo' brings it back. A run whose model others began "
        "with is only deleted with --anyway.",
        fill=_fill_delete,
        run=run_delete,
    )
    add_command(actions, "empty-trash", "remove deleted runs for good", fill=_fill_dir, run=run_empty_trash)


def _fill_dir(parser: LazyParser) -> None:
    parser.add_argument("--project", type=Path, required=True, metavar="DIR", help="the project's folder")


def _fill_run(parser: LazyParser) -> None:
    parser.add_argument("name", metavar="RUN", help="the run's id; the beginning is enough")
    _fill_dir(parser)


def _fill_rename(parser: LazyParser) -> None:
    _fill_run(parser)
    parser.add_argument("--title", required=True, metavar="TEXT", help="its name; '' for the one it was started with")


def _fill_note(parser: LazyParser) -> None:
    _fill_run(parser)
    parser.add_argument("--text", required=True, metavar="TEXT", help="the note; '' takes it away")


def _fill_curves(parser: LazyParser) -> None:
    _fill_run(parser)
    parser.add_argument("--out", type=Path, metavar="FILE.csv", help="where to write it (default: standard output)")


def _fill_delete(parser: LazyParser) -> None:
    _fill_run(parser)
    parser.add_argument("--anyway", action="store_true", help="also if other runs began with its model")


def run_list(args: argparse.Namespace) -> int:
    """Print the tree."""
    from rlhf_studio.jobs.catalog import list_runs
    from rlhf_studio.jobs.run_tree import run_tree, walk
    from rlhf_studio.store.project import open_project

    with open_project(args.project, read_only=True) as store:
        catalog = list_runs(store.folder)
        for depth, node in walk(run_tree(catalog.runs)):
            print("  " * depth + _line(node))
        for sentence in catalog.damaged:
            print(sentence)
        deleted = store.deleted_runs()
        if deleted:
            print(f"In the trash: {', '.join(deleted)}")
    return 0


def _line(node: "RunNode") -> str:
    from rlhf_studio.jobs.run_tree import space

    if node.run is None:
        return f"{node.name or '(deleted)'}  base model"
    run = node.run
    branch = f", fork at step {run.fork.step}" if run.fork else ""
    note = f"  ({words.plain(run.comment)})" if run.comment else ""
    title = words.plain(run.title) or words.STAGES.get(run.kind, run.kind)
    return (
        f"{run.id}  {title}{branch}, {run.outcome or 'not finished'}; {_usable(run)}; "
        f"{words.size(space(run.path))}{note}"
    )


def _usable(run: "RunSummary") -> str:
    from rlhf_studio.jobs.best_policy import best_policy
    from rlhf_studio.jobs.models import usable

    found = usable(run)
    said = words.usable(None if found is None else found.step, is_checkpoint=bool(found and found.is_checkpoint))
    best = best_policy(run.path)
    if best is None:
        return said
    return f"{said}; best policy at step {best.step} (held-out score {best.score:+.2f}, KL {best.kl:.1f})"


def run_rename(args: argparse.Namespace) -> int:
    """Give a run another name."""
    return _describe(args, title=args.title)


def run_note(args: argparse.Namespace) -> int:
    """Keep a note about a run."""
    return _describe(args, comment=args.text)


def _describe(args: argparse.Namespace, **values: str) -> int:
    from rlhf_studio.jobs.catalog import describe_run, find_run
    from rlhf_studio.store.project import open_project

    with open_project(args.project) as store:
        path = find_run(store.folder, args.name)
        run = describe_run(store, path, **values)
        print(f"{run.id}: {words.plain(run.title)}" + (f" ({words.plain(run.comment)})" if run.comment else ""))
    return 0


def run_curves(args: argparse.Namespace) -> int:
    """Write a row per step, a column per metric, and what was changed while the run went on."""
    from rlhf_studio.cli.following import quoted
    from rlhf_studio.jobs.catalog import find_run
    from rlhf_studio.jobs.run_folder import RunFolder
    from rlhf_studio.report.curves import curves_csv, read_changes, read_curves

    path = find_run(args.project, args.name)
    events = RunFolder.open(path).events()
    text = curves_csv(read_curves(events), read_changes(events))
    if args.out is None:
        print(text, end="")
        return 0
    args.out.write_text(text, encoding="utf-8")
    print(f"Wrote the figures of {path.name} to {quoted(args.out)}.")
    return 0


def run_delete(args: argparse.Namespace) -> int:
    """Move a run to the trash, unless others depend on it."""
    from rlhf_studio.cli.following import quoted
    from rlhf_studio.errors import DataError
    from rlhf_studio.jobs.catalog import dependents, find_run, list_runs
    from rlhf_studio.store.project import open_project

    with open_project(args.project) as store:
        path = find_run(store.folder, args.name)
        needing = dependents(list_runs(store.folder).runs, path.name)
        if needing and not args.anyway:
            raise DataError(
                f"{len(needing)} runs began with the model of {path.name}: {', '.join(run.id for run in needing)}. "
                "They keep their own models, but without it they cannot go on or be forked. Add --anyway to delete it."
            )
        store.delete_run(path.name)
        print(f"{path.name} is in the trash. To bring it back: rlhf-studio project undo {quoted(store.folder)}")
    return 0


def run_empty_trash(args: argparse.Namespace) -> int:
    """Remove what was deleted."""
    from rlhf_studio.store.project import open_project

    with open_project(args.project) as store:
        count = len(store.deleted_runs())
        store.empty_trash()
        print(f"{count} deleted runs were removed for good." if count else "The trash is empty.")
    return 0
