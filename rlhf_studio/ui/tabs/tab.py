"""What every tab of the window is."""

from dataclasses import dataclass

from PySide6.QtCore import Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QPushButton, QWidget

from rlhf_studio.ui.keys.keymap import KeyHelp
from rlhf_studio.ui.session import Session

__all__ = ["GoTo", "KeyHelp", "Tab"]


@dataclass(frozen=True, slots=True)
class GoTo:
    """A wish to see another tab, and something in it."""

    tab: str  # "prompts", "write", "rank", "labels", "train", "runs", "compare"
    prompt_id: int | None = None
    run_id: str = ""
    act: bool = False  # press the tab's primary button as well
    new_prompt: bool = False  # in "write": the form for one
    step: int | None = None  # of a checkpoint of the run, to fork it there
    ranking_id: int | None = None  # to be edited in "rank", shown in "labels"
    set_id: int | None = None  # of answers to be ranked, also where they were put aside


class Tab(QWidget):
    """A page of the window. Reads the store when told (``store_changed``) and only paints while it is shown.

    Attributes:
        name: Stable id, e.g. "write"; also the object's name.
    """

    name = ""
    go_to_requested = Signal(object)  # GoTo

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName(self.name)
        self.session = session

    def title(self) -> str:
        """The word on the tab, translated."""
        raise NotImplementedError

    def icon_name(self) -> str:
        """A qtawesome name, e.g. "mdi6.pencil-outline"."""
        raise NotImplementedError

    def key_help(self) -> tuple[KeyHelp, ...]:
        """Keys that work in this tab, for the overlay: those of its acts in ``ui.keys.acts``."""
        return self.session.keymap.help(self.name)

    def primary_button(self) -> QPushButton | None:
        """The one thing to do next here."""
        return None

    def go_to(self, target: GoTo) -> None:
        """Show something in particular."""

    def reload(self) -> None:
        """Read everything anew; called when the tab is shown first."""

    def finish(self) -> None:
        """Build what need not be there when the tab is first painted; called in a later turn, or not at all."""

    def save_state(self) -> None:
        """Keep drafts and splitters; called before the window closes."""

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        super().showEvent(event)
        if not event.spontaneous():
            self.reload()
