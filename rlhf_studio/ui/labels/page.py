"""What every page of the Labels tab is."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from rlhf_studio.ui.session import Session
from rlhf_studio.ui.tabs.tab import GoTo


class LabelsPage(QWidget):
    """A view of the labels; reads the store when it is told, which is only while it is seen.

    Attributes:
        tables: Of the store, that it shows: after a change of one of them it is read again when it is seen next.
    """

    tables = frozenset({"demonstration", "ranking", "answer_set", "rating", "prompt"})
    go_to_requested = Signal(object)  # GoTo

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session

    def reload(self) -> None:
        """Read everything anew."""
        raise NotImplementedError

    def take_keys(self) -> None:
        """Have the keyboard where it is most of use; the page has come into sight."""

    def go_to(self, target: GoTo) -> None:
        """Show something in particular."""
