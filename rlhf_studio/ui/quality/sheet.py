"""A page of the window on prompts: settings, one sentence, a list, and the acts that mend what is in it."""

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QHeaderView, QSpinBox, QTreeWidget, QTreeWidgetItem, QVBoxLayout, QWidget

from rlhf_studio.ui.widgets.parts import GRID, indent
from rlhf_studio.ui.widgets.text import PlainLabel

SHOWN = 500  # lines of a list: more nobody reads


class Sheet(QWidget):
    """The parts in a column."""

    def __init__(self, explanation: str, headers: Sequence[str], name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.settings = QHBoxLayout()
        self.settings.setSpacing(GRID)
        self.result = PlainLabel("", "heading", wraps=True)
        self.list = QTreeWidget()
        self.list.setHeaderLabels(list(headers))
        self.list.setAccessibleName(name)
        self.list.setToolTip(name)
        self.list.setUniformRowHeights(True)
        self.list.header().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        self.list.header().setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        self.list.header().setStretchLastSection(False)
        self.buttons = QHBoxLayout()
        self.buttons.setSpacing(GRID)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, GRID, 0, 0)
        column.setSpacing(GRID)
        column.addWidget(PlainLabel(explanation, "muted", wraps=True))
        column.addLayout(self.settings)
        column.addWidget(self.result)
        column.addWidget(self.list, 1)
        column.addLayout(self.buttons)

    def number(self, words: str, tip: str, least: int, most: int, value: int) -> QSpinBox:
        """Add a number to the settings."""
        box = QSpinBox()
        box.setRange(least, most)
        box.setValue(value)
        box.setKeyboardTracking(False)
        box.setGroupSeparatorShown(True)
        box.setAccessibleName(words)
        box.setToolTip(tip)
        box.setMinimumWidth(104)
        indent(box)
        label = PlainLabel(words)
        label.setBuddy(box)
        self.settings.addWidget(label)
        self.settings.addWidget(box)
        return box


def line(parent: QTreeWidget | QTreeWidgetItem, words: Sequence[str], tip: str = "") -> QTreeWidgetItem:
    """Add a line; the first column is text, the others stand to the right."""
    item = QTreeWidgetItem(parent, list(words))
    item.setToolTip(0, tip)
    for column in range(1, len(words)):
        item.setTextAlignment(column, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
    return item
