"""The keys of the Rank tab: which one does what, also on keyboards whose digits are elsewhere."""

from collections.abc import Callable
from functools import partial

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QWidget

from rlhf_studio.store.checks import CONFIDENCES
from rlhf_studio.ui.keys.keymap import Keymap
from rlhf_studio.ui.rank.keys import digit_of
from rlhf_studio.ui.rank.ordering import Ordering
from rlhf_studio.ui.rank.page import RankPage

_BUTTONS = (
    "submit",
    "tie",
    "back",
    "reroll",
    "unrankable",
    "skip",
    "differences",
    "columns",
)


class Gestures(QObject):
    """Keys that come to the tab, wherever in it the keyboard is."""

    def __init__(
        self,
        tab: QWidget,
        page: RankPage,
        order: Ordering,
        acts: tuple[Callable[[], None], Callable[[], None], Callable[[], None], Callable[[], None]],
        keymap: Keymap,
    ) -> None:
        """``acts`` are what the tab itself does: submit, re-roll the focused answer, say unrankable, skip."""
        super().__init__(tab)
        self._tab, self._page, self._order, self._submit = tab, page, order, acts[0]
        self._keymap = keymap
        own: dict[str, Callable[[], object]] = {
            **dict(zip(("rank.reroll", "rank.unrankable", "rank.skip"), acts[1:], strict=True)),
            "rank.differences": page.acts.differences.click,
            "rank.columns": page.acts.columns.click,
            "rank.note": page.verdict.field.setFocus,
        }
        own |= {f"rank.sure{degree}": partial(page.verdict.choose, degree) for degree in CONFIDENCES}
        keymap.bind(tab, own)
        page.verdict.field.left.connect(tab.setFocus)
        keymap.hint({f"rank.{name}": getattr(page.acts, name) for name in _BUTTONS})
        keymap.hint({f"rank.sure{degree}": chip for degree, chip in enumerate(page.verdict.chips, start=1)})
        keymap.hint({"rank.note": page.verdict.field})

    def take(self, event: QKeyEvent) -> bool:
        """Act on a key; return whether it meant anything here."""
        if event.isAutoRepeat() and not self._page.board.scrolls_by(event):
            return True  # a key that is held says nothing twice
        if event.modifiers() == Qt.KeyboardModifier.AltModifier:
            return self._say_confidence(digit_of(event)) or self._order.take_key(event)
        if not self._keymap.matches("rank.submit", event):
            return self._order.take_key(event)
        if not self._order.is_composing:
            self._submit()
        return True

    def _say_confidence(self, degree: int | None) -> bool:
        """By the place of the key: on AZERTY keyboards no shortcut Alt+1 would be found."""
        if degree not in CONFIDENCES or self._keymap.is_changed(f"rank.sure{degree}"):
            return False
        self._page.verdict.choose(degree)
        return True
