"""A field that takes the next chord a person presses."""

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtGui import QFocusEvent, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QKeySequenceEdit, QWidget


class ChordRecorder(QKeySequenceEdit):
    """One chord ends it; Escape, or going elsewhere, leaves everything as it was."""

    recorded = Signal(object)  # QKeySequence
    cancelled = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setMaximumSequenceLength(1)
        self.setAccessibleName(self.tr("New key"))
        self.setToolTip(self.tr("Press the keys of the new chord together; Esc leaves it as it is"))
        self.stop()
        self.keySequenceChanged.connect(self._on_key_sequence_changed)

    def start(self) -> None:
        """Take the next chord."""
        self._clear()
        self.setEnabled(True)
        self.show()
        self.setFocus(Qt.FocusReason.OtherFocusReason)

    def stop(self) -> None:
        """Take none."""
        self._clear()
        self.setEnabled(False)
        self.hide()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        if event.key() == Qt.Key.Key_Escape and event.modifiers() == Qt.KeyboardModifier.NoModifier:
            self.cancelled.emit()
            event.accept()
            return
        super().keyPressEvent(event)

    def focusOutEvent(self, event: QFocusEvent) -> None:  # noqa: N802
        super().focusOutEvent(event)
        if self.isEnabled() and event.reason() in {Qt.FocusReason.TabFocusReason, Qt.FocusReason.BacktabFocusReason}:
            self.cancelled.emit()

    def _clear(self) -> None:
        with QSignalBlocker(self):
            self.clear()

    def _on_key_sequence_changed(self, sequence: QKeySequence) -> None:
        if sequence.count() and self.isEnabled():
            self.recorded.emit(sequence)
