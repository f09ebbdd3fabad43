"""Tells a person who looks at something else that a run has ended."""

from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QApplication, QStyle, QSystemTrayIcon, QWidget


class Notice(QObject):
    """The window's button asks for attention; where the desktop shows messages of programs, there is one, too."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._tray: QSystemTrayIcon | None = None
        self._window: QWidget | None = None

    def tell(self, window: QWidget, title: str, text: str = "") -> None:
        """Say something beside the window.

        Args:
            window: Is shown when the message is clicked.
            title: The news.
            text: More about it.
        """
        QApplication.alert(window)
        if not QSystemTrayIcon.isSystemTrayAvailable() or not QSystemTrayIcon.supportsMessages():
            return
        self._window = window
        tray = self._icon(window)
        tray.show()
        tray.showMessage(title, text or window.windowTitle(), QSystemTrayIcon.MessageIcon.Information)

    def close(self) -> None:
        """Take the icon away; the program ends."""
        self._window = None
        if self._tray is not None:
            self._tray.hide()
            self._tray.deleteLater()
            self._tray = None

    def _icon(self, window: QWidget) -> QSystemTrayIcon:
        if self._tray is None:
            shown = window.windowIcon()
            if shown.isNull():
                shown = window.style().standardIcon(QStyle.StandardPixmap.SP_ComputerIcon)
            self._tray = QSystemTrayIcon(shown, self)
            self._tray.setToolTip(QApplication.applicationDisplayName())
            self._tray.messageClicked.connect(self._on_tray_message_clicked)
            self._tray.activated.connect(self._on_tray_message_clicked)
            app = QApplication.instance()
            if isinstance(app, QApplication):
                app.applicationStateChanged.connect(self._on_application_state_changed)
        return self._tray

    def _on_tray_message_clicked(self) -> None:
        if self._window is not None:
            self._window.setWindowState(self._window.windowState() & ~Qt.WindowState.WindowMinimized)
            self._window.show()
            self._window.raise_()
            self._window.activateWindow()

    def _on_application_state_changed(self, state: Qt.ApplicationState) -> None:
        """Who looks at the window has seen the news."""
        if state == Qt.ApplicationState.ApplicationActive and self._tray is not None:
            self._tray.hide()
