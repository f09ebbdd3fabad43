"""The menus: every act of the window that belongs to no single tab, with its key."""

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtGui import QAction
from PySide6.QtWidgets import QMainWindow, QMenu

from rlhf_studio.ui.keys.acts import WINDOW, Act
from rlhf_studio.ui.keys.keymap import KeyHelp, Keymap


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a menu; without words it is a line between groups."""

    name: str = ""  # stable id
    words: str = ""  # translated, with & before its letter
    keys: str | tuple[str, ...] = ""  # by default; a person may change them
    act: Callable[[], object] | None = None
    tip: str = ""


class Menus:
    """Builds menus of entries, each an act with a key or without, and finds their actions again."""

    def __init__(self, window: QMainWindow, keymap: Keymap) -> None:
        self._window, self._keymap = window, keymap
        self.actions: dict[str, QAction] = {}

    def add(self, title: str, entries: list[Entry]) -> QMenu:
        """Add one menu to the bar."""
        menu = self._window.menuBar().addMenu(title)
        self._keymap.declare(*(_act_of(entry) for entry in entries if entry.words))
        for entry in entries:
            if not entry.words:
                menu.addSeparator()
                continue
            action = QAction(entry.words, self._window)
            action.setObjectName(entry.name)
            action.setToolTip(entry.tip or entry.words.replace("&", ""))
            self._keymap.follow(action, f"{WINDOW}.{entry.name}")
            if entry.act is not None:
                action.triggered.connect(entry.act)
            menu.addAction(action)
            self.actions[entry.name] = action
        return menu

    def key_help(self) -> tuple[KeyHelp, ...]:
        """Every act of the window that has a key."""
        return self._keymap.help(WINDOW)


def _act_of(entry: Entry) -> Act:
    keys = (entry.keys,) if isinstance(entry.keys, str) else entry.keys
    return Act(f"{WINDOW}.{entry.name}", entry.words.replace("&", ""), tuple(key for key in keys if key))
