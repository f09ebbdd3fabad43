"""The settings of a stage: at most six in sight, the rest folded in groups."""

from collections.abc import Mapping
from typing import Any

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QGridLayout, QToolButton, QVBoxLayout, QWidget

from rlhf_studio.errors import DataError
from rlhf_studio.settings import StageSettings, grouped, options, parse_settings
from rlhf_studio.ui.spoken import spoken
from rlhf_studio.ui.train.field_group import FieldGroup, field_page
from rlhf_studio.ui.train.fields import SettingField
from rlhf_studio.ui.widgets.parts import GRID, Button


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
        rest = grouped(f.option for f in self.fields.values() if not f.option.is_simple)
        self.groups = {
            title: FieldGroup(spoken(title), [self.fields[option.name] for option in rows])
            for title, rows in rest.items()
        }
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID // 2)
        layout.addWidget(field_page(simple))
        foot = QGridLayout()
        foot.addWidget(self.more, 0, 0, Qt.AlignmentFlag.AlignLeft)
        foot.addWidget(self.reset, 0, 1, Qt.AlignmentFlag.AlignRight)
        layout.addLayout(foot)
        for group in self.groups.values():
            group.toggled.connect(self._show_rest)
            layout.addWidget(group)
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
            setting.before.setEnabled(is_enabled)
        self.reset.setEnabled(is_enabled and bool(self.values()))

    def _on_more_toggled(self, is_open: bool) -> None:
        self.more.setArrowType(Qt.ArrowType.DownArrow if is_open else Qt.ArrowType.RightArrow)
        self._show_rest()

    def _show_rest(self) -> None:
        """Folded, only what differs from its default stays in sight; nothing goes away under a person's hands."""
        is_open = self.more.isChecked()
        for setting in self.fields.values():
            setting.show_source(is_shown=is_open)
        for group in self.groups.values():
            group.show_fields(is_offered=is_open)

    def _on_field_edited(self) -> None:
        self.reset.setEnabled(bool(self.values()))
        self.edited.emit()

    def _on_reset_clicked(self) -> None:
        self.set_values({})
