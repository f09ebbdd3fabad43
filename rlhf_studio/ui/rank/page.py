"""The parts of the Rank tab and how they lie beside each other."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QPushButton, QSizePolicy, QStackedWidget, QVBoxLayout, QWidget

from rlhf_studio.stats.pace import Pace
from rlhf_studio.store.answer_sets import MAX_ANSWERS
from rlhf_studio.ui.rank.action_bar import ActionBar
from rlhf_studio.ui.rank.board import PAIR, AnswerBoard
from rlhf_studio.ui.rank.columns import RankColumns
from rlhf_studio.ui.rank.differences import Differences
from rlhf_studio.ui.rank.order_entry import OrderEntry
from rlhf_studio.ui.rank.rail import OrderRail
from rlhf_studio.ui.rank.rating_view import RatingView
from rlhf_studio.ui.rank.sources import SourcesBar
from rlhf_studio.ui.rank.verdict_bar import VerdictBar
from rlhf_studio.ui.session import Session
from rlhf_studio.ui.widgets.parts import GRID, Button, Card, EmptyState, Tag, row
from rlhf_studio.ui.widgets.text import PlainLabel, set_look
from rlhf_studio.ui.write.conversation import ConversationView

LEAST_K = 4  # the fewest that InstructGPT's labelers ranked at once (section 3.5)
_PROMPT_PX = 112
_K = "rank_k"
_COLUMNS = "rank_columns"


class RankPage(QStackedWidget):
    """The prompt, its answers, their order and what can be done; or one of two empty states."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.prompt = ConversationView(session.theme)
        self.prompt.set_limit(_PROMPT_PX)
        self.board = AnswerBoard(session.theme, session.keymap)
        self.rail = OrderRail(session.theme)
        self.below_rail = QVBoxLayout()  # for what belongs to the order beside it
        self.above = QVBoxLayout()  # for what is to be known of the set before anything else
        self.rating = RatingView(session.theme)
        self.rates = self._make_rates()
        self.columns = RankColumns(session.theme, session.keymap)
        self.verdict = VerdictBar()
        self.differences = Differences(self.board, self)
        self.hint = PlainLabel("", "muted", wraps=True)
        self.hint.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.status = PlainLabel("", "muted", wraps=True)
        self.status.setToolTip(self.tr("Seconds that rankings took you; pauses of over a minute are left out"))
        self.sources = SourcesBar(session)
        self.models = self.sources.picker
        self.sizes = self._make_sizes()
        self.acts = ActionBar(session.theme)
        acts = self.acts
        self.submit, self.tie, self.back, self.reroll = acts.submit, acts.tie, acts.back, acts.reroll
        self.unrankable, self.skip = acts.unrankable, acts.skip
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
        for page in (self._work, self.rating, self.no_sets, self.no_prompts):
            self.addWidget(page)
        acts.differences.toggled.connect(self._on_differences_toggled)
        acts.columns.toggled.connect(self._on_columns_toggled)
        self.board.shown.connect(self._on_board_shown)
        acts.columns.setChecked(session.preferences.value(_COLUMNS) == "1")
        self._show_gestures()

    @property
    def k(self) -> int:
        """How many answers a set is to have."""
        return int(self.sizes.currentData())

    @property
    def is_pair(self) -> bool:
        """Whether two answers are shown, A and B."""
        return len(self.board.cards) == PAIR

    @property
    def is_working(self) -> bool:
        """Whether answers are shown."""
        return self.currentWidget() in {self._work, self.rating}

    @property
    def primary(self) -> QPushButton:
        """The one thing to do next."""
        empty = self.currentWidget()
        if isinstance(empty, EmptyState):
            return empty.button
        if empty is self.rating:
            return self.rating.ranking
        return self.acts.first if self.is_pair else self.submit

    def show_work(self) -> None:
        """Show a set."""
        self.setCurrentWidget(self._work)

    def show_rating(self) -> None:
        """Show the answers one by one."""
        self.setCurrentWidget(self.rating)

    def show_empty(self, *, has_prompts: bool) -> None:
        """Show what is missing."""
        self.setCurrentWidget(self.no_sets if has_prompts else self.no_prompts)

    def show_order(self, entry: OrderEntry) -> None:
        """Show the order so far everywhere."""
        self.board.show_order(entry)
        self.rail.show_order(entry)
        self.columns.show_order(entry)
        self.differences.show_order(entry)

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

    def show_status(self, waiting: int, pace: Pace | None, *, is_sampling: bool) -> None:
        """Tell how many sets wait besides this one, and how long this person takes for one of this size."""
        parts = [(self.tr("1 set waits") if waiting == 1 else self.tr("{n} sets wait")).format(n=waiting)]
        if is_sampling:
            parts.append(self.tr("1 being sampled"))
        if pace is not None:
            words = self.tr("{k} answers: median {median} s, p90 {p90} s")
            parts.append(words.format(k=pace.size, median=round(pace.median), p90=round(pace.p90)))
        self.status.setText(" · ".join(parts))

    def enable(self, *, has_set: bool, can_undo: bool, is_rerolling: bool) -> None:
        """Leave only those controls enabled that can do something."""
        is_writable = not self._session.store.is_read_only
        acts = is_writable and has_set
        self.acts.enable(acts=acts, can_undo=can_undo, is_rerolling=is_rerolling)
        self.verdict.setEnabled(acts)
        self.board.enable_reroll(is_enabled=acts and not is_rerolling)
        self.sources.enable(is_writable=is_writable)
        self.sizes.setEnabled(is_writable)
        self.retarget.setEnabled(is_writable)
        self.by_script.setEnabled(is_writable)
        self.only_mine.setEnabled(is_writable)
        self.no_sets.button.setEnabled(is_writable and bool(self.sources.answerers))

    def keep_k(self) -> None:
        """Remember how many answers a set is to have."""
        self._session.preferences.keep(_K, self.k)

    # --- slots

    def _on_differences_toggled(self, is_on: bool) -> None:
        self.differences.set_on(is_on=is_on)

    def _on_columns_toggled(self, is_on: bool) -> None:
        self._session.preferences.keep(_COLUMNS, int(is_on))
        self._show_gestures()

    def _on_board_shown(self) -> None:
        self.columns.show_texts(tuple(card.full_text for card in self.board.cards))
        self._show_gestures()

    def _show_gestures(self) -> None:
        """The rail or the columns for an order; two answers need neither."""
        is_pair, has_columns = self.is_pair, self.acts.columns.isChecked()
        self.acts.set_pair(is_pair=is_pair)
        self.rail.setVisible(not is_pair and not has_columns)
        self.columns.setVisible(not is_pair and has_columns)

    # --- building

    def _make_sizes(self) -> QComboBox:
        sizes = QComboBox()
        sizes.addItem(self.tr("2 answers (A or B)"), PAIR)
        for k in range(LEAST_K, MAX_ANSWERS + 1):
            sizes.addItem(self.tr("{k} answers").format(k=k), k)
        sizes.setAccessibleName(self.tr("Answers in a set"))
        sizes.setToolTip(self.tr("How many answers the next sets have"))
        kept = self._session.preferences.value(_K)
        place = sizes.findData(int(kept)) if kept.isdecimal() else -1
        sizes.setCurrentIndex(sizes.findData(LEAST_K) if place < 0 else place)
        return sizes

    def _make_rates(self) -> Button:
        tip = self.tr("Rate each answer by itself before it is ranked: overall quality and flags, as in the paper")
        rates = Button(self.tr("Rate first"), tip, "chip")
        rates.setCheckable(True)
        rates.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # likewise
        rates.setEnabled(not self._session.store.is_read_only)
        return rates

    def _make_simulated(self) -> tuple[PlainLabel, Button, Button, QWidget]:
        words = PlainLabel("", "muted")
        tag = Tag(self.tr("simulated"), self.tr("A program made these rankings, no person did"))
        tip = self.tr("Take every simulated ranking back, so that rewards are learned from yours alone; can be undone")
        button = Button(self.tr("Use only mine"), tip, "link")
        tip = self.tr("Let the script prefer other answers; your own rankings stay")
        retarget = Button(self.tr("Change target…"), tip, "link")
        tip = self.tr("Let a rule with noise rank answers that wait, or new ones; they go on waiting for people")
        self.by_script = Button(self.tr("Rank by a script…"), tip, "link")
        for link in (button, retarget, self.by_script):
            link.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # likewise
        bar = QWidget()
        bar.setLayout(row(tag, words, retarget, self.by_script, button, None))
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
        layout.addLayout(self.above)
        layout.addWidget(self._simulated_bar)
        layout.addWidget(self.prompt)
        layout.addLayout(middle, 1)
        layout.addWidget(self.columns)
        layout.addWidget(self.hint)
        layout.addWidget(self.verdict)
        layout.addWidget(self.acts)
        below = row(self.status, self.rates, self.sources, self.sizes)
        below.setStretch(0, 1)
        layout.addLayout(below)
        return work


def _banner(reason: str) -> Card:
    banner = Card("raised")
    banner.body.setContentsMargins(GRID, GRID, GRID, GRID)
    banner.body.addWidget(PlainLabel(reason, "warning", wraps=True))
    banner.setAccessibleName(reason)
    return banner
