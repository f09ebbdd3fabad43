"""One program at a time writes to a project; the operating system frees the lock when the program ends or crashes."""

import contextlib
import json
import os
import socket
import sys
from pathlib import Path

if sys.platform == "win32":  # pragma: no cover  (the other branch is what runs where coverage is measured)
    import msvcrt

    def _take(descriptor: int) -> None:
        # one byte far behind the text, because Windows lets nobody read a locked byte
        os.lseek(descriptor, 1 << 30, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
else:
    import fcntl

    def _take(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)


class LockTakenError(Exception):
    """Another program holds the lock; the text says which."""


class ProjectLock:
    """The right to write to a project, held until ``release`` or the end of the process."""

    def __init__(self, path: Path) -> None:
        """Take the lock file at ``path``.

        Raises:
            LockTakenError: If it is held, by another program or by this one.
            OSError: If the file cannot be written.
        """
        self._descriptor: int | None = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
        try:
            _take(self._descriptor)
        except (BlockingIOError, PermissionError) as error:
            self.release()
            raise LockTakenError(_owner(path)) from error
        except OSError:
            self.release()
            raise
        try:
            _sign(self._descriptor)
        except OSError:
            self.release()
            raise

    def release(self) -> None:
        """Give the lock back; doing so twice is harmless."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _sign(descriptor: int) -> None:
    """Write down who holds the lock, for the message the next one reads."""
    owner = {"pid": os.getpid(), "host": socket.gethostname(), "program": Path(sys.argv[0]).name or "python"}
    os.ftruncate(descriptor, 0)
    os.lseek(descriptor, 0, os.SEEK_SET)
    os.write(descriptor, json.dumps(owner).encode())


def _owner(path: Path) -> str:
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        owner = json.loads(path.read_bytes())
        return f"{owner['program']}, process {owner['pid']} on {owner['host']}"
    return "another program"
