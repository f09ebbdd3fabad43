"""How answers are drawn: temperature, longest answer, seed; and the buttons that ask and stop."""

from PySide6.QtCore import QSignalBlocker, Signal
from PySide6.QtWidgets import QAbstractSpinBox, QDoubleSpinBox, QHBoxLayout, QSizePolicy, QSpinBox, QWidget

from rlhf_studio.schema import Sampling
from rlhf_studio.ui.theme import Theme
from rlhf_studio.ui.widgets.parts import GRID, Button, indent
from rlhf_studio.ui.widgets.text import PlainLabel

LONGEST = 4096
SEEDS = 10_000


class SamplingControls(QWidget):
    """A row of settings; ``ask`` and ``stop`` stand beside the prompt."""

    asked = Signal()
    asked_again = Signal()  # with another seed
    stopped = Signal()
    changed = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.temperature = QDoubleSpinBox()
        self.temperature.setRange(0.0, 2.0)
        self.temperature.setSingleStep(0.1)
        self.temperature.setDecimals(1)
        self.temperature.setSpecialValueText(self.tr("0 (greedy)"))
        self.longest = QSpinBox()
        self.longest.setRange(1, LONGEST)
        self.longest.setValue(64)
        self.longest.setSingleStep(16)
        self.longest.setSuffix(self.tr(" tokens"))
        self.seed = QSpinBox()
        self.seed.setRange(0, SEEDS - 1)
        self.again = Button(
            self.tr("New seed"),
            self.tr("Draw other answers: take the next seed and ask all"),
            icon_name="mdi6.dice-multiple-outline",
            theme=theme,
            keys="F5",
        )
        self.stop = Button(
            self.tr("Stop"),
            self.tr("Stop writing; what is there stays"),
            icon_name="mdi6.stop",
            theme=theme,
            keys="Ctrl+.",
        )
        self.ask = Button(
            self.tr("Ask all"),
            self.tr("Let every model answer this prompt"),
            "primary",
            "mdi6.play",
            theme,
            keys="Ctrl+Enter",
        )
        self._lay_out()
        self._connect()
        self._explain()

    def _lay_out(self) -> None:
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID)
        named: tuple[tuple[str, QAbstractSpinBox], ...] = (
            (self.tr("Te&mperature"), self.temperature),
            (self.tr("&Longest answer"), self.longest),
            (self.tr("&Seed"), self.seed),
        )
        for words, box in named:
            label = PlainLabel(words, "muted")
            label.setBuddy(box)
            box.setAccessibleName(words.replace("&", ""))
            indent(box)
            box.setSizePolicy(QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Fixed)
            layout.addWidget(label)
            layout.addWidget(box)
            layout.addSpacing(GRID)
        layout.addWidget(self.again)
        layout.addStretch(1)

    def _connect(self) -> None:
        self.temperature.valueChanged.connect(self._on_value_changed)
        self.longest.valueChanged.connect(self._on_value_changed)
        self.seed.valueChanged.connect(self._on_value_changed)
        self.again.clicked.connect(self.take_next_seed)
        self.stop.clicked.connect(self.stopped)
        self.ask.clicked.connect(self.asked)
        self.longest.setToolTip(self.tr("Answers are cut here"))

    def sampling(self) -> Sampling:
        """What is set."""
        return Sampling(round(self.temperature.value(), 1), 1.0, self.longest.value(), self.seed.value())

    def set_sampling(self, temperature: float, longest: int) -> None:
        """Show what was set last."""
        with QSignalBlocker(self):
            self.temperature.setValue(temperature)
            self.longest.setValue(longest)

    def set_state(self, *, can_ask: bool, is_busy: bool) -> None:
        """Enable what can be done now."""
        self.ask.setEnabled(can_ask)
        self.again.setEnabled(can_ask and self.temperature.value() > 0)
        self.stop.setEnabled(is_busy)

    def take_next_seed(self) -> None:
        """Draw anew, where chance has a say."""
        if self.again.isEnabled():
            self.seed.setValue((self.seed.value() + 1) % SEEDS)
            self.asked_again.emit()

    def _on_value_changed(self) -> None:
        self._explain()
        self.changed.emit()

    def _explain(self) -> None:
        is_greedy = self.temperature.value() == 0
        self.seed.setEnabled(not is_greedy)
        self.temperature.setToolTip(
            self.tr("0 takes the likeliest word each time; 1 draws as the model was trained; higher is wilder")
        )
        self.seed.setToolTip(
            self.tr("At temperature 0 nothing is drawn: the seed has no say")
            if is_greedy
            else self.tr("The same seed gives the same answers")
        )
