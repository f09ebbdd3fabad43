"""Above the library: words to search for, and one box for each thing that prompts can be narrowed down by."""

from collections.abc import Iterable, Mapping
from typing import Any

from PySide6.QtCore import QSignalBlocker, QSize, QTimer, Signal
from PySide6.QtGui import QFocusEvent, QFont, QFontMetrics
from PySide6.QtWidgets import QComboBox, QLineEdit, QSizePolicy, QVBoxLayout, QWidget

from rlhf_studio.errors import StudioError
from rlhf_studio.schema import PURPOSES, SPLITS, USE_CASES, UseCase
from rlhf_studio.store.project import Store
from rlhf_studio.store.prompt_list import PromptQuery
from rlhf_studio.ui.prompts.words import purpose_word, source_word, split_word
from rlhf_studio.ui.use_cases import use_case_word
from rlhf_studio.ui.widgets.parts import GRID, Button
from rlhf_studio.ui.widgets.text import set_look
from rlhf_studio.ui.write.flow import FlowLayout

SEARCH_MS = 80  # from the last key to the search
_MOST_NAMES = 300  # authors or tags in a box
_EDGES_PX = 44  # of a box, around its words


class FilterBox(QComboBox):
    """One thing to narrow down by; its first entry is what it is called, and lets everything through."""

    chosen = Signal()  # by the person
    about_to_choose = Signal()  # its entries may be read now

    def __init__(self, name: str, everything: str, entries: Iterable[tuple[str, Any]], tip: str) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setAccessibleName(tip)
        self.setToolTip(tip)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Fixed)
        self.setMaxVisibleItems(14)
        self.addItem(everything, None)
        for word, value in entries:
            self.addItem(word, value)
        self.currentIndexChanged.connect(self._on_current_index_changed)
        self.activated.connect(self.chosen)

    @property
    def value(self) -> Any:
        """What is asked for; None is everything."""
        return self.currentData()

    def choose(self, value: Any) -> None:
        """Ask for something without telling; what is not among the entries is added."""
        place = next((i for i in range(self.count()) if self.itemData(i) == value), -1)
        if place < 0:
            self.addItem(str(value), value)
            place = self.count() - 1
        self.setCurrentIndex(place)

    def set_entries(self, entries: Iterable[tuple[str, Any]]) -> None:
        """Offer other entries, keeping what is asked for."""
        value = self.value
        blocker = QSignalBlocker(self)
        while self.count() > 1:
            self.removeItem(1)
        for word, one in entries:
            self.addItem(word, one)
        self.choose(value)
        blocker.unblock()

    def sizeHint(self) -> QSize:  # noqa: N802
        """As wide as what it shows: as wide as its longest entry, eight boxes would need two lines."""
        font = QFont(self.font())
        font.setWeight(QFont.Weight.DemiBold)
        return QSize(QFontMetrics(font).horizontalAdvance(self.currentText()) + _EDGES_PX, super().sizeHint().height())

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        return self.sizeHint()

    def showPopup(self) -> None:  # noqa: N802
        self.about_to_choose.emit()
        self.view().setMinimumWidth(self.view().sizeHintForColumn(0) + _EDGES_PX)
        super().showPopup()

    def focusInEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        self.about_to_choose.emit()  # the arrow keys choose without a list
        super().focusInEvent(event)

    def _on_current_index_changed(self, index: int) -> None:
        set_look(self, "chosen" if index > 0 else "")
        self.updateGeometry()


class LibraryFilters(QWidget):
    """Search and boxes; tells when other prompts are wanted."""

    changed = Signal()
    failed = Signal(str)  # the project could not be read: a sentence to show

    def __init__(self, store: Store, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._store = store
        self.search = QLineEdit()
        self.search.setPlaceholderText(self.tr("Search prompts"))
        self.search.setClearButtonEnabled(True)
        self.search.setAccessibleName(self.tr("Search prompts"))
        self.search.setToolTip(self.tr("Show prompts that contain this text, in any turn"))
        self.boxes = {box.objectName(): box for box in self._make_boxes()}
        self.clear = Button(self.tr("Clear filters"), self.tr("Show every prompt again"), "link")
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(SEARCH_MS)
        self._last = PromptQuery()
        flow = QWidget()
        line = FlowLayout(flow, GRID)
        for widget in (*self.boxes.values(), self.clear):
            line.addWidget(widget)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID)
        layout.addWidget(flow)
        self._connect()
        self._note()

    @property
    def query(self) -> PromptQuery:
        """Which prompts are wanted."""
        values = {name: box.value for name, box in self.boxes.items()}
        return PromptQuery(text=self.search.text().strip(), **values)

    @property
    def is_empty(self) -> bool:
        """Whether every prompt is wanted."""
        return self.query == PromptQuery()

    def choose_use_case(self, use_case: UseCase | None) -> None:
        """Ask for one use case, or for all."""
        self.boxes["use_case"].choose(use_case)
        self.apply()

    def give_up(self) -> None:
        """Ask for every prompt."""
        blocker = QSignalBlocker(self.search)
        self.search.clear()
        blocker.unblock()
        for box in self.boxes.values():
            box.choose(None)
        self.apply()

    def apply(self) -> None:
        """Tell at once if other prompts are wanted than were last."""
        self._timer.stop()
        if self.query != self._last:
            self._note()
            self.changed.emit()

    def _note(self) -> None:
        self._last = self.query
        self.clear.setVisible(not self.is_empty)

    def _make_boxes(self) -> tuple[FilterBox, ...]:
        sources = [(source_word(one), one) for one in ("plain", "few_shot", "user_based")]
        demonstrated = [(self.tr("Demonstrated"), True), (self.tr("Not demonstrated"), False)]
        ranked = [(self.tr("Ranked"), True), (self.tr("Not ranked"), False)]
        return (
            FilterBox(
                "use_case",
                self.tr("Use case"),
                [(use_case_word(one), one) for one in USE_CASES],
                self.tr("Only prompts of one use case"),
            ),
            FilterBox("source", self.tr("Source"), sources, self.tr("Only prompts from one source")),
            FilterBox(
                "split",
                self.tr("Split"),
                [(split_word(one), one) for one in SPLITS],
                self.tr("Only prompts to train on, or only held-out ones"),
            ),
            FilterBox(
                "is_demonstrated",
                self.tr("Demonstrations"),
                demonstrated,
                self.tr("Only prompts with, or without, a demonstration"),
            ),
            FilterBox("is_ranked", self.tr("Rankings"), ranked, self.tr("Only prompts with, or without, a ranking")),
            FilterBox(
                "purpose",
                self.tr("Purpose"),
                [(purpose_word(one), one) for one in PURPOSES],
                self.tr("Only prompts for one purpose"),
            ),
            FilterBox("tag", self.tr("Tag"), [], self.tr("Only prompts with one tag")),
            FilterBox("author", self.tr("Author"), [], self.tr("Only prompts by one author")),
        )

    def _connect(self) -> None:
        self._timer.timeout.connect(self.apply)
        self.search.textChanged.connect(self._timer.start)
        self.search.returnPressed.connect(self.apply)
        self.clear.clicked.connect(self.give_up)
        for box in self.boxes.values():
            box.chosen.connect(self.apply)
        self.boxes["tag"].about_to_choose.connect(self._on_tag_about_to_choose)
        self.boxes["author"].about_to_choose.connect(self._on_author_about_to_choose)

    def _on_tag_about_to_choose(self) -> None:
        try:
            self.boxes["tag"].set_entries(_counted(self._store.tags()))
        except StudioError as error:
            self.failed.emit(str(error))

    def _on_author_about_to_choose(self) -> None:
        try:
            found = self._store.prompt_authors()
        except StudioError as error:
            self.failed.emit(str(error))
            return
        nobody = self.tr("(no name)")
        self.boxes["author"].set_entries(
            (word.format(nobody) if not name else word, name) for word, name in _counted(found, "{}")
        )


def _counted(found: Mapping[str, int], nameless: str = "") -> list[tuple[str, str]]:
    """Names with how many prompts each has, as entries of a box."""
    return [(f"{name or nameless}  {count:,}", name) for name, count in list(found.items())[:_MOST_NAMES]]
