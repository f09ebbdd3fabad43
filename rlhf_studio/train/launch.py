"""Which of several processes this one is, as ``accelerate launch`` and ``torchrun`` say it; needs no torch."""

import os
from typing import NamedTuple


class Place(NamedTuple):
    """This process among those that were launched together."""

    rank: int = 0  # from 0, over all machines
    size: int = 1
    on_this_machine: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this is the process that writes and speaks."""
        return self.rank == 0


def place() -> Place:
    """From the environment; alone where nothing was launched."""
    names = ("RANK", "WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT")
    if not all(os.environ.get(name) for name in names) or int(os.environ["WORLD_SIZE"]) < 2:
        return Place()
    size = int(os.environ["WORLD_SIZE"])
    return Place(int(os.environ["RANK"]), size, int(os.environ.get("LOCAL_WORLD_SIZE", size)))


def asked_in_vain() -> bool:
    """Whether ``accelerate launch --cpu`` was asked for several processes and, without MPI, started this one alone."""
    environment = os.environ
    return (
        environment.get("ACCELERATE_USE_CPU") == "True"
        and "MASTER_PORT" in environment
        and not environment.get("WORLD_SIZE")
    )
