"""Labels: what was labeled by whom, to look at, to correct and to take back; one page at a time."""

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QButtonGroup, QHBoxLayout, QPushButton, QStackedWidget, QVBoxLayout, QWidget

from rlhf_studio.store.database import Changes
from rlhf_studio.ui.labels.agreement_page import AgreementPage
from rlhf_studio.ui.labels.bias_page import BiasPage
from rlhf_studio.ui.labels.history import HistoryPage
from rlhf_studio.ui.labels.measuring import Measuring
from rlhf_studio.ui.labels.pace_page import PacePage
from rlhf_studio.ui.labels.page import LabelsPage
from rlhf_studio.ui.session import Session
from rlhf_studio.ui.tabs.tab import GoTo, Tab
from rlhf_studio.ui.widgets.parts import GRID, Button, row

_PAGE = "labels/page"


class LabelsTab(Tab):
    """A row of chips, and the page of the chosen one."""

    name = "labels"

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self.pages: dict[str, LabelsPage] = {}
        self.chips: dict[str, Button] = {}
        self._stale: set[str] = set()
        self._group = QButtonGroup(self)
        self._chip_row: QHBoxLayout = row(None)
        self._stack = QStackedWidget()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * GRID, GRID, 2 * GRID, GRID)
        layout.setSpacing(GRID)
        layout.addLayout(self._chip_row)
        layout.addWidget(self._stack, 1)
        self.history = HistoryPage(session)
        self.add_page("history", self.tr("History"), self.history, self.tr("Every label, the newest first"))
        self.add_page("pace", self.tr("Pace"), PacePage(session), self.tr("How long rankings take, by labeler"))
        measuring = Measuring(session, self)
        agreement, bias = AgreementPage(session, measuring), BiasPage(session, measuring)
        self.add_page("agreement", self.tr("Agreement"), agreement, self.tr("How far labelers agree, and contradict"))
        self.add_page("bias", self.tr("Bias"), bias, self.tr("What the answers that win have in common"))
        session.store_changed.connect(self._on_session_store_changed)
        self.show_page(session.preferences.value(_PAGE, "history"))

    # --- pages

    def add_page(self, name: str, title: str, page: LabelsPage, tip: str = "") -> None:
        """Add a page behind a chip of its own; it is read when it is seen first.

        Args:
            name: Stable, to remember which page was seen last.
            title: The chip's words, translated.
            page: Says by ``tables`` what it shows.
            tip: The chip's tooltip, translated.
        """
        chip = Button(title, tip or title, "chip")
        chip.setCheckable(True)
        chip.setObjectName(name)
        chip.clicked.connect(self._on_chip_clicked)
        self._group.addButton(chip)
        self._chip_row.insertWidget(len(self.chips), chip)
        self._stack.addWidget(page)
        page.go_to_requested.connect(self.go_to_requested)
        self.pages[name], self.chips[name] = page, chip
        self._stale.add(name)

    def show_page(self, name: str) -> None:
        """Bring a page to the front; one that is not there is the first."""
        name = name if name in self.pages else next(iter(self.pages))
        self.chips[name].setChecked(True)
        self._stack.setCurrentWidget(self.pages[name])
        self.session.preferences.keep(_PAGE, name)
        self._read()

    def current_name(self) -> str:
        """The name of the page in front."""
        return next(name for name, page in self.pages.items() if page is self._stack.currentWidget())

    # --- what the window asks

    def title(self) -> str:
        return self.tr("Labels")

    def icon_name(self) -> str:
        return "mdi6.tag-multiple-outline"

    def primary_button(self) -> QPushButton | None:
        return self.chips[self.current_name()]

    def go_to(self, target: GoTo) -> None:
        """Show one label in the history."""
        if target.prompt_id is not None or target.ranking_id is not None:
            self.show_page("history")
            self.history.go_to(target)

    def reload(self) -> None:
        self._read()
        self.pages[self.current_name()].take_keys()

    # --- inside

    def _read(self) -> None:
        """Read the page in front if it is seen and something of it has changed."""
        name = self.current_name()
        if self.isVisible() and name in self._stale:
            self._stale.discard(name)
            self.pages[name].reload()

    def _on_chip_clicked(self) -> None:
        self.show_page(self.sender().objectName())

    def _on_session_store_changed(self, changes: Changes, _origin: QObject | None) -> None:
        self._stale |= {name for name, page in self.pages.items() if page.tables & changes.tables}
        self._read()
