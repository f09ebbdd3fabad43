"""What a user-based prompt was written for, in one line beside the prompt."""

from PySide6.QtWidgets import QWidget

from rlhf_studio.errors import StudioError
from rlhf_studio.ui.itemmodels.prompts import one_line
from rlhf_studio.ui.marks.panel import ElidedLabel
from rlhf_studio.ui.session import Session


class BriefLine(ElidedLabel):
    """The description of the use case; takes no place where there is none."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__("muted", parent)
        self._session = session
        self.hide()

    def show_for(self, prompt_id: int | None) -> None:
        """Show what a prompt was written for."""
        brief = ""
        if prompt_id is not None:
            try:
                brief = self._session.store.brief(prompt_id)
            except StudioError as error:
                self._session.say(str(error), kind="error")
        self.setText(self.tr("Written for: {brief}").format(brief=one_line(brief)))
        self.setVisible(bool(brief))
