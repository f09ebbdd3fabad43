"""The answers to be ranked, two by two; where they do not fit they scroll."""

from collections.abc import Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QAbstractSlider, QApplication, QGridLayout, QSizePolicy, QWidget

from rlhf_studio.schema import Completion
from rlhf_studio.ui.keys.keymap import Keymap
from rlhf_studio.ui.rank.card import AnswerCard, discard
from rlhf_studio.ui.rank.order_entry import OrderEntry
from rlhf_studio.ui.theme import Theme
from rlhf_studio.ui.widgets.parts import GRID
from rlhf_studio.ui.write.fitting import FittingScroll

PAIR = 2  # answers that are compared as A and B
_TWO_COLUMNS_PX = 560
_SCROLLING: dict[int, QAbstractSlider.SliderAction] = {
    Qt.Key.Key_Down: QAbstractSlider.SliderAction.SliderSingleStepAdd,
    Qt.Key.Key_Up: QAbstractSlider.SliderAction.SliderSingleStepSub,
    Qt.Key.Key_PageDown: QAbstractSlider.SliderAction.SliderPageStepAdd,
    Qt.Key.Key_PageUp: QAbstractSlider.SliderAction.SliderPageStepSub,
    Qt.Key.Key_Home: QAbstractSlider.SliderAction.SliderToMinimum,
    Qt.Key.Key_End: QAbstractSlider.SliderAction.SliderToMaximum,
}


class AnswerBoard(FittingScroll):
    """Cards in the order in which their set is shown."""

    chosen = Signal(int)
    moved = Signal(int, int)
    reroll_asked = Signal(int)
    shown = Signal()  # other answers than before, or longer ones

    def __init__(self, theme: Theme, keymap: Keymap, parent: QWidget | None = None) -> None:
        self._page = QWidget()
        self._grid = QGridLayout(self._page)
        self._grid.setContentsMargins(0, 0, 0, 0)
        self._grid.setSpacing(GRID)
        super().__init__(self._page, parent)
        self.set_limit(4096)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._theme, self._keymap = theme, keymap
        self._columns = 2
        self.cards: list[AnswerCard] = []

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        return QSize(280, 160)

    def show_answers(self, answers: Sequence[Completion]) -> None:
        """Show a whole set."""
        self._have(len(answers))
        for card, completion in zip(self.cards, answers, strict=True):
            card.set_pair(is_pair=len(answers) == PAIR)
            card.show_answer(completion)
        self.shown.emit()

    def show_growing(self, texts: Sequence[str]) -> None:
        """Show a set that is being sampled."""
        self._have(len(texts))
        for card, text in zip(self.cards, texts, strict=True):
            card.set_pair(is_pair=len(texts) == PAIR)
            card.show_growing(text)
            card.show_rank(None)
        self.shown.emit()

    def show_order(self, entry: OrderEntry) -> None:
        """Show each answer's rank so far."""
        for card in self.cards:
            tier = entry.tier_of(card.index)
            card.show_rank(None if tier is None else tier + 1, is_tied=tier is not None and len(entry.tiers[tier]) > 1)

    def enable_reroll(self, *, is_enabled: bool) -> None:
        """Offer to sample answers anew, or not."""
        for card in self.cards:
            card.reroll.setEnabled(is_enabled)

    def take_scroll_key(self, event: QKeyEvent) -> bool:
        """Scroll by the arrows, a page, or to an end; return whether it was such a key."""
        action = _SCROLLING.get(event.key())
        if action is not None:
            self.verticalScrollBar().triggerAction(action)
        return action is not None

    def scrolls_by(self, event: QKeyEvent) -> bool:
        """Whether a key scrolls, and so may be held."""
        return event.key() in _SCROLLING

    def focused(self) -> AnswerCard | None:
        """The card that has the keyboard, itself or a button of it."""
        widget = QApplication.focusWidget()
        return (
            next((card for card in self.cards if widget is card or card.isAncestorOf(widget)), None) if widget else None
        )

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        columns = 2 if self.width() >= _TWO_COLUMNS_PX else 1
        if columns != self._columns:
            self._columns = columns
            self._arrange()

    def _have(self, count: int) -> None:
        if len(self.cards) == count:
            return
        for card in self.cards[count:]:
            self._grid.removeWidget(card)
            discard(card)
        del self.cards[count:]
        for index in range(len(self.cards), count):
            card = AnswerCard(index, self._theme, self._keymap)
            card.chosen.connect(self.chosen)
            card.moved.connect(self.moved)
            card.reroll_asked.connect(self.reroll_asked)
            self.cards.append(card)
        self._arrange()

    def _arrange(self) -> None:
        for card in self.cards:
            self._grid.removeWidget(card)
        for place, card in enumerate(self.cards):
            self._grid.addWidget(card, place // self._columns, place % self._columns)
        self._grid.setColumnStretch(0, 1)
        self._grid.setColumnStretch(1, 1 if self._columns == 2 else 0)
