"""The label acts of a project as a list that is read page by page."""

from typing import Any

from PySide6.QtCore import QObject, Qt

from rlhf_studio.store.history import ActFilter, LabelAct
from rlhf_studio.store.project import Store
from rlhf_studio.ui.itemmodels.paged import PAGE, PagedModel
from rlhf_studio.ui.itemmodels.prompts import one_line
from rlhf_studio.ui.labels.words import headline, marks, when

_MOST_AGAIN = 600  # rows that are read again after a change; who scrolled further reads on


class ActModel(PagedModel[LabelAct, ActFilter]):
    """Acts that fit a filter, newest first."""

    def __init__(self, store: Store, parent: QObject | None = None) -> None:
        super().__init__(store, ActFilter(), parent)

    def reload(self) -> None:
        """Read about as many rows again as were read before."""
        self._reset(min(max(PAGE, len(self._items)), _MOST_AGAIN))

    def read_page(self, wanted: ActFilter, offset: int, count: int) -> list[LabelAct]:
        return list(self._store.label_acts(wanted, limit=count, offset=offset))

    def show_item(self, item: LabelAct, role: int) -> Any:
        if role == Qt.ItemDataRole.DisplayRole:
            return one_line(item.prompt)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return ", ".join((headline(item), *marks(item), item.who, when(item.created), one_line(item.prompt)))
        return None

    def row_of(self, kind: str, act_id: int) -> int | None:
        """Where an act stands among those that were read; None if it does not."""
        places = (row for row, act in enumerate(self._items) if (act.kind, act.id) == (kind, act_id))
        return next(places, None)
