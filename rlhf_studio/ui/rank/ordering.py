"""What keys, clicks and drops do to the order of the set that is shown, and what is said where they cannot."""

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QInputMethodEvent, QKeyEvent

from rlhf_studio.store.answer_sets import AnswerSet
from rlhf_studio.ui.rank.board import PAIR
from rlhf_studio.ui.rank.keys import digit_of, is_plain, is_wide_tie
from rlhf_studio.ui.rank.order_entry import OrderEntry, Tiers
from rlhf_studio.ui.rank.pace import Stopwatch
from rlhf_studio.ui.rank.page import RankPage
from rlhf_studio.ui.rank.sheet import Sheet, SheetKeeper
from rlhf_studio.ui.session import Session

_PAIRS = {1: ((0,), (1,)), 2: ((1,), (0,))}
_EQUAL = ((0, 1),)


class Ordering(QObject):
    """Keeps what was said of every set seen, for when it comes back; of two answers one key says all."""

    changed = Signal()
    closed = Signal()  # no set is shown any more
    decided = Signal()  # of two answers: there is nothing more to say

    def __init__(self, session: Session, page: RankPage, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session, self._page = session, page
        self.keeper = SheetKeeper(session, self._note_seconds, self)
        self.watch = Stopwatch()
        self.sheet: Sheet | None = None  # of the set that is shown
        self.entry = OrderEntry(0)
        self.is_open = False  # whether there is a set that may be ordered
        self.is_growing = False  # whether its answers are still being written
        self.is_composing = False  # whether an input method has text that is not confirmed yet
        self.keeper.failed.connect(self._on_keeper_failed)
        page.board.chosen.connect(self._on_board_chosen)
        page.acts.pair_chosen.connect(self.press)
        for mover in (page.board, page.columns):
            mover.moved.connect(self._on_moved)
        for field in (page.rail, page.columns):
            field.dropped.connect(self._on_dropped)
        page.columns.removed.connect(self._on_columns_removed)
        page.tie.clicked.connect(self.tie)
        page.back.clicked.connect(self.take_back)
        page.verdict.changed.connect(self._on_verdict_changed)

    def open(self, answers: AnswerSet, *, is_writable: bool) -> None:
        """Go on with what was said of a set; where one of its answers was replaced, the order begins anew.

        Raises:
            StudioError: If the project cannot be read.
        """
        self._leave()
        before, self.sheet = self.sheet, self.keeper.sheet(answers)
        if before is not None and before is not self.sheet and before.answers.id == answers.id:
            self.sheet.go_on_from(before)
        self.watch.restart(self.sheet.seconds)
        self.entry = self.sheet.entry
        self.is_open, self.is_growing = is_writable, False
        self._page.verdict.show_verdict(self.sheet.confidence, self.sheet.note)
        self.show()
        if self.sheet.is_all_bad:
            self._page.say(self.tr("You said that both are bad."), "muted")

    def fill(self, tiers: Tiers, confidence: int | None, note: str, *, is_all_bad: bool) -> None:
        """Begin the set that is shown with what was said of it earlier, to be corrected; its seconds count anew."""
        if self.sheet is None:
            return
        self.entry = self.sheet.entry = OrderEntry.of(self.entry.k, tiers)
        self.sheet.confidence, self.sheet.note, self.sheet.is_all_bad = confidence, note, is_all_bad
        self.watch.restart(0.0)
        self._page.verdict.show_verdict(confidence, note)
        self.show()

    def wait(self, k: int) -> None:
        """Show no order while answers are being written."""
        self.close()
        self.entry = OrderEntry(k)
        self.is_growing = True
        self._page.verdict.show_verdict(None, "")
        self._page.show_order(self.entry)

    def close(self) -> None:
        """Take no keys while no set is shown."""
        self._leave()
        self.sheet = None
        self.is_open = self.is_growing = False
        self.closed.emit()

    def done(self) -> None:
        """What was said of the set is stored as a label, so it is no longer kept beside the labels."""
        if self.sheet is not None:
            self.sheet.seconds = self.watch.seconds
            self.keeper.done(self.sheet)
            self.sheet = None
        self.closed.emit()

    def show(self) -> None:
        """Show the order so far."""
        self._page.say("")
        self._page.show_order(self.entry)
        self.changed.emit()

    def take_key(self, event: QKeyEvent) -> bool:
        """Act on a digit, the key of a tie or of taking back, or what scrolls; return whether it was one of them."""
        keymap = self._session.keymap
        if keymap.matches("rank.tie", event) or is_wide_tie(event):
            self.tie()
        elif keymap.matches("rank.back", event):
            self.take_back()
        elif not is_plain(event):
            return False
        elif (digit := digit_of(event)) is not None:
            self.press(digit)
        else:
            return self._page.board.take_scroll_key(event)
        return True

    def take_composed(self, event: QInputMethodEvent) -> None:
        """Act on the digits and ``=`` that an input method confirmed; while it composes, keys belong to it."""
        self.is_composing = bool(event.preeditString())
        for sign in event.commitString():
            key = QKeyEvent(
                QKeyEvent.Type.KeyPress, ord(sign) if sign.isascii() else 0, Qt.KeyboardModifier.NoModifier, sign
            )
            if sign == "=" or is_wide_tie(key) or digit_of(key) is not None:
                self.take_key(key)
        event.accept()

    def press(self, digit: int) -> None:
        """Place an answer lowest; of two answers, say which is better, or by 0 that neither is any good."""
        if not self._can_order():
            return
        if self.entry.k == PAIR:
            self._decide(digit)
        elif self.entry.press(digit):
            self._act()
        elif 1 <= digit <= self.entry.k:
            words = self.tr("Answer {digit} has its place already; Backspace takes the last key back.")
            self._page.say(words.format(digit=digit))
        else:
            words = self.tr("There is no answer {digit}; press 1 to {k}.")
            self._page.say(words.format(digit=digit, k=self.entry.k))

    def tie(self) -> None:
        """Tie the next answer with the one before."""
        if not self._can_order():
            return
        if self.entry.k == PAIR:
            self._say_pair(_EQUAL)
        elif self.entry.tie():
            self._act()
        elif not self.entry.tiers:
            self._page.say(self.tr("A tie needs an answer before it: press a digit first."))
        elif not self.entry.missing:
            self._page.say(self.tr("Every answer has its place; drag one onto another rank to tie them."))

    def take_back(self) -> None:
        """Take the last key, click or move back."""
        if self._can_order() and self.entry.backspace():
            self._act()

    def say_missing(self) -> None:
        """Say which answers have no place yet."""
        if self.entry.k == PAIR:
            self._page.say(self.tr("Press 1 if A is better, 2 if B is, = if they tie, 0 if both are bad."))
            return
        missing = ", ".join(str(index + 1) for index in self.entry.missing)
        words = self.tr(
            "Answers {digits} have no place yet. Press their digits, best first; the last one may be left out."
        )
        self._page.say(words.format(digits=missing))

    # --- inside

    def _can_order(self) -> bool:
        if self.is_growing:
            self._page.say(self.tr("The answers are still being written."))
        return self.is_open

    def _decide(self, digit: int) -> None:
        if digit in _PAIRS:
            self._say_pair(_PAIRS[digit])
        elif digit == 0:
            self._say_pair(_EQUAL, is_all_bad=True)
        else:
            self.say_missing()

    def _say_pair(self, tiers: tuple[tuple[int, ...], ...], *, is_all_bad: bool = False) -> None:
        if self.sheet is not None:
            self.entry = self.sheet.entry = OrderEntry.of(PAIR, tiers)
            self.sheet.is_all_bad = is_all_bad
            self._act()
            self.decided.emit()

    def _act(self) -> None:
        if self.sheet is not None:
            self.keeper.touched(self.sheet)
        self.show()

    def _leave(self) -> None:
        """What was said of the set is complete for now."""
        self._note_seconds()
        self.keeper.flush()

    def _note_seconds(self) -> None:
        if self.sheet is not None:
            self.sheet.seconds = self.watch.seconds

    def _on_keeper_failed(self, message: str) -> None:
        self._session.say(message, kind="error")

    def _on_board_chosen(self, index: int) -> None:
        self.press(index + 1)

    def _on_moved(self, index: int, step: int) -> None:
        if self._can_order() and self.entry.k != PAIR and self.entry.move(index, step):
            self._act()

    def _on_dropped(self, index: int, tier: int, as_new: bool) -> None:
        if self._can_order() and self.entry.place(index, tier, as_new=as_new):
            self._act()

    def _on_columns_removed(self, index: int) -> None:
        if self._can_order() and self.entry.remove(index):
            self._act()

    def _on_verdict_changed(self) -> None:
        if self.sheet is not None:
            self.sheet.confidence, self.sheet.note = self._page.verdict.confidence, self._page.verdict.note
            self.keeper.touched(self.sheet)
