"""``run.json`` and ``data.json``: what a run is and what it reads, so that it can go on without the project."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, is_dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from rlhf_studio.errors import DataError, RunError
from rlhf_studio.schema import PpoData, RewardData, RunKind, RunSpec, SftData, digest, record_json
from rlhf_studio.settings import STAGE_SETTINGS, PpoSettings, PretrainSettings, TrainSettings, parse_settings

RUN_FILE = "run.json"
DATA_FILE = "data.json"
_FORMAT = 1
_PROGRAMS = ("rlhf-studio", "torch", "transformers", "accelerate")

# pretraining reads text files, which are too large to copy: its data is a plain record of them
RunData = SftData | RewardData | PpoData | Mapping[str, Any]

_DATA_TYPES: Mapping[RunKind, type[Any]] = {
    "sft": SftData,
    "rl-start": SftData,
    "reward": RewardData,
    "ppo": PpoData,
    "pretrain": dict,
}


_RUN_SETTINGS: Mapping[str, type[TrainSettings]] = {**STAGE_SETTINGS, "pretrain": PretrainSettings}


@dataclass(frozen=True, slots=True)
class DataPart:
    """One part of a run's data, e.g. its training rows."""

    rows: int
    sha256: str


@dataclass(frozen=True, slots=True)
class LabelCount:
    """How many labels of a kind a run reads; nobody is named."""

    by: tuple[int, ...] = ()  # of each person, most first
    simulated: int = 0  # made by a script


@dataclass(frozen=True, slots=True)
class Fork:
    """Where a run branched off another one."""

    run: str  # id
    step: int  # that it goes on from


@dataclass(frozen=True, slots=True)
class RunFile:
    """What ``run.json`` holds: nothing about the machine or the person."""

    spec: RunSpec
    created: str  # UTC, ISO 8601
    versions: Mapping[str, str] = field(default_factory=dict)  # of the programs that started it
    data: Mapping[str, DataPart] = field(default_factory=dict)
    data_sha256: str = ""  # of data.json
    models: Mapping[str, str] = field(default_factory=dict)  # SHA-256 of the model folders by role
    fork: Fork | None = None  # None for a run that began from its models
    labels: Mapping[str, LabelCount] = field(default_factory=dict)  # "demonstrations", "rankings"
    format: int = _FORMAT


_RUN_FILES = TypeAdapter(RunFile)  # making it takes longer than reading a file


def stage_settings(spec: RunSpec) -> TrainSettings:
    """The settings of a run as the object that its stage reads.

    Raises:
        DataError: Naming the first setting that is not allowed.
    """
    return parse_settings(_RUN_SETTINGS[spec.kind], spec.settings)


def ended_early(spec: RunSpec, step: int) -> bool:
    """Whether a run that is complete at ``step`` has steps left: it ended at its limit of the KL."""
    return spec.kind == "ppo" and step < int(spec.settings.get("steps", PpoSettings().steps))


def new_run_file(
    spec: RunSpec,
    data: RunData,
    models: Mapping[str, str],
    fork: Fork | None = None,
    labels: Mapping[str, LabelCount] | None = None,
) -> tuple[RunFile, bytes]:
    """The record of a run that starts now, and its data as JSON."""
    content = record_json(data if is_dataclass(data) else dict(data))
    parts = {name: DataPart(len(rows), digest(rows)) for name, rows in _parts(data)}
    created = datetime.now(UTC).isoformat(timespec="milliseconds")
    sha256 = hashlib.sha256(content).hexdigest()
    return RunFile(spec, created, _versions(), parts, sha256, dict(models), fork, dict(labels or {})), content


def _parts(data: RunData) -> list[tuple[str, Any]]:
    return [(part.name, getattr(data, part.name)) for part in fields(data)] if is_dataclass(data) else []


def run_file_json(run_file: RunFile) -> bytes:
    """As it is written."""
    return f"{json.dumps(asdict(run_file), indent=2)}\n".encode()


def read_run_file(folder: Path) -> RunFile:
    """Read ``run.json``.

    Raises:
        RunError: If it is missing, damaged or of a newer version.
    """
    path = folder / RUN_FILE
    try:
        values = json.loads(path.read_bytes())
        known = values.get("format") if isinstance(values, dict) else None
        if isinstance(known, int) and known > _FORMAT:
            raise RunError(
                f"The run {folder} was made by a newer version of RLHF Studio (format {known}, this one knows "
                f"{_FORMAT}). Update the program."
            )
        run_file: RunFile = _RUN_FILES.validate_python(values)
    except FileNotFoundError as error:
        raise RunError(f"There is no run in {folder}. Choose a folder that holds {RUN_FILE}.") from error
    except OSError as error:
        raise RunError(f"The run {path} cannot be read ({error.strerror}). Check the disk and permissions.") from error
    except ValueError as error:
        raise RunError(
            f"The file {path} is damaged ({_first_line(error)}). "
            "Models and metrics in the folder can still be used; start a new run to train on."
        ) from error
    return run_file


def read_data(folder: Path, run_file: RunFile) -> Any:
    """The data that the run was started with, by its kind.

    Raises:
        RunError: If ``data.json`` is missing or not what the run was started with.
    """
    path = folder / DATA_FILE
    try:
        content = path.read_bytes()
    except OSError as error:
        raise RunError(
            f"The run's data {path} cannot be read ({error.strerror}). Put the file back, or start a new run."
        ) from error
    if hashlib.sha256(content).hexdigest() != run_file.data_sha256:
        raise RunError(
            f"The file {path} is not what the run was started with (its SHA-256 differs). "
            "Put the original back, or start a new run."
        )
    try:
        return TypeAdapter(_DATA_TYPES[run_file.spec.kind]).validate_json(content)
    except (ValidationError, DataError) as error:
        raise RunError(f"The file {path} holds other data than this kind of run reads. Start a new run.") from error


def _versions() -> dict[str, str]:
    found = {}
    for program in _PROGRAMS:
        try:
            found[program] = version(program)
        except PackageNotFoundError:  # run from a checkout that was not installed
            found[program] = "not installed"
    return found


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def micro_batch_of(folder: Path | None) -> int:
    """Sequences in one pass of a run; 0 where that is not known."""
    if folder is None or not (folder / RUN_FILE).is_file():
        return 0
    try:
        settings = read_run_file(folder).spec.settings
    except RunError:  # whoever goes on with the run says what is wrong with it
        return 0
    whole = settings.get("minibatch_size") or settings.get("batch_size") or 0
    return int(settings.get("micro_batch") or whole)
