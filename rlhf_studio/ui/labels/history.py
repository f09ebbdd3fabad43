"""Every label act, the newest first."""

from PySide6.QtWidgets import QVBoxLayout, QWidget

from rlhf_studio.ui.labels.page import LabelsPage
from rlhf_studio.ui.session import Session
from rlhf_studio.ui.widgets.parts import EmptyState


class HistoryPage(LabelsPage):
    """Who labeled what and when, to look at, to correct and to take back."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        layout = QVBoxLayout(self)
        self.nothing = EmptyState(self.tr("No labels yet"), self.tr("Demonstrations and rankings appear here."), "")
        layout.addWidget(self.nothing)

    def reload(self) -> None:
        """Read everything anew."""
