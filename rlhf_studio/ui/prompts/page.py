"""The page of the library: search and filters, the table, what is chosen in it, and the use cases beside it."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QMenu, QSplitter, QStackedWidget, QVBoxLayout, QWidget

from rlhf_studio.ui.itemmodels.library import LibraryModel
from rlhf_studio.ui.prompts.edit_bar import EditBar
from rlhf_studio.ui.prompts.filters import LibraryFilters
from rlhf_studio.ui.prompts.reading import ReadingPanel
from rlhf_studio.ui.prompts.table import LibraryTable
from rlhf_studio.ui.prompts.use_case_panel import UseCasePanel
from rlhf_studio.ui.session import Session
from rlhf_studio.ui.widgets.parts import GRID, Button, EmptyState, row
from rlhf_studio.ui.widgets.text import PlainLabel

_SIDE, _READING = "prompts/side", "prompts/reading"  # of the splitters
_SIDE_PX, _READING_PX = 288, 150


class PromptsPage(QWidget):
    """Only the parts and where they are; what they do to the project is the tab's.

    Attributes:
        new_menu: What can be made here: builders of prompts add an action each.
    """

    plain_requested = Signal()  # a prompt without a builder

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._preferences = session.preferences
        self.model = LibraryModel(session.store, self)
        self.filters = LibraryFilters(session.store)
        self.table = LibraryTable(self.model)
        self.bar = EditBar(session)
        self.reading = ReadingPanel(session)
        self.use_cases = UseCasePanel(session.theme)
        self.shown = PlainLabel("", "muted")
        self.new = Button(self.tr("New"), self.tr("Make new prompts"), "primary", "mdi6.plus", session.theme)
        self.new_menu = QMenu(self.new)
        self.plain = self.new_menu.addAction(self.tr("Plain prompt"))
        self.plain.triggered.connect(self.plain_requested)
        self.new.setMenu(self.new_menu)
        self.new.setAccessibleName(self.tr("New prompts"))
        self.quality = Button(
            self.tr("Quality\u2026"),
            self.tr("Look for duplicates, authors with too many prompts, and authors in two splits"),
            "",
            "mdi6.magnify-scan",
            session.theme,
        )
        self.empty = EmptyState(
            self.tr("No prompts yet"),
            self.tr("Prompts are what people ask of the model. Write one, or open the example to see some."),
            self.tr("Write a prompt"),
        )
        self.nothing = EmptyState("", self.tr("No prompt fits."), self.tr("Clear filters"))
        self._lay_out()
        self.bar.show_count(0)

    def show_state(self) -> None:
        """Choose between the table and a sentence on why it is empty."""
        found, everything = len(self.model.ids), sum(self.model.counts.values())
        is_empty = not found and self.filters.is_empty
        self._stack.setCurrentWidget(self.empty if is_empty else self._full)
        self._rows.setCurrentWidget(self.table if found else self.nothing)
        self.use_cases.show_counts(self.model.counts)
        self.use_cases.choose(self.model.query.use_case)
        if found < everything:
            words = self.tr("{found} of {all}").format(found=f"{found:,}", all=f"{everything:,}")
        else:
            words = self.tr("1 prompt") if found == 1 else self.tr("{count} prompts").format(count=f"{found:,}")
        self.shown.setText(words)

    def keep_state(self) -> None:
        """Keep where the splitters are."""
        self._preferences.keep_state(_SIDE, self._side.saveState())
        self._preferences.keep_state(_READING, self._below.saveState())

    def _lay_out(self) -> None:
        self._rows = QStackedWidget()
        self._rows.addWidget(self.table)
        self._rows.addWidget(self.nothing)
        upper = QWidget()
        column = QVBoxLayout(upper)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID)
        column.addWidget(self._rows, 1)
        column.addWidget(self.bar)
        self._below = _splitter(Qt.Orientation.Vertical, upper, self.reading, _READING_PX)
        self._below.restoreState(self._preferences.state(_READING))
        left = QWidget()
        column = QVBoxLayout(left)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID)
        head = row(self.filters.search, self.shown, self.quality, self.new, spacing=2 * GRID)
        head.setStretch(0, 1)
        column.addLayout(head)
        column.addWidget(self.filters)
        column.addWidget(self._below, 1)
        self._side = _splitter(Qt.Orientation.Horizontal, left, self.use_cases, _SIDE_PX)
        self._side.restoreState(self._preferences.state(_SIDE))
        self._full = self._side
        self._stack = QStackedWidget()
        self._stack.addWidget(self._full)
        self._stack.addWidget(self.empty)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, GRID)
        layout.addWidget(self._stack)


def _splitter(orientation: Qt.Orientation, large: QWidget, small: QWidget, small_px: int) -> QSplitter:
    splitter = QSplitter(orientation)
    splitter.addWidget(large)
    splitter.addWidget(small)
    splitter.setStretchFactor(0, 1)
    splitter.setStretchFactor(1, 0)
    splitter.setChildrenCollapsible(False)
    splitter.setHandleWidth(2 * GRID)
    splitter.setSizes([4 * small_px, small_px])
    return splitter
