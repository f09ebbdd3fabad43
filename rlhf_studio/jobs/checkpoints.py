"""Checkpoints on disk: tensors and JSON beside each other, put in place whole."""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor

from rlhf_studio.jobs.files import PART, as_os_error, remove_leftovers, remove_tree, sync_folder, write_synced
from rlhf_studio.train.run import Checkpoint

TENSOR_FILE = "state.safetensors"
STATE_FILE = "state.json"
_FORMAT = 1
_NAME = re.compile(r"step-(\d{8,})(?:-(\d+))?")


@dataclass(frozen=True, slots=True)
class StoredCheckpoint:
    """A checkpoint that was found whole; its tensors are read later.

    ``events_bytes`` is the length of the run's event file up to and including the line that tells of it.
    """

    path: Path
    step: int
    events_bytes: int
    state: Mapping[str, Any]

    def read(self) -> Checkpoint:
        """The checkpoint with tensors of its own, so that the file may go."""
        with safe_open(self.path / TENSOR_FILE, framework="pt") as file:
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118  no mapping
        return Checkpoint(self.step, tensors, self.state)


class DamagedError(Exception):
    """A checkpoint is not whole; the text says in what."""


class CheckpointShelf:
    """The folder of one run's checkpoints. Names tell step and, where a step has several, their order."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def names(self) -> list[str]:
        """Every checkpoint that is in place, newest first."""
        if not self.folder.is_dir():
            return []
        found = [entry.name for entry in self.folder.iterdir() if _NAME.fullmatch(entry.name)]
        return sorted(found, key=_order, reverse=True)

    def next_name(self, step: int) -> str:
        """A name that sorts after all of this step."""
        taken = [_order(name)[1] for name in self.names() if _order(name)[0] == step]
        return f"step-{step:08d}-{max(taken) + 1}" if taken else f"step-{step:08d}"

    def write(self, name: str, checkpoint: Checkpoint, announce: Callable[[], int]) -> None:
        """Keep a checkpoint.

        Args:
            name: From ``next_name``.
            checkpoint: Of any device; gradients are not kept.
            announce: Is called when the tensors are on disk; gives the length of the event file to go back to.

        Raises:
            OSError: If anything could not be written; no checkpoint of this name is there then.
        """
        self.folder.mkdir(exist_ok=True)
        remove_leftovers(self.folder)
        part = self.folder / f"{PART}{name}"
        try:
            part.mkdir()
            _write_tensors(part / TENSOR_FILE, checkpoint.tensors)
            content = {
                "format": _FORMAT,
                "step": checkpoint.step,
                "sha256": _sha256(part / TENSOR_FILE),
                "events_bytes": announce(),
                "state": dict(checkpoint.state),
            }
            write_synced(part / STATE_FILE, json.dumps(content, indent=1).encode())
            sync_folder(part)
            part.replace(self.folder / name)
        except OSError:
            shutil.rmtree(part, ignore_errors=True)  # make room; what stays is removed by the next write
            raise
        sync_folder(self.folder)

    def check(self, name: str) -> StoredCheckpoint:
        """Look whether a checkpoint is whole.

        Raises:
            DamagedError: If it is not.
        """
        path = self.folder / name
        try:
            content = json.loads((path / STATE_FILE).read_bytes())
            found = StoredCheckpoint(path, content["step"], content["events_bytes"], content["state"])
            expected, actual = content["sha256"], _sha256(path / TENSOR_FILE)
        except OSError as error:
            raise DamagedError(f"{Path(error.filename or path).name}: {error.strerror}") from error
        except (ValueError, KeyError, TypeError) as error:
            raise DamagedError(f"{STATE_FILE} is incomplete") from error
        if content.get("format") != _FORMAT:
            raise DamagedError(f"{STATE_FILE} has format {content.get('format')}, this version knows {_FORMAT}")
        if expected != actual:
            raise DamagedError(f"{TENSOR_FILE} is not what was written")
        return found

    def set_aside(self, name: str) -> None:
        """Keep a damaged checkpoint out of the way until the next prune."""
        target = self.folder / f"damaged-{name}"
        if target.exists():
            shutil.rmtree(target)
        (self.folder / name).replace(target)

    def prune(self, keep: int, spared: Collection[str] = ()) -> None:
        """Take all but the newest ``keep`` away, and leave those that are ``spared``."""
        for name in self.names()[keep:]:
            if name not in spared:
                remove_tree(self.folder / name)
        for path in self.folder.glob("damaged-*"):
            remove_tree(path)


def step_of(name: str) -> int:
    """The step that a checkpoint of this name was taken after."""
    return _order(name)[0]


def _order(name: str) -> tuple[int, int]:
    match = _NAME.fullmatch(name)
    return (int(match[1]), int(match[2] or 1)) if match else (-1, 0)


def _write_tensors(path: Path, tensors: Mapping[str, Tensor]) -> None:
    try:
        save_file(_unshared(tensors), path)
    except SafetensorError as error:
        raise as_os_error(error) from error
    with path.open("rb+") as file:
        os.fsync(file.fileno())


def _unshared(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The tensors on the CPU, contiguous, no two in the same memory (safetensors refuses that)."""
    seen: set[int] = set()
    result = {}
    for name, tensor in tensors.items():
        own = tensor.detach().to("cpu").contiguous()
        place = own.untyped_storage().data_ptr()
        if place in seen or own.untyped_storage().nbytes() != own.nbytes:
            own = own.clone(memory_format=torch.contiguous_format)
        seen.add(place)
        result[name] = own
    return result


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
