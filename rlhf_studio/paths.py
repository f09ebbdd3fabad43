"""Where things lie: what ships with the program, and what belongs to the user."""

import os
from pathlib import Path

from platformdirs import user_data_path

from rlhf_studio.errors import DataError

DATA_VARIABLE = "RLHF_STUDIO_DATA"
_PACKAGE = Path(__file__).resolve().parent


DEFAULT_BASE = "tiny"  # the bundled model to begin with


def _bundled(name: str) -> Path:
    """The folder ``name`` inside an installed wheel, else beside the package in a checkout."""
    for folder in (_PACKAGE / "_bundled" / name, _PACKAGE.parent / name):
        if folder.is_dir():
            return folder
    raise DataError(f"The folder '{name}' that ships with RLHF Studio is missing. Install the program again.")


def resources_dir() -> Path:
    """Icons, documents and the example project that ship with the program (read only)."""
    return _bundled("resources")


def models_dir() -> Path:
    """The base models that ship with the program (read only)."""
    return _bundled("models")


def data_dir() -> Path:
    """The user's own folder of projects.

    ``RLHF_STUDIO_DATA`` if set, else the folder that was chosen in the window, else the system's place for data.
    """
    override = os.environ.get(DATA_VARIABLE)
    if override:
        return Path(override).expanduser()
    return _chosen() or default_data_dir()


def default_data_dir() -> Path:
    """The system's place for data, which also holds the note on where else the data lies."""
    return user_data_path("rlhf-studio", appauthor=False)


def data_pointer() -> Path:
    """The file that names another data folder, if one was chosen."""
    return default_data_dir() / "data-folder.txt"


def _chosen() -> Path | None:
    try:
        text = os.fsdecode(data_pointer().read_bytes()).strip()
    except OSError:  # nobody chose one
        return None
    path = Path(text)
    return path if path.is_absolute() and "\0" not in text else None
