"""Left and right of the curves: the three stages in their order, and what the model says."""

from collections.abc import Collection, Mapping

from PySide6.QtCore import QEvent, QObject, QSize, Qt, Signal
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from rlhf_studio.jobs.catalog import RunSummary
from rlhf_studio.jobs.needs import Missing, missing
from rlhf_studio.jobs.stages import StageKey, begins_with
from rlhf_studio.settings import PpoSettings, RewardSettings, RlStartSettings, SftSettings
from rlhf_studio.store.rows import Counts
from rlhf_studio.ui.theme import Theme
from rlhf_studio.ui.train.probe_view import ProbeView
from rlhf_studio.ui.train.stage_card import StageCard
from rlhf_studio.ui.widgets.parts import GRID, Button, row
from rlhf_studio.ui.widgets.text import PlainLabel


class StageColumn(QScrollArea):
    """SFT, then the reward model, then PPO, before it the RL start if PPO shall begin with one."""

    start_changed = Signal()  # what PPO begins with

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.cards = {
            "sft": StageCard("sft", SftSettings, theme),
            "reward": StageCard("reward", RewardSettings, theme),
            "rl-start": StageCard("rl-start", RlStartSettings, theme),
            "ppo": StageCard("ppo-ptx", PpoSettings, theme),
        }
        page = QWidget()
        page.setProperty("look", "page")
        layout = QVBoxLayout(page)
        layout.setContentsMargins(0, 0, GRID, 0)
        layout.setSpacing(0)
        self._arrows = {}
        for name, card in self.cards.items():
            if name != "sft":
                self._arrows[name] = PlainLabel("↓", "muted")
                self._arrows[name].setAlignment(Qt.AlignmentFlag.AlignCenter)
                layout.addWidget(self._arrows[name])
            layout.addWidget(card)
        self.cards["ppo"].edited.connect(self._on_ppo_edited)
        self._on_ppo_edited(self.cards["ppo"])
        layout.addStretch(1)
        self.setWidget(page)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setAccessibleName(self.tr("Stages"))

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        """As wide as the cards and the bar beside them: nothing scrolls sideways here, it would be cut off."""
        page: QWidget | None = self.widget()  # Qt's own: it may ask when Python has taken our attributes away already
        wanted = 0 if page is None else page.minimumSizeHint().width()
        width = max(264, wanted) + self.verticalScrollBar().sizeHint().width()
        return QSize(width, super().minimumSizeHint().height())

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """A card that grows, by more settings or larger text, needs more room."""
        if event.type() == QEvent.Type.LayoutRequest:
            self.updateGeometry()
        return super().eventFilter(watched, event)

    @property
    def start(self) -> StageKey:
        """The stage whose model PPO begins with, by its card."""
        return begins_with({"ppo": self.cards["ppo"].form.values()}, "ppo")

    @property
    def in_use(self) -> list[StageCard]:
        """The cards of the stages that are trained with the settings as they are."""
        return [card for name, card in self.cards.items() if name != "rl-start" or self.start == name]

    def lacking(
        self, counts: Counts, done: Collection[StageKey], card: StageCard, *, is_read_only: bool
    ) -> tuple[Missing, ...]:
        """What keeps the stage of a card from starting, see ``jobs.needs.missing``."""
        return missing(counts, done, card.stage, is_read_only=is_read_only, start=self.start)

    def reveal(self, stage: str) -> None:
        """Scroll to the card of a stage."""
        self.ensureWidgetVisible(self.cards["ppo" if stage == "ppo-ptx" else stage])

    def show_counts(self, counts: Counts) -> None:
        """Say what each stage has to learn from."""
        demonstrations = self.tr("1 demonstration") if counts.demonstrations == 1 else self.tr("{count} demonstrations")
        self.cards["sft"].data.setText(demonstrations.format(count=counts.demonstrations))
        people, simulated = counts.rankings_by_people, counts.rankings_simulated
        mixed = self.tr("{count} rankings, {simulated} of them simulated")
        plain = self.tr("1 ranking") if people == 1 else self.tr("{count} rankings")
        text = mixed if simulated else plain
        self.cards["reward"].data.setText(text.format(count=people + simulated, simulated=simulated))
        self.cards["rl-start"].data.setText(self.tr("The same demonstrations, from the base model again"))
        self.cards["ppo"].data.setText(self.tr("{count} prompts").format(count=counts.by_purpose.get("ppo", 0)))

    def show_runs(self, newest: Mapping[str, RunSummary], live: str) -> None:
        """Say how the last run of each stage went.

        Args:
            newest: By card.
            live: Id of the run that goes on, if there is one.
        """
        for name, card in self.cards.items():
            run = newest.get(name)
            if run is None:
                card.show_state(self.tr("not trained yet"))
            elif run.outcome == "completed":
                card.show_state(self.tr("✓ trained"), "success")
            elif run.outcome == "stopped":
                card.show_state(self.tr("stopped at step {step}").format(step=run.last_step), "warning")
            elif run.outcome == "failed":
                card.show_state(self.tr("✗ failed"), "danger")
            elif run.id == live:
                card.show_state(self.tr("● training"), "")
            else:
                card.show_state(self.tr("cut off"), "warning")

    def _on_ppo_edited(self, _card: StageCard) -> None:
        is_own, card = self.start == "rl-start", self.cards["rl-start"]
        if card.isHidden() is is_own:
            card.setVisible(is_own)
            self._arrows["rl-start"].setVisible(is_own)
            self.start_changed.emit()


class ProbeSide(QWidget):
    """What the model says now."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.view = ProbeView(theme)
        self.since_first = Button(
            self.tr("Since the start"), self.tr("Mark what changed since the first answer"), "chip"
        )
        self.since_first.setCheckable(True)
        self.since_first.toggled.connect(self.view.compare_with_first)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID)
        layout.addWidget(PlainLabel(self.tr("What it says now"), "heading"))
        layout.addWidget(self.view, 1)
        layout.addLayout(row(self.since_first, None))
        self.setMinimumWidth(190)
