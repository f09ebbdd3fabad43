"""A titled plot on a card, which is drawn anew when the theme changes."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPen
from PySide6.QtWidgets import QSizePolicy

from rlhf_studio.ui.plots.metric_plot import plain_view
from rlhf_studio.ui.theme import Theme
from rlhf_studio.ui.widgets.parts import GRID, Card
from rlhf_studio.ui.widgets.text import PlainLabel

_AXIS_PX = 48


class FigurePanel(Card):
    """A subclass draws into ``view``."""

    def __init__(self, theme: Theme, axis_px: int = _AXIS_PX) -> None:
        super().__init__()
        self._theme = theme
        self.title = PlainLabel("", "heading")
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumSize(200, 176)
        self.body.setContentsMargins(GRID, GRID, GRID, GRID // 2)
        self.body.setSpacing(GRID // 2)
        self.body.addWidget(self.title)
        self.view = plain_view(axis_px)
        self.view.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Ignored)  # it would ask for 480 px
        self.body.addWidget(self.view, 1)
        theme.changed.connect(self._on_theme_changed)
        self._on_theme_changed()

    def explain(self, title: str, tip: str) -> None:
        """Say what the panel is."""
        self.title.setText(title)
        self.setAccessibleName(title)
        self.setToolTip(tip)

    def redraw(self) -> None:
        """Draw what is to be seen into the view, which may hold what was seen before."""
        raise NotImplementedError

    def colour(self, paint: str, alpha: int = 255) -> QColor:
        """A colour of the theme in use."""
        found = QColor(str(getattr(self._theme.colours, paint)))
        found.setAlpha(alpha)
        return found

    def pen(self, paint: str, style: Qt.PenStyle = Qt.PenStyle.SolidLine, width: float = 1.0) -> QPen:
        """A line that is as wide at every scale."""
        pen = QPen(self.colour(paint))
        pen.setCosmetic(True)
        pen.setWidthF(width)
        pen.setStyle(style)
        return pen

    def set_axes(self, bottom: str, left: str = "") -> None:
        """Say what the axes count."""
        muted = self._theme.colours.muted
        self.view.getAxis("bottom").setLabel(bottom, color=muted)
        if left:
            self.view.getAxis("left").setLabel(left, color=muted)

    def _on_theme_changed(self) -> None:
        self.view.setBackground(self._theme.colours.surface)
        for side in ("left", "bottom"):
            axis = self.view.getAxis(side)
            axis.setPen(self.colour("border"))
            axis.setTextPen(self.colour("muted"))
        self.redraw()
