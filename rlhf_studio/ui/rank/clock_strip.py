"""Where the seconds of a round went: a strip of its parts, as long as they took, with a mark at a minute."""

from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from rlhf_studio.ui.theme import Theme

MINUTE_S = 60.0
_STRIP_PX, _GAP_PX = 12, 4


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of the time; the colour is a name of ``theme.Colours``, the words stand under the strip."""

    words: str
    seconds: float
    colour: str


class ClockStrip(QWidget):
    """Parts side by side on a scale of a minute, or of the whole where that is longer."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._stretches: tuple[Stretch, ...] = ()
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setToolTip(self.tr("Each part as long as it took; the line at the right is a minute"))
        theme.changed.connect(self.update)

    def show_stretches(self, stretches: tuple[Stretch, ...]) -> None:
        """Draw other parts."""
        self._stretches = stretches
        words = ", ".join(f"{one.words} {one.seconds:.1f} s" for one in stretches)
        self.setAccessibleName(self.tr("Time by part: {parts}").format(parts=words or "-"))
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(240, _STRIP_PX + _GAP_PX + self.fontMetrics().height())

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        return QSize(120, self.sizeHint().height())

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        colours = self._theme.colours
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colours.grid))
        painter.drawRoundedRect(QRectF(0, 0, self.width(), _STRIP_PX), 3, 3)
        whole = sum(one.seconds for one in self._stretches)
        scale = self.width() / max(MINUTE_S, whole)
        left, free = 0.0, 0.0  # where the next part begins, and from where on there is room for words
        for one in self._stretches:
            width = one.seconds * scale
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(QColor(getattr(colours, one.colour)))
            painter.drawRect(QRectF(left, 0, max(0.0, width - 1), _STRIP_PX))
            free = self._write(painter, one, max(left, free), free)
            left += width
        painter.setPen(QColor(colours.text))
        at = min(self.width() - 1.0, MINUTE_S * scale)
        painter.drawLine(round(at), 0, round(at), _STRIP_PX + 2)
        painter.end()

    def _write(self, painter: QPainter, one: Stretch, left: float, free: float) -> float:
        """Words under a part, moved where others need the room or it ends; returns from where on there is room."""
        text = f"{one.words} {one.seconds:.1f} s"
        metrics = self.fontMetrics()
        width = metrics.horizontalAdvance(text)
        if left + width > self.width():
            if self.width() - width < free:
                return left
            left = self.width() - width
        painter.setPen(QColor(self._theme.colours.muted))
        painter.drawText(round(left), _STRIP_PX + _GAP_PX + metrics.ascent(), text)
        return left + width + 3 * _GAP_PX
