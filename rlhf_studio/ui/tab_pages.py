"""The tabs of the window: one at once, the others after the first paint, one per turn of the event loop."""

from collections.abc import Callable, Iterator
from functools import partial
from importlib import import_module

from PySide6.QtCore import QSize, QTimer, Signal
from PySide6.QtGui import QPaintEvent
from PySide6.QtWidgets import QTabWidget, QVBoxLayout, QWidget

from rlhf_studio.ui.icons import icon
from rlhf_studio.ui.session import Session
from rlhf_studio.ui.tabs.tab import GoTo, Tab

TABS: dict[str, str] = {  # name -> class, in the order of the loop
    "prompts": "rlhf_studio.ui.tabs.prompts_tab.PromptsTab",
    "write": "rlhf_studio.ui.tabs.write_tab.WriteTab",
    "rank": "rlhf_studio.ui.tabs.rank_tab.RankTab",
    "labels": "rlhf_studio.ui.tabs.labels_tab.LabelsTab",
    "train": "rlhf_studio.ui.tabs.train_tab.TrainTab",
    "runs": "rlhf_studio.ui.tabs.runs_tab.RunsTab",
    "compare": "rlhf_studio.ui.tabs.compare_tab.CompareTab",
}


UNPAINTED_MS = 500  # a window that starts minimized is not painted; its tabs are built nevertheless


class _Page(QWidget):
    """Holds a tab, or its place until it is built."""

    def __init__(self, name: str) -> None:
        super().__init__()
        self.name = name
        self.tab: Tab | None = None
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)

    def fill(self, tab: Tab) -> None:
        self.tab = tab
        self._layout.addWidget(tab)


class TabPages(QTabWidget):
    """The tabs, from Write to Compare."""

    built = Signal(str)  # name of a tab that is there from now on
    all_built = Signal()
    go_to_requested = Signal(object)  # GoTo, from any tab

    def __init__(self, session: Session, titles: dict[str, str], icons: dict[str, str], parent: QWidget) -> None:
        super().__init__(parent)
        self._session = session
        self._icons = icons
        self._pages = {name: _Page(name) for name in TABS}
        self.setDocumentMode(True)
        self.tabBar().setDrawBase(False)  # its line would run behind the corner at another height
        self.setIconSize(QSize(18, 18))
        for name, page in self._pages.items():
            self.addTab(page, titles[name])
            self.setTabToolTip(self.count() - 1, titles[name])
        session.theme.changed.connect(self._on_theme_changed)
        self.currentChanged.connect(self._on_current_changed)
        self._on_theme_changed()
        self._waiting: Iterator[Callable[[], object]] = iter(())
        self._timer = QTimer(self)
        self._timer.timeout.connect(self._on_turn)

    def open(self, first: str) -> None:
        """Build the tab to be seen now and, after the first paint, the others."""
        self._session.is_opening = True
        self.tab(first)
        self.setCurrentWidget(self._pages[first])
        self._waiting = self._rest(first)
        self._timer.start(UNPAINTED_MS)

    def tab(self, name: str) -> Tab:
        """A tab by its name; builds it if it is not there yet."""
        page = self._pages[name]
        if page.tab is not None:
            return page.tab
        tab = self._build(name)
        page.fill(tab)
        self.built.emit(name)
        return tab

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        super().paintEvent(event)
        self._timer.setInterval(0)  # does not start it

    def current(self) -> Tab:
        """The tab on screen."""
        return self.tab(self.current_name())

    def current_name(self) -> str:
        """The name of the tab on screen."""
        return next(name for name, page in self._pages.items() if page is self.currentWidget())

    def show_tab(self, target: GoTo) -> None:
        """Bring a tab to the front and show there what was asked for."""
        tab = self.tab(target.tab)
        self.setCurrentWidget(self._pages[target.tab])
        tab.go_to(target)

    def existing(self) -> list[Tab]:
        """The tabs that are built."""
        return [page.tab for page in self._pages.values() if page.tab is not None]

    def _build(self, name: str) -> Tab:
        module, _, class_name = TABS[name].rpartition(".")
        make: Callable[[Session], Tab] = getattr(import_module(module), class_name)
        tab = make(self._session)
        tab.go_to_requested.connect(self.go_to_requested)
        return tab

    def _rest(self, first: str) -> Iterator[Callable[[], object]]:
        """What is left to build, in portions of one turn."""
        for name in (first, *(name for name in TABS if name != first)):
            yield partial(self.tab, name)
            yield self.tab(name).finish

    def _on_turn(self) -> None:
        step = next(self._waiting, None)
        if step is None:
            self._timer.stop()
            self._session.is_opening = False
            self.all_built.emit()
            self._session.opened.emit()
            return
        self._timer.setInterval(0)
        step()

    def _on_current_changed(self, index: int) -> None:
        if index >= 0:
            self.tab(self.current_name())

    def _on_theme_changed(self) -> None:
        colour = self._session.theme.colours.muted
        for index, name in enumerate(TABS):
            self.setTabIcon(index, icon(self._icons[name], colour))
