"""One of the stages: what it has to learn from, its settings, what it lacks, and how it went."""

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QWidget

from rlhf_studio.jobs.needs import Missing, Remedy
from rlhf_studio.jobs.stages import StageKey
from rlhf_studio.settings import StageSettings
from rlhf_studio.ui.compare.column import StageBand
from rlhf_studio.ui.spoken import stage_word
from rlhf_studio.ui.theme import Theme
from rlhf_studio.ui.train.form import StageForm
from rlhf_studio.ui.widgets.parts import GRID, Button, Card, row
from rlhf_studio.ui.widgets.text import PlainLabel, set_look


class StageCard(Card):
    """SFT, reward model, RL start, or PPO, which without pretraining gradients is plain PPO and says so."""

    start_requested = Signal(object)  # itself
    remedy_requested = Signal(str)  # jobs.needs.Remedy
    edited = Signal(object)  # itself

    def __init__(
        self, stage: StageKey, settings: type[StageSettings], theme: Theme, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent=parent)
        self._stage: StageKey = stage
        self._remedy: Remedy = "none"
        self._is_missing = False
        self.band = StageBand(theme)
        self.name = PlainLabel("", "heading")
        self.state = PlainLabel("", "muted")
        self.state.setAlignment(Qt.AlignmentFlag.AlignRight)
        self.data = PlainLabel("", "muted", wraps=True)
        self.form = StageForm(settings)
        self.form.edited.connect(self._on_form_edited)
        self.missing = PlainLabel("", "warning", wraps=True)
        self.mend = Button("", self.tr("Mend what is missing"))
        self.mend.clicked.connect(self._on_mend_clicked)
        self.outlook = PlainLabel("", "muted", wraps=True)
        self.outlook.hide()
        self.start = Button(self.tr("Start"), self.tr("Train this stage alone"), "", "mdi6.play", theme)
        self.start.clicked.connect(self._on_start_clicked)
        self.body.setContentsMargins(GRID + 4, GRID + 4, GRID + 4, GRID + 4)
        self.body.addWidget(self.band)
        self.body.addLayout(row(self.name, None, self.state))
        for widget in (self.data, self.form, self.missing, self.outlook):
            self.body.addWidget(widget)
        self.body.addLayout(row(self.start, self.mend, None))
        self.show_missing(())
        self._name_stage()

    @property
    def stage(self) -> StageKey:
        """What would be trained with the settings as they are."""
        if self._stage != "ppo-ptx":
            return self._stage
        return "ppo-ptx" if self.form.fields["ptx_coef"].value else "ppo"

    @property
    def is_ready(self) -> bool:
        """Whether nothing of its own is missing: models of earlier stages will be there in time."""
        return not self._is_missing or self._remedy in {"sft", "reward", "rl-start"}

    def show_missing(self, missing: Sequence[Missing]) -> None:
        """Say what is missing, with the button that mends the first of it."""
        self._is_missing = bool(missing)
        self._remedy = missing[0].remedy if missing else "none"
        self.missing.setText(" ".join(self.sentence(item) for item in missing))
        self.missing.setVisible(bool(missing))
        self.mend.setText(self.remedy_words(missing[0]) if missing else "")
        self.mend.setAccessibleName(self.mend.text())
        self.mend.setVisible(self._remedy != "none")
        self.start.setEnabled(not missing)

    def show_state(self, words: str, look: str = "muted") -> None:
        """Show how the stage's last run went."""
        self.state.setText(words)
        set_look(self.state, look)

    def show_outlook(self, words: str, look: str = "muted") -> None:
        """Show what a run with these settings would take; '' hides it."""
        self.outlook.setText(words)
        set_look(self.outlook, look)
        self.outlook.setVisible(bool(words))

    def set_busy(self, is_busy: bool) -> None:
        """While something trains, settings and start rest."""
        self.form.set_enabled(not is_busy)
        self.start.setEnabled(not is_busy and not self._is_missing)
        self.mend.setEnabled(not is_busy)

    def _name_stage(self) -> None:
        word = stage_word(self.stage)
        self.name.setText(word)
        self.band.set_stage(self.stage)
        self.setAccessibleName(word)
        self.start.setAccessibleName(self.tr("Start {stage}").format(stage=word))

    def sentence(self, missing: Missing) -> str:
        """What is missing, in words."""
        words = {
            "read_only": self.tr("The project can only be read, so no run can be kept in it."),
            "no_demonstrations": self.tr("There is no demonstration yet: SFT learns from answers you write."),
            "no_rankings": self.tr(
                "It learns from answers that were put in order, and none are: rank at least {needed} sets. "
                "Sets that wait for you: {waiting}."
            ),
            "few_rankings": self.tr(
                "It can learn from {count} of {total} rankings (not from held-out prompts or mere ties) and needs at "
                "least {needed}. Sets that wait for you: {waiting}."
            ),
            "no_sft": self.tr("It starts from an SFT model, and there is none yet."),
            "no_rl_start": self.tr("It starts from an RL start, and there is none yet: train one, or start from SFT."),
            "no_reward": self.tr("It learns from a reward model, and there is none yet."),
            "no_prompts": self.tr("No prompt is there to be answered: mark some for PPO."),
        }
        return words[missing.message].format(**missing.values)

    def remedy_words(self, missing: Missing) -> str:
        """The words on the button that mends it."""
        words: dict[Remedy, str] = {
            "write": self.tr("Write"),
            "rank": self.tr("Rank answers"),
            "sft": self.tr("Train all three"),
            "reward": self.tr("Train all three"),
            "rl-start": self.tr("Train all"),
            "none": "",
        }
        return words[missing.remedy]

    def _on_form_edited(self) -> None:
        self._name_stage()
        self.edited.emit(self)

    def _on_start_clicked(self) -> None:
        self.start_requested.emit(self)

    def _on_mend_clicked(self) -> None:
        self.remedy_requested.emit(self._remedy)
