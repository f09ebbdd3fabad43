"""The model folders a run names: where they are, and whether they are still what it was started with."""

import hashlib
from collections.abc import Mapping
from pathlib import Path

from rlhf_studio.errors import DataError, RunError
from rlhf_studio.paths import models_dir
from rlhf_studio.schema import RunKind, RunSpec

ROLES: Mapping[RunKind, tuple[str, ...]] = {
    "sft": ("base",),
    "rl-start": ("base",),
    "reward": ("base",),
    "ppo": ("policy", "reward"),
    "pretrain": (),
}
JUDGE = "judge"  # a role that may be empty: the reward model that scores the epochs of SFT and of the RL start
# those of a run that goes on from what another one has left
STARTS: Mapping[RunKind, tuple[str, ...]] = {
    "sft": (),
    "rl-start": (),
    "reward": ("from",),
    "ppo": ("from", "value"),
    "pretrain": (),
}
PROVENANCE_FILE = "provenance.json"  # see ``jobs.provenance``

# what changes the numbers; a card or a note beside them may change
_PARTS = frozenset({".json", ".safetensors", ".txt", ".model", ".jinja"})


def project_of(run_path: Path) -> Path:
    """The project whose ``runs`` folder holds this run: relative model paths begin there."""
    return run_path.absolute().parent.parent


def portable(path: str, run_path: Path) -> str:
    """A model path as ``run.json`` keeps it: relative to the project if it lies inside, so that both can move."""
    project = project_of(run_path).resolve()
    whole = (project / Path(path).expanduser()).resolve()
    return whole.relative_to(project).as_posix() if whole.is_relative_to(project) else str(whole)


def find(path: str, run_path: Path) -> Path:
    """The folder a kept path means; a bundled model is also found where another installation keeps it."""
    folder = project_of(run_path) / path
    if folder.is_dir():
        return folder
    try:
        bundled = models_dir() / folder.name
    except DataError:  # nothing ships with this copy of the program
        return folder
    return bundled if bundled.is_dir() else folder


def model_digest(folder: Path) -> str:
    """SHA-256 over names and contents of all files that make the model."""
    total = hashlib.sha256()
    parts = (path for path in folder.iterdir() if path.suffix in _PARTS and path.name != PROVENANCE_FILE)
    for path in sorted(path for path in parts if path.is_file()):
        with path.open("rb") as file:
            total.update(f"{path.name}\0{hashlib.file_digest(file, 'sha256').hexdigest()}\n".encode())
    return total.hexdigest()


def digests(spec: RunSpec, run_path: Path) -> dict[str, str]:
    """SHA-256 of each model by role.

    Raises:
        RunError: If a role has no folder, or the folder is not there.
    """
    found = {}
    for role in (*ROLES[spec.kind], *(role for role in (*STARTS[spec.kind], JUDGE) if role in spec.models)):
        if role not in spec.models:
            raise RunError(f"A {spec.kind} run needs a model for the role '{role}' and none is named. Name its folder.")
        folder = find(spec.models[role], run_path)
        try:
            found[role] = model_digest(folder)
        except OSError as error:
            raise RunError(
                f"The {role} model of this run, {folder}, cannot be read ({error.strerror}). "
                "Put the folder back, or start a new run with another model."
            ) from error
    return found


def check_unchanged(spec: RunSpec, expected: Mapping[str, str], run_path: Path) -> None:
    """See that a run goes on with the models it began with.

    Raises:
        RunError: If one is missing or was changed.
    """
    for role, digest in digests(spec, run_path).items():
        if expected.get(role, digest) != digest:
            raise RunError(
                f"The {role} model of this run, {find(spec.models[role], run_path)}, was changed since the run began "
                f"(SHA-256 {expected[role][:12]} then, {digest[:12]} now). Put the old files back, or start a new run."
            )
