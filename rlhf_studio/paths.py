"""Where things lie: what ships with the program, and what belongs to the user."""

import os
from pathlib import Path

from platformdirs import user_data_path

from rlhf_studio.errors import DataError

_PACKAGE = Path(__file__).resolve().parent


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
    """The user's own folder of projects: ``RLHF_STUDIO_DATA`` if set, else the system's place for data."""
    override = os.environ.get("RLHF_STUDIO_DATA")
    return Path(override).expanduser() if override else user_data_path("rlhf-studio", appauthor=False)
