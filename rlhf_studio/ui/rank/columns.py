"""The board of InstructGPT's labelers (figure 12b): a column for each rank, answers dragged between them."""

from PySide6.QtCore import QRect, Qt, Signal
from PySide6.QtGui import (
    QDragEnterEvent,
    QDragLeaveEvent,
    QDragMoveEvent,
    QDropEvent,
    QFontMetrics,
    QKeyEvent,
    QResizeEvent,
    QShowEvent,
)
from PySide6.QtWidgets import QApplication, QFrame, QHBoxLayout, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from rlhf_studio.ui.keys.keymap import Keymap
from rlhf_studio.ui.rank.card import Draggable, answer_in, discard, step_of
from rlhf_studio.ui.rank.drops import DropField
from rlhf_studio.ui.rank.order_entry import OrderEntry
from rlhf_studio.ui.theme import Theme
from rlhf_studio.ui.widgets.parts import GRID, Card
from rlhf_studio.ui.widgets.text import PlainLabel, set_look

HEIGHT_PX = 128
_COLUMN_PX = 100
_WORDS = 80  # characters of an answer of which as many are shown as there is room for


class Chip(Card):
    """An answer, by its digit and first words; it is dragged, or moved by Alt and the arrows."""

    moved = Signal(int, int)  # index, -1 better or +1 worse

    def __init__(self, index: int, text: str, keymap: Keymap, parent: QWidget | None = None) -> None:
        super().__init__("card", parent)
        self.index, self._keymap = index, keymap
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setCursor(Qt.CursorShape.OpenHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setToolTip(
            self.tr("Drag to another rank, or {up} and {down}").format(
                up=keymap.text("rank.up"), down=keymap.text("rank.down")
            )
        )
        self._words = " ".join(text[:_WORDS].split())
        self.setAccessibleName(self.tr("Answer {digit}: {words}").format(digit=index + 1, words=self._words))
        self._label = PlainLabel("", "muted")
        self._label.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        line = QHBoxLayout()
        line.setSpacing(GRID // 2)
        line.addWidget(PlainLabel(str(index + 1), "heading"))
        line.addWidget(self._label, 1)
        self.body.setContentsMargins(GRID, 3, GRID // 2, 3)
        self.body.addLayout(line)
        Draggable(self, index)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        fits = QFontMetrics(self._label.font()).elidedText(
            self._words, Qt.TextElideMode.ElideRight, self._label.width()
        )
        self._label.setText(fits)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        step = step_of(event, self._keymap)
        if step:
            self.moved.emit(self.index, step)
        else:
            event.ignore()


class _Column(QFrame):
    """One rank, or the answers that have none."""

    def __init__(self, title: str, look: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("look", look)
        self.setMinimumWidth(_COLUMN_PX)
        self.title = PlainLabel(title, "muted" if look == "well" else "heading")
        self._chips: list[Chip] = []
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(GRID // 2, GRID // 2, GRID // 2, GRID // 2)
        self._layout.setSpacing(GRID // 2)
        self._layout.addWidget(self.title)
        self._layout.addStretch(1)

    def show_chips(self, chips: list[Chip]) -> None:
        for old in self._chips:
            self._layout.removeWidget(old)
            discard(old)
        self._chips = chips
        for place, chip in enumerate(chips, start=1):
            self._layout.insertWidget(place, chip)
            chip.show()  # at once, because it may be given the keyboard


class _Tray(_Column):
    """What has no rank yet; an answer that is dragged back here has none again."""

    dropped = Signal(int)

    def __init__(self) -> None:
        super().__init__("", "well")
        self.title.setText(self.tr("Not ranked yet"))
        self.setAcceptDrops(True)

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:  # noqa: N802
        if answer_in(event.mimeData()) is not None:
            event.acceptProposedAction()
            set_look(self, "marked")

    def dragMoveEvent(self, event: QDragMoveEvent) -> None:  # noqa: N802
        event.acceptProposedAction()

    def dragLeaveEvent(self, event: QDragLeaveEvent) -> None:  # noqa: N802, ARG002
        set_look(self, "well")

    def dropEvent(self, event: QDropEvent) -> None:  # noqa: N802
        set_look(self, "well")
        index = answer_in(event.mimeData())
        if index is not None:
            event.acceptProposedAction()
            self.dropped.emit(index)


class _Columns(DropField):
    """As many columns as there are answers; those that no answer is in yet stand empty on the right."""

    def __init__(self, theme: Theme) -> None:
        super().__init__(theme, Qt.Orientation.Horizontal)
        self.columns: list[_Column] = []
        self._layout = QHBoxLayout(self)
        self._layout.setContentsMargins(4, 4, 4, 4)
        self._layout.setSpacing(GRID)

    def boxes(self) -> list[QRect]:
        return [column.geometry() for column in self.columns]

    def show_tiers(self, entry: OrderEntry, chips: dict[int, Chip]) -> None:
        for old in self.columns:
            self._layout.removeWidget(old)
            discard(old)
        self.tier_count = len(entry.tiers)
        self.columns = []
        for rank in range(1, entry.k + 1):
            tier = entry.tiers[rank - 1] if rank <= self.tier_count else ()
            title = self.tr("Rank {rank} (best)") if rank == 1 else self.tr("Rank {rank}")
            column = _Column(title.format(rank=rank), "raised" if tier else "well")
            column.show_chips([chips[index] for index in tier])
            self._layout.addWidget(column, 1)
            column.show()
            self.columns.append(column)


class RankColumns(QWidget):
    """The tray of answers without a rank, then the ranks from best to worst; many columns scroll sideways."""

    dropped = Signal(int, int, bool)  # answer, tier, whether as a new one before it
    removed = Signal(int)  # answer
    moved = Signal(int, int)  # answer, -1 better or +1 worse

    def __init__(self, theme: Theme, keymap: Keymap, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedHeight(HEIGHT_PX)
        self.setAccessibleName(self.tr("Ranks as columns"))
        self._texts: tuple[str, ...] = ()
        self._entry = OrderEntry(0)
        self.tray = _Tray()
        self._keymap = keymap
        self.field = _Columns(theme)
        self.area = QScrollArea()
        self.area.setWidget(self.field)
        self.area.setWidgetResizable(True)
        self.area.setFrameShape(QFrame.Shape.NoFrame)
        self.area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        tray = QScrollArea()
        tray.setWidget(self.tray)
        tray.setWidgetResizable(True)
        tray.setFrameShape(QFrame.Shape.NoFrame)
        tray.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        tray.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        left = QVBoxLayout()
        left.setContentsMargins(0, GRID // 2, 0, GRID // 2)  # level with the columns, whose marks need room
        left.addWidget(tray)
        layout.addLayout(left, 1)
        layout.addWidget(self.area, 5)
        self.field.dropped.connect(self.dropped)
        self.tray.dropped.connect(self.removed)

    def show_texts(self, texts: tuple[str, ...]) -> None:
        """The answers whose first words stand on the chips."""
        self._texts = texts

    def show_order(self, entry: OrderEntry) -> None:
        """Show the order so far; the chip that had the keyboard keeps it. Nothing is made while nobody looks."""
        self._entry = entry
        if self.isVisible():
            self._fill(entry)

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        super().showEvent(event)
        self._fill(self._entry)

    def _fill(self, entry: OrderEntry) -> None:
        focused = QApplication.focusWidget()
        held = focused.index if isinstance(focused, Chip) and self.isAncestorOf(focused) else None
        texts = self._texts if len(self._texts) == entry.k else ("",) * entry.k
        chips = {index: Chip(index, text, self._keymap) for index, text in enumerate(texts)}
        for chip in chips.values():
            chip.moved.connect(self.moved)
        self.tray.show_chips([chips[index] for index in entry.missing])
        self.field.show_tiers(entry, chips)
        if held is not None:
            chips[held].setFocus(Qt.FocusReason.OtherFocusReason)
