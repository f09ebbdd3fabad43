"""A list that is read from the project page by page, as far as somebody looks."""

from typing import Any, Generic, TypeVar

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

from rlhf_studio.errors import StudioError
from rlhf_studio.store.project import Store

PAGE = 200
ItemRole = Qt.ItemDataRole.UserRole + 1  # the record of a row itself, for delegates
ROOT = QModelIndex()
Index = QModelIndex | QPersistentModelIndex
Item = TypeVar("Item")
Filter = TypeVar("Filter")


class PagedModel(QAbstractListModel, Generic[Item, Filter]):
    """Records that fit a filter. A subclass says how a page of them is read, and what a row shows."""

    failed = Signal(str)  # the project could not be read: a sentence to show

    def __init__(self, store: Store, wanted: Filter, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store = store
        self._filter = wanted
        self._items: list[Item] = []
        self._is_complete = True

    # --- for the subclass

    def read_page(self, wanted: Filter, offset: int, count: int) -> list[Item]:
        """Some records that fit, in order.

        Raises:
            StudioError: If the project cannot be read.
        """
        raise NotImplementedError

    def show_item(self, item: Item, role: int) -> Any:
        """What a row shows of its record in one of Qt's roles; None where that is nothing."""
        raise NotImplementedError

    # --- what there is

    @property
    def filter(self) -> Filter:
        """Which records are listed."""
        return self._filter

    def show_only(self, wanted: Filter) -> None:
        """List other records, from the beginning."""
        self._filter = wanted
        self._reset(PAGE)

    def reload(self) -> None:
        """Read as many rows again as were read before."""
        self._reset(max(PAGE, len(self._items)))

    def rowCount(self, parent: Index = ROOT) -> int:  # noqa: N802
        return 0 if parent.isValid() else len(self._items)

    def data(self, index: Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self._items):
            return None
        item = self._items[index.row()]
        return item if role == ItemRole else self.show_item(item, role)

    def canFetchMore(self, parent: Index) -> bool:  # noqa: N802
        return not parent.isValid() and not self._is_complete

    def fetchMore(self, parent: Index) -> None:  # noqa: N802
        if self.canFetchMore(parent):
            self._read_on(PAGE)

    # --- inside

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

    def _read(self, offset: int, count: int) -> list[Item]:
        try:
            rows = self.read_page(self._filter, offset, count)
        except StudioError as error:
            self._is_complete = True  # else the view would ask again and again
            self.failed.emit(str(error))
            return []
        self._is_complete = len(rows) < count
        return rows
