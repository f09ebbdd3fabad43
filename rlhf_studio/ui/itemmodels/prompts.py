"""The prompts of a project as a list that is read page by page."""

from dataclasses import dataclass, replace
from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

from rlhf_studio.errors import StudioError
from rlhf_studio.schema import UseCase
from rlhf_studio.store.project import Store
from rlhf_studio.store.prompt_list import PromptItem
from rlhf_studio.ui.use_cases import use_case_word
from rlhf_studio.ui.widgets.text import tool_tip

PAGE = 200
ItemRole = Qt.ItemDataRole.UserRole + 1  # the PromptItem itself, for delegates
_TIP_CHARACTERS = 600
_ROOT = QModelIndex()
_Index = QModelIndex | QPersistentModelIndex


@dataclass(frozen=True, slots=True)
class PromptFilter:
    """Which prompts are listed: by words in them, by use case, and whether only those without a demonstration."""

    query: str = ""
    use_case: UseCase | None = None
    unlabeled_only: bool = False


class PromptModel(QAbstractListModel):
    """Prompts that fit a filter, those without a demonstration first."""

    failed = Signal(str)  # the project could not be read: a sentence to show

    def __init__(self, store: Store, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store = store
        self._filter = PromptFilter()
        self._items: list[PromptItem] = []
        self._is_complete = True

    @property
    def filter(self) -> PromptFilter:
        return self._filter

    def show_only(self, wanted: PromptFilter) -> None:
        """List other prompts, from the beginning."""
        self._filter = wanted
        self._reset(PAGE)

    def reload(self) -> None:
        """Read as many rows again as were read before."""
        self._reset(max(PAGE, len(self._items)))

    def rowCount(self, parent: _Index = _ROOT) -> int:  # noqa: N802
        return 0 if parent.isValid() else len(self._items)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self._items):
            return None
        item = self._items[index.row()]
        if role == ItemRole:
            return item
        if role == Qt.ItemDataRole.DisplayRole:
            return one_line(item.text)
        if role == Qt.ItemDataRole.ToolTipRole:
            cut = item.text[:_TIP_CHARACTERS]
            return tool_tip(cut + "…" if len(item.text) > len(cut) else cut)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return self._spoken(item)
        return None

    def canFetchMore(self, parent: _Index) -> bool:  # noqa: N802
        return not parent.isValid() and not self._is_complete

    def fetchMore(self, parent: _Index) -> None:  # noqa: N802
        if self.canFetchMore(parent):
            self._read_on(PAGE)

    def item(self, row: int) -> PromptItem | None:
        """The prompt of a row, reading on as far as needed; None past the end."""
        while row >= len(self._items) and not self._is_complete:
            self._read_on(max(PAGE, len(self._items)))  # twice as much each time: a search may go far down
        return self._items[row] if 0 <= row < len(self._items) else None

    def row_of(self, prompt_id: int, most: int | None = None) -> int | None:
        """Where a prompt stands among all that fit the filter, or among those read already and so many; None if not."""
        row, known = 0, len(self._items)
        while (most is None or row < max(most, known)) and (item := self.item(row)) is not None:
            if item.id == prompt_id:
                return row
            row += 1
        return None

    def set_has_draft(self, prompt_id: int, *, has_draft: bool) -> None:
        """Mark a prompt that is shown, without reading anything."""
        for row, item in enumerate(self._items):
            if item.id == prompt_id and item.has_draft != has_draft:
                self._items[row] = replace(item, has_draft=has_draft)
                index = self.index(row)
                self.dataChanged.emit(index, index)

    def _read_on(self, count: int) -> None:
        rows = self._read(len(self._items), count)
        if rows:
            self.beginInsertRows(QModelIndex(), len(self._items), len(self._items) + len(rows) - 1)
            self._items.extend(rows)
            self.endInsertRows()

    def _reset(self, count: int) -> None:
        self.beginResetModel()
        self._items = self._read(0, count)
        self.endResetModel()

    def _read(self, offset: int, count: int) -> list[PromptItem]:
        wanted = self._filter
        try:
            rows = self._store.find_prompts(
                wanted.query,
                wanted.use_case,
                labeled=False if wanted.unlabeled_only else None,
                order="unlabeled_first",
                limit=count,
                offset=offset,
            )
        except StudioError as error:
            self._is_complete = True  # else the view would ask again and again
            self.failed.emit(str(error))
            return []
        self._is_complete = len(rows) < count
        return list(rows)

    def _spoken(self, item: PromptItem) -> str:
        words = [use_case_word(item.use_case), one_line(item.text)]
        if item.demonstrations:
            words.append(self.tr("has a demonstration"))
        elif item.has_draft:
            words.append(self.tr("has a draft"))
        return ", ".join(words)


def one_line(text: str) -> str:
    """A text with every run of white space as one blank, cut to what two lines could ever show."""
    return " ".join(text[:_TIP_CHARACTERS].split())
