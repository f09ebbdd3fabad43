"""The projects that were open last: one small file in the user's data folder."""

import json
import logging
from pathlib import Path

from rlhf_studio.jobs.files import write_whole
from rlhf_studio.paths import data_dir
from rlhf_studio.store.project import DATABASE

FILE = "recent.json"
MOST = 10
_LOG = logging.getLogger("rlhf_studio")


def remember(folder: Path) -> None:
    """Put a project at the head of the list; a list that cannot be written is logged, for no project depends on it."""
    folder = folder.absolute()
    kept = [path for path in _read() if path != folder]
    names = [str(path) for path in (folder, *kept)][:MOST]
    target = data_dir() / FILE
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_whole(target, json.dumps(names, ensure_ascii=False, indent=1).encode())
    except (OSError, UnicodeEncodeError) as error:  # the latter: a folder whose name is no text
        _LOG.warning("The list of recent projects %s cannot be written: %s", target, error)


def recent() -> tuple[Path, ...]:
    """The folders of the projects that were open last, newest first; those that are gone are left out."""
    return tuple(folder for folder in _read() if _is_project(folder))


def _read() -> list[Path]:
    target = data_dir() / FILE
    try:
        names = json.loads(target.read_bytes())
    except FileNotFoundError:
        return []
    except (OSError, ValueError, RecursionError) as error:
        _LOG.warning("The list of recent projects %s cannot be read and starts anew: %s", target, error)
        return []
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        _LOG.warning("The list of recent projects %s holds something else and starts anew", target)
        return []
    return [Path(name) for name in dict.fromkeys(names)][:MOST]


def _is_project(folder: Path) -> bool:
    try:
        return (folder / DATABASE).is_file()
    except (OSError, ValueError):  # a path that no file can have
        return False
