"""What InstructGPT did to its prompts before labeling, as a window: duplicates, a cap per author, splits by author."""

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtGui import QCloseEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QProgressBar, QTabWidget, QVBoxLayout, QWidget

from rlhf_studio.errors import StudioError
from rlhf_studio.jobs.prompt_look import Found, PromptLook
from rlhf_studio.store.database import Changes, Written
from rlhf_studio.ui.quality.sheets import AuthorSheet, DuplicateSheet, SplitSheet
from rlhf_studio.ui.session import Session
from rlhf_studio.ui.widgets.parts import GRID, Button, row
from rlhf_studio.ui.widgets.text import PlainLabel

POLL_MS = 60
REST_MS = 300  # after a change before prompts are looked through again
_SIZE = (900, 640)
_STEPS = 1000


class QualityWindow(QWidget):
    """Looks through the prompts when it opens and whenever they change; deletes and moves only when told to."""

    def __init__(self, session: Session, parent: QWidget) -> None:
        super().__init__(parent, Qt.WindowType.Dialog)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.setObjectName("prompt_quality")
        self.setWindowTitle(self.tr("Quality of prompts"))
        self._session = session
        self._looks: list[PromptLook] = []
        store = session.store
        self.duplicates = DuplicateSheet(store.prefix_length)
        self.authors = AuthorSheet(store.author_cap)
        self.splits = SplitSheet()
        self.progress = QProgressBar()
        self.progress.setRange(0, _STEPS)
        self.progress.setTextVisible(False)
        self.progress.setAccessibleName(self.tr("Looking through the prompts"))
        self.cancel = Button(self.tr("Cancel"), self.tr("Stop looking through the prompts"))
        self.again = Button(self.tr("Look again"), self.tr("Look through all prompts once more"))
        self.state = PlainLabel("", "muted")
        self._rest, self._poll = QTimer(self), QTimer(self)
        self._lay_out()
        self._connect()
        for spin in (self.duplicates.length, self.authors.cap):
            spin.setEnabled(not store.is_read_only)
        self.look()

    def look(self) -> None:
        """Begin to look through all prompts; a look that goes on is given up."""
        self.stop()
        self._looks.append(PromptLook(self._session.store.folder, self.authors.seed.value()))
        self.state.setText(self.tr("Looking through the prompts\u2026"))
        self._show_busy(is_busy=True)
        self._poll.start()

    def stop(self) -> None:
        """Give a look up that goes on."""
        self._rest.stop()
        self._poll.stop()
        for one in self._looks:
            one.cancel()
        self._looks = [one for one in self._looks if not one.is_over]
        self._show_busy(is_busy=False)
        self.state.setText("")

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        self._end()
        super().closeEvent(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        """When the main window closes, so does the project."""
        if event.type() == QEvent.Type.Close:
            self._end()
        return super().eventFilter(watched, event)

    # --- inside

    def _end(self) -> None:
        self.stop()
        for one in self._looks:
            one.join(1.0)  # a portion takes some milliseconds

    def _show_busy(self, *, is_busy: bool) -> None:
        self.progress.setVisible(is_busy)
        self.cancel.setVisible(is_busy)
        self.again.setVisible(not is_busy)
        if is_busy:
            self.progress.setValue(0)

    def _show(self, found: Found) -> None:
        can_write = not self._session.store.is_read_only
        self.duplicates.show_groups(found.duplicates, can_write=can_write)
        self.authors.show_authors(found.authors, can_write=can_write)
        self.splits.show_check(found.splits, can_write=can_write)

    def _done(self, written: Written, words: str) -> None:
        self._session.changed(written.changes, self)
        self._session.say(words.format(count=f"{len(written.ids):,}"), kind="undo")
        self.look()

    # --- slots

    def _on_poll_timeout(self) -> None:
        look = self._looks[-1]
        self.progress.setValue(round(_STEPS * look.done))
        if not look.is_over:
            return
        self._poll.stop()
        self._looks.remove(look)
        self._show_busy(is_busy=False)
        self.state.setText(look.problem)
        if look.found is not None:
            self._show(look.found)

    def _on_cancel_clicked(self) -> None:
        self.stop()
        self.state.setText(self.tr("Cancelled; what is shown may be old."))

    def _on_delete_requested(self, ids: tuple[int, ...]) -> None:
        try:
            written = self._session.store.delete_prompts(ids, self._session.labeler)
        except StudioError as error:
            self._session.say(str(error), kind="error")
            return
        self._done(written, self.tr("Prompts deleted: {count}."))

    def _on_mend_requested(self) -> None:
        try:
            written = self._session.store.mend_splits(self._session.labeler)
        except StudioError as error:
            self._session.say(str(error), kind="error")
            return
        self._done(written, self.tr("Prompts moved to another split: {count}."))

    def _on_settings_changed(self) -> None:
        store = self._session.store
        try:
            if not store.is_read_only:
                store.set_prefix_length(self.duplicates.length.value())
                store.set_author_cap(self.authors.cap.value())
        except StudioError as error:
            self._session.say(str(error), kind="error")
            return
        self._rest.start()

    def _on_session_store_changed(self, changes: Changes, origin: QObject | None) -> None:
        if origin is not self and changes.tables & {"prompt", "demonstration", "ranking"}:
            self._rest.start()

    # --- wiring

    def _lay_out(self) -> None:
        self.pages = QTabWidget()
        self.pages.addTab(self.duplicates, self.tr("Duplicates"))
        self.pages.addTab(self.authors, self.tr("Prompts per author"))
        self.pages.addTab(self.splits, self.tr("Splits"))
        self.close_button = Button(self.tr("Close"), self.tr("Close this window"), keys=self.tr("Esc"))
        column = QVBoxLayout(self)
        column.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, GRID)
        column.setSpacing(GRID)
        column.addWidget(PlainLabel(self.tr("Quality of prompts"), "title"))
        column.addWidget(self.pages, 1)
        column.addWidget(self.progress)
        column.addLayout(row(self.state, None, self.cancel, self.again, self.close_button))
        self.resize(*_SIZE)

    def _connect(self) -> None:
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST_MS)
        self._rest.timeout.connect(self.look)
        self._poll.setInterval(POLL_MS)
        self._poll.timeout.connect(self._on_poll_timeout)
        self.cancel.clicked.connect(self._on_cancel_clicked)
        self.again.clicked.connect(self.look)
        self.close_button.clicked.connect(self.close)
        QShortcut(QKeySequence("Esc"), self).activated.connect(self.close)
        for spin in (self.duplicates.length, self.authors.cap, self.authors.seed):
            spin.valueChanged.connect(self._on_settings_changed)
        for sheet in (self.duplicates, self.authors):
            sheet.delete_requested.connect(self._on_delete_requested)
        self.splits.mend_requested.connect(self._on_mend_requested)
        self._session.store_changed.connect(self._on_session_store_changed)
        parent = self.parentWidget()
        if parent is not None:
            parent.window().installEventFilter(self)


def open_quality(session: Session, parent: QWidget) -> QualityWindow:
    """Show the window: the one that is open, or a new one."""
    windows = [one for one in parent.findChildren(QualityWindow) if one.isVisible()]
    window = windows[0] if windows else QualityWindow(session, parent)
    window.show()
    window.raise_()
    window.activateWindow()
    return window
