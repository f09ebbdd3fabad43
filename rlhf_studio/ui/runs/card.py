"""The page that says where a run's model comes from."""

from PySide6.QtWidgets import QDialog, QDialogButtonBox, QVBoxLayout, QWidget

from rlhf_studio.ui.widgets.parts import GRID
from rlhf_studio.ui.widgets.text import PlainEditor


class CardDialog(QDialog):
    """Shows the card as it lies beside the weights; it can be copied from."""

    def __init__(self, title: str, card: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.text = PlainEditor()
        self.text.setReadOnly(True)
        self.text.setPlainText(card)
        self.text.setAccessibleName(title)
        buttons = QDialogButtonBox(QDialogButtonBox.StandardButton.Close)
        buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, 2 * GRID)
        layout.addWidget(self.text)
        layout.addWidget(buttons)
        self.resize(720, 560)
