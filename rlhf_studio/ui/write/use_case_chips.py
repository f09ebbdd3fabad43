"""One chip per use case, with how many of its prompts are answered."""

from collections.abc import Mapping
from itertools import pairwise

from PySide6.QtCore import QRectF, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QWidget

from rlhf_studio.schema import USE_CASE_PERCENT, USE_CASES, UseCase
from rlhf_studio.store.prompt_list import PromptCount
from rlhf_studio.ui.theme import Theme
from rlhf_studio.ui.use_cases import use_case_word
from rlhf_studio.ui.widgets.parts import Button
from rlhf_studio.ui.write.flow import FlowLayout

_NONE = PromptCount(0, 0)


_BAR_PX, _BAR_INSET_PX = 3, 12


class ProgressChip(Button):
    """A chip with a line along its lower edge: how much is done."""

    def __init__(self, text: str, tip: str, theme: Theme) -> None:
        super().__init__(text, tip, "chip")
        self._colours = theme
        self._part = 0.0
        theme.changed.connect(self.update)

    @property
    def part(self) -> float:
        """What is done, 0 to 1."""
        return self._part

    def set_part(self, part: float) -> None:
        """Say what is done, 0 to 1."""
        if part != self._part:
            self._part = part
            self.update()

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        super().paintEvent(event)
        if not self.isEnabled():
            return
        width, colours = self.width() - 2 * _BAR_INSET_PX, self._colours.colours
        line = QRectF(_BAR_INSET_PX, self.height() - _BAR_PX - 2, width, _BAR_PX)
        painter = QPainter(self)
        painter.fillRect(line, QColor(colours.border))
        line.setWidth(width * self._part)
        painter.fillRect(line, QColor(colours.success))
        painter.end()


class UseCaseChips(QWidget):
    """At most one chip is chosen; choosing it again shows all use cases."""

    chosen = Signal(object)  # UseCase, or None for all

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(self.tr("Use cases"))
        self._flow = FlowLayout(self)
        self.chips: dict[UseCase, ProgressChip] = {}
        self._order: list[UseCase] = []
        for use_case in USE_CASES:
            chip = ProgressChip(use_case_word(use_case), self.tr("Show only this use case"), theme)
            chip.setCheckable(True)
            chip.clicked.connect(self._on_chip_clicked)
            self.chips[use_case] = chip
            self._flow.addWidget(chip)
        self.set_counts({}, {})

    @property
    def use_case(self) -> UseCase | None:
        """The chosen use case."""
        return next((name for name in USE_CASES if self.chips[name].isChecked()), None)

    def choose(self, use_case: UseCase | None) -> None:
        """Choose a use case, or None for all, without telling."""
        for name, chip in self.chips.items():
            chip.setChecked(name == use_case)

    def set_counts(self, counts: Mapping[UseCase, PromptCount], today: Mapping[UseCase, int]) -> None:
        """Show (all, answered) of each use case, and what somebody wrote today; those with prompts come first."""
        written = sum(today.values())
        for name, chip in self.chips.items():
            total, answered = counts.get(name, _NONE)
            word = use_case_word(name)
            chip.setText(f"{word} {answered}/{total}")
            chip.set_part(answered / total if total else 0.0)
            spoken = self.tr("{use_case}: {answered} of {total} prompts have a demonstration")
            chip.setAccessibleName(spoken.format(use_case=word, answered=answered, total=total))
            share = self.tr(
                "{share}. Of your {written} today: {here} ({part:.0%}); of the paper's prompts: {paper:.1f} %"
            )
            here = today.get(name, 0)
            chip.setToolTip(
                share.format(
                    share=chip.accessibleName(),
                    written=written,
                    here=here,
                    part=here / written if written else 0,
                    paper=USE_CASE_PERCENT[name],
                )
            )
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
