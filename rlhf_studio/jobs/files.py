"""Writes that are there whole or not at all, and what stops them in words."""

import errno
import os
import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rlhf_studio.errors import RunError

PART = ".part-"  # begins the names of what is being written
OLD = ".old-"  # begins the names of what is being taken away

_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}
_FORBIDDEN = {errno.EACCES, errno.EPERM, errno.EROFS}


def write_whole(path: Path, content: bytes) -> None:
    """Put ``content`` in place of the file at ``path``; after a crash it holds the old or the new, on disk."""
    part = path.with_name(f"{PART}{path.name}")
    try:
        write_synced(part, content)
        part.replace(path)
    except OSError:
        part.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def write_synced(path: Path, content: bytes) -> None:
    """Write a new file and wait until it is on disk."""
    with path.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def sync_tree(folder: Path) -> None:
    """Wait until every file below ``folder``, and their names, are on disk."""
    for path in sorted(folder.rglob("*")):
        if path.is_dir():
            sync_folder(path)
        else:
            with path.open("rb+") as file:
                os.fsync(file.fileno())
    sync_folder(folder)


def sync_folder(folder: Path) -> None:
    """Wait until the names in ``folder`` are on disk."""
    if sys.platform == "win32":  # pragma: no cover  Windows keeps names by itself and opens no folders
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_tree(folder: Path) -> None:
    """Take a folder away, first under another name: one that is half removed must not be taken for a whole one."""
    old = folder.with_name(f"{OLD}{folder.name}")
    shutil.rmtree(old, ignore_errors=True)
    folder.replace(old)
    shutil.rmtree(old)


def remove_leftovers(folder: Path) -> None:
    """Take away what an earlier crash left half written or half removed."""
    for path in (*folder.glob(f"{PART}*"), *folder.glob(f"{OLD}*")):
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


def restore_old(folder: Path) -> None:
    """Bring back what a crash caught between its old and its new version."""
    for old in folder.glob(f"{OLD}*"):
        final = old.with_name(old.name.removeprefix(OLD))
        if not final.exists():
            old.replace(final)


@contextmanager
def explained(folder: Path, what: str) -> Iterator[None]:
    """Turn a failure to write ``what`` into a ``RunError`` that says what is kept and what to do."""
    try:
        yield
    except OSError as error:
        raise in_words(error, folder, what) from error


def in_words(error: OSError, folder: Path, what: str) -> RunError:
    """A failure of the file system as a sentence for the user."""
    if error.errno in _FULL:
        return RunError(
            f"The disk is full: {what} could not be written to {folder}. "
            "The run's last whole checkpoint and its events are kept; free some space and resume the run."
        )
    if not folder.is_dir():
        return RunError(
            f"The run folder {folder} is gone, so {what} could not be written. "
            "Put the folder or the drive back and resume the run, or start a new one."
        )
    if error.errno in _FORBIDDEN:
        return RunError(
            f"The run folder {folder} cannot be written ({error.strerror}), so {what} was not kept. "
            "All that was saved before is there; make the folder writable and resume the run."
        )
    reason = error.strerror or str(error)
    return RunError(
        f"{what[0].upper()}{what[1:]} could not be written to {folder} ({reason}). "
        "All that was saved before is there; check the disk and resume the run."
    )


def as_os_error(error: Exception) -> OSError:
    """What a library in Rust said about the file system, as Python says it."""
    code = re.search(r"os error (\d+)", str(error))
    if code is None:
        return OSError(str(error))
    return OSError(int(code[1]), os.strerror(int(code[1])))
