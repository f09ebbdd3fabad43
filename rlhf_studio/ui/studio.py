"""The program around the windows: which project is open, what is remembered, and how it ends."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QFileDialog, QMessageBox

from rlhf_studio import __version__
from rlhf_studio.errors import StudioError
from rlhf_studio.events import RunFinished
from rlhf_studio.jobs.catalog import list_runs
from rlhf_studio.jobs.recent import recent, remember
from rlhf_studio.jobs.stages import StageEvent
from rlhf_studio.paths import data_dir, resources_dir
from rlhf_studio.store.bundle import open_or_create_example
from rlhf_studio.store.project import Store, create_project, open_project
from rlhf_studio.ui.awake import Awake
from rlhf_studio.ui.diagnostics import diagnostics_text
from rlhf_studio.ui.main_window import MainWindow
from rlhf_studio.ui.notice import Notice
from rlhf_studio.ui.preferences import Preferences
from rlhf_studio.ui.session import Session, TrainingState
from rlhf_studio.ui.settings_page import SettingsPage
from rlhf_studio.ui.theme import Theme

CLOSING_S = 5.0


class Studio(QObject):
    """Owns theme, preferences, and one window with its session at a time."""

    ended = Signal()  # the last window is closed and everything is on disk

    def __init__(self, preferences: Preferences | None = None) -> None:
        super().__init__()
        self.preferences = preferences or Preferences()
        self.theme = Theme(self.preferences.theme, self.preferences.font_points, self)
        self.awake = Awake()
        self.notice = Notice()
        self.window: MainWindow | None = None
        self.session: Session | None = None
        self._settings: SettingsPage | None = None
        self._is_switching = False

    def start(self, project: Path | None = None) -> MainWindow:
        """Open a project: the one named, else the last one, else the example.

        Raises:
            DataError: If the project named cannot be opened, or not even the example.
        """
        if project is not None:
            return self.show(open_project(project))
        last = self.preferences.last_project
        if last is not None and last.exists():
            try:
                return self.show(open_project(last))
            except StudioError as error:
                window = self.show(self._example())
                window.session.say(str(error), kind="error")
                return window
        return self.show(self._example())

    def show(self, store: Store) -> MainWindow:
        """Replace the present window by one of this project."""
        old = self.window
        session = Session(store, self.theme, self.preferences, self)
        window = MainWindow(session)
        self._connect(window)
        self.window, self.session = window, session
        if not store.is_read_only:
            self.preferences.last_project = store.folder
        remember(store.folder)
        window.set_recent(tuple(folder for folder in recent() if folder != store.folder))
        window.open(self._first_tab(session))
        if store.is_read_only:
            session.say(store.read_only_reason, kind="warning")
        if old is not None:
            self._is_switching = True
            old.close_now()
            self._is_switching = False
        return window

    def _example(self) -> Store:
        return open_or_create_example(data_dir(), resources_dir())

    def _first_tab(self, session: Session) -> str:
        """Where the person was; in a project without runs, where the one primary act is."""
        kept = self.preferences.value(f"last/{session.store.folder.name}")
        if kept:
            return kept
        counts = session.store.counts()
        if counts.prompts == 0:
            return "write"
        return "train" if not list_runs(session.store.folder).runs else "rank"

    def _connect(self, window: MainWindow) -> None:
        window.new_project_requested.connect(self._on_new_project_requested)
        window.open_project_requested.connect(self._on_open_project_requested)
        window.example_requested.connect(self._on_example_requested)
        window.recent_requested.connect(self._on_recent_requested)
        window.settings_requested.connect(self._on_settings_requested)
        window.diagnostics_requested.connect(self.copy_diagnostics)
        window.about_requested.connect(self._on_about_requested)
        window.closed.connect(partial(self._on_closed, window))
        window.session.training_state_changed.connect(self._on_training_state_changed)
        window.session.training_finished.connect(self._on_training_finished)

    def _switch(self, make: Callable[[], Store]) -> None:
        if self.session is not None and self.session.state is not TrainingState.IDLE:
            self.session.say(self.tr("A run is going on. Stop it before you open another project."), kind="warning")
            return
        try:
            store = make()
        except StudioError as error:
            if self.session is not None:
                self.session.say(str(error), kind="error")
            return
        self.show(store)

    def _on_new_project_requested(self) -> None:
        dialog = self._folder_dialog(self.tr("Folder of the new project"), self.tr("Make the project here"))
        dialog.fileSelected.connect(self.create)

    def _on_open_project_requested(self) -> None:
        dialog = self._folder_dialog(self.tr("Folder of a project"), self.tr("Open"))
        dialog.fileSelected.connect(self.open_folder)

    def _folder_dialog(self, title: str, accept: str) -> QFileDialog:
        """A dialog that does not block; deleted when it is done."""
        dialog = QFileDialog(self.window, title, str(data_dir()))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.setLabelText(QFileDialog.DialogLabel.Accept, accept)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()
        return dialog

    def create(self, folder: str) -> None:
        """Make a project in a new or empty folder, named after it, and open it."""
        path = Path(folder)
        self._switch(partial(create_project, path, path.name))

    def open_folder(self, folder: str) -> None:
        """Open the project in a folder."""
        self._on_recent_requested(Path(folder))

    def _on_example_requested(self) -> None:
        if self.session is not None and self.session.store.folder == data_dir() / "tiny-tales":
            self.session.say(self.tr("The example project is open already."))
            return
        self._switch(self._example)

    def _on_recent_requested(self, folder: Path) -> None:
        if self.session is not None and folder.resolve() == self.session.store.folder.resolve():
            self.session.say(self.tr("This project is open already."))
            return
        self._switch(partial(open_project, folder))

    def _on_settings_requested(self) -> None:
        if self._settings is None:
            self._settings = SettingsPage(self.theme, self.preferences, self.window)
            self._settings.finished.connect(self._on_settings_finished)
            self._settings.changed.connect(self._on_settings_changed)
            self._settings.keys_requested.connect(self._on_keys_requested)
        self._settings.show()
        self._settings.raise_()
        self._settings.activateWindow()

    def _on_settings_changed(self, name: str) -> None:
        if name in {"device", "threads"} and self.window is not None:
            self.window.status.show_device()
        if name == "labeler" and self.session is not None:
            self.session.labeler_changed.emit(self.session.labeler)

    def _on_settings_finished(self) -> None:
        if self._settings is not None:
            self._settings.deleteLater()
            self._settings = None

    def _on_keys_requested(self) -> None:
        if self.window is not None:
            self.window.change_keys()

    def copy_diagnostics(self) -> None:
        """Put on the clipboard what a report of a fault needs; none of the person's own text is in it."""
        if self.session is None:
            return
        QGuiApplication.clipboard().setText(diagnostics_text(self.session))
        self.session.say(self.tr("Diagnostics copied."), kind="success")

    def _on_about_requested(self) -> None:
        box = QMessageBox(self.window)
        box.setWindowTitle(self.tr("About RLHF Studio"))
        box.setText(f"RLHF Studio {__version__}")
        box.setInformativeText(
            self.tr(
                "Do InstructGPT by hand on one machine: write demonstrations, rank answers, train SFT, the reward "
                "model and PPO-ptx, and see at once what changed."
            )
        )
        box.finished.connect(box.deleteLater)
        box.open()

    def _on_training_state_changed(self, state: TrainingState) -> None:
        if state is TrainingState.IDLE:
            self.awake.release()
        else:
            self.awake.hold(self.tr("A model is being trained"))

    def _on_training_finished(self, last: StageEvent) -> None:
        if self.window is None or self.window.isActiveWindow() or not isinstance(last.event, RunFinished):
            return
        words = {
            "completed": self.tr("Training is done."),
            "stopped": self.tr("Training was stopped; the run is kept."),
            "failed": self.tr("Training failed."),
        }
        self.notice.tell(self.window, words[last.event.outcome], last.event.message)

    def _on_closed(self, window: MainWindow) -> None:
        window.session.close(CLOSING_S)
        window.session.deleteLater()
        window.deleteLater()
        if self._settings is not None:
            self._settings.close()
        if self._is_switching:
            return
        self.window = self.session = None
        self.awake.release()
        self.notice.close()
        self.ended.emit()
