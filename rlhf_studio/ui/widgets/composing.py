"""What every field of text must not take from others: the Enter of an input method, and undo where there is none."""

from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QInputMethodEvent, QKeyEvent, QKeySequence
from PySide6.QtWidgets import QLineEdit, QPlainTextEdit

_ENTERS = frozenset({Qt.Key.Key_Return, Qt.Key.Key_Enter})


class Composing(QObject):
    """Watches a field; belongs to it."""

    def __init__(self, field: QPlainTextEdit | QLineEdit) -> None:
        super().__init__(field)
        self._field = field
        self.is_on = False  # an input method has text that is not confirmed yet: its Enter belongs to it alone
        field.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        kind = event.type()
        if isinstance(event, QInputMethodEvent):
            self.is_on = bool(event.preeditString())
        elif kind == QEvent.Type.FocusOut:
            self.is_on = False
        elif isinstance(event, QKeyEvent):
            if kind == QEvent.Type.KeyPress and self.is_on and event.key() in _ENTERS:
                event.accept()
                return True
            is_undo = kind == QEvent.Type.ShortcutOverride and event.matches(QKeySequence.StandardKey.Undo)
            if is_undo and self._is_untouched():  # nothing to undo here: the key is the window's, which undoes labels
                event.ignore()
                return True
        return super().eventFilter(watched, event)

    def _is_untouched(self) -> bool:
        if isinstance(self._field, QLineEdit):
            return not self._field.text() and not self._field.isUndoAvailable()
        document = self._field.document()
        return document.isEmpty() and not document.isUndoAvailable()
