"""The parts of the Rank tab and how they lie beside each other."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QSizePolicy, QStackedWidget, QVBoxLayout, QWidget

from rlhf_studio.store.answer_sets import MAX_ANSWERS
from rlhf_studio.ui.rank.board import AnswerBoard
from rlhf_studio.ui.rank.rail import OrderRail
from rlhf_studio.ui.session import Session
from rlhf_studio.ui.widgets.parts import GRID, Button, Card, EmptyState, Tag, row
from rlhf_studio.ui.widgets.text import PlainLabel, set_look
from rlhf_studio.ui.write.conversation import ConversationView
from rlhf_studio.ui.write.model_answer import ModelPicker

LEAST_K = 4  # the fewest that InstructGPT's labelers ranked at once (section 3.5)
_PROMPT_PX = 112
_K = "rank_k"
_MODEL = "rank_model"


class RankPage(QStackedWidget):
    """The prompt, its answers, their order and what can be done; or one of two empty states."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.prompt = ConversationView(session.theme)
        self.prompt.set_limit(_PROMPT_PX)
        self.board = AnswerBoard(session.theme)
        self.rail = OrderRail(session.theme)
        self.below_rail = QVBoxLayout()  # for what belongs to the order beside it
        self.hint = PlainLabel("", "muted", wraps=True)
        self.hint.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.status = PlainLabel("", "muted", wraps=True)
        self.models = ModelPicker(session, remembered=_MODEL)
        self.models.setAccessibleName(self.tr("Model to sample from"))
        self.models.setToolTip(self.tr("The model that gives the answers of the next sets"))
        self.sizes = self._make_sizes()
        self._make_buttons()
        self.simulated, self.retarget, self.only_mine, self._simulated_bar = self._make_simulated()
        self.no_sets = EmptyState(
            self.tr("No answers to rank yet"),
            self.tr("A model answers one prompt several times; your order of the answers is what rewards learn from."),
            self.tr("Sample answers"),
        )
        self.no_prompts = EmptyState(
            self.tr("No prompts to rank yet"),
            self.tr("Answers are sampled to prompts of your own; write one first."),
            self.tr("Write a prompt"),
        )
        self._work = self._make_work()
        for page in (self._work, self.no_sets, self.no_prompts):
            self.addWidget(page)

    @property
    def k(self) -> int:
        """How many answers a set is to have."""
        return self.sizes.currentIndex() + LEAST_K

    @property
    def is_working(self) -> bool:
        """Whether answers are shown."""
        return self.currentWidget() is self._work

    @property
    def primary(self) -> QPushButton:
        """The one thing to do next."""
        empty = self.currentWidget()
        return empty.button if isinstance(empty, EmptyState) else self.submit

    def show_work(self) -> None:
        """Show a set."""
        self.setCurrentWidget(self._work)

    def show_empty(self, *, has_prompts: bool) -> None:
        """Show what is missing."""
        self.setCurrentWidget(self.no_sets if has_prompts else self.no_prompts)

    def say(self, words: str, look: str = "warning") -> None:
        """Say something where the person looks; nothing takes it away."""
        set_look(self.hint, look)
        self.hint.setText(words)

    def show_simulated(self, count: int, target: str = "") -> None:
        """Tell that a program made rankings, if it did, and what it likes, where that is known."""
        one, many = self.tr("1 simulated ranking is in use"), self.tr("{n} simulated rankings are in use")
        text = (one if count == 1 else many).format(n=count)
        with_target = self.tr("{rankings}, target: {target}").format(rankings=text, target=target)
        self.simulated.setText(with_target if target else text)
        self._simulated_bar.setVisible(count > 0)

    def show_status(self, waiting: int, seconds: float | None, *, is_sampling: bool) -> None:
        """Tell how many sets wait besides this one, and how long this person takes for one."""
        parts = [(self.tr("1 set waits") if waiting == 1 else self.tr("{n} sets wait")).format(n=waiting)]
        if is_sampling:
            parts.append(self.tr("1 being sampled"))
        if seconds is not None:
            parts.append(self.tr("median {seconds} s").format(seconds=round(seconds)))
        self.status.setText(" · ".join(parts))

    def enable(self, *, has_set: bool, can_undo: bool, is_rerolling: bool) -> None:
        """Leave only those controls enabled that can do something."""
        is_writable = not self._session.store.is_read_only
        acts = is_writable and has_set
        self.submit.setEnabled(acts and not is_rerolling)
        self.tie.setEnabled(acts)
        self.back.setEnabled(acts and can_undo)
        for button in (self.reroll, self.unrankable, self.skip):
            button.setEnabled(acts and not is_rerolling)
        self.board.enable_reroll(is_enabled=acts and not is_rerolling)
        self.models.setEnabled(is_writable and bool(self.models.choices))
        self.sizes.setEnabled(is_writable)
        self.retarget.setEnabled(is_writable)
        self.only_mine.setEnabled(is_writable)
        self.no_sets.button.setEnabled(is_writable and self.models.choice is not None)

    def keep_k(self) -> None:
        """Remember how many answers a set is to have."""
        self._session.preferences.keep(_K, self.k)

    # --- building

    def _make_sizes(self) -> QComboBox:
        sizes = QComboBox()
        sizes.addItems([self.tr("{k} answers").format(k=k) for k in range(LEAST_K, MAX_ANSWERS + 1)])
        sizes.setAccessibleName(self.tr("Answers in a set"))
        sizes.setToolTip(self.tr("How many answers the next sets have"))
        kept = self._session.preferences.value(_K)
        if kept.isdigit() and LEAST_K <= int(kept) <= MAX_ANSWERS:
            sizes.setCurrentIndex(int(kept) - LEAST_K)
        return sizes

    def _make_buttons(self) -> None:
        theme = self._session.theme
        tip = self.tr("Keep this order and go to the next set; the last missing answer is put lowest")
        self.submit = Button(self.tr("Submit"), tip, "primary", "mdi6.check", theme, self.tr("Enter"))
        self.tie = Button(self.tr("Tie"), self.tr("The next answer is as good as the one before"), keys="=")
        tip = self.tr("Take the last key or move back")
        self.back = Button(self.tr("Take back"), tip, "", "mdi6.backspace-outline", theme, self.tr("Backspace"))
        tip = self.tr("Sample the answer anew whose card has the keyboard")
        self.reroll = Button(self.tr("Re-roll"), tip, "", "mdi6.refresh", theme, self.tr("Ctrl+R"))
        tip = self.tr("Say that no order of these answers makes sense, and go to the next set")
        self.unrankable = Button(self.tr("Cannot be ranked"), tip, keys=self.tr("Ctrl+U"))
        tip = self.tr("Put this set aside and go to the next")
        self.skip = Button(self.tr("Skip"), tip, "", "mdi6.skip-next-outline", theme, self.tr("Ctrl+Right"))
        self.reroll.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click must leave the keyboard on the card

    def _make_simulated(self) -> tuple[PlainLabel, Button, Button, QWidget]:
        words = PlainLabel("", "muted")
        tag = Tag(self.tr("simulated"), self.tr("A program made these rankings, no person did"))
        tip = self.tr("Take every simulated ranking back, so that rewards are learned from yours alone; can be undone")
        button = Button(self.tr("Use only mine"), tip, "link")
        tip = self.tr("Let the script prefer other answers; your own rankings stay")
        retarget = Button(self.tr("Change target…"), tip, "link")
        for link in (button, retarget):
            link.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # likewise
        bar = QWidget()
        bar.setLayout(row(tag, words, retarget, button, None))
        bar.hide()
        return words, retarget, button, bar

    def _make_side(self) -> QVBoxLayout:
        side = QVBoxLayout()
        side.setSpacing(GRID)
        side.addWidget(self.rail, 1)
        side.addLayout(self.below_rail)
        return side

    def _make_work(self) -> QWidget:
        work = QWidget()
        layout = QVBoxLayout(work)
        layout.setContentsMargins(2 * GRID, GRID, 2 * GRID, GRID)
        layout.setSpacing(GRID)
        middle = QHBoxLayout()
        middle.setSpacing(2 * GRID)
        middle.addWidget(self.board, 1)
        middle.addLayout(self._make_side())
        if self._session.store.is_read_only:
            layout.addWidget(_banner(self._session.store.read_only_reason))
        layout.addWidget(self._simulated_bar)
        layout.addWidget(self.prompt)
        layout.addLayout(middle, 1)
        layout.addWidget(self.hint)
        buttons = (self.submit, self.tie, self.back, self.reroll, self.unrankable, self.skip)
        layout.addLayout(row(*buttons, None))
        below = row(self.status, self.models, self.sizes)
        below.setStretch(0, 1)
        layout.addLayout(below)
        return work


def _banner(reason: str) -> Card:
    banner = Card("raised")
    banner.body.setContentsMargins(GRID, GRID, GRID, GRID)
    banner.body.addWidget(PlainLabel(reason, "warning", wraps=True))
    banner.setAccessibleName(reason)
    return banner
