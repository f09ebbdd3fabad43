"""``project duplicates``, ``caps`` and ``splits``: what InstructGPT did to its prompts (section 3.2)."""

import argparse
from pathlib import Path

from rlhf_studio import words
from rlhf_studio.cli.parser import Commands, LazyParser, add_command

_SHOWN = 20  # groups or authors, so that the figures stay in sight


def add_prompt_commands(actions: Commands) -> None:
    """Register the three."""
    add_command(
        actions,
        "duplicates",
        "list prompts that share a long prefix, or delete all but one of each",
        description="Lists prompts that begin alike, whatever their letter case, width and spacing. The paper names no "
        "length of the prefix; the default of 128 characters is ours. Labeled prompts are kept before others, then the "
        "oldest. 'project undo' brings deleted ones back.",
        fill=_fill_duplicates,
        run=run_duplicates,
    )
    add_command(
        actions,
        "caps",
        "list authors with more prompts than the cap, or delete what is above it",
        description="The paper keeps at most 200 prompts of one user. Labeled prompts stay first, and which of the "
        "others do is drawn by chance. 'project undo' brings deleted ones back.",
        fill=_fill_caps,
        run=run_caps,
    )
    add_command(
        actions,
        "splits",
        "check that nobody's prompts lie in two splits, or mend it",
        description="Splits go by author once there are ten, so that nobody who trains also tests. Splits that "
        "files give can tear an author apart. The exit code is 1 where one is.",
        fill=_fill_splits,
        run=run_splits,
    )


def _fill_folder(parser: LazyParser) -> None:
    parser.add_argument("folder", type=Path, metavar="DIR", help="the project's folder")


def _fill_duplicates(parser: LazyParser) -> None:
    _fill_folder(parser)
    parser.add_argument(
        "--prefix-length", type=int, metavar="N", help="characters that must be the same; kept with the project"
    )
    parser.add_argument("--delete", action="store_true", help="delete all but one of each group")


def _fill_caps(parser: LazyParser) -> None:
    _fill_folder(parser)
    parser.add_argument("--cap", type=int, metavar="N", help="prompts of one author, 0 for no limit; kept likewise")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the draw of those that stay (default: 0)")
    parser.add_argument("--delete", action="store_true", help="delete what is above the cap")


def _fill_splits(parser: LazyParser) -> None:
    _fill_folder(parser)
    parser.add_argument(
        "--mend", action="store_true", help="put each torn author into the split that most of their prompts are in"
    )


def run_duplicates(args: argparse.Namespace) -> int:
    """List the groups, or delete what is more than one."""
    from rlhf_studio.store.project import open_project
    from rlhf_studio.store.quality import surplus_of

    with open_project(args.folder, read_only=args.prefix_length is None and not args.delete) as store:
        if args.prefix_length is not None:
            store.set_prefix_length(args.prefix_length)
        *_, last = store.find_duplicates()
        groups = last.groups or ()
        surplus = surplus_of(groups)
        print(
            f"Groups of prompts with the same first {store.prefix_length} characters: {len(groups)}. "
            f"Prompts that are more than one of each: {len(surplus)}."
        )
        for group in groups[:_SHOWN]:
            first = group.prompts[0]
            print(f"  {len(group.prompts):>5} prompts as {first.id}: {words.plain(' '.join(first.text.split())[:72])}")
        _say_rest(len(groups))
        if args.delete:
            store.require_writable()
            print(f"Prompts deleted: {len(store.delete_prompts(surplus).ids)}.")
    return 0


def run_caps(args: argparse.Namespace) -> int:
    """List the authors, or delete what they have above the cap."""
    from rlhf_studio.store.project import open_project
    from rlhf_studio.store.quality import surplus_of

    with open_project(args.folder, read_only=args.cap is None and not args.delete) as store:
        if args.cap is not None:
            store.set_author_cap(args.cap)
        found = store.beyond_cap(args.seed)
        if not store.author_cap:
            print("There is no limit of prompts of one author.")
            return 0
        surplus = surplus_of(found)
        print(f"Authors with more than {store.author_cap} prompts: {len(found)}. Prompts above that: {len(surplus)}.")
        for one in found[:_SHOWN]:
            print(f"  {one.prompts:>6} prompts by {words.plain(one.author)}")
        _say_rest(len(found))
        if args.delete:
            store.require_writable()
            print(f"Prompts deleted: {len(store.delete_prompts(surplus).ids)}.")
    return 0


def run_splits(args: argparse.Namespace) -> int:
    """Say whether nobody is in two splits; 1 where somebody is and stays so."""
    from rlhf_studio.store.project import open_project

    with open_project(args.folder, read_only=not args.mend) as store:
        if args.mend:
            store.require_writable()
            print(f"Prompts moved to the split of their author: {len(store.mend_splits('').ids)}.")
        check = store.check_splits()
        if not check.is_by_author:
            print(
                f"{check.authors} authors are named. With fewer than ten, splits go by the text of prompts: near "
                "duplicates share a split, and an author may be in all."
            )
            return 0
        if check.holds:
            print(f"Each of {check.authors} authors lies in one split.")
            return 0
        print(f"Authors in two splits or more: {len(check.torn)} of {check.authors}.")
        for author, splits in list(check.torn.items())[:_SHOWN]:
            print(f"  {words.plain(author)}: {', '.join(f'{split} {count}' for split, count in splits.items())}")
        _say_rest(len(check.torn))
    return 1


def _say_rest(count: int) -> None:
    if count > _SHOWN:
        print(f"  and {count - _SHOWN} more")
