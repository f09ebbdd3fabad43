"""A run's events on disk: one line of JSON each, only ever added to, and cut where a run is resumed."""

import os
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from rlhf_studio.errors import RunError
from rlhf_studio.events import TrainEvent, from_json, to_json

EVENT_FILE = "events.jsonl"
_TAIL_BYTES = 1 << 16  # longer than any line but a very long answer


class EventLog:
    """``events.jsonl``. Any number of programs may read while one writes."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: BinaryIO | None = None

    @property
    def length(self) -> int:
        """Bytes of whole lines."""
        return os.fstat(self._writer().fileno()).st_size

    def read(self) -> list[TrainEvent]:
        """Every event, oldest first; a last line that a crash tore is left out.

        Raises:
            RunError: If a line before the last is no event.
        """
        *lines, _torn = self._bytes().split(b"\n")
        return [self._parse(number, line) for number, line in enumerate(lines, start=1)]

    def last(self) -> TrainEvent | None:
        """The newest whole event, without reading the others; None where there is none."""
        if not self._path.is_file():
            return None
        with self._path.open("rb") as file:
            file.seek(max(0, self._path.stat().st_size - _TAIL_BYTES))
            *lines, _torn = file.read().split(b"\n")
        for line in reversed(lines):
            with suppress(ValueError):
                return from_json(line.decode())
        return None

    def append(self, event: TrainEvent) -> None:
        """Add one event; it outlives this process at once, and a power cut after ``sync``.

        Raises:
            OSError: If it could not be written whole; nothing of it is there then.
        """
        # a lone surrogate cannot be UTF-8, but its backslash form is what JSON writes for it
        line = f"{to_json(event)}\n".encode(errors="backslashreplace")
        file, before = self._writer(), self.length
        os.stat(self._path)  # noqa: PTH116  an open file of a folder that was removed would take events to nowhere
        written = 0
        try:
            while written < len(line):
                written += file.write(line[written:])
        except OSError:
            self._truncate(before)
            raise

    def sync(self) -> None:
        """Wait until every event is on disk."""
        os.fsync(self._writer().fileno())

    def cut(self, length: int) -> None:
        """Forget everything after the first ``length`` bytes."""
        if self.length > length:
            self._truncate(length)
            self.sync()

    def line_before(self, end: int) -> TrainEvent | None:
        """The event whose line ends at byte ``end``, None if no line does."""
        content = self._bytes()[:end]
        if len(content) < end or not content.endswith(b"\n"):
            return None
        try:
            return from_json(content[:-1].rpartition(b"\n")[2].decode())
        except ValueError:
            return None

    def close(self) -> None:
        """Let go of the file; doing so twice is harmless."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def _writer(self) -> BinaryIO:
        if self._file is None:
            self._file = self._path.open("ab", buffering=0)
            whole = self._bytes().rfind(b"\n") + 1
            if os.fstat(self._file.fileno()).st_size > whole:  # a crash tore the last line
                self._truncate(whole)
        return self._file

    def _truncate(self, length: int) -> None:
        os.ftruncate(self._writer().fileno(), length)

    def _bytes(self) -> bytes:
        try:
            return self._path.read_bytes()
        except FileNotFoundError:
            return b""

    def _parse(self, number: int, line: bytes) -> TrainEvent:
        try:
            return from_json(line.decode())
        except ValueError as error:
            raise RunError(
                f"Line {number} of {self._path} is damaged ({error}). "
                "The run's checkpoints and models are not; resume the run or start a new one."
            ) from error
