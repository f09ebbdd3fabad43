"""A labeler's program killed (kill -9) at random moments of typing, ranking and undoing: what is lost.

    python tests/bench/kill_labeling.py [--kills 200] [--seed 1] [--keep FOLDER]

A child process works in the real window without a screen: it types answers, saves demonstrations, ranks sets by keys
with and without ties, sets some aside, undoes and redoes, and tells of each act when its slot has returned. It dies
after a random time or, every second time, within 20 ms of the beginning of an act. Then the database must be whole
(integrity_check, foreign_key_check), every act that was told must be there, the one in between whole or not at all, the
project must open with the right act to undo next, and no key may be missing that was typed more than a second before
the kill. The next child goes on in the same project. Prints a table, and exits with 1 if any of this failed.
"""

import argparse
import multiprocessing
import os
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections import Counter
from contextlib import closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

TYPING_S = 1.0  # of typing that may be lost
_LONGEST_S = 3.0  # until a child is killed, at most
_INSIDE_S = 0.02  # after the beginning of an act
_START_S = 120
_LIVE = """
SELECT 'demonstration', prompt_id, text FROM demonstration AS d WHERE coalesce((
    SELECT is_retracted FROM retraction WHERE demonstration_id = d.id ORDER BY id DESC LIMIT 1), 0) = 0
"""
_RANKED = """
SELECT s.set_id, e.tier, e.completion_id FROM answer_set_ranking AS s JOIN live_ranking AS r ON r.id = s.ranking_id
JOIN ranking_entry AS e ON e.ranking_id = r.id ORDER BY s.set_id, e.tier, e.completion_id
"""


@dataclass
class Labels:
    """What must be there, as told by those who were killed."""

    done: list = field(default_factory=list)  # acts, oldest first
    undone: list = field(default_factory=list)
    drafts: dict = field(default_factory=dict)  # prompt -> [(seconds, text)], oldest first
    unsure: set = field(default_factory=set)  # prompts whose draft an act may have changed

    def copy(self):
        return Labels(
            list(self.done), list(self.undone), {p: list(t) for p, t in self.drafts.items()}, set(self.unsure)
        )

    def act(self, key):
        """What was done, undone or done again."""
        if key[0] == "undo":
            moved = self.done.pop()
            self.undone.append(moved)
        elif key[0] == "redo":
            moved = self.undone.pop()
            self.done.append(moved)
        else:
            moved = key
            self.done.append(key)
            self.undone.clear()
        if moved[0] == "demonstration":  # its words leave the editor, or go back into it
            self.drafts.pop(moved[1], None)
            self.unsure.add(moved[1])

    def typed(self, at, prompt_id, text):
        self.drafts.setdefault(prompt_id, []).append((at, text))
        self.unsure.discard(prompt_id)

    @property
    def live(self):
        return Counter(self.done)


@dataclass
class Found:
    """What the kills did."""

    phases: Counter = field(default_factory=Counter)
    acts: Counter = field(default_factory=Counter)
    between: Counter = field(default_factory=Counter)  # acts that were killed before they returned
    keys: int = 0
    faults: list = field(default_factory=list)
    typing_lost_s: list = field(default_factory=list)
    open_s: list = field(default_factory=list)


def processes():
    """A fork server that has the window's modules loaded, so that a child starts in a second."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["desk_child"])
    return context


@dataclass(frozen=True)
class Death:
    """When a child is killed: after a time, or a moment after it began its n-th act if that comes first."""

    after_s: float
    begun: int = 0
    moment_s: float = 0.0


def random_death(made):
    if made.random() < 0.5:
        return Death(made.uniform(0.0, _LONGEST_S))
    return Death(3 * _LONGEST_S, made.randint(1, 5), made.uniform(0.0, _INSIDE_S))


def told_until(connection, death):
    """What a child tells until it is time; it goes on meanwhile."""
    news, until, begun = [], time.monotonic() + death.after_s, 0
    while begun < death.begun or not death.begun:
        left = until - time.monotonic()
        if left <= 0 or not connection.poll(left):
            return news
        news.append(connection.recv())
        begun += news[-1][0] == "begin"
    time.sleep(death.moment_s)
    return news


def told_at_last(connection):
    """What is left in the pipe of a child that was killed; half a message is none."""
    news = []
    with suppress(EOFError, OSError):
        while True:
            news.append(connection.recv())
    return news


def one_life(context, project, seed, labels, found, death):
    """Let a child work, kill it, and take in what it told; returns the act that had not returned, and the moment."""
    import desk_child

    ours, theirs = context.Pipe(duplex=False)
    child = context.Process(target=desk_child.work, args=(str(project), seed, theirs))
    child.start()
    theirs.close()
    if not ours.poll(_START_S):
        child.kill()
        raise SystemExit("The window did not open.")
    assert ours.recv() == ("ready",)
    news = told_until(ours, death)
    killed_at = time.monotonic()
    child.kill()
    news += told_at_last(ours)
    child.join()
    pending, phase = None, "between two acts"
    for what, *rest in news:
        if what == "failed":
            raise SystemExit(f"The robot failed: {rest[0]}")
        if what == "phase":
            phase = rest[0]
        elif what == "begin":
            pending = rest[0]
        elif what == "done":
            labels.act(rest[0])
            found.acts[rest[0][0]] += 1
            pending = None
        elif what == "typed":
            labels.typed(*rest)
            found.keys += 1
    found.phases[phase] += 1
    return pending, killed_at


def read(project):
    """What the file holds, read without a line of the program: live labels, drafts, and what is wrong with it."""
    with closing(sqlite3.connect(project / "project.sqlite")) as db:
        faults = [row[0] for row in db.execute("PRAGMA integrity_check") if row[0] != "ok"]
        faults += [f"a broken reference: {row}" for row in db.execute("PRAGMA foreign_key_check")]
        live = Counter(tuple(row) for row in db.execute(_LIVE))
        tiers = {}
        for set_id, tier, completion_id in db.execute(_RANKED):
            tiers.setdefault(set_id, {}).setdefault(tier, []).append(completion_id)
        for set_id, by_tier in tiers.items():
            live["ranked", set_id, tuple(tuple(sorted(by_tier[tier])) for tier in sorted(by_tier))] += 1
        for set_id, state in db.execute(
            "SELECT id, state FROM answer_set_state WHERE state IN ('skipped', 'unrankable')"
        ):
            live[state, set_id, ()] += 1
        drafts = dict(db.execute("SELECT prompt_id, text FROM draft"))
    return live, drafts, faults


def lost_seconds(typed, text, killed_at):
    """How long before the kill the first missing key was pressed; None if the text is none that was ever typed."""
    places = [n for n, (_, known) in enumerate(typed) if known.strip() == text.strip()]
    if not places:
        return killed_at - typed[0][0] if not text else None
    missing = typed[places[-1] + 1 :]
    return max(0.0, killed_at - missing[0][0]) if missing else 0.0


def check(project, labels, pending, killed_at, found):
    """Compare the file with what was told; returns what holds from now on."""
    live, drafts, faults = read(project)
    found.faults += faults
    if pending is not None:
        with_it = labels.copy()
        with_it.act(pending)
        is_there = live == with_it.live and live != labels.live
        found.between["stored" if is_there else "not begun"] += 1
        if with_it.unsure - labels.unsure:  # its draft may be on either side
            labels.unsure |= with_it.unsure
        if is_there:
            labels = with_it
    if live != labels.live:
        found.faults.append(
            f"lost {list((labels.live - live).elements())}, strange {list((live - labels.live).elements())}"
        )
    for prompt_id, typed in labels.drafts.items():
        if prompt_id in labels.unsure:
            continue
        lost = lost_seconds(typed, drafts.get(prompt_id, ""), killed_at)
        if lost is None:
            found.faults.append(f"the draft of prompt {prompt_id} is {drafts.get(prompt_id)!r}, which nobody typed")
        elif typed[-1][0] > 0:
            found.typing_lost_s.append(lost)
            if lost > TYPING_S:
                found.faults.append(f"{lost:.2f} s of typing lost in prompt {prompt_id}")
    reopen(project, labels, found)
    labels.drafts = {prompt_id: [(0.0, text)] for prompt_id, text in drafts.items()}
    labels.unsure = set()
    return labels


def reopen(project, labels, found):
    """Open the project as the program does, and ask what could be undone next."""
    from rlhf_studio.store.project import open_project

    began = time.monotonic()
    with open_project(project) as store:
        found.open_s.append(time.monotonic() - began)
        kinds = {"ranked": "ranking"}
        for name, entry, acts in (("undo", store.undoable(), labels.done), ("redo", store.redoable(), labels.undone)):
            wanted = kinds.get(acts[-1][0], acts[-1][0]) if acts else None
            if (entry.kind if entry else None) != wanted:
                found.faults.append(f"to {name} there is {entry}, not {acts[-1:]}")


def kill_often(folder, kills, seed, tell=None):
    """Let ``kills`` children work in one project and be killed.

    Args:
        folder: An empty one.
        kills: How many.
        seed: Of what the robot does and when it dies.
        tell: Called after each kill with its number.
    """
    from desk_robot import make_desk

    project = make_desk(folder / "project", prompts=60 + 4 * kills, sets=20 + 4 * kills)
    context, made = processes(), random.Random(seed)
    labels, found = Labels(), Found()
    for number in range(kills):
        seed, death = made.randrange(2**31), random_death(made)
        pending, killed_at = one_life(context, project, seed, labels, found, death)
        labels = check(project, labels, pending, killed_at, found)
        if tell is not None:
            tell(number + 1, found)
    return labels, found


def report(labels, found, seconds):
    print(f"killed {sum(found.phases.values())} times in {seconds:.0f} s, while")
    for phase, count in found.phases.most_common():
        print(f"  {phase:24} {count:5}")
    print("told before the kill")
    for act, count in found.acts.most_common():
        print(f"  {act:24} {count:5}")
    print(f"  {'keys typed':24} {found.keys:5}")
    stored, not_begun = found.between["stored"], found.between["not begun"]
    print(f"killed inside an act          {stored + not_begun:5}  (stored whole {stored}, not at all {not_begun})")
    print(f"labels in the project now     {len(labels.done):5}")
    typing = found.typing_lost_s or [0.0]
    print(f"typing lost                   median {statistics.median(typing):.2f} s, most {max(typing):.2f} s")
    print(f"project opens again in        median {1000 * statistics.median(found.open_s):.0f} ms")
    print(f"faults                        {len(found.faults):5}")
    for fault in found.faults:
        print(f"  {fault}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--keep", type=Path, help="an empty folder where the project is left")
    args = parser.parse_args()
    sys.path.insert(0, str(Path(__file__).parents[1]))
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    os.environ["PYTHONPATH"] = os.pathsep.join([str(Path(__file__).parents[1]), *sys.path])
    os.nice(5)
    began = time.monotonic()

    def tell(number, found):
        if number % 10 == 0:
            print(f"{number} kills, {len(found.faults)} faults, {time.monotonic() - began:.0f} s", file=sys.stderr)

    with tempfile.TemporaryDirectory() as folder:
        labels, found = kill_often(args.keep or Path(folder), args.kills, args.seed, tell)
    report(labels, found, time.monotonic() - began)
    return 1 if found.faults else 0


if __name__ == "__main__":
    raise SystemExit(main())
