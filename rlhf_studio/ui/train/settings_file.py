"""Save and load the settings of all stages: the menu beside the list of presets."""

from collections.abc import Callable, Mapping
from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QFileDialog, QMenu, QToolButton, QWidget

from rlhf_studio.errors import StudioError
from rlhf_studio.settings import read_settings_file, write_settings_file
from rlhf_studio.ui.train.stage_card import StageCard

Say = Callable[[str, str], None]  # a sentence, and its kind


class SettingsFile(QObject):
    """Writes what differs from the defaults, and puts into the forms what a file holds."""

    def __init__(self, cards: Mapping[str, StageCard], say: Say, parent: QWidget) -> None:
        """Nothing is read or written yet.

        Args:
            cards: By stage.
            say: Tells what has happened, as "success" or "error".
            parent: Over which the dialogs open.
        """
        super().__init__(parent)
        self._cards, self._say, self._page = cards, say, parent
        self.button = QToolButton()
        self.button.setText("…")
        self.button.setToolTip(self.tr("Save the settings to a file, or load them"))
        self.button.setAccessibleName(self.tr("Settings file"))
        self.button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        menu = QMenu(self.button)
        self.save_action = menu.addAction(self.tr("Save settings to a file…"))
        self.load_action = menu.addAction(self.tr("Load settings from a file…"))
        self.save_action.triggered.connect(self._on_save_triggered)
        self.load_action.triggered.connect(self._on_load_triggered)
        self.button.setMenu(menu)

    def save(self, path: str) -> None:
        """Write what differs from the defaults, by stage."""
        try:
            write_settings_file(Path(path), {stage: card.form.values() for stage, card in self._cards.items()})
        except StudioError as error:
            self._say(str(error), "error")
            return
        self._say(self.tr("The settings are in {path}.").format(path=path), "success")

    def load(self, path: str) -> None:
        """Put what a file holds into the forms; what it does not name goes back to its default.

        Where it holds something wrong, this is said and nothing changes.
        """
        try:
            content = read_settings_file(Path(path))
        except StudioError as error:
            self._say(str(error), "error")
            return
        for stage, card in self._cards.items():
            more = content.get("ppo-ptx", {}) if stage == "ppo" else {}
            card.form.set_values({**content.get(stage, {}), **more})
        self._say(self.tr("The settings of {path} are in the forms.").format(path=path), "success")

    def set_busy(self, is_busy: bool) -> None:
        """While something trains, settings rest."""
        self.load_action.setEnabled(not is_busy)

    def _on_save_triggered(self) -> None:
        dialog = self._dialog(self.tr("File for the settings"))
        dialog.setAcceptMode(QFileDialog.AcceptMode.AcceptSave)
        dialog.setDefaultSuffix("json")
        dialog.fileSelected.connect(self.save)
        dialog.open()

    def _on_load_triggered(self) -> None:
        dialog = self._dialog(self.tr("File with settings"))
        dialog.setFileMode(QFileDialog.FileMode.ExistingFile)
        dialog.fileSelected.connect(self.load)
        dialog.open()

    def _dialog(self, title: str) -> QFileDialog:
        dialog = QFileDialog(self._page, title)
        dialog.setNameFilter(self.tr("Settings (*.json)"))
        dialog.finished.connect(dialog.deleteLater)
        return dialog
