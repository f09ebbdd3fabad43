"""Models as a person names them: a folder, a bundled model, or a run of the project."""

from pathlib import Path

from rlhf_studio.errors import DataError, ModelError
from rlhf_studio.paths import DEFAULT_BASE, models_dir


def bundled_model() -> Path:
    """The base model that ships with the program.

    Raises:
        ModelError: If there is none.
    """
    return model_folder(DEFAULT_BASE)


def model_folder(name: str) -> Path:
    """The folder of a model: a path, or the name of a bundled one.

    Raises:
        ModelError: If there is neither.
    """
    path = Path(name).expanduser()
    if path.is_dir():
        return path
    try:
        bundled = models_dir()
    except DataError:  # nothing ships with this copy of the program
        bundled = None
    if bundled is not None and path.name == name and (bundled / name).is_dir():
        return bundled / name
    known = ", ".join(sorted(folder.name for folder in bundled.iterdir() if folder.is_dir())) if bundled else ""
    raise ModelError(
        f"There is no model folder '{name}'. Name a folder in Hugging Face layout"
        + (f", or a bundled model ({known})." if known else ".")
    )


def run_folder(name: str, project: Path | None) -> Path:
    """The folder of a run: a path, or the beginning of its id in a project.

    Raises:
        DataError: If there is none.
    """
    from rlhf_studio.jobs.catalog import find_run

    path = Path(name).expanduser()
    if path.is_dir():
        return path
    if project is None:
        raise DataError(f"There is no run folder '{name}'. Name a folder, or the project of this id with --project.")
    return find_run(project, name)


def model_of_run(project: Path, name: str, weights: str) -> Path:
    """The folder of a model that a run of a project has left: the last one, or with ``weights`` "best" the best.

    Raises:
        DataError: If there is no such run.
        ModelError: If it has left no such model.
    """
    from rlhf_studio.jobs.catalog import find_run
    from rlhf_studio.jobs.export_job import exportable, model_name
    from rlhf_studio.jobs.run_file import read_run_file

    path = find_run(project, name)
    kind = read_run_file(path).spec.kind
    known = exportable(path, kind)
    if weights not in known:
        left = f"it has left: {', '.join(known)}" if known else "it has left none yet"
        raise ModelError(f"The run {path.name} has no '{weights}' model ({left}). Choose another run or other weights.")
    return path / "models" / model_name(kind, weights)
