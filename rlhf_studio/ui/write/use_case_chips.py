"""One chip per use case, with how many of its prompts are answered."""

from collections.abc import Mapping
from itertools import pairwise

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from rlhf_studio.schema import USE_CASES, UseCase
from rlhf_studio.store.prompt_list import PromptCount
from rlhf_studio.ui.use_cases import use_case_word
from rlhf_studio.ui.widgets.parts import Button
from rlhf_studio.ui.write.flow import FlowLayout

_NONE = PromptCount(0, 0)


class UseCaseChips(QWidget):
    """At most one chip is chosen; choosing it again shows all use cases."""

    chosen = Signal(object)  # UseCase, or None for all

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(self.tr("Use cases"))
        self._flow = FlowLayout(self)
        self.chips: dict[UseCase, Button] = {}
        self._order: list[UseCase] = []
        for use_case in USE_CASES:
            chip = Button(use_case_word(use_case), self.tr("Show only this use case"), "chip")
            chip.setCheckable(True)
            chip.clicked.connect(self._on_chip_clicked)
            self.chips[use_case] = chip
            self._flow.addWidget(chip)
        self.set_counts({})

    @property
    def use_case(self) -> UseCase | None:
        """The chosen use case."""
        return next((name for name in USE_CASES if self.chips[name].isChecked()), None)

    def choose(self, use_case: UseCase | None) -> None:
        """Choose a use case, or None for all, without telling."""
        for name, chip in self.chips.items():
            chip.setChecked(name == use_case)

    def set_counts(self, counts: Mapping[UseCase, PromptCount]) -> None:
        """Show (all, answered) of each use case; those with prompts come first."""
        for name, chip in self.chips.items():
            total, answered = counts.get(name, _NONE)
            word = use_case_word(name)
            chip.setText(f"{word} {answered}/{total}")
            spoken = self.tr("{use_case}: {answered} of {total} prompts have a demonstration")
            chip.setAccessibleName(spoken.format(use_case=word, answered=answered, total=total))
            chip.setToolTip(chip.accessibleName())
            chip.setEnabled(total > 0 or chip.isChecked())
        order = sorted(USE_CASES, key=lambda name: counts.get(name, _NONE).total == 0)
        if order != self._order:
            self._arrange(order)

    def _arrange(self, order: list[UseCase]) -> None:
        self._order = list(order)
        chips = [self.chips[name] for name in order]
        self._flow.reorder(chips)
        for before, after in pairwise(chips):
            QWidget.setTabOrder(before, after)

    def _on_chip_clicked(self) -> None:
        clicked = self.sender()
        for chip in self.chips.values():
            if chip is not clicked:
                chip.setChecked(False)
        self.chosen.emit(self.use_case)
