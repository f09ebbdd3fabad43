"""The menus: every act of the window that belongs to no single tab, with its key."""

from collections.abc import Callable
from dataclasses import dataclass

from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QMainWindow, QMenu

from rlhf_studio.ui.tabs.tab import KeyHelp


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a menu; without words it is a line between groups."""

    name: str = ""  # stable id
    words: str = ""  # translated, with & before its letter
    keys: str = ""
    act: Callable[[], object] | None = None
    tip: str = ""


class Menus:
    """Builds menus of entries and finds their actions again."""

    def __init__(self, window: QMainWindow) -> None:
        self._window = window
        self.actions: dict[str, QAction] = {}

    def add(self, title: str, entries: list[Entry]) -> QMenu:
        """Add one menu to the bar."""
        menu = self._window.menuBar().addMenu(title)
        for entry in entries:
            if not entry.words:
                menu.addSeparator()
                continue
            action = QAction(entry.words, self._window)
            action.setObjectName(entry.name)
            action.setToolTip(entry.tip or entry.words.replace("&", ""))
            if entry.keys:
                action.setShortcut(QKeySequence(entry.keys))
            if entry.act is not None:
                action.triggered.connect(entry.act)
            menu.addAction(action)
            self.actions[entry.name] = action
        return menu

    def key_help(self) -> tuple[KeyHelp, ...]:
        """Every action that has a key."""
        return tuple(
            KeyHelp(action.shortcut().toString(QKeySequence.SequenceFormat.NativeText), action.text().replace("&", ""))
            for action in self.actions.values()
            if not action.shortcut().isEmpty()
        )
