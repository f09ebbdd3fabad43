"""The way from the form for a plain prompt to those for the other kinds."""

from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QVBoxLayout, QWidget

from rlhf_studio.ui.prompts_new.window import FORMS
from rlhf_studio.ui.widgets.parts import Button
from rlhf_studio.ui.widgets.text import PlainLabel
from rlhf_studio.ui.write.flow import FlowLayout


class KindsRow(QWidget):
    """A button for each kind of prompt that is more than one text."""

    requested = Signal(str)  # "few_shot", "user_based", "conversation"

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.buttons: dict[str, Button] = {}
        row = QWidget()
        flow = FlowLayout(row, spacing=8)
        for kind, form in FORMS.items():
            button = Button(form.word(), self.tr("Open a form of its own; what is typed here stays"))
            button.clicked.connect(partial(self.requested.emit, kind))
            self.buttons[kind] = button
            flow.addWidget(button)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(PlainLabel(self.tr("Or make prompts of another kind"), "muted"))
        column.addWidget(row)
