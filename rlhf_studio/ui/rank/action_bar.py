"""The buttons below the answers: those of an order, or those of two answers."""

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from rlhf_studio.ui.theme import Theme
from rlhf_studio.ui.widgets.parts import Button, row


class ActionBar(QWidget):
    """Everything that can be done to a set has a button."""

    pair_chosen = Signal(int)  # 1 or 2 for the better one, 0 where both are bad

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        tip = self.tr("Keep this order and go to the next set; the last missing answer is put lowest")
        self.submit = Button(self.tr("Submit"), tip, "primary", "mdi6.check", theme)
        self.first = Button(self.tr("A is better"), self.tr("Keep that and go to the next set"), "primary", keys="1")
        self.second = Button(self.tr("B is better"), self.tr("Keep that and go to the next set"), "primary", keys="2")
        tip = self.tr("The next answer is as good as the one before; of two answers, both are as good")
        self.tie = Button(self.tr("Tie"), tip)
        tip = self.tr("Neither is any good: keep that and go to the next set")
        self.both_bad = Button(self.tr("Both bad"), tip, keys="0")
        tip = self.tr("Take the last key or move back")
        self.back = Button(self.tr("Take back"), tip, "", "mdi6.backspace-outline", theme)
        tip = self.tr("Sample the answer anew whose card has the keyboard")
        self.reroll = Button(self.tr("Re-roll"), tip, "", "mdi6.refresh", theme)
        tip = self.tr("Say that no order of these answers makes sense, with the note as the reason; go to the next set")
        self.unrankable = Button(self.tr("Cannot be ranked"), tip)
        tip = self.tr("Put this set aside and go to the next")
        self.skip = Button(self.tr("Skip"), tip, "", "mdi6.skip-next-outline", theme)
        tip = self.tr("Mark the words that differ from the answer that has the keyboard, or else from the best so far")
        self.differences = Button(self.tr("Differences"), tip, "chip")
        tip = self.tr("Show the ranks as columns below the answers, to drag answers between them")
        self.columns = Button(self.tr("Columns"), tip, "chip")
        for toggle in (self.differences, self.columns):
            toggle.setCheckable(True)
        for button in (self.reroll, self.differences, self.columns):
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click must leave the keyboard on the card
        self._of_order = (self.submit, self.back, self.columns)
        self._of_pair = (self.first, self.second, self.both_bad)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        parts = (self.submit, self.first, self.second, self.tie, self.both_bad, self.back, self.reroll)
        layout.addLayout(row(*parts, self.unrankable, self.skip, None, self.differences, self.columns))
        self.first.clicked.connect(self._on_first_clicked)
        self.second.clicked.connect(self._on_second_clicked)
        self.both_bad.clicked.connect(self._on_both_bad_clicked)
        self.set_pair(is_pair=False)

    def set_pair(self, *, is_pair: bool) -> None:
        """Show the buttons of two answers, or those of an order."""
        for button in self._of_order:
            button.setVisible(not is_pair)
        for button in self._of_pair:
            button.setVisible(is_pair)

    def enable(self, *, acts: bool, can_undo: bool, is_rerolling: bool) -> None:
        """Leave those enabled that can do something."""
        self.back.setEnabled(acts and can_undo)
        for button in (self.tie, self.columns, self.differences):
            button.setEnabled(acts)
        for button in (self.submit, self.first, self.second, self.both_bad, self.reroll, self.unrankable, self.skip):
            button.setEnabled(acts and not is_rerolling)

    def _on_first_clicked(self) -> None:
        self.pair_chosen.emit(1)

    def _on_second_clicked(self) -> None:
        self.pair_chosen.emit(2)

    def _on_both_bad_clicked(self) -> None:
        self.pair_chosen.emit(0)
