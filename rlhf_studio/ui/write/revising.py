"""New versions of saved demonstrations: written where answers are written, each with a draft of its own."""

from collections.abc import Sequence

from PySide6.QtCore import QObject, Signal

from rlhf_studio.schema import Demonstration
from rlhf_studio.store.database import Changes
from rlhf_studio.ui.session import Session
from rlhf_studio.ui.write.answer_panel import AnswerPanel
from rlhf_studio.ui.write.drafts import DraftKeeper
from rlhf_studio.ui.write.undone import JournalStep


class Reviser(QObject):
    """Knows which demonstration is being edited, if any, and keeps the edit until it is a version."""

    brought_back = Signal(int)  # a prompt's id, where an edit goes on

    def __init__(
        self, session: Session, drafts: DraftKeeper, answer: AnswerPanel, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._session = session
        self._drafts = drafts
        self._answer = answer
        self.demonstration: Demonstration | None = None

    def resume(self, prompt_id: int, demonstrations: Sequence[Demonstration]) -> bool:
        """Go on with the edit that was left last at this prompt; return whether there is one.

        Raises:
            StudioError: If the project cannot be read.
        """
        live = {demonstration.id: demonstration for demonstration in demonstrations}
        edits = {i: text for i, text in self._drafts.edits(prompt_id).items() if i in live}
        if not edits:
            self.demonstration = None
            return False
        latest = list(edits)[-1]
        self._begin(live[latest], edits[latest])
        return True

    def begin(self, demonstration: Demonstration) -> None:
        """Edit a demonstration, from where its edit was left.

        Raises:
            StudioError: If the project cannot be read.
        """
        edits = self._drafts.edits(demonstration.prompt_id)
        self._begin(demonstration, edits.get(demonstration.id, demonstration.text))

    def typed(self, text: str) -> None:
        """Keep the edit."""
        if self.demonstration is not None:
            self._drafts.edited(self.demonstration.id, self.demonstration.prompt_id, text)

    def save(self, text: str) -> Changes | None:
        """Make the edit a new version; None where it is refused, which is said beside the editor.

        Raises:
            StudioError: If it cannot be kept.
        """
        old = self.demonstration
        if old is None:
            return None
        if text == old.text:
            self._answer.say(self.tr("Nothing has changed. Change a word, or stop editing."))
            return None
        written = self._session.store.revise_demonstration(old.id, text, self._session.labeler)
        self._drafts.forget_edit(old.id, old.prompt_id)
        self.demonstration = None
        return written.changes

    def stop(self) -> None:
        """Leave the demonstration as it is; what was changed can be brought back by the toast's button.

        Raises:
            StudioError: If the project cannot be read.
        """
        old, text = self.demonstration, self._answer.text
        if old is None:
            return
        self.drop(old)
        if text.strip() and text != old.text:
            words = self.tr("The changed words were put aside.")
            self._session.say(words, action=self.tr("Bring back"), act=lambda: self._bring_back(old, text))

    def drop(self, demonstration: Demonstration) -> None:
        """Forget what was changed, and go back to the new answer where this one is in the editor.

        Raises:
            StudioError: If the project cannot be read.
        """
        self._drafts.edited(demonstration.id, demonstration.prompt_id, demonstration.text)
        self._drafts.flush()
        if self.demonstration == demonstration:
            self.demonstration = None
            self._answer.write_answer(self._drafts.draft(demonstration.prompt_id))

    def follow(self, step: JournalStep, open_prompt: int | None) -> None:
        """Words whose saving as a version was undone are an edit again, unless that is another by now.

        Raises:
            StudioError: If the project cannot be read.
        """
        version = step.demonstration
        if version.replaces is None:
            return
        older = self._session.store.demonstration(version.replaces)
        edit = self._drafts.edits(older.prompt_id).get(older.id)
        if not step.is_undone:
            if edit == version.text:
                self.drop(older)
            return
        was_before = any(version.text == past.text for past in self._session.store.demonstration_history(older.id))
        if edit is not None or was_before:  # an older text was brought back: there is nothing to go on writing
            return
        self._drafts.edited(older.id, older.prompt_id, version.text)
        self._drafts.flush()
        if self.demonstration is None and open_prompt == older.prompt_id:
            self._begin(older, version.text)

    def _begin(self, demonstration: Demonstration, text: str) -> None:
        self.demonstration = demonstration
        self._answer.write_version(demonstration, text)

    def _bring_back(self, demonstration: Demonstration, text: str) -> None:
        self._drafts.edited(demonstration.id, demonstration.prompt_id, text)
        self._drafts.flush()
        self.brought_back.emit(demonstration.prompt_id)
