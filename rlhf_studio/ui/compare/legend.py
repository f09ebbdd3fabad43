"""One line above the columns: what measures the answers, or what is missing for that."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from rlhf_studio.ui.compare.lineup import Lineup
from rlhf_studio.ui.theme import Theme
from rlhf_studio.ui.widgets.parts import Button, Tag, row
from rlhf_studio.ui.widgets.text import PlainLabel


class Legend(QWidget):
    """Says which models reward and KL come from; where they are missing, a button leads to training."""

    train_wanted = Signal()
    add_wanted = Signal()
    changes_toggled = Signal(bool)

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._measured = ""
        self._is_outdated = False
        self.words = PlainLabel("", "muted", wraps=True)
        self.simulated = Tag(self.tr("simulated"))
        self.train = Button(self.tr("Go to training"), self.tr("Open the Train tab"), theme=theme)
        self.train.clicked.connect(self.train_wanted)
        self.changes = Button(
            self.tr("Show changes"),
            self.tr("Highlight the words that the column to the left does not have"),
            "chip",
        )
        self.changes.setCheckable(True)
        self.changes.toggled.connect(self.changes_toggled)
        self.add = Button(
            self.tr("Add model"), self.tr("Add a column with another model"), icon_name="mdi6.plus", theme=theme
        )
        self.add.clicked.connect(self.add_wanted)
        line = row(self.words, self.simulated, self.train, self.changes, self.add)
        line.setStretch(0, 1)
        self.setLayout(line)

    def show_lineup(self, lineup: Lineup, simulated: int) -> None:
        """Describe what measures the answers.

        Args:
            lineup: The models there are.
            simulated: Rankings of the project that no person made.
        """
        self._measured = self._words(lineup)
        self._show_words()
        self.train.setVisible(lineup.reward is None and lineup.is_trained)
        self.simulated.setVisible(lineup.reward is not None and simulated > 0)
        self.simulated.setToolTip(
            self.tr("Rewards rest on {count} rankings that a program made, not a person.").format(count=simulated)
        )

    def set_outdated(self, *, is_outdated: bool) -> None:
        """Say whether the answers below are to another prompt than the one above."""
        self._is_outdated = is_outdated
        self._show_words()

    def _show_words(self) -> None:
        outdated = self.tr("These answers are to another prompt. Ask again.")
        self.words.setText(outdated if self._is_outdated else self._measured)
        self.words.set_look("warning" if self._is_outdated else "muted")

    def _words(self, lineup: Lineup) -> str:
        reward = (
            self.tr("Reward by “{title}”").format(title=lineup.reward.title)
            if lineup.reward
            else self.tr("No reward model yet, so answers get no reward")
        )
        if lineup.reference is None:
            return reward
        return self.tr("{reward} · KL to “{reference}”").format(reward=reward, reference=lineup.reference.title)
