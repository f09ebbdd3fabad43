"""A run's boundary: every event goes to the folder first, and every failure becomes the run's last event."""

import errno
import traceback
from collections.abc import Generator, Iterator
from datetime import UTC, datetime

from rlhf_studio.errors import RunError, StudioError
from rlhf_studio.events import CheckpointSaved, Progress, RunFinished, TrainEvent
from rlhf_studio.jobs.files import in_words
from rlhf_studio.jobs.run_file import stage_settings
from rlhf_studio.jobs.run_folder import RunFolder
from rlhf_studio.jobs.steering import take_wishes
from rlhf_studio.train.control import RunControl
from rlhf_studio.train.sparing import is_out_of_memory

CRASH_FILE = "crash.log"
_NO_DEVICE = ("CUDA error", "CUDA driver", "cuDNN error", "CUBLAS_STATUS", "MPS backend", "HIP error")


def record(source: Iterator[TrainEvent], folder: RunFolder, control: RunControl) -> Iterator[TrainEvent]:
    """Write each event into the run folder, then pass it on; the last is always one ``RunFinished``.

    Holds the run while it is paused. ``Progress`` is passed on only; ``CheckpointSaved`` was written by
    ``RunFolder.save``, since a checkpoint has to know where its own line ends.
    """
    recorder = _Recorder(folder, control)
    try:
        yield from recorder.pass_on(source)
    except (KeyboardInterrupt, GeneratorExit):
        recorder.end("stopped", "interrupted; the run can be resumed from its last checkpoint")
        raise
    except Exception as error:  # noqa: BLE001  the run's boundary: report, never lose
        yield recorder.end("failed", failure(error, folder))
    finally:
        if isinstance(source, Generator):
            source.close()


class _Recorder:
    """Remembers where the run is, for the event that ends it."""

    def __init__(self, folder: RunFolder, control: RunControl) -> None:
        self._folder, self._control = folder, control
        self._step = 0
        self._phase = ""
        self._is_over = False

    def pass_on(self, source: Iterator[TrainEvent]) -> Iterator[TrainEvent]:
        while not self._is_over:
            self._control.wait_if_paused()
            if not self._folder.is_followed:  # what is wished is taken once, by the process that keeps the run
                for notice in take_wishes(self._folder.path, self._control):
                    self._folder.tell(notice)
            event = next(source, None)
            if event is None:
                raise RuntimeError("the trainer ended without saying how")
            self._step = event.step
            if isinstance(event, Progress):
                self._notice_phase(event)
            elif not isinstance(event, CheckpointSaved):
                self._folder.append(event)
            self._is_over = isinstance(event, RunFinished)
            for notice in self._folder.take_notices() if not self._is_over else ():
                self._folder.append(notice)
                yield notice
            yield event

    def end(self, outcome: str, message: str) -> RunFinished:
        """The last event where the trainer gave none."""
        finished = RunFinished(self._step, "stopped" if outcome == "stopped" else "failed", message)
        if not self._is_over:
            self._is_over = True
            try:
                self._folder.append(finished)
            except RunError as error:  # nothing is left to tell it to but whoever listens
                return RunFinished(self._step, finished.outcome, f"{message} ({error})")
        return finished

    def _notice_phase(self, event: Progress) -> None:
        phase = f"{event.step} {event.phase}"
        if phase != self._phase:
            self._phase = phase
            self._control.phase_began()


def failure(error: Exception, folder: RunFolder) -> str:
    """What went wrong, in words; what nobody foresaw also leaves its traceback in the run folder."""
    if isinstance(error, StudioError):
        return str(error)
    if is_out_of_memory(error):
        return _memory_words(folder)
    if _is_device(error):
        return (
            f"The device stopped answering ({str(error).strip().splitlines()[0]}). The last checkpoint is kept. "
            "Start the program again and resume the run, with device cpu if the device does not come back."
        )
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        return str(in_words(error, folder.path, "what came next"))
    lines = str(error).strip().splitlines()
    what = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
    return f"{what}. {_keep_traceback(error, folder)}"


def _is_device(error: Exception) -> bool:
    """Whether the GPU stopped answering. A failed assertion on it is a fault of the program and none of the device."""
    said = str(error)
    return isinstance(error, RuntimeError) and any(w in said for w in _NO_DEVICE) and "device-side assert" not in said


def _memory_words(folder: RunFolder) -> str:
    settings = stage_settings(folder.spec)
    whole = getattr(settings, "minibatch_size", 0) or getattr(settings, "batch_size", 0)
    micro_batch = settings.micro_batch or whole
    kept = "The last checkpoint is kept."
    if micro_batch > 1:
        return (
            f"The memory is exhausted (micro-batch {micro_batch}). {kept} "
            f"Resume with micro_batch {micro_batch // 2}: it needs half of it, and the result is the same."
        )
    return (
        f"The memory is exhausted (micro-batch {micro_batch}). {kept} "
        "Close other programs and resume, or start a run with a smaller model or shorter texts."
    )


def _keep_traceback(error: Exception, folder: RunFolder) -> str:
    path = folder.path / CRASH_FILE
    try:
        with path.open("a", encoding="utf-8") as file:
            file.write(f"--- {datetime.now(UTC).isoformat(timespec='seconds')}\n")
            file.writelines(traceback.format_exception(error))
    except OSError as trouble:
        return f"This should not happen, and the details could not be written to {path} ({trouble.strerror})."
    return f"This should not happen; the details are in {path}, please report them."
