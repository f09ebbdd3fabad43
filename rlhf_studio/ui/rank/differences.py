"""Marks what differs between the answers, when asked for; one answer in each turn of the event loop."""

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QApplication, QWidget

from rlhf_studio.stats.differing import differing
from rlhf_studio.ui.rank.answer_text import Span
from rlhf_studio.ui.rank.board import PAIR, AnswerBoard
from rlhf_studio.ui.rank.card import AnswerCard
from rlhf_studio.ui.rank.order_entry import OrderEntry


class Differences(QObject):
    """Compares every answer with one: that whose card has the keyboard, else the best so far, else the first.

    Two answers are compared with each other.

    Two answers of 2,000 Chinese characters take about 4 ms to compare, so nine of them are marked in eight turns, and
    what was compared once is remembered while the same answers are shown.
    """

    def __init__(self, board: AnswerBoard, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._board = board
        self._entry = OrderEntry(0)
        self._is_on = False
        self._reference: AnswerCard | None = None
        self._found: dict[tuple[str, str], tuple[Span, ...]] = {}
        self._timer = QTimer(self)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._on_turn)
        board.shown.connect(self._on_board_shown)
        app = QApplication.instance()
        if isinstance(app, QApplication):
            app.focusChanged.connect(self._on_focus_changed)

    @property
    def is_on(self) -> bool:
        return self._is_on

    @property
    def is_busy(self) -> bool:
        """Whether answers are still to be compared."""
        return self._timer.isActive()

    def set_on(self, *, is_on: bool) -> None:
        """Mark what differs, or nothing."""
        if is_on != self._is_on:
            self._is_on = is_on
            self._begin()

    def show_order(self, entry: OrderEntry) -> None:
        """The best answer may be another one now."""
        self._entry = entry
        if self._is_on and self._choose() is not self._reference:
            self._begin()

    def _choose(self) -> AnswerCard | None:
        """The answer that the others are compared with."""
        cards = self._board.cards
        focused = self._board.focused()
        if focused is not None or not cards:
            return focused
        best = self._entry.tiers[0][0] if self._entry.tiers else 0
        return cards[best] if best < len(cards) else cards[0]

    @property
    def _is_mutual(self) -> bool:
        """Of two answers, each is compared with the other."""
        return len(self._board.cards) == PAIR

    def _other_than(self, card: AnswerCard) -> AnswerCard | None:
        """The answer that one is compared with; None if it is the one that the others are compared with."""
        if self._is_mutual:
            return self._board.cards[1 - card.index]
        return None if card is self._reference else self._reference

    def _begin(self) -> None:
        reference = self._reference = self._choose() if self._is_on else None
        for card in self._board.cards:
            card.show_reference(is_reference=card is reference and not self._is_mutual)
            if reference is None or (card is reference and not self._is_mutual):
                card.text.mark(())
        if reference is None:
            self._timer.stop()
        else:
            self._timer.start()

    def _on_turn(self) -> None:
        """Compare one more answer."""
        cards = self._board.cards
        for card in cards if self._reference in cards else ():
            other = self._other_than(card)
            if other is None:
                continue
            pair = other.text.text(), card.text.text()
            is_known = pair in self._found
            if not is_known:
                self._found[pair] = tuple(differing(*pair))
            card.text.mark(self._found[pair])
            if not is_known:
                return
        self._timer.stop()

    def _on_board_shown(self) -> None:
        self._found.clear()
        self._entry = OrderEntry(0)
        if self._is_on:
            self._begin()

    def _on_focus_changed(self, _old: QWidget | None, _new: QWidget | None) -> None:
        if self._is_on and self._board.isVisible() and self._choose() is not self._reference:
            self._begin()
