"""The keys of the window and of the page on screen, laid over both until the next key."""

from collections.abc import Sequence
from typing import Protocol

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QColor, QKeyEvent, QKeySequence, QMouseEvent, QPainter, QPaintEvent, QShortcut
from PySide6.QtWidgets import (
    QAbstractSlider,
    QApplication,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QScrollArea,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from rlhf_studio.ui.keys.keymap import KeyHelp
from rlhf_studio.ui.widgets.parts import GRID, Button, Card
from rlhf_studio.ui.widgets.text import PlainLabel

_VEIL = 150  # of 255: the page stays visible behind it
_AROUND_PX = 19 * GRID  # of the window that its margins and the head of the card take
_SCROLLING = {
    Qt.Key.Key_Down: QAbstractSlider.SliderAction.SliderSingleStepAdd,
    Qt.Key.Key_Up: QAbstractSlider.SliderAction.SliderSingleStepSub,
    Qt.Key.Key_PageDown: QAbstractSlider.SliderAction.SliderPageStepAdd,
    Qt.Key.Key_PageUp: QAbstractSlider.SliderAction.SliderPageStepSub,
}


class HasKeys(Protocol):
    """What the overlay asks of its window."""

    def key_help(self) -> tuple[KeyHelp, ...]:
        """Keys that work everywhere."""
        ...

    def tab_key_help(self) -> tuple[str, tuple[KeyHelp, ...]]:
        """Title and keys of the page on screen."""
        ...


class KeyOverlay(QWidget):
    """``?`` (where no text is being typed) shows it; ``?``, Esc or a click closes it and gives the focus back."""

    change_requested = Signal()  # a person wants other keys

    def __init__(self, window: QWidget, keys: HasKeys | None = None, *, has_shortcut: bool = True) -> None:
        """Hidden at first.

        Args:
            window: What it lies over.
            keys: Whom to ask for the keys; by default the window itself.
            has_shortcut: Whether it listens to ``?`` itself; else the window's menu does.
        """
        super().__init__(window)
        self.setObjectName("keys")
        self._keys: HasKeys = keys or window  # type: ignore[assignment]  # a window of ours tells its keys
        self._focus_before: QWidget | None = None
        self._card: Card | None = None
        self._area = QScrollArea(self)
        self._area.hide()
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setAccessibleName(self.tr("Keys"))
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(4 * GRID, 4 * GRID, 4 * GRID, 4 * GRID)
        if has_shortcut:
            shortcut = QShortcut(window)
            # some keyboards and systems tell the Shift that makes the sign, others only the sign
            shortcut.setKeys([QKeySequence("?"), QKeySequence("Shift+?")])
            shortcut.activated.connect(self.toggle)
            shortcut.activatedAmbiguously.connect(self.toggle)
        window.installEventFilter(self)
        self.hide()

    def toggle(self) -> None:
        """Show it, or close it if it is shown."""
        if self.isVisible():
            self.close_overlay()
        else:
            self.open_overlay()

    def open_overlay(self) -> None:
        """Ask for the keys of this moment and show them."""
        self._focus_before = QApplication.focusWidget()
        self._fill()
        parent = self.parentWidget()
        if parent is not None:
            self.setGeometry(parent.rect())
        self.show()
        self.raise_()
        self.setFocus(Qt.FocusReason.PopupFocusReason)

    def close_overlay(self) -> None:
        """Go away and give the focus back."""
        self.hide()
        before, self._focus_before = self._focus_before, None
        if before is not None:
            before.setFocus(Qt.FocusReason.PopupFocusReason)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        if event.type() == QEvent.Type.Resize and isinstance(watched, QWidget):
            self.setGeometry(watched.rect())
        return super().eventFilter(watched, event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        bar = self._area.verticalScrollBar()
        if event.key() == Qt.Key.Key_Escape:
            self.close_overlay()
        elif event.key() in _SCROLLING:
            bar.triggerAction(_SCROLLING[Qt.Key(event.key())])
        elif event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
            self._on_change_clicked()
        else:
            super().keyPressEvent(event)

    def mousePressEvent(self, _event: QMouseEvent) -> None:  # noqa: N802
        self.close_overlay()

    def focusNextPrevChild(self, _forward: bool) -> bool:  # noqa: N802
        return True  # what lies below cannot be reached while it is covered

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        veil = QColor(self.palette().shadow().color().darker(400))
        veil.setAlpha(_VEIL)
        painter = QPainter(self)
        painter.fillRect(self.rect(), veil)

    def _fill(self) -> None:
        """Lay the card out anew: another tab has other keys."""
        if self._card is not None:
            self._layout.removeWidget(self._card)
            self._card.deleteLater()
        title, of_tab = self._keys.tab_key_help()
        everywhere = self._keys.key_help()
        card = self._card = Card(parent=self)
        card.setFixedWidth(min(960, max(320, (self.parentWidget() or self).width() - 8 * GRID)))
        head = QHBoxLayout()
        head.addWidget(PlainLabel(self.tr("Keys"), "title"))
        head.addStretch(1)
        head.addWidget(self._change_button())
        head.addWidget(self._close_button())
        card.body.addLayout(head)
        columns = QHBoxLayout()
        columns.setSpacing(6 * GRID)
        groups = ((self.tr("On this page: {title}").format(title=title), of_tab), (self.tr("Everywhere"), everywhere))
        for name, lines in groups:
            if lines:
                columns.addWidget(_column(name, lines), 1, Qt.AlignmentFlag.AlignTop)
        self._area = _scrolling(columns, card.width() - 4 * GRID, (self.parentWidget() or self).height() - _AROUND_PX)
        card.body.addWidget(self._area, 1)
        self._layout.addWidget(card, 0, Qt.AlignmentFlag.AlignCenter)
        spoken = [f"{line.keys}: {line.what}" for line in (*of_tab, *everywhere)]
        self.setAccessibleDescription("\n".join(spoken))

    def _change_button(self) -> Button:
        button = Button(self.tr("Change keys…"), self.tr("Give acts other keys"), "quiet", keys=self.tr("Enter"))
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # Enter does the same
        button.clicked.connect(self._on_change_clicked)
        return button

    def _on_change_clicked(self) -> None:
        self.close_overlay()
        self.change_requested.emit()

    def _close_button(self) -> Button:
        button = Button(self.tr("Close"), self.tr("Close this list"), "quiet", keys="Esc")
        button.setFocusPolicy(Qt.FocusPolicy.NoFocus)  # Esc does the same
        button.clicked.connect(self.close_overlay)
        return button


def _column(name: str, lines: Sequence[KeyHelp]) -> QWidget:
    column = QWidget()
    grid = QGridLayout(column)
    grid.setContentsMargins(0, 0, 0, 0)
    grid.setHorizontalSpacing(2 * GRID)
    grid.setVerticalSpacing(GRID)
    grid.addWidget(PlainLabel(name, "heading"), 0, 0, 1, 2)
    for place, line in enumerate(lines, start=1):
        keys = PlainLabel(line.keys, "tag")
        grid.addWidget(keys, place, 0, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        what = PlainLabel(line.what, wraps=True)
        policy = what.sizePolicy()
        policy.setVerticalPolicy(QSizePolicy.Policy.Preferred)  # as high as its lines at the width it gets
        what.setSizePolicy(policy)
        grid.addWidget(what, place, 1)
    grid.setColumnStretch(1, 1)
    return column


def _scrolling(columns: QHBoxLayout, width: int, height: int) -> QScrollArea:
    """As high as all lines need, or else as there is room."""
    inner = QWidget()
    inner.setProperty("look", "page")
    inner.setLayout(columns)
    columns.setContentsMargins(0, 0, GRID, 0)
    area = QScrollArea()
    area.setWidget(inner)
    area.setWidgetResizable(True)
    area.setFrameShape(QFrame.Shape.NoFrame)
    area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    area.setMinimumHeight(min(max(160, height), columns.totalHeightForWidth(width - 2 * GRID)))
    area.setMaximumHeight(columns.totalHeightForWidth(width - 2 * GRID))
    return area
