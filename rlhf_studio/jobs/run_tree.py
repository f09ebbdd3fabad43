"""The runs of a project as a tree: base model, SFT, reward model, PPO, and forks under what they branched off."""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from rlhf_studio.jobs.catalog import RunSummary


@dataclass(slots=True, eq=False)
class RunNode:
    """A run, or with ``run`` None a base model that no run of the project has made."""

    name: str  # of the base model; a run's id
    run: RunSummary | None
    children: list["RunNode"] = field(default_factory=list)


def run_tree(runs: Iterable[RunSummary]) -> list[RunNode]:
    """Base models with all that came of them, siblings oldest first.

    A run whose parents are gone hangs under a node without a name.
    """
    listed = list(runs)
    nodes = {run.id: RunNode(run.id, run) for run in listed}
    roots: dict[str, RunNode] = {}
    for run in listed:
        above = _above(run, nodes)
        if above is None:
            above = roots.setdefault(run.base, RunNode(run.base, None))
        above.children.append(nodes[run.id])
    return list(roots.values())


def _above(run: RunSummary, nodes: Mapping[str, RunNode]) -> RunNode | None:
    """What a run hangs under: of its models that which came last out of the others, else that which it went on from.

    PPO from the SFT model hangs under the reward model, which came of the same; PPO from an RL start under that one.
    """
    found = [node for name in run.under if name != run.id and (node := nodes.get(name)) is not None]
    if len(found) < 2 or run.fork is not None:
        return found[0] if found else None
    first, other = found[0], found[1]
    return first if first.run is not None and other.name in first.run.parents else other


def walk(nodes: Iterable[RunNode], depth: int = 0) -> Iterator[tuple[int, RunNode]]:
    """Every node with its depth, parents first."""
    for node in nodes:
        yield depth, node
        yield from walk(node.children, depth + 1)


def space(run: Path) -> int:
    """Bytes of the files in a run's folder; what a fork shares with its origin counts in both."""
    total = 0
    folders = [str(run)]
    while folders:
        with os.scandir(folders.pop()) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(entry.path)
                else:
                    total += entry.stat(follow_symlinks=False).st_size
    return total
