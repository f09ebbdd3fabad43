"""The order as it is being made: best at the top, ties side by side."""

from PySide6.QtCore import QRect, Qt, Signal
from PySide6.QtWidgets import QFrame, QGridLayout, QScrollArea, QVBoxLayout, QWidget

from rlhf_studio.ui.rank.card import Draggable, discard
from rlhf_studio.ui.rank.drops import DropField
from rlhf_studio.ui.rank.order_entry import OrderEntry
from rlhf_studio.ui.theme import Theme
from rlhf_studio.ui.widgets.parts import GRID
from rlhf_studio.ui.widgets.text import PlainLabel

WIDTH_PX = 208
_CHIPS_A_LINE = 4


class _Chip(PlainLabel):
    """An answer in the order."""

    def __init__(self, index: int, look: str) -> None:
        super().__init__(str(index + 1), look)
        self.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.setCursor(Qt.CursorShape.OpenHandCursor)
        self.setToolTip(self.tr("Drag answer {digit} to another rank").format(digit=index + 1))
        Draggable(self, index)


class _Row(QFrame):
    """One rank."""

    def __init__(self, rank: str, indices: tuple[int, ...], look: str) -> None:
        super().__init__()
        self.setProperty("look", look)
        layout = QGridLayout(self)
        layout.setContentsMargins(GRID, 0, GRID, 0)
        layout.setSpacing(0)
        label = PlainLabel(rank, "muted")
        label.setMinimumWidth(label.fontMetrics().horizontalAdvance("00."))
        layout.addWidget(label, 0, 0)
        for place, index in enumerate(indices):
            line, column = divmod(place, _CHIPS_A_LINE)
            if place:
                layout.addWidget(PlainLabel("=", "muted"), line, 2 * column)
            layout.addWidget(_Chip(index, "number" if look == "card" else "muted"), line, 2 * column + 1)
            layout.setColumnStretch(2 * column + 1, 1)
        self.setMinimumHeight(5 * GRID)


class _Rows(DropField):
    """The ranks from top to bottom."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, Qt.Orientation.Vertical)
        self.rows: list[_Row] = []
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 4, 0, 4)
        self._layout.setSpacing(GRID)
        self._layout.addStretch(1)

    def boxes(self) -> list[QRect]:
        return [widget.geometry() for widget in self.rows]

    def show_rows(self, rows: list[_Row], tier_count: int) -> None:
        for old in self.rows:
            self._layout.removeWidget(old)
            discard(old)
        self.rows, self.tier_count = rows, tier_count
        for place, widget in enumerate(rows):
            self._layout.insertWidget(place, widget)


class OrderRail(QWidget):
    """Shows the order; a drop on a rank ties, a drop between ranks makes one."""

    dropped = Signal(int, int, bool)  # answer, tier, whether as a new one before it

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedWidth(WIDTH_PX)
        self.title = PlainLabel(self.tr("Your order"), "heading")
        self.hint = PlainLabel("", "muted", wraps=True)
        self.rows = _Rows(theme)
        self.rows.dropped.connect(self.dropped)
        self._scroll = QScrollArea()
        self._scroll.setWidget(self.rows)
        self._scroll.setWidgetResizable(True)
        self._scroll.setFrameShape(QFrame.Shape.NoFrame)
        self._scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self._scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID // 2)
        for widget, stretch in ((self.title, 0), (self.hint, 0), (self._scroll, 1)):
            layout.addWidget(widget, stretch)

    def show_order(self, entry: OrderEntry) -> None:
        """Show the order so far, and what Enter would fill in."""
        rows = [_Row(f"{place + 1}.", tier, "card") for place, tier in enumerate(entry.tiers)]
        missing = entry.missing
        if entry.tiers and len(missing) == 1:
            rank = "=" if entry.is_tying else f"{len(entry.tiers) + 1}."
            rows.append(_Row(rank, missing, "raised"))
        elif entry.is_tying:
            rows.append(_Row("=", (), "raised"))
        self.rows.show_rows(rows, len(entry.tiers))
        self.hint.setText(self._hint(entry))
        self._speak(entry)

    def _hint(self, entry: OrderEntry) -> str:
        if not entry.tiers:
            return self.tr("Best first: press the digits of the answers, click them, or drag them here.")
        if len(entry.missing) == 1 and entry.is_tying:
            return self.tr("Enter ties answer {digit} with the one before.").format(digit=entry.missing[0] + 1)
        if len(entry.missing) == 1:
            return self.tr("Enter puts answer {digit} last.").format(digit=entry.missing[0] + 1)
        if entry.is_tying:
            return self.tr("The next answer is tied with the one before.")
        return self.tr("Best at the top.")

    def _speak(self, entry: OrderEntry) -> None:
        ranks = [" = ".join(str(index + 1) for index in tier) for tier in entry.tiers]
        self.setAccessibleName(
            self.tr("Your order, best first: {order}").format(order=", ".join(ranks) or self.tr("nothing yet"))
        )
