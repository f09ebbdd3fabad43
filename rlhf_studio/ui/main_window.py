"""The window of one project: tabs, menus, header and status bar around a session."""

from functools import partial
from pathlib import Path

from PySide6.QtCore import QByteArray, QTimer, Signal
from PySide6.QtGui import QCloseEvent, QKeyEvent
from PySide6.QtWidgets import QMainWindow, QMenu, QMessageBox

from rlhf_studio.errors import StudioError
from rlhf_studio.events import RunFinished
from rlhf_studio.jobs.stages import StageEvent
from rlhf_studio.ui.actions import Entry, Menus
from rlhf_studio.ui.closing import ClosingQuestion
from rlhf_studio.ui.key_overlay import KeyOverlay
from rlhf_studio.ui.keys.acts import NOTICES, WINDOW
from rlhf_studio.ui.keys.dialog import KeysDialog
from rlhf_studio.ui.labeler_button import LABELER_KEYS
from rlhf_studio.ui.loop_strip import LoopStrip
from rlhf_studio.ui.messages import Message
from rlhf_studio.ui.quality.window import open_quality
from rlhf_studio.ui.rank.simulated import choose_target, delete_simulated
from rlhf_studio.ui.session import Session, TrainingState
from rlhf_studio.ui.spoken import act_word
from rlhf_studio.ui.status_bar import StatusBar
from rlhf_studio.ui.tab_pages import TABS, TabPages
from rlhf_studio.ui.tabs.tab import GoTo, KeyHelp
from rlhf_studio.ui.theme import ThemeChoice
from rlhf_studio.ui.toasts import ToastArea

_ICONS = {
    "prompts": "mdi6.bookshelf",
    "write": "mdi6.pencil-outline",
    "rank": "mdi6.format-list-numbered",
    "labels": "mdi6.tag-multiple-outline",
    "train": "mdi6.school-outline",
    "runs": "mdi6.chart-line",
    "compare": "mdi6.compare-horizontal",
}
_ZOOM = 1.1


class MainWindow(QMainWindow):
    """One project on screen. What concerns several projects or the whole program is asked of its owner by signals."""

    new_project_requested = Signal()
    open_project_requested = Signal()
    example_requested = Signal()
    recent_requested = Signal(object)  # Path
    settings_requested = Signal()
    diagnostics_requested = Signal()
    about_requested = Signal()
    closed = Signal()

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self._closing = ClosingQuestion(self)
        self._may_close = False
        self._keys: KeysDialog | None = None
        self.tabs = TabPages(session, self._titles(), _ICONS, self)
        self.loop_strip = LoopStrip(session)
        self.tabs.setCornerWidget(self.loop_strip)
        self.setCentralWidget(self.tabs)
        self.status = StatusBar(session)
        self.setStatusBar(self.status)
        self.toasts = ToastArea(self, session.theme)
        self.overlay = KeyOverlay(self, has_shortcut=False)  # the menu has it
        self.menus = Menus(self, session.keymap)
        self._recent_menu = self._build_menus()
        session.keymap.declare(NOTICES)
        session.keymap.follow(self.toasts.shortcut, NOTICES.name)
        self._connect()
        self.setMinimumSize(1024, 700)
        self.resize(1280, 800)
        self._on_state_changed(session.state)
        self._update_title()
        self._update_undo()

    # --- for the owner

    def open(self, first: str) -> None:
        """Show the window with one tab in front."""
        preferences = self.session.preferences
        geometry: QByteArray = preferences.state("window")
        if not geometry.isEmpty():
            self.restoreGeometry(geometry)
        self.tabs.open(first)
        self.show()
        for problem in self.session.keymap.problems():
            self.session.say(problem, kind="warning")

    def set_recent(self, folders: tuple[Path, ...]) -> None:
        """Fill the menu of recent projects."""
        self._recent_menu.clear()
        for folder in folders:
            action = self._recent_menu.addAction(str(folder).replace("&", "&&"))
            action.triggered.connect(partial(self.recent_requested.emit, folder))
        self._recent_menu.setEnabled(bool(folders))

    def key_help(self) -> tuple[KeyHelp, ...]:
        """Keys that work everywhere."""
        return self.menus.key_help()

    def tab_key_help(self) -> tuple[str, tuple[KeyHelp, ...]]:
        """Title and keys of the tab on screen."""
        tab = self.tabs.current()
        return tab.title(), tab.key_help()

    def go_to(self, target: GoTo) -> None:
        """Show a tab and something in it."""
        self.tabs.show_tab(target)

    def close_now(self) -> None:
        """Close without a question; a run is stopped first and kept."""
        self._may_close = True
        self.session.stop()
        if self.session.state is TrainingState.IDLE:
            self.close()
        else:
            self.session.say(self.tr("Stopping; the run is kept up to here."))

    # --- acts

    def undo(self) -> None:
        """Take the last label back."""
        self._step_journal(is_undo=True)

    def redo(self) -> None:
        """Give the last label that was taken back again."""
        self._step_journal(is_undo=False)

    def choose_target(self) -> None:
        """Let the simulated rankings prefer other answers."""
        choose_target(self.session, self)

    def rank_by_script(self) -> None:
        """Let a scripted labeler rank answers, beside the page that shows its sets."""
        from rlhf_studio.ui.tabs.rank_tab import RankTab  # noqa: PLC0415  a tab is loaded when it is first shown

        self.go_to(GoTo("rank"))
        tab = self.tabs.tab("rank")
        if isinstance(tab, RankTab):
            tab.page.by_script.click()

    def delete_simulated(self) -> None:
        """Take every simulated ranking back."""
        delete_simulated(self.session)

    def change_keys(self) -> None:
        """Show every act with its key, to be changed."""
        if self._keys is None:
            titles = {**self._titles(), WINDOW: self.tr("Everywhere")}
            self._keys = KeysDialog(self.session.keymap, titles, self)
            self._keys.finished.connect(self._on_keys_finished)
        self._keys.show()
        self._keys.raise_()
        self._keys.activateWindow()

    def open_quality(self) -> None:
        """Look for duplicates, authors with too many prompts, and authors in two splits."""
        open_quality(self.session, self)

    def zoom(self, factor: float) -> None:
        """Make all text larger or smaller; 0 is the system's size."""
        theme = self.session.theme
        theme.set_font_points(theme.font_points * factor)
        self.session.preferences.font_points = theme.font_points if factor else 0.0

    def choose_theme(self, choice: ThemeChoice) -> None:
        """Light, dark or as the system."""
        self.session.theme.choose(choice)
        self.session.preferences.theme = choice

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        """The sign that shows the keys may need Shift or AltGr, which no shortcut foresees on every layout."""
        if self.session.keymap.matches("window.keys", event):
            self.overlay.toggle()
        else:
            super().keyPressEvent(event)

    def closeEvent(self, event: QCloseEvent) -> None:  # noqa: N802
        if self.session.state is not TrainingState.IDLE:
            event.ignore()
            self._keep_open()
            return
        for tab in self.tabs.existing():
            tab.save_state()
        preferences = self.session.preferences
        preferences.keep_state("window", self.saveGeometry())
        preferences.keep(f"last/{self.session.store.folder.name}", self.tabs.current_name())
        preferences.sync()
        super().closeEvent(event)
        self.closed.emit()

    # --- inside

    def _keep_open(self) -> None:
        """A run goes on: ask what becomes of it, also when somebody comes back to one in the background."""
        if self.session.state is TrainingState.STOPPING:
            self._may_close = True  # as soon as the run is kept
            self.session.say(self.tr("Stopping; the run is kept up to here."))
            return
        self._may_close = False
        self._closing.ask()

    def _titles(self) -> dict[str, str]:
        return {
            "prompts": self.tr("Prompts"),
            "write": self.tr("Write"),
            "rank": self.tr("Rank"),
            "labels": self.tr("Labels"),
            "train": self.tr("Train"),
            "runs": self.tr("Runs"),
            "compare": self.tr("Compare"),
        }

    def _build_menus(self) -> QMenu:
        project = self.menus.add(
            self.tr("&Project"),
            [
                Entry("new", self.tr("&New project…"), "Ctrl+Shift+N", self.new_project_requested.emit),
                Entry("open", self.tr("&Open project…"), "Ctrl+O", self.open_project_requested.emit),
                Entry("example", self.tr("Open the &example"), "", self.example_requested.emit),
                Entry(),
                Entry("settings", self.tr("&Settings…"), "Ctrl+,", self.settings_requested.emit),
                Entry(),
                Entry("quit", self.tr("&Quit"), "Ctrl+Q", self.close),
            ],
        )
        recent = QMenu(self.tr("&Recent projects"), self)
        project.insertMenu(self.menus.actions["example"], recent)
        self.menus.add(
            self.tr("&Edit"),
            [
                Entry("undo", self.tr("&Undo label"), "Ctrl+Z", self.undo),
                Entry("redo", self.tr("&Redo label"), "Ctrl+Shift+Z", self.redo),
                Entry(),
                Entry("labeler", self.tr("&Labeler…"), LABELER_KEYS, self.status.labeler.open_menu),
                Entry("target", self.tr("&Target of the simulated rankings…"), "", self.choose_target),
                Entry("script", self.tr("Rank by a &script…"), "", self.rank_by_script),
                Entry("delete_simulated", self.tr("&Delete simulated rankings"), "", self.delete_simulated),
                Entry("prompt_quality", self.tr("&Quality of prompts\u2026"), "", self.open_quality),
            ],
        )
        titles = self._titles()
        views = [
            Entry(name, titles[name], f"Ctrl+{place}", partial(self.go_to, GoTo(name)))
            for place, name in enumerate(TABS, start=1)
        ]
        self.menus.add(
            self.tr("&View"),
            [
                *views,
                Entry(),
                Entry("larger", self.tr("&Larger text"), "Ctrl++", partial(self.zoom, _ZOOM)),
                Entry("smaller", self.tr("S&maller text"), "Ctrl+-", partial(self.zoom, 1 / _ZOOM)),
                Entry("normal", self.tr("&Normal text"), "Ctrl+0", partial(self.zoom, 0.0)),
                Entry(),
                Entry("light", self.tr("Light t&heme"), "", partial(self.choose_theme, "light")),
                Entry("dark", self.tr("&Dark theme"), "", partial(self.choose_theme, "dark")),
                Entry("system", self.tr("Theme of the &system"), "", partial(self.choose_theme, "system")),
            ],
        )
        self.menus.add(
            self.tr("&Help"),
            [
                Entry("keys", self.tr("&Keys of this page"), ("F1", "?"), self.overlay.toggle),
                Entry("change_keys", self.tr("C&hange keys…"), "", self.change_keys),
                Entry("diagnostics", self.tr("&Copy diagnostics"), "", self.diagnostics_requested.emit),
                Entry("about", self.tr("&About RLHF Studio"), "", self.about_requested.emit),
            ],
        )
        return recent

    def _connect(self) -> None:
        session = self.session
        self.tabs.go_to_requested.connect(self.go_to)
        self.loop_strip.go_to_requested.connect(self.go_to)
        self.tabs.currentChanged.connect(self._on_tabs_current_changed)
        session.messaged.connect(self._on_messaged)
        session.store_changed.connect(self._on_store_changed)
        session.training_state_changed.connect(self._on_state_changed)
        session.training_finished.connect(self._on_training_finished)
        self.overlay.change_requested.connect(self.change_keys)
        self._closing.stop_chosen.connect(self.close_now)
        self._closing.background_chosen.connect(self._on_background_chosen)

    def _step_journal(self, *, is_undo: bool) -> None:
        store = self.session.store
        try:
            entry = store.undo(self.session.labeler) if is_undo else store.redo(self.session.labeler)
        except StudioError as error:
            self.session.say(str(error), kind="error")
            return
        if entry is None:
            self.session.say(self.tr("Nothing to undo.") if is_undo else self.tr("Nothing to redo."))
            return
        self.session.changed(entry.changes, self)
        text = self.tr("Taken back: {what}.") if is_undo else self.tr("Done again: {what}.")
        self.session.say(text.format(what=act_word(entry.kind)))

    def _update_undo(self) -> None:
        store = self.session.store
        acts = (
            ("undo", store.undoable(), self.tr("&Undo label"), self.tr("&Undo {what}")),
            ("redo", store.redoable(), self.tr("&Redo label"), self.tr("&Redo {what}")),
        )
        for name, entry, plain, words in acts:
            action = self.menus.actions[name]
            action.setEnabled(entry is not None)
            action.setText(plain if entry is None else words.format(what=act_word(entry.kind)))

    def _update_title(self) -> None:
        store = self.session.store
        readonly = self.tr(" (read-only)") if store.is_read_only else ""
        self.setWindowTitle(f"{store.title}{readonly} - RLHF Studio")

    def _on_tabs_current_changed(self, _index: int) -> None:
        self.loop_strip.note_shown(self.tabs.current_name())

    def _on_store_changed(self, _changes: object, _origin: object) -> None:
        self._update_undo()

    def _on_messaged(self, message: Message) -> None:
        if message.kind == "undo":
            message = Message(message.text, "info", self.tr("Undo"), self.undo)
        self.toasts.show_message(message)

    def _on_state_changed(self, state: TrainingState) -> None:
        for name in ("new", "open", "example"):
            self.menus.actions[name].setEnabled(state is TrainingState.IDLE)
        self._recent_menu.setEnabled(state is TrainingState.IDLE and not self._recent_menu.isEmpty())

    def _on_training_finished(self, last: StageEvent) -> None:
        if self._may_close:
            QTimer.singleShot(0, self, self.close)  # after everybody has heard of the end
            return
        is_complete = isinstance(last.event, RunFinished) and last.event.outcome == "completed"
        if is_complete and not self.session.is_round:
            self.session.say(
                self.tr("Training is done."),
                kind="success",
                action=self.tr("Compare"),
                act=partial(self.go_to, GoTo("compare")),
            )

    def _on_keys_finished(self) -> None:
        if self._keys is not None:
            self._keys.deleteLater()
            self._keys = None

    def _on_background_chosen(self) -> None:
        self._may_close = True
        self.session.resume()
        self.showMinimized()
        if self.session.state is TrainingState.IDLE:
            self.close()

    def question(self) -> QMessageBox | None:
        """The question that stands before the window closes, if there is one."""
        return self._closing.box
