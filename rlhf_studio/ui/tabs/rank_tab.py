"""Rank: ordering answers of a model from best to worst, which is what the reward model learns from."""

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QInputMethodEvent, QKeyEvent
from PySide6.QtWidgets import QApplication, QPushButton, QTabBar, QVBoxLayout, QWidget

from rlhf_studio.errors import StudioError
from rlhf_studio.schema import Completion
from rlhf_studio.store.answer_sets import AnswerSet
from rlhf_studio.store.database import Changes
from rlhf_studio.store.overlaps import Pass
from rlhf_studio.ui.rank.beside import Beside
from rlhf_studio.ui.rank.contradiction_warnings import ContradictionWarnings
from rlhf_studio.ui.rank.gestures import Gestures
from rlhf_studio.ui.rank.loop_stack import LoopStack
from rlhf_studio.ui.rank.ordering import Ordering
from rlhf_studio.ui.rank.pace import Attention
from rlhf_studio.ui.rank.page import RankPage
from rlhf_studio.ui.rank.queue import Growing
from rlhf_studio.ui.rank.remarks import credit_words, equal_words
from rlhf_studio.ui.rank.script_dialog import rank_by_script
from rlhf_studio.ui.rank.served_queue import ServedQueue
from rlhf_studio.ui.rank.simulated import choose_target, delete_simulated
from rlhf_studio.ui.rank.standing import show_standing
from rlhf_studio.ui.rank.undone import UndoneSets
from rlhf_studio.ui.session import Session
from rlhf_studio.ui.tabs.tab import GoTo, Tab

_TABLES = frozenset({"prompt", "completion", "answer_set", "ranking"})


class RankTab(Tab):
    """One set of answers at a time, ordered by digits, clicks or dragging."""

    name = "rank"

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.queue = ServedQueue(session, self)
        self.page = RankPage(session)
        self.order = Ordering(session, self.page, self)
        self.loop = LoopStack(session, self.page, self)
        self._set: AnswerSet | None = None
        self._answers: tuple[Completion, ...] = ()
        self._undone = UndoneSets(session.store)
        self._has_judged = False
        self.warnings = ContradictionWarnings(session, self.go_to_requested, self)
        self.attention = Attention(self, self.order.watch)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.loop)
        acts = (self.submit, self.reroll_focused, self.mark_unrankable, self.skip_set)
        self.gestures = Gestures(self, self.page, self.order, acts, session.keymap)
        self.beside = Beside(session, self.page, self.order, self)
        self._connect()

    # --- what the window asks

    def title(self) -> str:
        return self.tr("Rank")

    def icon_name(self) -> str:
        return "mdi6.format-list-numbered"

    def primary_button(self) -> QPushButton | None:
        return self.page.primary

    def go_to(self, target: GoTo) -> None:
        if self.beside.hold(target, self._open):
            self._update()
        elif target.prompt_id is not None:
            self._go_to_prompt(target.prompt_id)
        elif target.act and not self.page.is_working:
            self.page.primary.click()
        self.setFocus(Qt.FocusReason.OtherFocusReason)

    def reload(self) -> None:
        self.loop.learner.count()
        self.page.sources.reload(self.page.k)
        self._follow()
        self.queue.start()
        self.attention.refresh()
        self._update()
        focused = QApplication.focusWidget()
        if focused is None or not (self.isAncestorOf(focused) or isinstance(focused, QTabBar)):
            self.setFocus(Qt.FocusReason.OtherFocusReason)  # digits work at once

    def save_state(self) -> None:
        self.page.keep_k()
        self.order.keeper.flush()
        self.queue.close()

    def inputMethodEvent(self, event: QInputMethodEvent) -> None:  # noqa: N802
        self.order.take_composed(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        if self.loop.is_showing_changes or not self.gestures.take(event):
            super().keyPressEvent(event)

    # --- acts

    def submit(self) -> None:
        """Keep the order as a ranking and show the next set."""
        if not self.page.is_working:
            self.page.primary.click()
            return
        if self._set is None:
            self.page.say(self.tr("The answers are still being written."))
            return
        tiers = self.order.entry.complete()
        if not self.page.submit.isEnabled():
            return
        if tiers is None:
            self.order.say_missing()
            return
        if self.beside.leaves_unchanged(self._set, tiers):
            return
        words = self.tr("Ranking saved. {credits}").format(credits=credit_words(self._answers))
        self._finish(partial(self.beside.store_order, self._set, tiers), words)
        self.warnings.tell()
        self.loop.learn_if_due()

    def mark_unrankable(self) -> None:
        """Say that this set has no order, and show the next one."""
        note = self.page.verdict.note.strip()
        self._judge("unrankable", self.tr("Set aside as one that cannot be ranked."), note)

    def skip_set(self) -> None:
        """Put this set aside and show the next one."""
        self._judge("skipped", self.tr("Set skipped."))

    def reroll_focused(self) -> None:
        """Sample the answer anew whose card has the keyboard."""
        card = self.page.board.focused()
        if card is None:
            self.page.say(self.tr("Go to a card first (Tab, or the button on the card)."))
        else:
            self.reroll(card.index)

    def reroll(self, index: int) -> None:
        """Sample one answer anew."""
        if self._set is None or not self.page.reroll.isEnabled():
            return
        if self.queue.reroll(self._set, self._answers[index]):
            self.page.board.cards[index].show_growing("")

    def sample(self) -> None:
        """Have answers sampled while the person waits."""
        self.queue.start()
        self.queue.sample_now()

    # --- which set is shown

    def _judge(self, verdict: Pass, words: str, note: str = "") -> None:
        if self._set is not None and self.page.skip.isEnabled():
            act = partial(self.session.store.pass_served, self._set, verdict, self.session.labeler, note)
            self._finish(act, words)

    def _finish(self, act: Callable[[], Changes], words: str) -> None:
        """Be done with the set that is shown, if that can be stored, and show the next one."""
        try:
            changes = act()
        except StudioError as error:
            self.page.say(str(error), "danger")
            return
        self._has_judged = True
        self.order.done()
        self._set = None
        self.session.changed(changes, self)
        self._show_next()
        self.session.say(words, kind="undo")

    def _waiting(self) -> tuple[AnswerSet, ...] | None:
        """The sets that wait; None where that cannot be read, which is said."""
        try:
            return self.queue.waiting()
        except StudioError as error:
            self.session.say(str(error), kind="error")
            return None

    def _show_next(self) -> None:
        """Open the next set that waits; without any, sample one."""
        waiting = self._waiting()
        if waiting is None:
            return
        if waiting:
            self._open(waiting[0])
            self.queue.fill()
        elif not self.queue.is_streaming:
            self._set = None
            if not (self._has_judged and self.queue.sample_now()):
                self._show_empty()
        self._update()

    def _show_empty(self) -> None:
        self.order.close()
        try:
            has_prompts = bool(self.session.store.prompts("rank", limit=1))
        except StudioError as error:
            self.session.say(str(error), kind="error")
            return
        self.page.show_empty(has_prompts=has_prompts)

    def _open(self, answers: AnswerSet) -> None:
        """Show one set, with the order it had when it was seen last."""
        if self._set == answers and self.page.is_working:
            return
        self.queue.stop_reroll()
        self.queue.stop_streaming()
        try:
            prompt = self.session.store.prompt(answers.prompt_id)
            completions = self.session.store.served_answers(answers)
            self.page.board.show_answers(completions)
            self.order.open(answers, is_writable=not self.session.store.is_read_only)
        except StudioError as error:
            self.session.say(str(error), kind="error")
            return
        self._set, self._answers = answers, completions
        self.page.prompt.show_turns(prompt.turns)
        self.page.show_work()
        self.beside.opened(answers, prompt.turns, completions)
        self.attention.refresh()
        if equal := equal_words(completions):
            self.page.say(equal, "muted")

    def _go_to_prompt(self, prompt_id: int) -> None:
        found = [answers for answers in self._waiting() or () if answers.prompt_id == prompt_id]
        if found:
            self._open(found[0])
        else:
            self.queue.stop_reroll()
            self.queue.start()
            self.queue.sample_now(prompt_id)

    def _follow(self) -> None:
        """Show again what waits again because its ranking was undone; leave what waits no more."""
        try:
            sets, undone = self.queue.waiting(), self._undone.take()
        except StudioError as error:
            self.session.say(str(error), kind="error")
            return
        if self.beside.keeps(self._set):
            return
        waiting = {answers.id: answers for answers in sets}
        if undone in waiting:
            self._open(waiting[undone])
        elif self._set is None or self._set.id not in waiting:
            self._show_next()
        elif waiting[self._set.id] != self._set:
            self._reopen(self._set.id)

    def _reopen(self, set_id: int) -> None:
        """Show a set whose answers have changed."""
        if self._set is None or self._set.id != set_id:
            return
        try:
            answers = self.session.store.answer_set(set_id)
        except StudioError as error:
            self.session.say(str(error), kind="error")
            return
        self._set = None
        self._open(answers)

    def _update(self) -> None:
        """Refresh what tells how things stand."""
        try:
            show_standing(self.session, self.page, self.queue, self._set)
        except StudioError as error:
            self.page.say(str(error), "danger")
            return
        self._enable()

    def _enable(self) -> None:
        self.page.enable(
            has_set=self._set is not None,
            can_undo=not self.order.entry.is_untouched,
            is_rerolling=self.queue.is_rerolling,
        )

    # --- slots

    def _on_queue_set_ready(self, set_id: int) -> None:
        if self._set is None and self.isVisible():
            try:
                self._open(self.session.store.answer_set(set_id))
            except StudioError as error:
                self.session.say(str(error), kind="error")
        self._update()

    def _on_queue_streaming(self, growing: Growing) -> None:
        if self._set is not None or not self.order.is_growing:
            self._set = None
            self.order.wait(len(growing.texts))
        self.page.prompt.show_turns(growing.prompt.turns)
        self.page.board.show_growing(growing.texts)
        self.page.say(growing.note, "muted")
        self.page.show_work()
        self._enable()

    def _on_queue_answer_grew(self, completion_id: int, text: str) -> None:
        for card, answer in zip(self.page.board.cards, self._answers, strict=False):
            if answer.id == completion_id:
                card.show_growing(text)

    def _on_queue_failed(self, message: str) -> None:
        if self._set is None:
            self._show_empty()
            self.session.say(message, kind="error")
        else:
            self.page.say(message, "danger")

    def _on_choice_activated(self) -> None:
        """An untouched set makes way for one of the wanted size and model."""
        self.page.keep_k()
        self.page.sources.choose(self.page.k)
        self.setFocus(Qt.FocusReason.OtherFocusReason)
        if self._set is None or not self.order.entry.is_untouched or self.queue.fits(self._set):
            return
        found = [answers for answers in self._waiting() or () if self.queue.fits(answers)]
        if found:
            self._open(found[0])
        else:
            self.queue.sample_now()

    def _on_session_labeler_changed(self, _name: str) -> None:
        """Another person has said other things of the set, and may be given another one."""
        self._set = None
        if self.isVisible():
            self._follow()
            self._update()

    def _on_beside_left(self) -> None:
        self.order.done()
        self._set = None
        self._show_next()

    def _on_session_store_changed(self, changes: Changes, origin: QObject | None) -> None:
        if not changes.tables & _TABLES or origin is self or origin is self.queue or not self.isVisible():
            return
        self._follow()
        self.queue.fill()
        self._update()

    def _on_session_runs_changed(self) -> None:
        if self.isVisible():
            self.page.sources.reload(self.page.k)
            self._update()

    # --- wiring

    def _connect(self) -> None:
        page, queue = self.page, self.queue
        for button, act in (
            (page.submit, self.submit),
            (page.reroll, self.reroll_focused),
            (page.unrankable, self.mark_unrankable),
            (page.skip, self.skip_set),
            (page.only_mine, partial(delete_simulated, self.session)),
            (page.by_script, partial(rank_by_script, self.session, self.queue, self)),
            (page.retarget, partial(choose_target, self.session, self)),
        ):
            button.clicked.connect(act)
        page.no_sets.acted.connect(self.sample)
        page.no_prompts.acted.connect(partial(self.go_to_requested.emit, GoTo("write")))
        page.board.reroll_asked.connect(self.reroll)
        for part in (self.loop, self.beside):
            part.go_to_requested.connect(self.go_to_requested)
        self.beside.stored.connect(self.warnings.note)
        self.beside.left.connect(self._on_beside_left)
        self.loop.ranking_wanted.connect(self.setFocus)
        self.order.changed.connect(self._enable)
        self.order.decided.connect(self.submit)
        self.attention.left.connect(self.order.keeper.flush)
        page.sources.attach(queue)
        page.sources.changed.connect(self._on_choice_activated)
        page.sizes.activated.connect(self._on_choice_activated)
        queue.set_ready.connect(self._on_queue_set_ready)
        queue.streaming.connect(self._on_queue_streaming)
        queue.answer_grew.connect(self._on_queue_answer_grew)
        queue.answer_over.connect(self._reopen)
        queue.failed.connect(self._on_queue_failed)
        queue.noted.connect(partial(page.say, look="muted"))
        queue.state_changed.connect(self._update)
        self.session.store_changed.connect(self._on_session_store_changed)
        self.session.runs_changed.connect(self._on_session_runs_changed)
        self.session.labeler_changed.connect(self._on_session_labeler_changed)
