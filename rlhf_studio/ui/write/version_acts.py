"""What the Write tab does with saved demonstrations: edits them, shows what they were, follows undo and redo."""

from rlhf_studio.errors import StudioError
from rlhf_studio.schema import Prompt
from rlhf_studio.store.database import Changes
from rlhf_studio.ui.tabs.tab import Tab
from rlhf_studio.ui.write.drafts import DraftKeeper
from rlhf_studio.ui.write.page import WritePage
from rlhf_studio.ui.write.revising import Reviser
from rlhf_studio.ui.write.undone import JournalStep, JournalWatch


class VersionActs(Tab):
    """The part of the Write tab that works on saved demonstrations."""

    page: WritePage
    _prompt: Prompt | None
    _drafts: DraftKeeper
    _journal: JournalWatch
    _reviser: Reviser

    def edit_demonstration(self, demonstration_id: int | None = None) -> None:
        """Write a new version of a demonstration, by default of this prompt's newest one; once more to stop."""
        if self._prompt is None or not self.page.save.isEnabled():
            return
        try:
            if self._reviser.demonstration is not None and demonstration_id is None:
                self._reviser.stop()
            else:
                found = self.session.store.demonstrations(self._prompt.id)
                wanted = [d for d in found if demonstration_id in {None, d.id}]
                if not wanted:
                    self.session.say(self.tr("This prompt has no demonstration to edit yet."))
                    return
                self._drafts.flush()
                self._reviser.begin(wanted[-1])
        except StudioError as error:
            self.session.say(str(error), kind="error")
        self._name_save()
        self.page.answer.focus_editor()

    def show_history(self, demonstration_id: int | None = None) -> None:
        """Show what a demonstration was before, by default this prompt's newest one; once more to go back."""
        if self.page.is_history_open or self._prompt is None:
            self._show_answer()
            self.page.answer.focus_editor()
            return
        store = self.session.store
        try:
            newest = next((d.id for d in reversed(store.demonstrations(self._prompt.id))), None)
            wanted = newest if demonstration_id is None else demonstration_id
            if wanted is None:
                self.session.say(self.tr("This prompt has no demonstration yet."))
                return
            versions = store.demonstration_history(wanted)
        except StudioError as error:
            self.session.say(str(error), kind="error")
            return
        self.page.show_history(is_shown=True)
        self.page.history.show_versions(self._prompt.text, versions, is_read_only=store.is_read_only)
        self.page.enable(has_prompt=True)

    # --- what the tab does when asked

    def _go(self, prompt_id: int) -> None:
        """Choose a prompt in the list and open it."""
        raise NotImplementedError

    def _show_answer(self) -> None:
        """Close the form and the history."""
        raise NotImplementedError

    # --- inside

    def _save_version(self, text: str) -> None:
        try:
            changes = self._reviser.save(text)
        except StudioError as error:
            self.session.say(str(error), kind="error")
            return
        if changes is not None:
            self._version_written(changes, self.tr("New version saved."))

    def _version_written(self, changes: Changes, words: str) -> None:
        self.session.changed(changes, self)
        self.page.prompts.reload()
        if self._prompt is not None:
            self._go(self._prompt.id)
        self.session.say(words, kind="undo")
        self.page.answer.focus_editor()

    def _restore_version(self, demonstration_id: int, text: str) -> None:
        try:
            written = self.session.store.revise_demonstration(demonstration_id, text, self.session.labeler)
        except StudioError as error:
            self.session.say(str(error), kind="error")
            return
        self._show_answer()
        self._version_written(written.changes, self.tr("The older version is in use again."))

    def _name_save(self) -> None:
        self.page.name_save(is_version=self._reviser.demonstration is not None)

    def _follow_journal(self) -> None:
        """Words whose saving was undone go back where they were written, if nothing else is there by now."""
        try:
            step = self._journal.step()
            if step is None:
                return
            if step.is_version:
                self._reviser.follow(step, None if self._prompt is None else self._prompt.id)
                self._name_save()
            else:
                self._follow_answer(step)
        except StudioError as error:
            self.session.say(str(error), kind="error")

    def _follow_answer(self, step: JournalStep) -> None:
        saved = step.demonstration
        here, there = ("", saved.text) if step.is_undone else (saved.text, "")
        self._drafts.flush()
        if self._drafts.draft(saved.prompt_id).text.strip() != here:
            return
        self._drafts.typed(saved.prompt_id, there, saved.model if there else "")
        self._drafts.flush()
        is_writing = self._reviser.demonstration is None
        if self._prompt is not None and self._prompt.id == saved.prompt_id:
            if is_writing:
                self.page.answer.write_answer(self._drafts.draft(saved.prompt_id))
        elif step.is_undone and is_writing and not self.page.answer.text.strip():
            self._go(saved.prompt_id)
