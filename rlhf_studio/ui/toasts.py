"""Short notices at the foot of the window: they ask for nothing, wait while they are read, and go by themselves."""

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QAccessible, QAccessibleEvent, QEnterEvent, QKeyEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QApplication, QFrame, QHBoxLayout, QPushButton, QVBoxLayout, QWidget

from rlhf_studio.ui.icons import icon
from rlhf_studio.ui.messages import Message
from rlhf_studio.ui.theme import Theme
from rlhf_studio.ui.widgets.parts import GRID
from rlhf_studio.ui.widgets.text import PlainLabel

MOST_SHOWN = 3
SHOWN_MS = 6_000
ERROR_MS = 12_000
_WIDEST_PX = 560  # of the text
_ICONS = {
    "success": "mdi6.check-circle-outline",
    "warning": "mdi6.alert-outline",
    "error": "mdi6.alert-octagon-outline",
    "undo": "mdi6.undo-variant",
}


class Toast(QFrame):
    """One notice. Its time stands still while the mouse is over it or the keyboard in it."""

    closed = Signal(object)  # itself
    acted = Signal(object)  # the Message whose button was pressed

    def __init__(self, message: Message, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.message = message
        self._theme = theme
        self.setProperty("look", "toast")
        self.setAttribute(Qt.WidgetAttribute.WA_StyledBackground)
        self.setAccessibleName(f"{self._kind_word()}: {message.text}")
        self._symbol = PlainLabel()
        self.label = PlainLabel(message.text, wraps=True)
        self.action_button = self._button(message.action or (self.tr("Undo") if message.kind == "undo" else ""))
        self.action_button.setVisible(bool(self.action_button.text()))
        self.action_button.clicked.connect(self._on_action_button_clicked)
        self.close_button = self._button("")
        self.close_button.setProperty("look", "quiet")
        self.close_button.setAccessibleName(self.tr("Dismiss"))
        self.close_button.setToolTip(self.tr("Dismiss this notice (Esc)"))
        self.close_button.clicked.connect(self._on_close_button_clicked)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(2 * GRID, GRID, GRID, GRID)
        layout.setSpacing(2 * GRID)
        for widget in (self._symbol, self.label, self.action_button, self.close_button):
            layout.addWidget(widget, alignment=Qt.AlignmentFlag.AlignVCenter)
        theme.changed.connect(self._on_theme_changed)
        self._on_theme_changed()
        self.timer = QTimer(self)
        self.timer.setSingleShot(True)
        self.timer.setInterval(ERROR_MS if message.kind == "error" else SHOWN_MS)
        self.timer.timeout.connect(self.dismiss)
        QApplication.instance().focusChanged.connect(self._on_focus_changed)  # type: ignore[union-attr]
        self.timer.start()

    @property
    def first_button(self) -> QPushButton:
        """Where the keyboard goes first."""
        return self.close_button if self.action_button.isHidden() else self.action_button

    def restart(self) -> None:
        """Give it its full time again, for it was said once more."""
        self.timer.start()

    def dismiss(self) -> None:
        """Go away now."""
        self.timer.stop()
        self.closed.emit(self)

    def enterEvent(self, event: QEnterEvent) -> None:  # noqa: N802
        super().enterEvent(event)
        self.timer.stop()

    def leaveEvent(self, event: QEvent) -> None:  # noqa: N802
        super().leaveEvent(event)
        self._go_on()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        if event.key() == Qt.Key.Key_Escape:
            self.dismiss()
        else:
            super().keyPressEvent(event)

    def _button(self, text: str) -> QPushButton:
        button = QPushButton(text, self)
        button.setAccessibleName(text)
        button.setToolTip(text)
        button.setAutoDefault(False)
        return button

    def _fit_label(self) -> None:
        """As wide as its words need, then it wraps."""
        room = self.window().width() - 20 * GRID if self.window() is not self else _WIDEST_PX
        lines = self.message.text.splitlines() or [""]
        natural = max(self.label.fontMetrics().horizontalAdvance(line) for line in lines) + GRID
        self.label.setFixedWidth(max(80, min(natural, _WIDEST_PX, room)))

    def _kind_word(self) -> str:
        words = {
            "success": self.tr("Done"),
            "warning": self.tr("Warning"),
            "error": self.tr("Error"),
            "undo": self.tr("Done"),
        }
        return words.get(self.message.kind, self.tr("Notice"))

    def _go_on(self) -> None:
        if not self.underMouse() and not self.isAncestorOf(QApplication.focusWidget() or self):
            self.timer.start()

    def _on_focus_changed(self, old: QWidget | None, new: QWidget | None) -> None:
        if new is not None and self.isAncestorOf(new):
            self.timer.stop()
        elif old is not None and self.isAncestorOf(old):
            self._go_on()

    def _on_action_button_clicked(self) -> None:
        self.timer.stop()
        self.acted.emit(self.message)
        self.closed.emit(self)

    def _on_close_button_clicked(self) -> None:
        self.dismiss()

    def _on_theme_changed(self) -> None:
        self._fit_label()  # the text may have another size
        colour = self._theme.colours.surface
        name = _ICONS.get(self.message.kind, "mdi6.information-outline")
        self._symbol.setPixmap(icon(name, colour).pixmap(20, 20))
        self.close_button.setIcon(icon("mdi6.close", colour))


class ToastArea(QWidget):
    """Stacks notices over the foot of its parent, the newest lowest; takes no room in any layout."""

    undo_requested = Signal()  # the button of an "undo" notice that brought no act of its own

    def __init__(self, parent: QWidget, theme: Theme, foot_px: int = 10 * GRID) -> None:
        """Nothing is shown yet.

        Args:
            parent: The window; notices lie over it.
            theme: Colours of the icons.
            foot_px: Space left free below the lowest notice, for the status bar and the buttons above it.
        """
        super().__init__(parent)
        self.setObjectName("toasts")
        self.setAccessibleName(self.tr("Notices"))
        self._theme = theme
        self._foot = foot_px
        self._toasts: list[Toast] = []
        self._focus_before: QWidget | None = None
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(GRID)
        self.shortcut = QShortcut(QKeySequence("F8"), parent)
        self.shortcut.activated.connect(self.focus_newest)
        parent.installEventFilter(self)
        theme.changed.connect(self._on_theme_changed)
        self.hide()

    @property
    def toasts(self) -> tuple[Toast, ...]:
        """Those on screen, oldest first."""
        return tuple(self._toasts)

    def show_message(self, message: Message) -> Toast:
        """Show a notice; one that says the same as another takes its place."""
        for toast in self._toasts:
            if toast.message == message:
                toast.restart()
                return toast
        while len(self._toasts) >= MOST_SHOWN:
            self._remove(self._least_needed())
        toast = Toast(message, self._theme, self)
        toast.closed.connect(self._on_toast_closed)
        toast.acted.connect(self._on_toast_acted)
        self._toasts.append(toast)
        self._layout.addWidget(toast, alignment=Qt.AlignmentFlag.AlignHCenter)
        toast.show()
        self._arrange()
        event = QAccessibleEvent(toast, QAccessible.Event.Alert)
        QAccessible.updateAccessibility(event)
        return toast

    def focus_newest(self) -> None:
        """Put the keyboard on the newest notice (F8); leaving it gives the focus back."""
        if self._toasts:
            focus = QApplication.focusWidget()
            if focus is not None and not self.isAncestorOf(focus):
                self._focus_before = focus
                focus.destroyed.connect(self._on_focus_before_destroyed)
            self._toasts[-1].first_button.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def clear(self) -> None:
        """Take every notice away; no timer is left."""
        for toast in list(self._toasts):
            self._remove(toast)
        self._arrange()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        if event.type() == QEvent.Type.Resize:
            self._arrange()
        elif event.type() == QEvent.Type.Close and event.isAccepted():
            for toast in self._toasts:
                toast.timer.stop()
        return super().eventFilter(watched, event)

    def _least_needed(self) -> Toast:
        """The oldest, but errors stay longest."""
        return next((toast for toast in self._toasts if toast.message.kind != "error"), self._toasts[0])

    def _remove(self, toast: Toast) -> None:
        if toast not in self._toasts:
            return
        toast.timer.stop()
        had_focus = toast.isAncestorOf(QApplication.focusWidget() or self)
        self._toasts.remove(toast)
        self._layout.removeWidget(toast)
        toast.hide()
        toast.deleteLater()
        if had_focus and self._focus_before is not None:
            self._focus_before.setFocus(Qt.FocusReason.OtherFocusReason)

    def _arrange(self) -> None:
        parent = self.parentWidget()
        self.setVisible(bool(self._toasts))
        if not self._toasts or parent is None:
            return
        self._layout.activate()
        size = self._layout.totalSizeHint()
        if self._layout.hasHeightForWidth():
            size.setHeight(self._layout.totalHeightForWidth(size.width()))
        left = max(0, (parent.width() - size.width()) // 2)
        self.setGeometry(left, parent.height() - self._foot - size.height(), size.width(), size.height())
        self.raise_()

    def _on_theme_changed(self) -> None:
        QTimer.singleShot(0, self, self._arrange)  # when the notices have taken the new size

    def _on_toast_closed(self, toast: Toast) -> None:
        self._remove(toast)
        self._arrange()

    def _on_toast_acted(self, message: Message) -> None:
        if callable(message.act):
            message.act()
        elif message.kind == "undo":
            self.undo_requested.emit()

    def _on_focus_before_destroyed(self) -> None:
        self._focus_before = None
