"""What keys, clicks and drops do to the order of the set that is shown, and what is said where they cannot."""

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QKeyEvent

from rlhf_studio.ui.keys.keymap import Keymap
from rlhf_studio.ui.rank.order_entry import OrderEntry
from rlhf_studio.ui.rank.page import RankPage

_HELD = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier | Qt.KeyboardModifier.MetaModifier


class Ordering(QObject):
    """Keeps the order of every set seen, for when it comes back."""

    changed = Signal()

    def __init__(self, page: RankPage, keymap: Keymap, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._page, self._keymap = page, keymap
        self._entries: dict[int, OrderEntry] = {}
        self.entry = OrderEntry(0)
        self.is_open = False  # whether there is a set that may be ordered
        self.is_growing = False  # whether its answers are still being written
        page.board.chosen.connect(self._on_board_chosen)
        page.board.moved.connect(self._on_board_moved)
        page.rail.dropped.connect(self._on_rail_dropped)
        page.tie.clicked.connect(self.tie)
        page.back.clicked.connect(self.take_back)

    def open(self, set_id: int, k: int, *, is_writable: bool) -> None:
        """Go on with a set's order."""
        self.entry = self._entries.setdefault(set_id, OrderEntry(k))
        self.is_open, self.is_growing = is_writable, False
        self.show()

    def wait(self, k: int) -> None:
        """Show no order while answers are being written."""
        self.entry = OrderEntry(k)
        self.is_open, self.is_growing = False, True
        self._page.rail.show_order(self.entry)

    def close(self) -> None:
        """Take no keys while no set is shown."""
        self.is_open = self.is_growing = False

    def forget(self, set_id: int) -> None:
        """Begin a set anew when it is opened next."""
        self._entries.pop(set_id, None)

    def show(self) -> None:
        """Show the order so far."""
        self._page.say("")
        self._page.board.show_order(self.entry)
        self._page.rail.show_order(self.entry)
        self.changed.emit()

    def take_key(self, event: QKeyEvent) -> bool:
        """Act on a digit, or on the key of a tie or of taking back; return whether it was one of them."""
        if self._keymap.matches("rank.tie", event):
            self.tie()
        elif self._keymap.matches("rank.back", event):
            self.take_back()
        elif not event.modifiers() & _HELD and event.text().isascii() and event.text().isdigit():
            self.press(int(event.text()))
        else:
            return False
        return True

    def press(self, digit: int) -> None:
        """Place an answer lowest."""
        if not self._can_order():
            return
        if self.entry.press(digit):
            self.show()
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
        if self.entry.tie():
            self.show()
        elif not self.entry.tiers:
            self._page.say(self.tr("A tie needs an answer before it: press a digit first."))
        elif not self.entry.missing:
            self._page.say(self.tr("Every answer has its place; drag one onto another rank to tie them."))

    def take_back(self) -> None:
        """Take the last key, click or move back."""
        if self._can_order() and self.entry.backspace():
            self.show()

    def say_missing(self) -> None:
        """Say which answers have no place yet."""
        missing = ", ".join(str(index + 1) for index in self.entry.missing)
        words = self.tr(
            "Answers {digits} have no place yet. Press their digits, best first; the last one may be left out."
        )
        self._page.say(words.format(digits=missing))

    def _can_order(self) -> bool:
        if self.is_growing:
            self._page.say(self.tr("The answers are still being written."))
        return self.is_open

    def _on_board_chosen(self, index: int) -> None:
        self.press(index + 1)

    def _on_board_moved(self, index: int, step: int) -> None:
        if self._can_order() and self.entry.move(index, step):
            self.show()

    def _on_rail_dropped(self, index: int, tier: int, as_new: bool) -> None:
        if self._can_order() and self.entry.place(index, tier, as_new=as_new):
            self.show()
