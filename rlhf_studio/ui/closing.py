"""The one question that is asked: what becomes of a run when its window is closed."""

from PySide6.QtCore import QObject, Signal
from PySide6.QtWidgets import QAbstractButton, QMessageBox, QWidget


class ClosingQuestion(QObject):
    """Stop and keep, go on in the background until done, or cancel. Never blocks the event loop."""

    stop_chosen = Signal()
    background_chosen = Signal()

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self.box: QMessageBox | None = None
        self.stop: QAbstractButton | None = None
        self.background: QAbstractButton | None = None
        self.cancel: QAbstractButton | None = None

    def ask(self) -> None:
        """Show the question, unless it stands there already."""
        if self.box is not None:
            self.box.raise_()
            return
        box = QMessageBox(self._window)
        box.setIcon(QMessageBox.Icon.Question)
        box.setWindowTitle(self.tr("A run is going on"))
        box.setText(self.tr("A run is going on. What shall become of it?"))
        box.setInformativeText(
            self.tr("Nothing is lost either way: a stopped run is kept and can be continued from where it stood.")
        )
        self.stop = box.addButton(self.tr("&Stop and keep"), QMessageBox.ButtonRole.AcceptRole)
        self.background = box.addButton(self.tr("&Go on in the background"), QMessageBox.ButtonRole.ActionRole)
        self.cancel = box.addButton(self.tr("&Cancel"), QMessageBox.ButtonRole.RejectRole)
        box.setDefaultButton(self.stop)
        box.setEscapeButton(self.cancel)
        box.finished.connect(self._on_finished)
        self.box = box
        box.open()

    def _on_finished(self, _result: int) -> None:
        box, self.box = self.box, None
        if box is None:
            return
        chosen = box.clickedButton()
        box.deleteLater()
        if chosen is self.stop:
            self.stop_chosen.emit()
        elif chosen is self.background:
            self.background_chosen.emit()
