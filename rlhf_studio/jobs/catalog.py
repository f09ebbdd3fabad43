"""The runs of a project, as their folders tell them; needs no torch, so that a window can list them at once."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import count
from pathlib import Path, PurePath, PurePosixPath
from types import TracebackType
from typing import Self

from rlhf_studio.errors import DataError, RunError
from rlhf_studio.events import Outcome, RunFinished, RunStarted, StepMetrics, TrainEvent
from rlhf_studio.jobs.event_log import EVENT_FILE, EventLog
from rlhf_studio.jobs.model_folders import JUDGE
from rlhf_studio.jobs.run_about import About, read_about, write_about
from rlhf_studio.jobs.run_file import RUN_FILE, Fork, RunFile, read_run_file
from rlhf_studio.jobs.run_names import name_note
from rlhf_studio.schema import RunKind
from rlhf_studio.store.checks import check_text
from rlhf_studio.store.project import RUNS, Store

_BATCH = 64  # steps in one transaction of the index


@dataclass(frozen=True, slots=True)
class RunSummary:
    """One run folder at a glance; no outcome means that the run goes on, or was cut off."""

    id: str
    path: Path
    kind: RunKind
    title: str
    created: str
    outcome: Outcome | None
    message: str  # why it failed, if it did
    last_step: int
    parents: tuple[str, ...]  # ids of the runs whose models it began with
    fork: Fork | None = None  # where it branched off another run
    base: str = ""  # name of the model it began with, where that is of no run
    comment: str = ""  # a person's own words about it
    judge: str = ""  # of its parents the one that only scored its epochs

    @property
    def note(self) -> str:
        """What its name tells besides its stage."""
        return name_note(self.title)

    @property
    def under(self) -> tuple[str, ...]:
        """The runs that it may hang under in a tree, the first that is there: what it was forked from, its models."""
        models = tuple(run_id for run_id in reversed(self.parents) if run_id != self.judge)
        return ((self.fork.run,) if self.fork else ()) + models


@dataclass(frozen=True, slots=True)
class Catalog:
    """Every run of a project, oldest first, and what is wrong with folders that cannot be read."""

    runs: tuple[RunSummary, ...]
    damaged: tuple[str, ...]


def new_run_path(runs_dir: Path, label: str) -> Path:
    """Make an empty folder such as ``20261123-061200-ppo-ptx`` (UTC), with a number after it if it is taken.

    Raises:
        RunError: If it cannot be made.
    """
    stem = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{label}"
    try:
        runs_dir.mkdir(parents=True, exist_ok=True)
        for number in count(1):
            path = runs_dir / (stem if number == 1 else f"{stem}-{number}")
            try:
                path.mkdir()
            except FileExistsError:
                continue
            return path
    except OSError as error:
        raise RunError(
            f"No run can be started in {runs_dir} ({error.strerror}). Make the folder writable or choose another."
        ) from error
    raise AssertionError  # pragma: no cover  count() does not end


def list_runs(project: Path) -> Catalog:
    """Read every folder below the project's ``runs`` that holds a run."""
    runs, damaged = [], []
    for path in _run_paths(project):
        try:
            run_file = read_run_file(path)
        except RunError as error:
            damaged.append(str(error))
            continue
        try:
            about = read_about(path)
        except RunError as error:  # what a person wrote about it is lost, the run is not
            damaged.append(str(error))
            about = About()
        runs.append(_summary(path, run_file, about))
    return Catalog(tuple(sorted(runs, key=lambda run: (run.created, run.id))), tuple(damaged))


def find_run(project: Path, prefix: str) -> Path:
    """The folder of the one run whose id begins with ``prefix``.

    Raises:
        DataError: If there is none, or more than one.
    """
    ids = [path.name for path in _run_paths(project)]
    found = [run_id for run_id in ids if run_id == prefix] or [run_id for run_id in ids if run_id.startswith(prefix)]
    if len(found) == 1:
        return project / RUNS / found[0]
    if found:
        raise DataError(f"'{prefix}' begins {len(found)} runs: {', '.join(found[:4])}. Write more of the name.")
    known = f"the newest is {ids[-1]}" if ids else "there is none yet"
    raise DataError(f"No run of {project} begins with '{prefix}' ({known}). 'rlhf-studio project info' lists them.")


def dependents(runs: Iterable[RunSummary], run_id: str) -> tuple[RunSummary, ...]:
    """The runs that began with a model of this one: without it they cannot go on or be forked, only used."""
    return tuple(run for run in runs if run_id in run.parents)


def describe_run(store: Store, path: Path, *, title: str | None = None, comment: str | None = None) -> RunSummary:
    """Give a run another name or comment; None leaves what is there, '' takes it away.

    Raises:
        RunError: If the run is damaged, or nothing can be written there.
        DataError: If the project cannot be written or a text is no text.
    """
    store.require_writable()
    for text in (title, comment):
        check_text(text or "", "What is said about a run")
    try:
        old = read_about(path)
    except RunError:  # it is replaced
        old = About()
    about = About(old.title if title is None else title.strip(), old.comment if comment is None else comment.strip())
    write_about(path, about)
    run = _summary(path, read_run_file(path), about)
    store.record_run(run.id, run.kind, run.title, run.path, run.parents, run.created)
    return run


def rebuild_index(store: Store) -> Catalog:
    """Make the project's index anew from the run folders, which are the truth.

    Raises:
        DataError: If the project cannot be written, or a run's events are damaged.
    """
    catalog = list_runs(store.folder)
    with store.transaction():
        for record in store.runs():
            store.forget_run(record.id)
        for run in catalog.runs:
            store.record_run(run.id, run.kind, run.title, run.path, run.parents, run.created)
            events = EventLog(run.path / EVENT_FILE).read()
            store.index_metrics(run.id, [event for event in events if isinstance(event, StepMetrics)])
            if run.outcome is not None:
                store.finish_run(run.id, run.outcome)
    return catalog


class RunIndexer:
    """Keeps the index of a project up with a run. Belongs to the store's thread; without a writable store it rests."""

    def __init__(self, store: Store, path: Path) -> None:
        self._store = store
        self._id = path.name
        self._steps: list[StepMetrics] = []
        self._is_active = not store.is_read_only and path.resolve().parent == store.runs_dir.resolve()
        if self._is_active:
            run = _summary(path, read_run_file(path), read_about(path))
            store.record_run(run.id, run.kind, run.title, path, run.parents, run.created)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._flush()

    def take(self, events: Sequence[TrainEvent]) -> None:
        """Index some events, in the order they came."""
        if not self._is_active:
            return
        for event in events:
            match event:
                case RunStarted():
                    self._flush()
                    self._store.cut_metrics(self._id, event.step or -1)
                    self._store.finish_run(self._id, None)
                case StepMetrics():
                    self._steps.append(event)
                case RunFinished():
                    self._flush()
                    self._store.finish_run(self._id, event.outcome)
        if len(self._steps) >= _BATCH:
            self._flush()

    def _flush(self) -> None:
        if self._steps:
            self._store.index_metrics(self._id, self._steps)
            self._steps = []


def _run_paths(project: Path) -> Iterator[Path]:
    folder = project / RUNS
    if folder.is_dir():
        yield from sorted(path for path in folder.iterdir() if (path / RUN_FILE).is_file())


def _summary(path: Path, run_file: RunFile, about: About) -> RunSummary:
    last = EventLog(path / EVENT_FILE).last()
    ending = last if isinstance(last, RunFinished) else None
    spec = run_file.spec
    roles = sorted(spec.models)
    return RunSummary(
        id=path.name,
        path=path,
        kind=spec.kind,
        title=about.title or spec.title,
        created=run_file.created,
        outcome=ending.outcome if ending else None,
        message=ending.message if ending else "",
        last_step=last.step if last else 0,
        # the reward model last: if it began with the SFT model that PPO begins with, PPO hangs under it
        parents=tuple(dict.fromkeys(run_id for role in roles if (run_id := _run_of(spec.models[role])))),
        fork=run_file.fork,
        base=next((PurePath(spec.models[role]).name for role in roles if not _run_of(spec.models[role])), ""),
        comment=about.comment,
        judge=_run_of(spec.models.get(JUDGE, "")),
    )


def _run_of(model: str) -> str:
    """The run whose model this is, '' if it comes from elsewhere."""
    parts = PurePosixPath(model).parts
    return parts[1] if len(parts) == 4 and parts[0] == RUNS and parts[2] == "models" else ""
