"""The inference thread's work for an estimate; imported there only, since it needs torch."""

from collections.abc import Iterator, MutableMapping
from pathlib import Path

from rlhf_studio.jobs.estimate_job import estimate_project_run
from rlhf_studio.jobs.inference_question import Listener
from rlhf_studio.jobs.model_reading import ModelShelf
from rlhf_studio.jobs.probe import Timed
from rlhf_studio.lm.model import LanguageModel
from rlhf_studio.schema import RunSpec
from rlhf_studio.store.project import open_project


def estimate(
    project: Path, spec: RunSpec, known: MutableMapping[Timed, float], shelf: ModelShelf, listener: Listener
) -> Iterator[None]:
    """Measure for a moment, in slices; the project is read through a connection of its own.

    Raises:
        StudioError: If the run could not start.
    """

    def load(folder: Path) -> LanguageModel:
        return shelf.language_model(folder, lambda: listener.loading(folder.name))

    with open_project(project, read_only=True) as store:
        is_trained = Path(spec.models.get("policy", "")).is_relative_to(store.runs_dir)
        steps = estimate_project_run(store, spec, is_trained=is_trained, load=load, known=known)
        while not listener.is_cancelled():
            with listener.turn():
                try:
                    next(steps)
                except StopIteration as end:
                    listener.estimated(end.value)
                    return
            yield
