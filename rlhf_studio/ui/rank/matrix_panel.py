"""Below the order: what the reward model makes of it, once it may be seen."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QVBoxLayout, QWidget

from rlhf_studio.ui.rank.judge import Judged, RewardJudge
from rlhf_studio.ui.rank.matrix import PairMatrix
from rlhf_studio.ui.theme import Theme
from rlhf_studio.ui.widgets.parts import GRID, Button, row
from rlhf_studio.ui.widgets.text import PlainLabel


class MatrixPanel(QWidget):
    """The matrix of the set that is shown, or of the one before; hidden while there is no reward model."""

    def __init__(self, judge: RewardJudge, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._judge = judge
        self.title = PlainLabel(self.tr("Reward model"), "heading")
        self.peek = Button(
            self.tr("Peek"),
            self.tr("See the reward model's opinion before your order is complete; the ranking says that you did"),
            "inline",
        )
        self.peek.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves the digits where they are heard
        self.state = PlainLabel("", "muted", wraps=True)
        self.matrix = PairMatrix(theme)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID // 2)
        layout.addLayout(row(self.title, None, self.peek))
        for widget in (self.state, self.matrix):
            layout.addWidget(widget)
        self.peek.clicked.connect(judge.peek)
        judge.changed.connect(self.refresh)
        self.refresh()

    def refresh(self) -> None:
        """Show what may be seen now."""
        judge = self._judge
        self.setVisible(judge.model is not None)
        if judge.model is None:
            return
        current = judge.current
        self.peek.setVisible(current is not None and not judge.is_open)
        if current is not None and judge.is_open:
            self._show(current, is_last=False)
        elif judge.last is not None and judge.last.scores:
            self._show(judge.last, is_last=True)
        else:
            self.matrix.hide()
            self.title.setText(self.tr("Reward model"))
            self.state.setText(self.tr("Its opinion is shown when your order is complete."))

    def _show(self, judged: Judged, *, is_last: bool) -> None:
        self.matrix.setVisible(bool(judged.scores))
        self.title.setText(self.tr("Reward model, last set") if is_last else self.tr("Reward model"))
        if not judged.scores:
            self.state.setText(self._judge.message or self.tr("The reward model reads the answers…"))
            return
        self.matrix.show_order(judged.scores, judged.tiers, self._judge.tie_divisor)
        self.state.setText(self._told(judged, is_last=is_last))
        self.state.setToolTip(self._formula())

    def _told(self, judged: Judged, *, is_last: bool) -> str:
        cost = self.matrix.cost
        words = self.tr("The model disagrees on {n} of {pairs} pairs; this order would cost {loss} nats.")
        if is_last:
            words = self.tr("Last set: the model disagreed on {n} of {pairs} pairs, loss {loss}.")
        elif not cost.pairs:
            words = self.tr("No two answers are ranked apart yet.")
        text = words.format(n=len(cost.disagreed), pairs=cost.pairs, loss=f"{cost.loss:.2f}")
        return f"{text} {self.tr('(peeked)')}" if judged.is_peeked else text

    def _formula(self) -> str:
        """How the loss is made; ties count as the reward stage is set."""
        if self._judge.tie_divisor == "all":
            return self.tr(
                "Loss = -1/C(K,2) · sum of ln sigmoid(r(better) - r(worse)) over the pairs ranked apart; ties make no "
                "pair but count in C(K,2). InstructGPT, equation 1."
            )
        return self.tr(
            "Loss = -1/n · sum of ln sigmoid(r(better) - r(worse)) over the n pairs ranked apart; n is C(K,2) without "
            "ties, which make no pair. InstructGPT, equation 1."
        )
