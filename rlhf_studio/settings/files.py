"""Settings in a file that a person keeps: JSON, an object for each stage with what differs from the defaults."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rlhf_studio.errors import DataError
from rlhf_studio.settings.base import parse_settings
from rlhf_studio.settings.stages import STAGE_SETTINGS

_STAGE_OF = {**{stage: stage for stage in STAGE_SETTINGS}, "ppo-ptx": "ppo"}  # key of a file -> its settings


def write_settings_file(path: Path, settings: Mapping[str, Mapping[str, Any]]) -> None:
    """Keep the settings of some stages; what else the file holds of other stages stays.

    Args:
        path: Of the file; it is replaced whole.
        settings: By stage, what differs from the defaults.

    Raises:
        DataError: If the file holds something else already, or cannot be written.
    """
    known = read_settings_file(path) if path.exists() else {}
    content = {**known, **{stage: dict(values) for stage, values in settings.items()}}
    part = path.with_name(f".part-{path.name}")
    try:
        part.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        part.replace(path)
    except OSError as error:
        raise DataError(
            f"The settings cannot be written to '{path}': {error.strerror}. Name another file or folder."
        ) from error


def read_settings_file(path: Path) -> dict[str, dict[str, Any]]:
    """The settings in a file, by stage, each checked.

    Raises:
        DataError: If it cannot be read, names a stage or a setting that there is not, or a value that is not allowed.
    """
    content = read_json_object(path)
    for stage, values in content.items():
        if stage not in _STAGE_OF or not isinstance(values, dict):
            raise DataError(
                f"The settings file '{path}' has '{stage}' where a stage with its settings is wanted. Write it like "
                f'{{"sft": {{"epochs": 2}}}}; the stages are {", ".join(_STAGE_OF)}.'
            )
        _check(path, stage, values)
    return dict(content)


def read_stage_settings(path: Path, stage: str) -> dict[str, Any]:
    """The settings of one stage in a file, which may also hold those of one stage only, without its name.

    Raises:
        DataError: As ``read_settings_file``.
    """
    content = read_json_object(path)
    if content and set(content) <= set(_STAGE_OF):
        return read_settings_file(path).get(stage, {})
    if stage in STAGE_SETTINGS:
        _check(path, stage, content)
    return content


def read_json_object(path: Path) -> dict[str, Any]:
    """The JSON object in a file.

    Raises:
        DataError: If the file cannot be read or is something else.
    """
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(f"The settings file '{path}' cannot be read: {error.strerror}. Name another file.") from error
    except ValueError as error:
        raise DataError(
            f"The settings file '{path}' is not JSON: {error}. Correct it, or name another file."
        ) from error
    if not isinstance(value, dict):
        raise DataError(
            f"The settings file '{path}' holds a {type(value).__name__} where one JSON object is wanted. "
            'Write it like {"learning_rate": 0.001}.'
        )
    return value


def _check(path: Path, stage: str, values: Mapping[str, Any]) -> None:
    try:
        parse_settings(STAGE_SETTINGS[_STAGE_OF[stage]], values)
    except DataError as error:
        raise DataError(f"{error} (Stage '{stage}' in the file '{path}'.)") from error
