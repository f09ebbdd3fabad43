"""The foot of the Rank tab: what is new since the last training, and the button that learns from it."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QFrame, QMenu, QWidget, QWidgetAction

from rlhf_studio.settings import LoopSettings
from rlhf_studio.ui.rank.learner import Learner, RoundState
from rlhf_studio.ui.session import Session, TrainingState
from rlhf_studio.ui.train.form import StageForm
from rlhf_studio.ui.widgets.parts import GRID, Button, Card, row
from rlhf_studio.ui.widgets.text import PlainLabel

_FORM_PX = 320
AFTER = (0, 1, 5, 10)  # new rankings after which a round begins by itself


class LearnBar(QFrame):
    """One line and its buttons."""

    learn_wanted = Signal()
    result_wanted = Signal()
    train_wanted = Signal()

    def __init__(self, session: Session, learner: Learner, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("look", "bar")
        self._session, self._learner = session, learner
        self._is_seen = False
        self.words = PlainLabel("", "muted")
        self.train = Button(self.tr("Train"), self.tr("Go to the Train tab"), "link")
        self.result = Button(self.tr("See what changed"), self.tr("Show the answers before and after"), "link")
        self.learn = Button(
            self.tr("Learn now"),
            self.tr("Refit the reward model, go on with PPO for a few steps, and see the same prompts answered again"),
            "",
            "mdi6.school-outline",
            session.theme,
            "Ctrl+L",
        )
        self.after = QComboBox()
        self.after.setAccessibleName(self.tr("When to learn"))
        self.after.setToolTip(self.tr("Whether learning begins by itself after so many new rankings"))
        for count in AFTER:
            self.after.addItem(self._after_text(count), count)
        self.after.setCurrentIndex(max(0, self.after.findData(learner.automatic)))
        self.settings = Button("", self.tr("Settings of learning"), "quiet", "mdi6.tune-variant", session.theme)
        self.form: StageForm | None = None  # made when it is first asked for
        self._menu = QMenu(self)
        self._action = QWidgetAction(self._menu)
        self._menu.aboutToShow.connect(self._make_form)
        self.settings.setMenu(self._menu)
        layout = row(self.words, self.train, self.result, None, self.settings, self.after, self.learn)
        layout.setContentsMargins(2 * GRID, GRID, 2 * GRID, GRID)
        self.setLayout(layout)
        self.learn.clicked.connect(self.learn_wanted)
        self.result.clicked.connect(self.result_wanted)
        self.train.clicked.connect(self.train_wanted)
        self.after.activated.connect(self._on_after_activated)
        learner.changed.connect(self.refresh)
        self.refresh()

    def note_page(self, *, is_changes: bool) -> None:
        """Where the result is seen, it need not be offered."""
        self._is_seen = is_changes
        self.refresh()

    def refresh(self) -> None:
        """Offer what can be done now."""
        learner = self._learner
        self.words.setText(self._words_text())
        self.train.setVisible(not learner.has_judge and self._session.state is TrainingState.IDLE)
        has_result = not self._is_seen and learner.state in {RoundState.RUNNING, RoundState.TOLD, RoundState.SHOWN}
        self.result.setText(self.tr("Watch") if learner.is_running else self.tr("See what changed"))
        self.result.setAccessibleName(self.result.text())
        self.result.setVisible(has_result)
        self.learn.setEnabled(learner.can_learn)
        is_stopped = learner.is_half_done and learner.new_rankings == 0
        self.learn.setText(self.tr("Go on learning") if is_stopped else self.tr("Learn now"))
        self.learn.setAccessibleName(self.learn.text())
        self.after.setEnabled(not self._session.store.is_read_only)

    def _words_text(self) -> str:
        learner = self._learner
        if learner.is_running:
            return self.tr("Learning: {seconds} s so far").format(seconds=round(learner.seconds))
        if self._session.state is not TrainingState.IDLE:
            return self.tr("A run is going on; rankings can be learned from after it.")
        if not learner.has_judge:
            return self.tr("No reward model yet: train once; then a ranking is learned within a minute or so.")
        if learner.new_rankings:
            one, many = (
                self.tr("1 new ranking since the last training"),
                self.tr("{n} new rankings since the last training"),
            )
            return one if learner.new_rankings == 1 else many.format(n=learner.new_rankings)
        if learner.is_half_done:
            return self.tr("The reward model is refitted, the policy has not gone on yet.")
        return self.tr("No new rankings since the last training: rank some, then see what they change.")

    def _after_text(self, count: int) -> str:
        if count == 0:
            return self.tr("Learn when I ask")
        if count == 1:
            return self.tr("Learn after each ranking")
        return self.tr("Learn after {n} rankings").format(n=count)

    def _make_form(self) -> None:
        if self.form is not None:
            return
        page = Card("card")
        self.form = StageForm(LoopSettings)
        self.form.set_values(self._learner.settings)
        self.form.edited.connect(self._on_form_edited)
        page.body.addWidget(self.form)
        page.setMinimumWidth(_FORM_PX)
        self._action.setDefaultWidget(page)
        self._menu.addAction(self._action)
        self.form.more.toggled.connect(self._fit_menu)

    def _fit_menu(self) -> None:
        """A menu learns of another height only where an entry comes."""
        self._action.setVisible(False)
        self._action.setVisible(True)

    def _on_form_edited(self) -> None:
        if self.form is not None:
            self._learner.settings = self.form.values()

    def _on_after_activated(self, index: int) -> None:
        self._learner.automatic = self.after.itemData(index)
