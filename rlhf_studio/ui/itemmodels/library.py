"""The library as a table: every prompt that fits has a row, and only rows on screen are read."""

from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

from rlhf_studio.errors import StudioError
from rlhf_studio.schema import USE_CASES, UseCase
from rlhf_studio.store.project import Store
from rlhf_studio.store.prompt_list import PromptItem, PromptQuery
from rlhf_studio.ui.itemmodels.prompts import one_line
from rlhf_studio.ui.prompts.words import source_word, split_word
from rlhf_studio.ui.use_cases import use_case_word
from rlhf_studio.ui.widgets.text import tool_tip

PAGE = 50  # rows read at once: two screens
KEPT_PAGES = 80  # those looked at longest ago are forgotten
TEXT, USE_CASE, SOURCE, SPLIT, TAGS, DEMONSTRATIONS, RANKINGS, AUTHOR = range(8)
COLUMNS = 8
_NUMBERS = {DEMONSTRATIONS, RANKINGS}
_TIP_CHARACTERS = 600
_ROOT = QModelIndex()
_Index = QModelIndex | QPersistentModelIndex


class LibraryModel(QAbstractTableModel):
    """The prompts that fit a query, oldest first. ``counts`` is of all use cases, whichever the query names."""

    failed = Signal(str)  # the project could not be read: a sentence to show

    def __init__(self, store: Store, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store = store
        self._query = PromptQuery()
        self._ids: list[int] = []
        self._pages: OrderedDict[int, dict[int, PromptItem]] = OrderedDict()
        self.counts: Mapping[UseCase, int] = dict.fromkeys(USE_CASES, 0)

    @property
    def query(self) -> PromptQuery:
        """Which prompts are listed."""
        return self._query

    @property
    def ids(self) -> Sequence[int]:
        """Of all that fit, in the order of the rows."""
        return self._ids

    def show_only(self, query: PromptQuery) -> None:
        """List other prompts."""
        self._query = query
        self._reset(self._read_ids())

    def reload(self) -> None:
        """Read anew; where the same prompts fit, rows, selection and place stay."""
        ids = self._read_ids()
        if ids != self._ids:
            self._reset(ids)
            return
        self._pages.clear()
        if ids:
            self.dataChanged.emit(self.index(0, 0), self.index(len(ids) - 1, COLUMNS - 1))

    def rowCount(self, parent: _Index = _ROOT) -> int:  # noqa: N802
        return 0 if parent.isValid() else len(self._ids)

    def columnCount(self, parent: _Index = _ROOT) -> int:  # noqa: N802
        return 0 if parent.isValid() else COLUMNS

    def headerData(  # noqa: N802
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> Any:
        if orientation != Qt.Orientation.Horizontal or section >= COLUMNS:
            return None
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(section)
        if role == Qt.ItemDataRole.DisplayRole:
            return self._heads()[section][0]
        return self._heads()[section][1] if role == Qt.ItemDataRole.ToolTipRole else None

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role == Qt.ItemDataRole.TextAlignmentRole:
            return _alignment(index.column())
        is_asked = index.isValid() and role in {Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole}
        item = self.item(index.row()) if is_asked else None
        if item is None:
            return None
        return _text(item, index.column()) if role == Qt.ItemDataRole.DisplayRole else _tip(item, index.column())

    def item(self, row: int) -> PromptItem | None:
        """The prompt of a row, read with its neighbours if it was not yet; None past the end."""
        if not 0 <= row < len(self._ids):
            return None
        number = row // PAGE
        if number not in self._pages:
            self._pages[number] = self._read_page(number)
            while len(self._pages) > KEPT_PAGES:
                self._pages.popitem(last=False)
        self._pages.move_to_end(number)
        return self._pages[number].get(self._ids[row])

    def row_of(self, prompt_id: int) -> int | None:
        """Where a prompt stands; None if it does not fit."""
        row = bisect_left(self._ids, prompt_id)
        return row if row < len(self._ids) and self._ids[row] == prompt_id else None

    def _read_ids(self) -> list[int]:
        try:
            found = self._store.list_prompts(self._query)
        except StudioError as error:
            self.failed.emit(str(error))
            return []
        self.counts = found.counts
        return found.ids

    def _read_page(self, number: int) -> dict[int, PromptItem]:
        try:
            items = self._store.prompt_items(self._ids[number * PAGE : (number + 1) * PAGE])
        except StudioError as error:
            self.failed.emit(str(error))
            return {}
        return {item.id: item for item in items}

    def _reset(self, ids: list[int]) -> None:
        self.beginResetModel()
        self._ids = ids
        self._pages.clear()
        self.endResetModel()

    def _heads(self) -> tuple[tuple[str, str], ...]:
        """Title and explanation of each column."""
        return (
            (self.tr("Prompt"), self.tr("The last turn of the prompt")),
            (self.tr("Use case"), self.tr("What kind of task it is")),
            (self.tr("Source"), self.tr("Plain, few-shot, or made from the description of a use case")),
            (self.tr("Split"), self.tr("Trained on, or held out")),
            (self.tr("Tags"), self.tr("Your own words for it")),
            (self.tr("Demos"), self.tr("Demonstrations: answers written by people")),
            (self.tr("Rankings"), self.tr("Rankings of sampled answers")),
            (self.tr("Author"), self.tr("Who wrote the prompt")),
        )


def _text(item: PromptItem, column: int) -> str:
    if column == TEXT:
        return one_line(item.text)
    if column in _NUMBERS:
        count = item.demonstrations if column == DEMONSTRATIONS else item.rankings
        return str(count) if count else "–"  # noqa: RUF001  a dash is quieter than a column of noughts
    return {
        USE_CASE: use_case_word(item.use_case),
        SOURCE: source_word(item.source),
        SPLIT: split_word(item.split),
        TAGS: ", ".join(item.tags),
        AUTHOR: item.author,
    }[column]


def _tip(item: PromptItem, column: int) -> str | None:
    if column == TEXT:
        cut = item.text[:_TIP_CHARACTERS]
        return tool_tip(cut + "…" if len(item.text) > len(cut) else cut)
    return tool_tip(", ".join(item.tags)) if column == TAGS and item.tags else None


def _alignment(column: int) -> Qt.AlignmentFlag:
    side = Qt.AlignmentFlag.AlignHCenter if column in _NUMBERS else Qt.AlignmentFlag.AlignLeft
    return side | Qt.AlignmentFlag.AlignVCenter
