"""The prompts of a project as a list that is read page by page."""

from dataclasses import dataclass, replace
from typing import Any

from PySide6.QtCore import QObject, Qt

from rlhf_studio.schema import UseCase
from rlhf_studio.store.project import Store
from rlhf_studio.store.prompt_list import PromptItem
from rlhf_studio.ui.itemmodels.paged import PAGE, PagedModel
from rlhf_studio.ui.use_cases import use_case_word
from rlhf_studio.ui.widgets.text import tool_tip

_TIP_CHARACTERS = 600


@dataclass(frozen=True, slots=True)
class PromptFilter:
    """Which prompts are listed: by words in them, by use case, and whether only those without a demonstration."""

    query: str = ""
    use_case: UseCase | None = None
    unlabeled_only: bool = False


class PromptModel(PagedModel[PromptItem, PromptFilter]):
    """Prompts that fit a filter, those without a demonstration first."""

    def __init__(self, store: Store, parent: QObject | None = None) -> None:
        super().__init__(store, PromptFilter(), parent)

    def read_page(self, wanted: PromptFilter, offset: int, count: int) -> list[PromptItem]:
        rows = self._store.find_prompts(
            wanted.query,
            wanted.use_case,
            labeled=False if wanted.unlabeled_only else None,
            order="unlabeled_first",
            limit=count,
            offset=offset,
        )
        return list(rows)

    def show_item(self, item: PromptItem, role: int) -> Any:
        if role == Qt.ItemDataRole.DisplayRole:
            return one_line(item.text)
        if role == Qt.ItemDataRole.ToolTipRole:
            cut = item.text[:_TIP_CHARACTERS]
            return tool_tip(cut + "…" if len(item.text) > len(cut) else cut)
        if role == Qt.ItemDataRole.AccessibleTextRole:
            return self._spoken(item)
        return None

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
