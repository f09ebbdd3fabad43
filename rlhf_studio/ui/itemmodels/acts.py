"""The label acts of a project as a list that is read page by page."""

from typing import Any

from PySide6.QtCore import QAbstractListModel, QModelIndex, QObject, QPersistentModelIndex, Qt, Signal

from rlhf_studio.errors import StudioError
from rlhf_studio.store.history import ActFilter, LabelAct
from rlhf_studio.store.project import Store
from rlhf_studio.ui.itemmodels.prompts import ItemRole, one_line
from rlhf_studio.ui.labels.words import headline, marks, when

PAGE = 200
_MOST_AGAIN = 600  # rows that are read again after a change; who scrolled further reads on
_ROOT = QModelIndex()
_Index = QModelIndex | QPersistentModelIndex


class ActModel(QAbstractListModel):
    """Acts that fit a filter, newest first."""

    failed = Signal(str)  # the project could not be read: a sentence to show

    def __init__(self, store: Store, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._store = store
        self._filter = ActFilter()
        self._acts: list[LabelAct] = []
        self._is_complete = True

    @property
    def filter(self) -> ActFilter:
        return self._filter

    def show_only(self, wanted: ActFilter) -> None:
        """List other acts, from the newest."""
        self._filter = wanted
        self._reset(PAGE)

    def reload(self) -> None:
        """Read about as many rows again as were read before."""
        self._reset(min(max(PAGE, len(self._acts)), _MOST_AGAIN))

    def rowCount(self, parent: _Index = _ROOT) -> int:  # noqa: N802
        return 0 if parent.isValid() else len(self._acts)

    def data(self, index: _Index, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if not index.isValid() or index.row() >= len(self._acts):
            return None
        act = self._acts[index.row()]
        if role == ItemRole:
            return act
        if role == Qt.ItemDataRole.DisplayRole:
            return one_line(act.prompt)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return ", ".join((headline(act), *marks(act), act.who, when(act.created), one_line(act.prompt)))
        return None

    def canFetchMore(self, parent: _Index) -> bool:  # noqa: N802
        return not parent.isValid() and not self._is_complete

    def fetchMore(self, parent: _Index) -> None:  # noqa: N802
        if self.canFetchMore(parent):
            rows = self._read(len(self._acts), PAGE)
            if rows:
                self.beginInsertRows(QModelIndex(), len(self._acts), len(self._acts) + len(rows) - 1)
                self._acts.extend(rows)
                self.endInsertRows()

    def row_of(self, kind: str, act_id: int) -> int | None:
        """Where an act stands among those that were read; None if it does not."""
        places = (row for row, act in enumerate(self._acts) if (act.kind, act.id) == (kind, act_id))
        return next(places, None)

    def _reset(self, count: int) -> None:
        self.beginResetModel()
        self._acts = self._read(0, count)
        self.endResetModel()

    def _read(self, offset: int, count: int) -> list[LabelAct]:
        try:
            rows = self._store.label_acts(self._filter, limit=count, offset=offset)
        except StudioError as error:
            self._is_complete = True  # else the view would ask again and again
            self.failed.emit(str(error))
            return []
        self._is_complete = len(rows) < count
        return list(rows)
