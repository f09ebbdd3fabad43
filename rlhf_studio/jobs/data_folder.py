"""Where new projects and the program's own files go: chosen once, found again at every start."""

import os
import shutil
import uuid
from pathlib import Path

from rlhf_studio.errors import DataError
from rlhf_studio.jobs.files import write_whole
from rlhf_studio.jobs.recent import FILE as RECENT
from rlhf_studio.paths import data_dir, data_pointer, default_data_dir


def choose_data_folder(folder: Path) -> None:
    """Use another folder from now on; the projects there are stay where they are and in the list of recent ones.

    Raises:
        DataError: If nothing can be written there, or the choice cannot be kept.
    """
    folder = folder.expanduser().absolute()
    before = data_dir()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe = folder / f".{uuid.uuid4().hex}"
        probe.touch()
        probe.unlink()
        if (before / RECENT).is_file() and not (folder / RECENT).exists():
            shutil.copyfile(before / RECENT, folder / RECENT)
    except OSError as error:
        raise DataError(
            f"Nothing can be kept in {folder} ({error.strerror}). Choose a folder you may write, with room on its disk."
        ) from error
    pointer = data_pointer()
    try:
        if folder == default_data_dir().absolute():
            pointer.unlink(missing_ok=True)
            return
        pointer.parent.mkdir(parents=True, exist_ok=True)
        write_whole(pointer, os.fsencode(folder))
    except OSError as error:
        raise DataError(
            f"The choice of a data folder cannot be kept in {pointer} ({error.strerror}). "
            "Set RLHF_STUDIO_DATA to the folder instead."
        ) from error
