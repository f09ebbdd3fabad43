"""The folder a demo writes into, and what it needs to go on there after an interruption."""

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from itertools import count
from pathlib import Path
from typing import Any

from rlhf_studio.errors import DataError

DEFAULT = "rlhf-studio-demo"
STATE = "demo.json"


@dataclass(frozen=True, slots=True)
class DemoState:
    """What a demo was started with, and the run of each stage that has begun."""

    project: str
    base: str
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    runs: Mapping[str, str] = field(default_factory=dict)  # stage -> run id

    def with_run(self, stage: str, run_id: str) -> "DemoState":
        return replace(self, runs={**self.runs, stage: run_id})


def choose_folder(out: Path | None) -> Path:
    """The folder a person named, or the first free ``rlhf-studio-demo``, ``-2``, ``-3`` ... here.

    Raises:
        DataError: If the folder named holds something that no demo wrote.
    """
    if out is None:
        names = (DEFAULT if number == 1 else f"{DEFAULT}-{number}" for number in count(1))
        return next(path for path in map(Path, names) if _is_free(path))
    if not _is_free(out) and not (out / STATE).is_file():
        what = "is not empty" if out.is_dir() else "is a file"
        raise DataError(f"The folder '{out}' {what} and no demo wrote it. Choose a new or an empty folder with --out.")
    return out


def read_state(folder: Path) -> DemoState | None:
    """What an earlier demo left here; None in a fresh folder.

    Raises:
        DataError: If it cannot be read.
    """
    path = folder / STATE
    if not path.is_file():
        return None
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
        return DemoState(**values)
    except (OSError, ValueError, TypeError) as error:
        raise DataError(
            f"'{path}' cannot be read ({error}), so this demo cannot go on. Start another with a new --out."
        ) from error


def write_state(folder: Path, state: DemoState) -> None:
    """Keep the state; what is there is never half written."""
    folder.mkdir(parents=True, exist_ok=True)
    part = folder / f".{STATE}.part"
    part.write_text(json.dumps(asdict(state), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    part.replace(folder / STATE)


def _is_free(path: Path) -> bool:
    return not path.exists() or (path.is_dir() and not any(path.iterdir()))
