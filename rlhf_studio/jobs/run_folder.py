"""The folder that is the truth of a run: what it is, what it read, its events, checkpoints, rollouts and models."""

import shutil
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from torch import Tensor

from rlhf_studio.errors import RunError
from rlhf_studio.events import CheckpointSaved, ModelSaved, Notice, RolloutSaved, RunFinished, TrainEvent
from rlhf_studio.jobs.checkpoints import CheckpointShelf, DamagedError, StoredCheckpoint, step_of
from rlhf_studio.jobs.event_log import EVENT_FILE, EventLog
from rlhf_studio.jobs.files import (
    OLD,
    PART,
    as_os_error,
    explained,
    in_words,
    remove_leftovers,
    restore_old,
    sync_folder,
    sync_tree,
    write_whole,
)
from rlhf_studio.jobs.kept_weights import KeptWeights
from rlhf_studio.jobs.provenance import own_card, provenance, write_provenance
from rlhf_studio.jobs.pruning import KEPT, spared
from rlhf_studio.jobs.run_file import (
    DATA_FILE,
    RUN_FILE,
    Fork,
    LabelCount,
    RunData,
    RunFile,
    new_run_file,
    read_data,
    read_run_file,
    run_file_json,
)
from rlhf_studio.schema import RunSpec
from rlhf_studio.store.lock import LockTakenError, ProjectLock
from rlhf_studio.train.run import Checkpoint

LOCK_FILE = "run.lock"


class RunFolder:
    """Implements ``train.run.Run`` on a folder. Reading needs no lock; the first write takes it, ``close`` frees it."""

    is_followed = False  # whether another process keeps this run and this one only trains along

    def __init__(self, path: Path, run_file: RunFile) -> None:
        self.path = path
        self.run_file = run_file
        self._log = EventLog(path / EVENT_FILE)
        self._shelf = CheckpointShelf(path / "checkpoints")
        self._weights = KeptWeights(path)
        self._models = path / "models"
        self._lock: ProjectLock | None = None
        self._notices: list[Notice] = []
        self._chosen: StoredCheckpoint | None = None

    @classmethod
    def create(
        cls,
        path: Path,
        spec: RunSpec,
        data: RunData,
        models: Mapping[str, str] | None = None,
        fork: Fork | None = None,
        labels: Mapping[str, LabelCount] | None = None,
        fill: Callable[[Path], None] | None = None,
    ) -> "RunFolder":
        """Make the folder of a new run.

        Args:
            path: A folder that is not there yet, or is empty.
            spec: What the run is.
            data: All that it reads.
            models: SHA-256 of its model folders by role, to notice when one changes.
            fork: Where it branched off another run.
            labels: Who gave how many of the labels it reads.
            fill: Puts what it goes on from into the folder before that is a run.

        Raises:
            RunError: If the folder holds something or cannot be written.
        """
        run_file, content = new_run_file(spec, data, models or {}, fork, labels)
        try:
            if path.exists() and (not path.is_dir() or any(path.iterdir())):
                raise RunError(f"The folder {path} holds something already. Choose a new one for the run.")
            path.mkdir(parents=True, exist_ok=True)
            write_whole(path / DATA_FILE, content)
            if fill is not None:
                fill(path)
            write_whole(path / RUN_FILE, run_file_json(run_file))  # last: a folder without it is no run
            sync_folder(path.parent)
        except OSError as error:
            raise RunError(
                f"No run can be started in {path} ({error.strerror}). Free some space there or choose another folder."
            ) from error
        return cls(path, run_file)

    @classmethod
    def open(cls, path: Path) -> "RunFolder":
        """Open an existing run.

        Raises:
            RunError: If there is none, or ``run.json`` is damaged.
        """
        return cls(path, read_run_file(path))

    @property
    def id(self) -> str:
        """The folder's name."""
        return self.path.name

    @property
    def spec(self) -> RunSpec:
        return self.run_file.spec

    def data(self) -> Any:
        """``SftData``, ``RewardData`` or ``PpoData`` by the run's kind; for pretraining a mapping.

        Raises:
            RunError: If it is missing or was changed.
        """
        return read_data(self.path, self.run_file)

    def amend(self, settings: Mapping[str, Any]) -> None:
        """Write other settings into ``run.json``; whoever resumes the run decides which may change."""
        self._take_lock()
        run_file = replace(self.run_file, spec=replace(self.spec, settings=dict(settings)))
        with explained(self.path, "the settings"):
            write_whole(self.path / RUN_FILE, run_file_json(run_file))
        self.run_file = run_file

    def close(self) -> None:
        """Let go of files and lock; doing so twice is harmless."""
        self._log.close()
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def __enter__(self) -> Self:
        self._take_lock()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # events

    def append(self, event: TrainEvent) -> None:
        """Add one event to ``events.jsonl``; it is there when this returns, on disk with the next checkpoint.

        Raises:
            RunError: If it could not be written.
        """
        self._take_lock()
        with explained(self.path, "an event"):
            self._log.append(event)
            if isinstance(event, RunFinished):
                self._log.sync()

    def events(self) -> list[TrainEvent]:
        """Every event so far; also while another program writes."""
        return self._log.read()

    def ending(self) -> RunFinished | None:
        """How the run ended; None while it goes on, or where it was cut off."""
        last = self._log.last()
        return last if isinstance(last, RunFinished) else None

    def tell(self, notice: Notice) -> None:
        """Have a notice recorded after the run's next event."""
        self._notices.append(notice)

    def take_notices(self) -> list[Notice]:
        """What a person should know about the folder itself, since the last call."""
        notices, self._notices = self._notices, []
        return notices

    # checkpoints

    def latest(self) -> Checkpoint | None:
        """The newest whole checkpoint, None for a fresh run; damaged ones are skipped with a notice.

        Raises:
            RunError: If there are checkpoints and every one is damaged.
        """
        found = self._newest()
        return found.read() if found else None

    def checkpoint(self, step: int) -> StoredCheckpoint:
        """The first whole checkpoint of a step: later ones are taken in the middle of the next step.

        Raises:
            RunError: If none of this step is kept, or it is damaged.
        """
        kept = self._shelf.names()
        damage = ""
        for name in (name for name in reversed(kept) if step_of(name) == step):
            try:
                return self._check(name)
            except DamagedError as error:
                damage = damage or f" The one of step {step} is damaged ({error})."
        steps = ", ".join(str(one) for one in sorted({step_of(name) for name in kept})) or "none"
        raise RunError(
            f"The run {self.path} keeps no whole checkpoint of step {step}.{damage} Choose one of its steps: {steps}."
        )

    def state(self) -> Mapping[str, Any]:
        """The plain values beside the newest whole checkpoint's tensors; empty for a fresh run.

        Raises:
            RunError: As ``latest``.
        """
        found = self._newest()
        return found.state if found else {}

    def save(self, checkpoint: Checkpoint) -> CheckpointSaved:
        """Keep a checkpoint and its line in ``events.jsonl``; both are on disk when this returns.

        Raises:
            RunError: If it could not be written; earlier checkpoints are untouched.
        """
        self._take_lock()
        name = self._shelf.next_name(checkpoint.step)
        event = CheckpointSaved(checkpoint.step, f"checkpoints/{name}")
        with explained(self.path, f"the checkpoint of step {checkpoint.step}"):
            before = self._log.length
            try:
                self._shelf.write(name, checkpoint, lambda: self._announce(event))
            except OSError:
                if not (self._shelf.folder / name).exists():
                    with suppress(OSError):  # the failure that led here is the one to tell
                        self._log.cut(before)
                raise
        self._chosen = None
        try:
            self._prune()
        except (OSError, RunError) as error:
            self._notices.append(Notice(checkpoint.step, "run.not_pruned", {"reason": str(error)}))
        return event

    def resume_cut(self) -> int:
        """Forget events after the newest whole checkpoint, so that going on neither misses nor doubles a step.

        Returns the step to go on from, 0 for a run without a checkpoint.

        Raises:
            RunError: If every checkpoint is damaged, or the folder cannot be written.
        """
        self._take_lock()
        found = self._newest()
        with explained(self.path, "the run's events"):
            for name in self._shelf.names():
                if found is None or name == found.path.name:
                    break
                self._shelf.set_aside(name)
            self._log.cut(found.events_bytes if found else 0)
        return found.step if found else 0

    def _prune(self) -> None:
        stay = spared(self.spec, self._shelf.names(), self._log.read)
        self._shelf.prune(int(self.spec.settings.get("keep_checkpoints", KEPT)), stay)

    def _announce(self, event: CheckpointSaved) -> int:
        self._log.append(event)
        self._log.sync()
        return self._log.length

    def _newest(self) -> StoredCheckpoint | None:
        if self._chosen is not None:
            return self._chosen
        names, reasons = self._shelf.names(), []
        for name in names:
            try:
                self._chosen = self._check(name)
            except DamagedError as damage:
                reasons.append(f"{name}, {damage}")
                self._notices.append(Notice(0, "run.checkpoint_damaged", {"checkpoint": name, "reason": str(damage)}))
            else:
                return self._chosen
        if reasons:
            raise RunError(
                f"All {len(reasons)} checkpoints of the run {self.path} are damaged (newest: {reasons[0]}). "
                "Its events and models are kept as they are; start a new run."
            )
        return None

    def _check(self, name: str) -> StoredCheckpoint:
        """A checkpoint that is whole and whose events are all there."""
        found = self._shelf.check(name)
        told = self._log.line_before(found.events_bytes)
        if told != CheckpointSaved(found.step, f"checkpoints/{name}"):
            raise DamagedError(f"{EVENT_FILE} does not reach it")
        return found

    # weights alone

    def keep_weights(self, step: int, tensors: Mapping[str, Tensor]) -> None:
        """Keep weights apart from the pruning of checkpoints; fails as ``KeptWeights.keep``."""
        self._take_lock()
        self._weights.keep(step, tensors)

    def weights(self, step: int) -> Mapping[str, Tensor]:
        """The weights that were kept after a step; fails as ``KeptWeights.read``."""
        return self._weights.read(step)

    def drop_weights(self, but: int) -> None:
        """Remove kept weights, all but those of one step; a notice tells if that cannot be done."""
        self._take_lock()
        self._notices += self._weights.drop(but)

    # rollouts and models

    def save_rollout(self, step: int, arrays: Mapping[str, NDArray[np.generic]]) -> RolloutSaved:
        """Keep the numbers of one step as ``rollouts/step-NNNNNNNN.npz``.

        Raises:
            RunError: If they could not be written.
        """
        self._take_lock()
        path = self.path / "rollouts" / f"step-{step:08d}.npz"
        part = path.with_name(f"{PART}{path.name}")
        if any(array.dtype.hasobject for array in arrays.values()):
            raise TypeError("a rollout holds numbers only: objects would be pickled")
        with explained(self.path, f"the rollout of step {step}"):
            path.parent.mkdir(exist_ok=True)
            try:
                np.savez(part, **arrays)  # type: ignore[arg-type]  # could be its option's name
                part.replace(path)
            except OSError:
                part.unlink(missing_ok=True)
                raise
        return RolloutSaved(step, path.relative_to(self.path).as_posix())

    def save_model(self, step: int, name: str, write: Callable[[Path], None]) -> ModelSaved:
        """Let ``write`` fill a fresh folder and put it in place as ``models/<name>``, with where it comes from.

        Raises:
            RunError: If it could not be written; a model of this name from before is still there then.
        """
        self._take_lock()
        part, final = self._models / f"{PART}{name}", self._models / name

        def write_all(folder: Path) -> None:
            write(folder)
            write_provenance(folder, provenance(self.path, self.run_file, name, step, own_card(folder)))

        with explained(self.path, f"the model '{name}'"):
            self._models.mkdir(exist_ok=True)
            remove_leftovers(self._models)
            _fill(part, write_all)
            if final.exists():
                final.replace(final.with_name(f"{OLD}{name}"))
            part.replace(final)
            sync_folder(self._models)
            remove_leftovers(self._models)
        return ModelSaved(step, name, final.relative_to(self.path).as_posix())

    def _take_lock(self) -> None:
        if self._lock is not None:
            return
        try:
            self._lock = ProjectLock(self.path / LOCK_FILE)
            restore_old(self._models)
        except LockTakenError as taken:
            raise RunError(
                f"The run {self.path} is going on elsewhere ({taken}). Stop it there, or wait until it has ended."
            ) from taken
        except OSError as error:
            self.close()
            raise in_words(error, self.path, "the run") from error


def _fill(folder: Path, write: Callable[[Path], None]) -> None:
    """Have a new folder written and wait until it is on disk; after a failure it is not there."""
    try:
        folder.mkdir()
        write(folder)
        sync_tree(folder)
    except (OSError, SafetensorError) as error:
        shutil.rmtree(folder, ignore_errors=True)  # make room
        raise (error if isinstance(error, OSError) else as_os_error(error)) from error
