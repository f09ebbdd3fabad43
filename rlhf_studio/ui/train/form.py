"""The settings of a stage: at most six in sight, the rest folded."""

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QComboBox, QGridLayout, QToolButton, QVBoxLayout, QWidget

from rlhf_studio.errors import DataError
from rlhf_studio.settings import StageSettings, options, parse_settings
from rlhf_studio.ui.train.fields import SettingField
from rlhf_studio.ui.widgets.parts import GRID, Button

_NUMBER_PX, _CHOICE_PX = 72, 96  # bfloat16 is the longest choice


class StageForm(QWidget):
    """Edits what differs from a stage's defaults; form, command line and documents share one declaration."""

    edited = Signal()

    def __init__(self, settings: type[StageSettings], parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._settings = settings
        self.fields = {option.name: SettingField(option, self) for option in options(settings)}
        for setting in self.fields.values():
            setting.edited.connect(self._on_field_edited)
        self.more = QToolButton()
        self.more.setCheckable(True)
        self.more.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.more.setText(self.tr("All settings"))
        self.more.setToolTip(self.tr("Show every setting of this stage"))
        self.more.setAccessibleName(self.tr("All settings"))
        self.more.toggled.connect(self._on_more_toggled)
        self.reset = Button(self.tr("Defaults"), self.tr("Set every setting of this stage back"), "quiet")
        self.reset.clicked.connect(self._on_reset_clicked)
        simple = [f for f in self.fields.values() if f.option.is_simple]
        self._rest = self._page([f for f in self.fields.values() if not f.option.is_simple])
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID // 2)
        layout.addWidget(self._page(simple))
        foot = QGridLayout()
        foot.addWidget(self.more, 0, 0, Qt.AlignmentFlag.AlignLeft)
        foot.addWidget(self.reset, 0, 1, Qt.AlignmentFlag.AlignRight)
        layout.addLayout(foot)
        layout.addWidget(self._rest)
        self._on_more_toggled(False)
        self._on_field_edited()

    def values(self) -> dict[str, Any]:
        """What differs from the defaults."""
        return {name: setting.value for name, setting in self.fields.items() if setting.is_changed}

    def set_values(self, values: Mapping[str, Any]) -> None:
        """Show kept values; those that are no longer allowed are left at their defaults."""
        known = {name: value for name, value in values.items() if name in self.fields}
        try:
            parse_settings(self._settings, known)
        except DataError:
            known = {}
        for name, setting in self.fields.items():
            setting.set_value(known.get(name, setting.option.default))
        self._show_rest()
        self._on_field_edited()

    def set_enabled(self, is_enabled: bool) -> None:
        """Let the settings be edited or not."""
        for setting in self.fields.values():
            setting.setEnabled(is_enabled)
        self.reset.setEnabled(is_enabled and bool(self.values()))

    def _page(self, fields: list[SettingField]) -> QWidget:
        page = QWidget()
        grid = QGridLayout(page)
        grid.setContentsMargins(0, 0, 0, 0)
        grid.setHorizontalSpacing(GRID)
        grid.setVerticalSpacing(GRID // 2)
        for line, setting in enumerate(fields):
            setting.setFixedWidth(_CHOICE_PX if isinstance(setting.editor, QComboBox) else _NUMBER_PX)
            grid.addWidget(setting.head, line, 0)
            grid.addWidget(setting, line, 1, Qt.AlignmentFlag.AlignRight)
        grid.setColumnStretch(0, 1)
        return page

    def _on_more_toggled(self, is_open: bool) -> None:
        self.more.setArrowType(Qt.ArrowType.DownArrow if is_open else Qt.ArrowType.RightArrow)
        self._show_rest()

    def _show_rest(self) -> None:
        """Folded, only what differs from its default stays in sight; nothing goes away under a person's hands."""
        rest = [setting for setting in self.fields.values() if not setting.option.is_simple]
        for setting in rest:
            is_shown = self.more.isChecked() or setting.is_changed
            setting.head.setVisible(is_shown)
            setting.setVisible(is_shown)
        self._rest.setVisible(self.more.isChecked() or any(setting.is_changed for setting in rest))

    def _on_field_edited(self) -> None:
        self.reset.setEnabled(bool(self.values()))
        self.edited.emit()

    def _on_reset_clicked(self) -> None:
        self.set_values({})
