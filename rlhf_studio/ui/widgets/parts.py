"""Small parts that every tab is made of."""

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QFont, QFontMetrics
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QFrame,
    QHBoxLayout,
    QListView,
    QPushButton,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from rlhf_studio.ui.icons import icon
from rlhf_studio.ui.theme import Theme
from rlhf_studio.ui.widgets.text import PlainLabel

GRID = 8


class Button(QPushButton):
    """A push button with look, tooltip, accessible name and an icon that follows the theme."""

    def __init__(
        self, text: str, tip: str, look: str = "", icon_name: str = "", theme: Theme | None = None, keys: str = ""
    ) -> None:
        super().__init__(text)
        if look:
            self.setProperty("look", look)
        self.setAccessibleName(text.replace("&", "") or tip)
        self.tip = tip  # without keys, which a keymap may change
        self.setToolTip(f"{tip} ({keys})" if keys else tip)
        self.setSizePolicy(QSizePolicy.Policy.Minimum, QSizePolicy.Policy.Fixed)
        self._icon_name, self._theme, self._look = icon_name, theme, look
        if icon_name and theme is not None:
            theme.changed.connect(self._on_theme_changed)
            self._on_theme_changed()

    def set_icon(self, icon_name: str) -> None:
        self._icon_name = icon_name
        self._on_theme_changed()

    def sizeHint(self) -> QSize:  # noqa: N802
        hint = super().sizeHint()
        if self._look == "chip":  # a checked chip is bold; its words must not be cut
            bold = QFont(self.font())
            bold.setWeight(QFont.Weight.DemiBold)
            grown = QFontMetrics(bold).horizontalAdvance(self.text()) - self.fontMetrics().horizontalAdvance(
                self.text()
            )
            hint.setWidth(hint.width() + max(0, grown))
        return hint

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        return self.sizeHint()

    def _on_theme_changed(self) -> None:
        if self._theme is None or not self._icon_name:
            return
        colours = self._theme.colours
        colour = colours.accent_text if self._look == "primary" else colours.text
        self.setIcon(icon(self._icon_name, colour, colours.muted))
        self.setIconSize(QSize(16, 16))


class Card(QFrame):
    """A framed box with a vertical layout in ``body``."""

    def __init__(self, look: str = "card", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("look", look)
        self.body = QVBoxLayout(self)
        self.body.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, 2 * GRID)
        self.body.setSpacing(GRID)


class EmptyState(QWidget):
    """What an empty tab shows: one sentence and the one button that helps."""

    acted = Signal()

    def __init__(self, title: str, sentence: str, action: str, tip: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.title = PlainLabel(title, "title")
        self.sentence = PlainLabel(sentence, "muted", wraps=True)
        self.sentence.setMaximumWidth(520)
        self.button = Button(action, tip or sentence, "primary")
        self.button.clicked.connect(self.acted)
        layout = QVBoxLayout(self)
        layout.setSpacing(2 * GRID)
        layout.addStretch(1)
        layout.addWidget(self.title, alignment=Qt.AlignmentFlag.AlignHCenter)
        layout.addLayout(_centred(self.sentence))  # an alignment would squeeze a wrapping label until it is cut off
        layout.addWidget(self.button, alignment=Qt.AlignmentFlag.AlignHCenter)
        for label in (self.title, self.sentence):
            label.setAlignment(Qt.AlignmentFlag.AlignCenter)
        layout.addStretch(2)
        self.title.setVisible(bool(title))
        self.button.setVisible(bool(action))


class Tag(PlainLabel):
    """A small framed word, such as "simulated"."""

    def __init__(self, text: str, tip: str = "", parent: QWidget | None = None) -> None:
        super().__init__(text, "tag", parent)
        self.setToolTip(tip)
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)


def draw_rows(view: QListView) -> None:
    """A list whose rows a delegate draws, all equally high, scrolled by the pixel."""
    view.setUniformItemSizes(True)
    view.setMouseTracking(True)
    view.setVerticalScrollMode(QListView.ScrollMode.ScrollPerPixel)
    view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    view.setMinimumHeight(96)


def indent(box: QAbstractSpinBox) -> None:
    """Keep a number off the box's edge; a style sheet's padding does not reach it."""
    box.lineEdit().setTextMargins(GRID - 2, 0, 0, 0)


def _centred(widget: QWidget) -> QHBoxLayout:
    """As wide as it may be, in the middle."""
    layout = row(None, widget, None)
    for place, stretch in enumerate((1, 100, 1)):
        layout.setStretch(place, stretch)
    return layout


def row(*widgets: QWidget | None, spacing: int = GRID) -> QHBoxLayout:
    """Widgets side by side; None is a stretch."""
    layout = QHBoxLayout()
    layout.setContentsMargins(0, 0, 0, 0)
    layout.setSpacing(spacing)
    for widget in widgets:
        if widget is None:
            layout.addStretch(1)
        else:
            layout.addWidget(widget)
    return layout
