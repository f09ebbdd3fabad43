"""What a person says about a run: its name and a comment, in a file of their own that nothing else writes."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from rlhf_studio.errors import RunError
from rlhf_studio.jobs.files import explained, write_whole

ABOUT_FILE = "about.json"


@dataclass(frozen=True, slots=True)
class About:
    """Empty where a person has said nothing; the run then has the title that it was started with."""

    title: str = ""
    comment: str = ""


def read_about(run: Path) -> About:
    """What was said about the run in this folder.

    Raises:
        RunError: If the file is damaged.
    """
    path = run / ABOUT_FILE
    try:
        values = json.loads(path.read_bytes())
        return About(str(values["title"]), str(values["comment"]))
    except FileNotFoundError:
        return About()
    except OSError as error:
        raise RunError(f"The file {path} cannot be read ({error.strerror}). Check the disk and permissions.") from error
    except (ValueError, KeyError, TypeError) as error:
        raise RunError(
            f"The file {path} is damaged ({error!r}), so the run's own name and comment are lost. "
            "Name the run anew to replace it."
        ) from error


def write_about(run: Path, about: About) -> None:
    """Keep what a person says about a run; it may be going on meanwhile.

    Raises:
        RunError: If it cannot be written.
    """
    content = json.dumps(asdict(about), indent=2, ensure_ascii=False) + "\n"
    with explained(run, "the name"):
        write_whole(run / ABOUT_FILE, content.encode(errors="backslashreplace"))
