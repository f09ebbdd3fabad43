"""Presets in the Train tab: a list above the stages, and what to watch for beside the curves."""

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QStandardItemModel
from PySide6.QtWidgets import QComboBox, QVBoxLayout, QWidget

from rlhf_studio.settings import DEFAULT_TITLE, GROUPS, PRESETS, Preset, find_preset, presets_in
from rlhf_studio.ui.spoken import spoken
from rlhf_studio.ui.train.stage_card import StageCard
from rlhf_studio.ui.widgets.parts import GRID, Button, Card, row
from rlhf_studio.ui.widgets.text import PlainLabel, tool_tip

_ROOMY_PX = 700  # of the tab: a window of 1280 x 800 has it, the smallest one has not
DEFAULTS, OWN = "", "own"  # what stands in the list besides the presets' names


class PresetBox(QComboBox):
    """The defaults, the presets by group, and the person's own settings, which are made below and not chosen here."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(self.tr("Preset"))
        self.setToolTip(self.tr("Settings that belong together; what they change is marked below"))
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.addItem(spoken(DEFAULT_TITLE), DEFAULTS)
        self.setItemData(0, tool_tip(self.tr("The defaults")), Qt.ItemDataRole.ToolTipRole)
        for group, title in GROUPS.items():
            self._add_heading(spoken(title))
            for preset in PRESETS:
                if preset.group == group:
                    self.addItem(spoken(preset.title), preset.name)
                    self.setItemData(self.count() - 1, tool_tip(spoken(preset.changes)), Qt.ItemDataRole.ToolTipRole)

    def show_choice(self, name: str) -> None:
        """Show what the settings are: ``DEFAULTS``, ``OWN``, or a preset's name."""
        place = self.findData(OWN)
        if name == OWN and place < 0:
            self.addItem(self.tr("Own settings"), OWN)
        elif name != OWN and place >= 0:
            self.removeItem(place)
        self.setCurrentIndex(self.findData(name))

    def _add_heading(self, text: str) -> None:
        self.addItem(text, None)
        model = self.model()
        if isinstance(model, QStandardItemModel):
            model.item(self.count() - 1).setEnabled(False)


class PresetNote(Card):
    """What the chosen preset changes, and what to look at while it runs."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("raised", parent)
        self.title = PlainLabel("", "heading")
        self.changes = PlainLabel("", "muted", wraps=True)
        self.watch = PlainLabel("", "", wraps=True)
        self.back = Button(self.tr("Back to the defaults"), self.tr("Set every setting of all stages back"), "link")
        self.body.setContentsMargins(GRID + 4, GRID // 2, GRID // 2, GRID)
        self.body.setSpacing(0)
        self.body.addLayout(row(self.title, None, self.back))
        self.body.addWidget(self.changes)
        self.body.addWidget(self.watch)
        self.hide()

    def show_presets(self, presets: Sequence[Preset]) -> None:
        """Tell of some presets, of none by going away."""
        self.setVisible(bool(presets))
        if not presets:
            return
        titles = [spoken(preset.title) for preset in presets]
        self.title.setText(f"{spoken(GROUPS[presets[0].group])}: {', '.join(titles)}")
        self.changes.setText("\n".join(spoken(preset.changes) for preset in presets))
        self.watch.setText("\n".join(self.tr("Watch for: {what}").format(what=spoken(p.watch)) for p in presets))
        self.setAccessibleName(self.title.text())
        self.setAccessibleDescription(f"{self.changes.text()}\n{self.watch.text()}")
        self.setToolTip(tool_tip(self.accessibleDescription()))

    def fit(self, height_px: int) -> None:
        """In a tab of little height, leave the room to the curves: the words are in the tooltip, too."""
        for words in (self.changes, self.watch):
            words.setVisible(height_px >= _ROOMY_PX)


class Presets(QObject):
    """Puts presets into the stages' forms and keeps the list and the note in step with what stands there."""

    chosen = Signal(str)  # the first stage that the preset changes

    def __init__(self, cards: Mapping[str, StageCard], parent: QWidget) -> None:
        super().__init__(parent)
        self.box, self.note = PresetBox(), PresetNote(parent)
        self._cards = cards
        self.box.activated.connect(self._on_box_activated)
        self.note.back.clicked.connect(self._on_back_clicked)
        for card in cards.values():
            card.edited.connect(self._on_card_edited)
        self._show()

    def above(self, stages: QWidget, more: QWidget) -> QWidget:
        """The list over the stages, where it stays while they scroll; ``more`` stands beside it."""
        label = PlainLabel(self.tr("Settings"), "heading")
        label.setBuddy(self.box)
        line = row(label, self.box, more)
        line.setStretch(1, 1)
        line.setContentsMargins(0, 0, 2 * GRID + 4, 0)  # as wide as the cards, which leave their scroll bar room
        page = QWidget()
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID)
        layout.addLayout(line)
        layout.addWidget(stages, 1)
        return page

    def choose(self, name: str) -> None:
        """Set what a preset sets, and back what another one had set; a person's other settings stay.

        Args:
            name: Of a preset, or ``DEFAULTS``, which sets everything back.
        """
        if name == OWN:
            return
        before = presets_in(self._values()) if name else ()
        preset = find_preset(name) if name else None
        for stage, card in self._cards.items():
            dropped = {setting for one in before for setting in one.of(stage)}
            kept = {key: value for key, value in card.form.values().items() if name and key not in dropped}
            card.form.set_values({**kept, **(preset.of(stage) if preset else {})})
        if preset is not None:
            self.chosen.emit(next(iter(preset.settings)))

    def set_busy(self, is_busy: bool) -> None:
        """While something trains, settings rest."""
        self.box.setEnabled(not is_busy)
        self.note.back.setEnabled(not is_busy)

    def _values(self) -> dict[str, dict[str, Any]]:
        return {stage: card.form.values() for stage, card in self._cards.items()}

    def _show(self) -> None:
        values = self._values()
        found = presets_in(values)
        own = OWN if any(values.values()) else DEFAULTS
        self.box.show_choice(found[0].name if found else own)
        self.note.show_presets(found)

    def _on_box_activated(self, index: int) -> None:
        self.choose(self.box.itemData(index) or DEFAULTS)
        self._show()

    def _on_back_clicked(self) -> None:
        self.choose(DEFAULTS)

    def _on_card_edited(self, _card: StageCard) -> None:
        self._show()
