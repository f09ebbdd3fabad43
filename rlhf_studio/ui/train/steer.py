"""The settings that a person may change while PPO goes on: beta, gamma, rates, clip and the limit of the KL."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QGridLayout, QWidget

from rlhf_studio.events import SettingChanged, StepMetrics, TrainEvent
from rlhf_studio.settings import STEERABLE, Option, PpoSettings, options
from rlhf_studio.ui.spoken import spoken
from rlhf_studio.ui.train.fields import SettingField, number_text
from rlhf_studio.ui.widgets.parts import GRID, Button, Card, row
from rlhf_studio.ui.widgets.text import PlainLabel
from rlhf_studio.words import STEERED

_FIELD_PX = 88
_COLUMNS = 3


class SteerCard(Card):
    """Shown beside a PPO run where a person asked for it; what is changed holds from the run's next step on."""

    asked = Signal(dict)  # what shall change, by name of the setting

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("raised", parent)
        self._options = {option.name: option for option in options(PpoSettings)}
        self.title = PlainLabel(self.tr("Change settings while it runs"), "heading")
        self.told = PlainLabel("", "muted", wraps=True)
        self.apply = Button(self.tr("Apply"), self.tr("From the run's next step on; marked on its curves"), "primary")
        self.away = Button(self.tr("Close"), self.tr("Change nothing"), "quiet")
        self.apply.clicked.connect(self._on_apply_clicked)
        self.away.clicked.connect(self.hide)
        self._grid = QGridLayout()
        self._grid.setHorizontalSpacing(GRID)
        self._grid.setVerticalSpacing(GRID // 2)
        self.body.setContentsMargins(GRID + 4, GRID, GRID + 4, GRID)
        self.body.setSpacing(GRID // 2)
        self.body.addLayout(row(self.title, None, self.apply, self.away))
        self.body.addLayout(self._grid)
        self._current: dict[str, Any] = {name: self._options[name].default for name in STEERABLE}
        self.fields = {name: self._make(name) for name in STEERABLE}
        for place, field in enumerate(self.fields.values()):
            line, column = divmod(place, _COLUMNS)
            self._grid.addWidget(field.head, line, 3 * column)
            self._grid.addWidget(field, line, 3 * column + 1)
            self._grid.setColumnStretch(3 * column + 2, 1)
        self.body.addWidget(self.told)
        self.show_settings({})
        self.hide()

    def show_settings(self, settings: Mapping[str, Any]) -> None:
        """A run begins, with these settings; what is not named is at its default."""
        self.told.setText(self.tr("What you change holds from the run's next step on and is marked on its curves."))
        for name, field in self.fields.items():
            self._current[name] = settings.get(name, self._options[name].default)
            self._renew(name)
            field.reset()
        self._show_apply()

    def take(self, events: Sequence[TrainEvent]) -> None:
        """Learn of changes, also of those that the run makes itself."""
        before = dict(self._current)
        for event in events:
            if isinstance(event, SettingChanged) and event.name in self._current:
                self._current[event.name] = event.value
            elif isinstance(event, StepMetrics) and "kl_coef" in event.values:  # it may follow a wanted KL
                self._current["kl_coef"] = event.values["kl_coef"]
        for name in [name for name in STEERABLE if self._current[name] != before[name]]:
            self._renew(name)

    def changes(self) -> dict[str, Any]:
        """What a person has typed that differs from what holds."""
        return {name: field.value for name, field in self.fields.items() if field.is_changed}

    def _make(self, name: str) -> SettingField:
        field = SettingField(self._option(name), self)
        field.label.setText(spoken(STEERED[name]))
        field.setFixedWidth(_FIELD_PX)
        self._say_now(field)
        field.edited.connect(self._on_edited)
        return field

    def _option(self, name: str) -> Option:
        """What holds now stands for the default: only what differs from it is a change."""
        return replace(self._options[name], default=float(number_text(self._current[name])))  # as the field shows it

    def _renew(self, name: str) -> None:
        """Another value holds; what a person is typing stays."""
        field = self.fields[name]
        is_edited = field.is_changed
        field.option = self._option(name)
        self._say_now(field)
        if not is_edited or not field.is_changed:
            field.reset()
        self._show_apply()

    def _say_now(self, field: SettingField) -> None:
        field.before.setText(self.tr("now {value}").format(value=number_text(field.option.default)))

    def _show_apply(self) -> None:
        self.apply.setEnabled(bool(self.changes()))

    def _on_edited(self, _name: str) -> None:
        self._show_apply()

    def _on_apply_clicked(self) -> None:
        self.asked.emit(self.changes())
