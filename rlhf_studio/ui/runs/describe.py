"""A run's name and note, as a person gives them."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QFormLayout, QLineEdit, QVBoxLayout, QWidget

from rlhf_studio.jobs.catalog import RunSummary
from rlhf_studio.ui.widgets.parts import GRID
from rlhf_studio.ui.widgets.text import PlainEditor, PlainLabel

_NOTE_PX = 96


class DescribeDialog(QDialog):
    """Asks for the name and the note of a run; both may be empty."""

    described = Signal(object, str, str)  # RunSummary, title, comment

    def __init__(self, run: RunSummary, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._run = run
        self.setWindowTitle(self.tr("Name and note of the run"))
        self.name = QLineEdit(run.title)
        self.name.setAccessibleName(self.tr("Name"))
        self.name.setToolTip(self.tr("Empty gives back the name it was started with"))
        self.note = PlainEditor()
        self.note.setPlainText(run.comment)
        self.note.setAccessibleName(self.tr("Note"))
        self.note.setFixedHeight(_NOTE_PX)
        self.buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Save | QDialogButtonBox.StandardButton.Cancel)
        self.buttons.accepted.connect(self._on_accepted)
        self.buttons.rejected.connect(self.reject)
        form = QFormLayout()
        form.addRow(self.tr("Name"), self.name)
        form.addRow(self.tr("Note"), self.note)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, 2 * GRID)
        layout.addWidget(PlainLabel(run.id, "muted"))
        layout.addLayout(form)
        layout.addWidget(self.buttons)
        self.setMinimumWidth(420)

    def _on_accepted(self) -> None:
        self.described.emit(self._run, self.name.text(), self.note.toPlainText())
        self.accept()
