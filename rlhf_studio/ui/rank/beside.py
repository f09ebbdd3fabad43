"""What stands beside ordering a set: ratings before it, the reward model's opinion of it, correcting it afterwards."""

from collections.abc import Callable, Sequence
from functools import partial

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QInputMethodEvent, QKeyEvent
from PySide6.QtWidgets import QWidget

from rlhf_studio.errors import StudioError
from rlhf_studio.schema import Completion, Turn
from rlhf_studio.store.answer_sets import AnswerSet
from rlhf_studio.store.database import Changes
from rlhf_studio.ui.rank.editing import EditBar, Held, held_ranking, is_unchanged
from rlhf_studio.ui.rank.flag_words import rating_text, rating_tip
from rlhf_studio.ui.rank.judge import RewardJudge
from rlhf_studio.ui.rank.matrix_panel import MatrixPanel
from rlhf_studio.ui.rank.order_entry import Tiers
from rlhf_studio.ui.rank.ordering import Ordering
from rlhf_studio.ui.rank.page import RankPage
from rlhf_studio.ui.rank.rail import WIDTH_PX
from rlhf_studio.ui.rank.rating import RatingStep
from rlhf_studio.ui.session import Session
from rlhf_studio.ui.tabs.tab import GoTo
from rlhf_studio.ui.write.fitting import FittingScroll

_PANEL_PX = 280


class Beside(QObject):
    """Hears every key of the tab before the order does.

    Attributes:
        held: The set that stays although it does not wait.
    """

    go_to_requested = Signal(object)  # GoTo
    left = Signal()  # nothing is held any more
    stored = Signal(int)  # id of a ranking

    def __init__(self, session: Session, page: RankPage, order: Ordering, tab: QWidget) -> None:
        """``tab`` is what has the keyboard."""
        super().__init__(tab)
        self._session, self._page, self._order, self._tab = session, page, order, tab
        self.held: Held | None = None
        self._back_to: GoTo | None = None
        self._answers: tuple[Completion, ...] = ()
        self._is_repeat = False
        self.judge = RewardJudge(session, self)
        self.panel = MatrixPanel(self.judge, session.theme)
        self._below = FittingScroll(self.panel)
        self._below.setFixedWidth(WIDTH_PX)
        self._below.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._below.set_limit(_PANEL_PX)
        page.below_rail.addWidget(self._below)
        self._show_panel()
        self.rating = RatingStep(session, page.rating, self)
        self.bar = EditBar(session.theme)
        page.above.addWidget(self.bar)
        page.rates.setChecked(self.rating.is_wanted)
        tab.installEventFilter(self)
        self._connect()

    # --- for the tab

    def opened(self, answers: AnswerSet, turns: tuple[Turn, ...], completions: Sequence[Completion]) -> None:
        """A set is shown; its answers may have to be rated first."""
        if self.held is not None and self.held.answers.id != answers.id:
            self._hold(None)
        self._answers = tuple(completions)
        self._is_repeat = answers.again == "repeat"  # nothing may remind of the first time
        self.judge.open(answers.id, turns, completions)
        self._on_order_changed()
        try:
            self.rating.open(turns, completions)
        except StudioError as error:
            self._session.say(str(error), kind="error")
            return
        self._show_badges()
        if self._page.rates.isChecked() and self.held is None and not self.rating.is_complete:
            self.rate()

    def hold(self, target: GoTo, open_set: Callable[[AnswerSet], None]) -> bool:
        """Show the set that a person asked for, also where it does not wait; return whether one was asked for."""
        if target.ranking_id is None and target.set_id is None:
            return False
        store = self._session.store
        try:
            if target.ranking_id is not None:
                held = held_ranking(store, target.ranking_id)
            else:
                held = Held(store.answer_set(target.set_id or 0))
        except StudioError as error:
            self._session.say(str(error), kind="error")
            return True
        self._hold(held)
        open_set(held.answers)
        if held.ranking is not None:
            old = held.ranking
            self._order.fill(held.tiers, old.confidence, old.note, is_all_bad=old.is_all_bad)
        self._tab.setFocus(Qt.FocusReason.OtherFocusReason)
        return True

    def keeps(self, answers: AnswerSet | None) -> bool:
        """Whether a set stays in sight although it does not wait."""
        return answers is not None and self.held is not None and self.held.answers.id == answers.id

    def store_order(self, answers: AnswerSet, tiers: Tiers) -> Changes:
        """Keep the order of the set that is shown, or a new version of the ranking that is corrected.

        Raises:
            StudioError: If the project cannot be written, or the set is no longer to be ranked.
        """
        verdict, sheet = self._page.verdict, self._order.sheet
        note = self.judge.note(verdict.note.strip())
        is_all_bad = sheet is not None and sheet.is_all_bad
        ordered = [[answers.completion_ids[index] for index in tier] for tier in tiers]
        seconds, who = self._order.watch.seconds, self._session.labeler
        corrected = self.held.ranking if self.held is not None and self.keeps(answers) else None
        store = self._session.store
        keep = partial(store.rank_served, answers) if corrected is None else partial(store.revise_ranking, corrected.id)
        made = keep(ordered, seconds, who, confidence=verdict.confidence, note=note, is_all_bad=is_all_bad)
        self.judge.submitted()
        self.stored.emit(made.ids[0])
        if corrected is not None:
            self._back_to = GoTo("labels", ranking_id=made.ids[0])
            QTimer.singleShot(0, self, self._go_back)  # when the tab is done with the set
        return made.changes

    def leaves_unchanged(self, answers: AnswerSet, tiers: Tiers) -> bool:
        """Leave a ranking that was opened to be corrected and is as it was; return whether that is so."""
        if not self.keeps(answers) or self.held is None:
            return False
        verdict, sheet = self._page.verdict, self._order.sheet
        is_all_bad = sheet is not None and sheet.is_all_bad
        is_same = is_unchanged(self.held, tiers, (verdict.confidence, verdict.note.strip(), is_all_bad))
        if is_same:
            self.leave()
        return is_same

    # --- acts

    def rate(self) -> None:
        """Show the answers one by one to be rated."""
        if self._answers:
            self._page.show_rating()
            self._tab.setFocus(Qt.FocusReason.OtherFocusReason)

    def leave(self) -> None:
        """Leave what is held as it is."""
        ranking = self.held.ranking if self.held is not None else None
        self._hold(None)
        self.left.emit()
        self.go_to_requested.emit(GoTo("labels", ranking_id=ranking.id if ranking is not None else None))

    # --- inside

    def _hold(self, held: Held | None) -> None:
        self.held = held
        self.bar.show_held(held)

    def _go_back(self) -> None:
        target, self._back_to = self._back_to, None
        if target is not None:
            self.go_to_requested.emit(target)

    def _show_badges(self) -> None:
        """The person's own ratings on the cards."""
        for card, answer in zip(self._page.board.cards, self._answers, strict=False):
            rating = None if self._is_repeat else self.rating.ratings.get(answer.id)
            card.show_rating(
                "" if rating is None else rating_text(rating), "" if rating is None else rating_tip(rating)
            )

    def _show_panel(self) -> None:
        """Where there is no rail, an empty panel would keep the answers from its place."""
        self._below.setVisible(self.judge.model is not None)

    def _connect(self) -> None:
        self.judge.changed.connect(self._show_panel)
        page, view, keymap = self._page, self._page.rating, self._session.keymap
        view.unrankable.clicked.connect(page.unrankable.click)
        view.skip.clicked.connect(page.skip.click)
        self.rating.changed.connect(self._show_badges)
        self.rating.done.connect(self._on_rating_done)
        page.rates.toggled.connect(self._on_rates_toggled)
        self._order.changed.connect(self._on_order_changed)
        self._order.closed.connect(self._on_order_closed)
        self.bar.left.connect(self.leave)
        keymap.bind(self._tab, {"rank.ratings": self.rate, "rank.peek": self.panel.peek.click})
        keymap.hint({"rank.peek": self.panel.peek})

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """While answers are rated, digits and Alt with digits are the rating's, before any shortcut."""
        if isinstance(event, QKeyEvent):
            if event.type() == QEvent.Type.ShortcutOverride and self.rating.is_flag(event) and self._is_rating:
                event.accept()
                return True
            if event.type() == QEvent.Type.KeyPress:
                return self._take_key(event)
        elif isinstance(event, QInputMethodEvent) and self._is_rating:
            self.rating.take_composed(event)
            return True
        elif event.type() == QEvent.Type.Show:
            self.judge.changed.emit()  # there may be another reward model
        return super().eventFilter(watched, event)

    @property
    def _is_rating(self) -> bool:
        return self._page.rating.isVisible()

    def _take_key(self, event: QKeyEvent) -> bool:
        if self._is_rating:
            return event.isAutoRepeat() or self.rating.take_key(event)
        if event.key() == Qt.Key.Key_Escape and self.bar.isVisible():
            self.leave()
            return True
        return False

    # --- slots

    def _on_rating_done(self) -> None:
        self._page.show_work()
        self._tab.setFocus(Qt.FocusReason.OtherFocusReason)

    def _on_rates_toggled(self, is_on: bool) -> None:
        try:
            self.rating.want(is_wanted=is_on)
        except StudioError as error:
            self._session.say(str(error), kind="error")
        if is_on and not self.rating.is_complete:
            self.rate()

    def _on_order_changed(self) -> None:
        entry = self._order.entry
        self.judge.take_order(entry.tiers, entry.complete())

    def _on_order_closed(self) -> None:
        self._hold(None)
        self._answers = ()
        self.judge.close()
        self.rating.close()
