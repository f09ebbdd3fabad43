"""The estimate of a run that a project would start: reads what the run would read, then asks ``estimating``."""

import time
from collections.abc import Callable, Generator, MutableMapping
from pathlib import Path

from rlhf_studio.jobs.data import prepare
from rlhf_studio.jobs.estimate import RunEstimate
from rlhf_studio.jobs.estimating import Subject, estimate_run
from rlhf_studio.jobs.probe import Timed
from rlhf_studio.jobs.run_file import stage_settings
from rlhf_studio.lm.loading import load_language_model, resolve_device
from rlhf_studio.lm.model import LanguageModel
from rlhf_studio.schema import RunSpec
from rlhf_studio.store.project import Store

_BEGINS_WITH = ("policy", "base")  # roles of the language model


def estimate_project_run(
    store: Store,
    spec: RunSpec,
    *,
    is_trained: bool = True,
    load: Callable[[Path], LanguageModel] = load_language_model,
    known: MutableMapping[Timed, float] | None = None,
) -> Generator[None, None, RunEstimate]:
    """Time, memory and disk of a run of this project; yields between measurements.

    Args:
        store: Labels come from here, and the run would lie on its disk.
        spec: As it would be started. Only the model that it begins with is opened: reward model and value network
            have its body.
        is_trained: Whether that model has learnt to end its answers; where not, demonstrations tell their lengths.
        load: Opens the model.
        known: What was timed before; new times are added.

    Raises:
        StudioError: If a setting is wrong, the stage lacks its data, or the model cannot be used.
    """
    settings = stage_settings(spec)
    folder = Path(next(spec.models[role] for role in _BEGINS_WITH if role in spec.models))
    began = time.perf_counter()
    data = prepare(store, spec)
    read_s = time.perf_counter() - began
    yield
    began = time.perf_counter()
    model = load(folder).to(resolve_device(settings.device))
    load_s = time.perf_counter() - began
    yield
    subject = Subject(
        spec,
        data,
        model,
        folder,
        store.folder,
        store.demonstration_rows("train") if spec.kind == "ppo" and not is_trained else (),
        is_trained=is_trained,
        before_s=read_s + load_s * max(1, len(spec.models)),
    )
    return (yield from estimate_run(subject, known=known))
