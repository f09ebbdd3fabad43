"""Every failure in one sentence; what nobody foresaw also goes to a log file with its traceback."""

import errno
import sys
import traceback
from datetime import UTC, datetime

from rlhf_studio.errors import StudioError

UNEXPECTED = 1


def explain(error: Exception) -> tuple[str, int]:
    """A sentence fit to show, and the exit code."""
    if isinstance(error, StudioError):
        return str(error), error.exit_code
    sentence = _known(error)
    if sentence:
        return sentence, UNEXPECTED
    first_line = (str(error).strip().splitlines() or [""])[0]
    what = f"{type(error).__name__}: {first_line}" if first_line else type(error).__name__
    return f"Something went wrong that should not: {what[:300]}. {_where_logged(error)}", UNEXPECTED


def _known(error: Exception) -> str:
    """Failures of the machine that need no traceback."""
    torch = sys.modules.get("torch")  # not imported for this: without torch there is no such failure
    if isinstance(error, MemoryError) or (torch is not None and isinstance(error, torch.OutOfMemoryError)):
        return (
            "The machine's memory is exhausted. Set a smaller --micro-batch (the result stays the same), "
            "or a smaller --batch-size; 'rlhf-studio resume' goes on from the last checkpoint."
        )
    if isinstance(error, OSError) and error.errno in {errno.ENOSPC, errno.EDQUOT}:
        where = f" where '{error.filename}' should lie" if error.filename else ""
        return f"The disk is full{where}. Make room; 'rlhf-studio resume' goes on from the last checkpoint."
    if isinstance(error, OSError) and error.errno in {errno.EACCES, errno.EROFS, errno.EPERM}:
        return f"'{error.filename}' may not be read or written. Choose another folder, or change its permissions."
    return ""


def _where_logged(error: Exception) -> str:
    from rlhf_studio.jobs.logs import log_file

    try:
        path = log_file()
        with path.open("a", encoding="utf-8") as stream:
            stream.write(f"--- {datetime.now(UTC).isoformat(timespec='seconds')} {' '.join(sys.argv)}\n")
            stream.writelines(traceback.format_exception(error))
    except OSError as failure:
        return f"The details could not be written to a log: {failure.strerror}."
    return f"The details are in {path}; please report them."
