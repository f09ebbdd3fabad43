"""A scroll area that is as high as what is in it, up to a limit."""

from PySide6.QtCore import QEvent, QObject, QSize, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QFrame, QScrollArea, QSizePolicy, QWidget


class FittingScroll(QScrollArea):
    """Takes no place while its content is hidden."""

    def __init__(self, content: QWidget, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._content = content
        self._limit_px = 240
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setWidgetResizable(True)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Maximum)
        content.setProperty("look", "page")
        self.setWidget(content)
        content.installEventFilter(self)

    def set_limit(self, pixels: int) -> None:
        """Grow no higher than this."""
        if pixels != self._limit_px:
            self._limit_px = pixels
            self.updateGeometry()

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(super().sizeHint().width(), min(self._wanted_px(), self._limit_px))

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        return QSize(120, min(48, self.sizeHint().height()))

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        if event.type() == QEvent.Type.LayoutRequest:
            self.updateGeometry()
            self._choose_bar()
        return super().eventFilter(watched, event)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        if event.oldSize().width() != event.size().width():
            self.updateGeometry()
        self._choose_bar()

    def _wanted_px(self) -> int:
        """Height of the content over the whole width."""
        content = self._content
        return content.heightForWidth(self.width()) if content.hasHeightForWidth() else content.sizeHint().height()

    def _choose_bar(self) -> None:
        """Qt keeps a bar that was there because of the bar's own width, so it is told when there is no need."""
        fits = self._wanted_px() <= self.height()
        policy = Qt.ScrollBarPolicy.ScrollBarAlwaysOff if fits else Qt.ScrollBarPolicy.ScrollBarAsNeeded
        if policy != self.verticalScrollBarPolicy():
            self.setVerticalScrollBarPolicy(policy)
