"""The log file: faults and warnings of this and earlier sessions, in a few files of bounded size."""

import logging
import tempfile
from logging.handlers import RotatingFileHandler
from pathlib import Path

from rlhf_studio.paths import data_dir

LOGGER = "rlhf_studio"
FILE = "rlhf-studio.log"
MOST_BYTES = 1_000_000
KEPT_FILES = 3
_FORMAT = "%(asctime)s %(levelname)s %(threadName)s %(message)s"


def log_file() -> Path:
    """Where faults are written: the user's data folder, or the temporary one if that cannot be written."""
    temporary = Path(tempfile.gettempdir())
    for folder in (data_dir() / "logs", temporary / "rlhf-studio-logs"):
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError:
            continue
        return folder / FILE
    return temporary / FILE


def start_logging() -> Path:
    """Write what the program logs into ``log_file()`` from now on; doing so twice changes nothing."""
    logger = logging.getLogger(LOGGER)
    for handler in _handlers(logger):
        return Path(handler.baseFilename)
    handler = RotatingFileHandler(
        log_file(),
        maxBytes=MOST_BYTES,
        backupCount=KEPT_FILES - 1,
        encoding="utf-8",
        errors="backslashreplace",
        delay=True,
    )
    handler.setFormatter(logging.Formatter(_FORMAT))
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    return Path(handler.baseFilename)


def stop_logging() -> None:
    """Close the log file."""
    logger = logging.getLogger(LOGGER)
    for handler in _handlers(logger):
        logger.removeHandler(handler)
        handler.close()


def last_lines(count: int) -> tuple[str, ...]:
    """The newest lines of the log, oldest first; none where there is no log."""
    try:
        text = log_file().read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ()
    return tuple(text.splitlines()[-count:])


def _handlers(logger: logging.Logger) -> list[RotatingFileHandler]:
    return [handler for handler in logger.handlers if isinstance(handler, RotatingFileHandler)]
