"""Settings that belong together, folded under their name."""

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QGridLayout, QToolButton, QVBoxLayout, QWidget

from rlhf_studio.ui.train.fields import SettingField
from rlhf_studio.ui.widgets.parts import GRID

_NUMBER_PX, _CHOICE_PX = 72, 96  # bfloat16 is the longest choice


class FieldGroup(QWidget):
    """A name that opens what belongs to it. Folded, only what differs from its default stays in sight."""

    toggled = Signal()

    def __init__(self, title: str, fields: Sequence[SettingField], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.fields = fields
        self.head = QToolButton()
        self.head.setCheckable(True)
        self.head.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.head.setText(title)
        self.head.setToolTip(self.tr("Show or hide the settings of this group"))
        self.head.setAccessibleName(title)
        self.head.toggled.connect(self._on_toggled)
        self._page = field_page(fields)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID // 2)
        layout.addWidget(self.head, 0, Qt.AlignmentFlag.AlignLeft)
        layout.addWidget(self._page)

    def show_fields(self, *, is_offered: bool) -> None:
        """Put in sight what is to be seen.

        Args:
            is_offered: Whether all settings of the stage were asked for, so that the group can be opened.
        """
        is_open = is_offered and self.head.isChecked()
        self.head.setVisible(is_offered)
        self.head.setArrowType(Qt.ArrowType.DownArrow if is_open else Qt.ArrowType.RightArrow)
        for setting in self.fields:
            setting.set_in_sight(is_open or setting.is_changed)
        has_change = any(setting.is_changed for setting in self.fields)
        self._page.setVisible(is_open or has_change)
        self.setVisible(is_offered or has_change)

    def _on_toggled(self, _is_open: bool) -> None:
        self.toggled.emit()


def field_page(fields: Sequence[SettingField]) -> QWidget:
    """Settings one below the other: name at the left, editor at the right."""
    page = QWidget()
    grid = QGridLayout(page)
    grid.setContentsMargins(0, 0, 0, 0)
    grid.setHorizontalSpacing(GRID)
    grid.setVerticalSpacing(GRID // 2)
    for line, setting in enumerate(fields):
        setting.setFixedWidth(_CHOICE_PX if isinstance(setting.editor, QComboBox) else _NUMBER_PX)
        grid.addWidget(setting.head, line, 0)
        grid.addWidget(setting, line, 1, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignTop)
    grid.setColumnStretch(0, 1)
    return page
