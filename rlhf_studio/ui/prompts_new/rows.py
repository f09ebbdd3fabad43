"""Rows of a form that can be added, removed and put into another order, by mouse and by keys."""

from collections.abc import Sequence
from functools import partial
from itertools import pairwise

from PySide6.QtCore import QEvent, Qt, QTimer, Signal
from PySide6.QtGui import QKeySequence, QShortcut, QShowEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from rlhf_studio.ui.theme import Theme
from rlhf_studio.ui.widgets.parts import GRID, Button, Card, row
from rlhf_studio.ui.widgets.text import PlainEditor, PlainLabel


class GrowingEditor(PlainEditor):
    """An editor as high as its text, between some lines and some more, from which on it scrolls."""

    def __init__(self, name: str, tip: str, lines: tuple[int, int] = (2, 6), parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._lines = lines
        self.setAccessibleName(name)
        self.setToolTip(tip)
        self.setPlaceholderText(name)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.document().documentLayout().documentSizeChanged.connect(self.fit)

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        """The theme may bring larger letters."""
        super().changeEvent(event)
        if event.type() in {QEvent.Type.FontChange, QEvent.Type.StyleChange}:
            self.fit()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        super().showEvent(event)
        self.fit()

    def fit(self) -> None:
        """Take the height that the text wants."""
        least, most = self._lines
        lines = min(max(least, round(self.document().size().height())), most)  # a plain document counts lines
        edges = 2 * round(self.document().documentMargin()) + 2 * self.frameWidth() + 6
        height = lines * self.fontMetrics().lineSpacing() + edges
        if height != self.maximumHeight():
            self.setFixedHeight(height)


class Row(Card):
    """One row: a number, what the subclass adds, and buttons to move and remove it."""

    changed = Signal()
    moved = Signal(int)  # -1 up, 1 down
    removed = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__("raised", parent)
        self.body.setContentsMargins(GRID, 4, GRID, GRID)
        self.body.setSpacing(4)
        self.number = PlainLabel("", "heading")
        self.up = Button("", self.tr("Move up"), "quiet", "mdi6.arrow-up", theme, self.tr("Alt+Up"))
        self.down = Button("", self.tr("Move down"), "quiet", "mdi6.arrow-down", theme, self.tr("Alt+Down"))
        self.remove = Button("", self.tr("Remove"), "quiet", "mdi6.close", theme, self.tr("Ctrl+Shift+Delete"))
        self.head = row(self.number, None, self.up, self.down, self.remove, spacing=4)
        self.body.addLayout(self.head)
        self.up.clicked.connect(self._on_up_clicked)
        self.down.clicked.connect(self._on_down_clicked)
        self.remove.clicked.connect(self.removed)
        keys = {
            "Alt+Up": self._on_up_clicked,
            "Alt+Down": self._on_down_clicked,
            "Ctrl+Shift+Delete": self.removed.emit,
        }
        for key, slot in keys.items():
            shortcut = QShortcut(QKeySequence(key), self, context=Qt.ShortcutContext.WidgetWithChildrenShortcut)
            shortcut.activated.connect(slot)

    @property
    def editors(self) -> Sequence[GrowingEditor]:
        """The editors of this row, in the order of the Tab key."""
        raise NotImplementedError

    def name(self, number: int) -> str:
        """What the row is called at this place, e.g. "Pair 2"."""
        raise NotImplementedError

    def show_place(self, number: int, count: int, least: int) -> None:
        """Say which row of how many it is; fewer than ``least`` cannot be left."""
        name = self.name(number)
        self.number.setText(name)
        for button, words in (
            (self.up, self.tr("Move up")),
            (self.down, self.tr("Move down")),
            (self.remove, self.tr("Remove")),
        ):
            button.setAccessibleName(f"{words}: {name}")
        for editor in self.editors:
            editor.setAccessibleName(f"{editor.placeholderText()}, {name}")
        self.up.setEnabled(number > 1)
        self.down.setEnabled(number < count)
        self.remove.setEnabled(count > least)

    def _on_up_clicked(self) -> None:
        self.moved.emit(-1)

    def _on_down_clicked(self) -> None:
        self.moved.emit(1)


class RowList(QScrollArea):
    """Rows below each other."""

    changed = Signal()

    def __init__(self, name: str, least: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._least = least
        self.rows: list[Row] = []
        self.setAccessibleName(name)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        page = QWidget()
        page.setProperty("look", "page")
        self._column = QVBoxLayout(page)
        self._column.setContentsMargins(0, 0, GRID, 0)
        self._column.setSpacing(GRID)
        self._column.addStretch(1)
        self.setWidget(page)

    def add(self, added: Row, *, is_new: bool = False, at: int | None = None) -> None:
        """Put a row at the end, or at a place; into a new one the person types next."""
        place = len(self.rows) if at is None else at
        self.rows.insert(place, added)
        self._column.insertWidget(place, added)
        added.show()  # now, so that it takes the focus and keys
        added.changed.connect(self.changed)
        added.moved.connect(self._on_row_moved)
        added.removed.connect(self._on_row_removed)
        self._renumber()
        if is_new:
            added.editors[0].setFocus(Qt.FocusReason.OtherFocusReason)
            QTimer.singleShot(0, added, partial(self.ensureWidgetVisible, added))  # once it has its place
            self.changed.emit()

    def clear(self) -> None:
        """Remove every row."""
        for one in self.rows:
            self._drop(one)
        self.rows = []

    def _drop(self, one: Row) -> None:
        self._column.removeWidget(one)
        one.hide()
        one.deleteLater()

    def _renumber(self) -> None:
        for number, one in enumerate(self.rows, start=1):
            one.show_place(number, len(self.rows), self._least)
        for before, after in pairwise(self.rows):
            QWidget.setTabOrder(before.editors[-1], after.editors[0])

    def _on_row_moved(self, step: int) -> None:
        moved = self.sender()
        if not isinstance(moved, Row):
            return
        place = self.rows.index(moved)
        if not 0 <= place + step < len(self.rows):
            return
        focused = moved.focusWidget()
        self.rows.insert(place + step, self.rows.pop(place))
        self._column.removeWidget(moved)
        self._column.insertWidget(place + step, moved)
        self._renumber()
        if focused is not None:
            focused.setFocus(Qt.FocusReason.OtherFocusReason)
        self.ensureWidgetVisible(moved)
        self.changed.emit()

    def _on_row_removed(self) -> None:
        removed = self.sender()
        if not isinstance(removed, Row) or len(self.rows) <= self._least:
            return
        place = self.rows.index(removed)
        self.rows.pop(place)
        self._drop(removed)
        self._renumber()
        if self.rows:
            near = self.rows[min(place, len(self.rows) - 1)]
            near.editors[0].setFocus(Qt.FocusReason.OtherFocusReason)
        self.changed.emit()
