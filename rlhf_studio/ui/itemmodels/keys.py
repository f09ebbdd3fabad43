"""The acts of a keymap in groups, as a tree: what each does, its key, and its default where that differs."""

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import QModelIndex, QObject, QPersistentModelIndex, QSortFilterProxyModel, Qt
from PySide6.QtGui import QStandardItem, QStandardItemModel

from rlhf_studio.ui.keys.keymap import Keymap

NAME = Qt.ItemDataRole.UserRole + 1  # of the act; None on a group
_NO_FLAGS = Qt.ItemFlag.ItemIsEnabled  # a group is no choice


class KeysModel(QSortFilterProxyModel):
    """Groups in the order given, acts in the order of the keymap; keeps only what a search finds."""

    def __init__(self, keymap: Keymap, titles: Mapping[str, str], parent: QObject | None = None) -> None:
        """Args:
        keymap: Whose acts.
        titles: The groups' titles by scope, in their order; scopes without a title follow by their names.
        parent: Its owner.
        """
        super().__init__(parent)
        self._keymap = keymap
        self._items = QStandardItemModel(self)
        self._items.setHorizontalHeaderLabels([self.tr("Act"), self.tr("Key"), self.tr("By default")])
        self.setSourceModel(self._items)
        self.setRecursiveFilteringEnabled(True)
        self.setAutoAcceptChildRows(True)  # a tab's title finds all its keys
        self.setFilterKeyColumn(-1)
        self.setFilterCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        self._rows: dict[str, tuple[QStandardItem, ...]] = {}
        self._fill(titles)
        keymap.changed.connect(self.refresh)

    def refresh(self) -> None:
        """Show the keys of the moment."""
        for name, (what, keys, default) in self._rows.items():
            is_changed = self._keymap.is_changed(name)
            font = what.font()
            font.setBold(is_changed)
            what.setFont(font)
            keys.setText(self._keymap.text(name) or self.tr("none"))
            default.setText(self._keymap.default_text(name) if is_changed else "")

    def name_of(self, index: QModelIndex | QPersistentModelIndex) -> str:
        """The act of a row; "" for a group."""
        return index.sibling(index.row(), 0).data(NAME) or "" if index.isValid() else ""

    def index_of(self, name: str) -> QModelIndex:
        """The row of an act, invalid if the search does not find it."""
        row = self._rows.get(name)
        return self.mapFromSource(row[0].index()) if row else QModelIndex()

    def first(self) -> QModelIndex:
        """The first act that the search finds, invalid if there is none."""
        return self.index(0, 0, self.index(0, 0)) if self.rowCount() else QModelIndex()

    def data(self, index: QModelIndex | QPersistentModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> Any:
        if role == Qt.ItemDataRole.ToolTipRole and self.name_of(index) and self._keymap.act(self.name_of(index)).fixed:
            return self.tr("This key cannot be changed")
        return super().data(index, role)

    def _fill(self, titles: Mapping[str, str]) -> None:
        groups = {scope: self._group(title) for scope, title in titles.items()}
        for act in self._keymap.acts:
            if act.scope not in groups:
                groups[act.scope] = self._group(act.scope)
            items = (QStandardItem(act.what), QStandardItem(), QStandardItem())
            items[0].setData(act.name, NAME)
            for item in items:
                item.setEditable(False)
            groups[act.scope].appendRow(items)
            self._rows[act.name] = items
        for group in groups.values():
            if group.hasChildren():
                self._items.appendRow(group)
        self.refresh()

    @staticmethod
    def _group(title: str) -> QStandardItem:
        group = QStandardItem(title)
        group.setFlags(_NO_FLAGS)
        font = group.font()
        font.setBold(True)
        group.setFont(font)
        return group
