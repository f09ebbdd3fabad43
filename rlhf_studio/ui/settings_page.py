"""Settings of the program: how it looks, where models compute, who labels, where the data lies."""

import os
from pathlib import Path
from typing import cast

from PySide6.QtCore import QLocale, Qt, QUrl, Signal
from PySide6.QtGui import QDesktopServices, QFontMetrics
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QDoubleSpinBox,
    QFileDialog,
    QFormLayout,
    QGroupBox,
    QLineEdit,
    QSizePolicy,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from rlhf_studio.errors import StudioError
from rlhf_studio.jobs.data_folder import choose_data_folder
from rlhf_studio.jobs.serving import MOST_AGAIN
from rlhf_studio.paths import DATA_VARIABLE, data_dir, resources_dir
from rlhf_studio.store.overlaps import MAX_NAME
from rlhf_studio.ui.preferences import Preferences
from rlhf_studio.ui.theme import Theme, ThemeChoice
from rlhf_studio.ui.widgets.parts import GRID, Button, indent, row
from rlhf_studio.ui.widgets.text import PlainLabel

_CAPTION_PX = 9 * GRID  # so that the fields of all groups begin below each other
_TRANSLATION = "rlhf_studio_"  # what the names of our files of translations begin with


class SettingsPage(QDialog):
    """A dialog beside the window; everything is kept at once, there is nothing to confirm."""

    keys_requested = Signal()
    changed = Signal(
        str
    )  # theme, font_points, language, device, threads, labeler, shared_percent, repeated_percent or data_folder

    def __init__(self, theme: Theme, preferences: Preferences, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Settings"))
        self.setObjectName("settings")
        self.setModal(False)
        self._theme, self._preferences = theme, preferences
        layout = QVBoxLayout(self)
        layout.setContentsMargins(3 * GRID, 2 * GRID, 3 * GRID, 2 * GRID)
        layout.setSpacing(2 * GRID)
        for group in (
            self._look_group(),
            self._compute_group(),
            self._label_group(),
            self._keys_group(),
            self._data_group(),
        ):
            layout.addWidget(group)
        layout.addStretch(1)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.close)
        layout.addWidget(buttons)
        theme.changed.connect(self._show_theme)
        self._show_theme()

    def accept(self) -> None:
        """Enter in a field confirms the field, not the dialog."""

    def done(self, result: int) -> None:
        self._on_labeler_editing_finished()
        self._preferences.sync()
        super().done(result)

    def choose_data_folder(self, folder: str) -> None:
        """Keep new projects in another folder; a folder that cannot serve is refused with a sentence."""
        try:
            choose_data_folder(Path(folder))
        except StudioError as error:
            self.data_note.set_look("danger")
            self.data_note.setText(str(error))
            return
        self._preferences.move(data_dir())
        self.data_path.setText(str(data_dir()))
        self.data_note.set_look("success")
        self.data_note.setText(
            self.tr("New projects go there from now on. Existing projects stay where they are; open them as before.")
        )
        self.changed.emit("data_folder")

    # --- what it is made of

    def _look_group(self) -> QGroupBox:
        self.theme_box = _combo(
            (self.tr("Follows the system"), "system"), (self.tr("Light"), "light"), (self.tr("Dark"), "dark")
        )
        self.theme_box.activated.connect(self._on_theme_box_activated)
        self.font_box = QDoubleSpinBox()
        self.font_box.setRange(6, 32)
        self.font_box.setDecimals(1)
        self.font_box.setSuffix(self.tr(" pt"))
        self.font_box.setKeyboardTracking(False)  # "12" must not pass through "1"
        self.font_box.valueChanged.connect(self._on_font_box_value_changed)
        self.font_reset = Button(self.tr("System size"), self.tr("Use the system's text size"), keys="Ctrl+0")
        self.font_reset.clicked.connect(self._on_font_reset_clicked)
        self.language_box = _combo(
            (self.tr("Follows the system"), ""),
            ("English", "en"),
            *((QLocale(code).nativeLanguageName() or code, code) for code in languages(resources_dir())),
        )
        _choose(self.language_box, self._preferences.language)
        self.language_box.activated.connect(self._on_language_box_activated)
        form = _Form(self.tr("Look"))
        form.add(self.tr("&Theme"), self.theme_box, self.tr("Light or dark; changes at once"))
        form.add(self.tr("Text si&ze"), self.font_box, self.tr("Size of all text"), self.font_reset)
        form.add(self.tr("&Language"), self.language_box, self.tr("Language of the window, from the next start"))
        return form

    def _compute_group(self) -> QGroupBox:
        self.device_box = _combo(
            (self.tr("Automatic: a GPU where there is one"), "auto"),
            ("CPU", "cpu"),
            (self.tr("NVIDIA GPU (CUDA)"), "cuda"),
            (self.tr("Apple GPU (MPS)"), "mps"),
        )
        _choose(self.device_box, self._preferences.device)
        self.device_box.activated.connect(self._on_device_box_activated)
        cores = os.cpu_count() or 1
        self.threads_box = QSpinBox()
        self.threads_box.setRange(0, cores)
        self.threads_box.setSpecialValueText(
            self.tr("Automatic ({n} of {cores})").format(n=max(1, cores - 1), cores=cores)
        )
        self.threads_box.setKeyboardTracking(False)
        self.threads_box.setValue(self._preferences.threads)
        self.threads_box.valueChanged.connect(self._on_threads_box_value_changed)
        form = _Form(self.tr("Models"))
        form.add(self.tr("&Device"), self.device_box, self.tr("Where models are trained and answer"))
        form.add(self.tr("T&hreads"), self.threads_box, self.tr("CPU threads; one less than there are cores is best"))
        form.note(self.tr("Holds for runs and projects that are started or opened from now on."))
        return form

    def _label_group(self) -> QGroupBox:
        self.labeler_edit = QLineEdit(self._preferences.labeler)
        self.labeler_edit.setMaxLength(MAX_NAME)
        self.labeler_edit.editingFinished.connect(self._on_labeler_editing_finished)
        form = _Form(self.tr("Labels"))
        form.add(self.tr("Your &name"), self.labeler_edit, self.tr("Is kept with every label you make"))
        self.shared_box = _percent_box(self._preferences.shared_percent)
        self.shared_box.valueChanged.connect(self._on_shared_box_value_changed)
        tip = self.tr("Of the sets you are given to rank, how many others have ranked: it shows how far people agree")
        again = self.tr(
            "Of the sets you are given to rank, how many you have ranked before; no reward learns from those"
        )
        self.repeated_box = _percent_box(self._preferences.repeated_percent)
        self.repeated_box.valueChanged.connect(self._on_repeated_box_value_changed)
        self.repeated_box.setToolTip(again)
        self.repeated_box.setAccessibleName(self.tr("Silent repeats"))
        self.repeated_box.setAccessibleDescription(again)
        indent(self.repeated_box)
        caption = PlainLabel(self.tr("Silent &repeats"))
        caption.setBuddy(self.repeated_box)
        repeats = QWidget()
        repeats.setLayout(row(caption, self.repeated_box))
        form.add(self.tr("Sh&ared sets"), self.shared_box, tip, repeats)
        return form

    def _keys_group(self) -> QGroupBox:
        self.keys_button = Button(self.tr("Change &keys…"), self.tr("Give acts of the window and its tabs other keys"))
        self.keys_button.clicked.connect(self.keys_requested)
        form = _Form(self.tr("Keys"))
        form.layout_.addRow(row(self.keys_button, None))
        return form

    def _data_group(self) -> QGroupBox:
        self.data_path = PlainLabel(str(data_dir()), wraps=True)
        self.data_path.setTextInteractionFlags(
            Qt.TextInteractionFlag.TextSelectableByMouse | Qt.TextInteractionFlag.TextSelectableByKeyboard
        )
        self.data_path.setAccessibleName(self.tr("Data folder"))
        self.open_button = Button(self.tr("&Open"), self.tr("Show the folder in the system's file manager"))
        self.open_button.clicked.connect(self._on_open_button_clicked)
        self.change_button = Button(self.tr("&Change…"), self.tr("Choose another folder for new projects"))
        self.change_button.clicked.connect(self._on_change_button_clicked)
        self.data_note = PlainLabel("", "muted", wraps=True)
        form = _Form(self.tr("Data folder"))
        form.layout_.addRow(self.data_path)
        form.layout_.addRow(row(self.open_button, self.change_button, None))
        form.layout_.addRow(self.data_note)
        if os.environ.get(DATA_VARIABLE):
            self.change_button.setEnabled(False)
            self.data_note.setText(self.tr("Set by the variable {name} of this computer.").format(name=DATA_VARIABLE))
        else:
            self.data_note.setText(self.tr("Choosing another folder moves nothing: existing projects stay."))
        return form

    # --- what is done

    def _show_theme(self) -> None:
        """The menu and keys of the window change theme and text size, too."""
        _choose(self.theme_box, self._theme.choice)
        self.font_box.setValue(self._theme.font_points)
        self.setMinimumWidth(max(560, 70 * QFontMetrics(QApplication.font()).averageCharWidth()))

    def _on_theme_box_activated(self, _index: int) -> None:
        choice = cast("ThemeChoice", self.theme_box.currentData())
        self._preferences.theme = choice
        self._theme.choose(choice)
        self.changed.emit("theme")

    def _on_font_box_value_changed(self, points: float) -> None:
        if abs(points - self._theme.font_points) < 0.051:  # the box shows one digit
            return
        self._preferences.font_points = points
        self._theme.set_font_points(points)
        self.changed.emit("font_points")

    def _on_font_reset_clicked(self) -> None:
        self._preferences.font_points = 0.0
        self._theme.set_font_points(0)
        self.changed.emit("font_points")

    def _on_language_box_activated(self, _index: int) -> None:
        self._preferences.language = self.language_box.currentData()
        self.changed.emit("language")

    def _on_device_box_activated(self, _index: int) -> None:
        self._preferences.device = self.device_box.currentData()
        self.changed.emit("device")

    def _on_threads_box_value_changed(self, count: int) -> None:
        self._preferences.threads = count
        self.changed.emit("threads")

    def _on_labeler_editing_finished(self) -> None:
        name = self.labeler_edit.text().strip()
        if name != self._preferences.labeler:
            self._preferences.labeler = name
            self.labeler_edit.setText(self._preferences.labeler)  # an empty name is the account's
            self.changed.emit("labeler")

    def _on_shared_box_value_changed(self, percent: int) -> None:
        self._preferences.shared_percent = percent
        self.changed.emit("shared_percent")

    def _on_repeated_box_value_changed(self, percent: int) -> None:
        self._preferences.repeated_percent = percent
        self.changed.emit("repeated_percent")

    def _on_open_button_clicked(self) -> None:
        data_dir().mkdir(parents=True, exist_ok=True)
        QDesktopServices.openUrl(QUrl.fromLocalFile(str(data_dir())))

    def _on_change_button_clicked(self) -> None:
        dialog = QFileDialog(self, self.tr("Folder for new projects"), str(data_dir().parent))
        dialog.setFileMode(QFileDialog.FileMode.Directory)
        dialog.setOption(QFileDialog.Option.ShowDirsOnly)
        dialog.fileSelected.connect(self.choose_data_folder)
        dialog.finished.connect(dialog.deleteLater)
        dialog.open()


class _Form(QGroupBox):
    """A titled group of fields, each with label, tooltip and accessible name."""

    def __init__(self, title: str) -> None:
        super().__init__(title)
        self.layout_ = QFormLayout(self)
        self.layout_.setContentsMargins(2 * GRID, GRID, 2 * GRID, GRID)
        self.layout_.setVerticalSpacing(GRID)
        self.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Maximum)
        self.layout_.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.ExpandingFieldsGrow)

    def add(self, label: str, field: QWidget, tip: str, beside: QWidget | None = None) -> None:
        """Add one field; ``label`` has an & before the letter that leads to it."""
        field.setToolTip(tip)
        field.setAccessibleName(label.replace("&", ""))
        field.setAccessibleDescription(tip)
        if isinstance(field, QAbstractSpinBox):
            indent(field)
        caption = PlainLabel(label)
        caption.setMinimumWidth(_CAPTION_PX)
        caption.setBuddy(field)
        caption.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)  # in the middle of its row
        if beside is None:
            self.layout_.addRow(caption, field)
        else:
            self.layout_.addRow(caption, row(field, beside, None))

    def note(self, text: str) -> None:
        """Add a sentence below the fields."""
        self.layout_.addRow(PlainLabel(text, "muted", wraps=True))


def languages(resources: Path) -> tuple[str, ...]:
    """Codes of the languages that there are translations for; English needs none."""
    names = [path.stem for path in (resources / "translations").glob(f"{_TRANSLATION}*.qm")]
    return tuple(sorted(name.removeprefix(_TRANSLATION) for name in names))


def _percent_box(percent: int) -> QSpinBox:
    box = QSpinBox()
    box.setRange(0, MOST_AGAIN)
    box.setSuffix(" %")
    box.setKeyboardTracking(False)
    box.setValue(percent)
    return box


def _combo(*items: tuple[str, str]) -> QComboBox:
    box = QComboBox()
    box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToContents)
    for text, data in items:
        box.addItem(text, data)
    return box


def _choose(box: QComboBox, data: str) -> None:
    box.setCurrentIndex(max(0, box.findData(data)))
