"""What the window remembers from one start to the next, in one small file of the user's data folder."""

import getpass
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from PySide6.QtCore import QByteArray, QSettings

from rlhf_studio.jobs.serving import MOST_AGAIN, REPEATED, SHARED
from rlhf_studio.paths import data_dir
from rlhf_studio.ui.theme import ThemeChoice

_KEYS = "keys"
_BETWEEN = " | "  # of two chords: none has blanks around this sign


class Preferences:
    """Typed view of ``window.ini``; a value that makes no sense counts as not set."""

    def __init__(self, path: Path | None = None) -> None:
        self._settings = QSettings(str(path or data_dir() / "window.ini"), QSettings.Format.IniFormat)

    @property
    def theme(self) -> ThemeChoice:
        choice = self._text("theme", "system")
        return cast("ThemeChoice", choice) if choice in {"system", "light", "dark"} else "system"

    @theme.setter
    def theme(self, choice: ThemeChoice) -> None:
        self._settings.setValue("theme", choice)

    @property
    def font_points(self) -> float:
        """Size of all text; 0 is the system's."""
        return self._number("font_points", 0.0)

    @font_points.setter
    def font_points(self, points: float) -> None:
        self._settings.setValue("font_points", points)

    @property
    def language(self) -> str:
        """A language code such as "en"; empty follows the system."""
        return self._text("language", "")

    @language.setter
    def language(self, code: str) -> None:
        self._settings.setValue("language", code)

    @property
    def device(self) -> str:
        """Where models live: auto, cpu, cuda or mps."""
        name = self._text("device", "auto")
        return name if name in {"auto", "cpu", "cuda", "mps"} else "auto"

    @device.setter
    def device(self, name: str) -> None:
        self._settings.setValue("device", name)

    @property
    def threads(self) -> int:
        """CPU threads of tensor work; 0 is one less than there are cores."""
        return max(0, int(self._number("threads", 0)))

    @threads.setter
    def threads(self, count: int) -> None:
        self._settings.setValue("threads", count)

    @property
    def labeler(self) -> str:
        """Who writes and ranks; by default the name of the computer's account."""
        return self._text("labeler", "") or _account()

    @labeler.setter
    def labeler(self, name: str) -> None:
        self._settings.setValue("labeler", name.strip())

    @property
    def shared_percent(self) -> int:
        """Of the sets a labeler is given, how many others have ranked already."""
        return self._percent("shared_percent", round(100 * SHARED))

    @shared_percent.setter
    def shared_percent(self, percent: int) -> None:
        self._settings.setValue("shared_percent", percent)

    @property
    def repeated_percent(self) -> int:
        """Of the sets a labeler is given, how many he has ranked before, without a sign."""
        return self._percent("repeated_percent", round(100 * REPEATED))

    @repeated_percent.setter
    def repeated_percent(self, percent: int) -> None:
        self._settings.setValue("repeated_percent", percent)

    @property
    def last_project(self) -> Path | None:
        text = self._text("last_project", "")
        return Path(text) if text else None

    @last_project.setter
    def last_project(self, folder: Path) -> None:
        self._settings.setValue("last_project", str(folder))

    def state(self, name: str) -> QByteArray:
        """Geometry or splitter state kept under a name; empty if there is none."""
        value = self._settings.value(f"state/{name}")
        return value if isinstance(value, QByteArray) else QByteArray()

    def keep_state(self, name: str, value: QByteArray) -> None:
        self._settings.setValue(f"state/{name}", value)

    def value(self, name: str, default: str = "") -> str:
        """A small setting of one tab, such as the K last used."""
        return self._text(f"tab/{name}", default)

    def keep(self, name: str, value: Any) -> None:
        self._settings.setValue(f"tab/{name}", str(value))

    def keys(self) -> dict[str, tuple[str, ...] | None]:
        """The chords a person chose, by name of the act: portable texts; None where the line is no text."""
        self._settings.beginGroup(_KEYS)
        values = {name: self._settings.value(name) for name in self._settings.allKeys()}
        self._settings.endGroup()
        return {
            name: tuple(part for part in value.split(_BETWEEN) if part) if isinstance(value, str) else None
            for name, value in values.items()
        }

    def keep_keys(self, keys: Mapping[str, Sequence[str]]) -> None:
        """Keep the chords of those acts whose chords a person chose, and of no others."""
        self._settings.remove(_KEYS)
        for name, texts in keys.items():
            self._settings.setValue(f"{_KEYS}/{name}", _BETWEEN.join(texts))
        self.sync()

    def move(self, folder: Path) -> None:
        """Go on in another folder with all that is remembered."""
        moved = QSettings(str(folder / "window.ini"), QSettings.Format.IniFormat)
        for name in self._settings.allKeys():
            moved.setValue(name, self._settings.value(name))
        moved.sync()
        self._settings = moved

    def sync(self) -> None:
        """Write what is not on disk yet."""
        self._settings.sync()

    def _text(self, name: str, default: str) -> str:
        value = self._settings.value(name)
        return value if isinstance(value, str) else default

    def _percent(self, name: str, default: int) -> int:
        percent = self._number(name, default)
        return int(percent) if 0 <= percent <= MOST_AGAIN else default

    def _number(self, name: str, default: float) -> float:
        value = self._settings.value(name)
        try:
            return float(value) if value is not None else default
        except (TypeError, ValueError):
            return default


def _account() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # no account name, as in some containers
        return "me"
