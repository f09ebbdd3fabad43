"""Write: answering prompts by hand, which is what SFT learns from."""

import json
from collections.abc import Callable
from dataclasses import replace

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QHideEvent
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from rlhf_studio.errors import StudioError
from rlhf_studio.jobs.models import ModelChoice
from rlhf_studio.schema import NewPrompt, Prompt
from rlhf_studio.store.database import Changes
from rlhf_studio.ui.prompts_new.window import open_new_prompt
from rlhf_studio.ui.session import Session
from rlhf_studio.ui.tabs.tab import GoTo
from rlhf_studio.ui.write.drafts import DraftKeeper
from rlhf_studio.ui.write.page import WritePage
from rlhf_studio.ui.write.revising import Reviser
from rlhf_studio.ui.write.undone import JournalWatch
from rlhf_studio.ui.write.version_acts import VersionActs

_SFT = "ui.train.sft"  # as the Train tab keeps the settings of this stage
_TABLES = frozenset({"prompt", "demonstration", "draft"})


class WriteTab(VersionActs):
    """A list of prompts, the answer to one of them, and how to answer it."""

    name = "write"

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self._prompt: Prompt | None = None
        self._asked = 0
        self._drafts = DraftKeeper(session.store, self)
        self._journal = JournalWatch(session.store)
        self.page = WritePage(session)
        self.prompts, self.answer, self.form = self.page.prompts, self.page.answer, self.page.form
        self.up_next, self.history = self.page.up_next, self.page.history
        self._reviser = Reviser(session, self._drafts, self.answer, self)
        self.form.restore(self._drafts.form())
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.page)
        self._connect()
        self._add_shortcuts()

    # --- what the window asks

    def title(self) -> str:
        return self.tr("Write")

    def icon_name(self) -> str:
        return "mdi6.pencil-outline"

    def primary_button(self) -> QPushButton | None:
        return self.page.primary

    def go_to(self, target: GoTo) -> None:
        if target.prompt_id is not None:
            self._show_answer()
            self.prompts.select(target.prompt_id, widen=True)
            self._open(target.prompt_id)
        if target.new_prompt:
            self.begin_prompt()
        elif target.act:
            if self.page.is_empty:
                self.begin_prompt()
            else:
                self.answer.focus_editor()

    def reload(self) -> None:
        if self._prompt is not None and not self.session.store.has_prompt(self._prompt.id):
            self._prompt = None  # it was deleted
        self.prompts.reload()
        self.page.models.reload()
        is_empty = self.prompts.total == 0 and not self.prompts.is_filtered
        self.page.show_empty(is_empty=is_empty and not self.page.is_form_open)
        if self._prompt is None:
            self.up_next.explain(None)
            first = self.prompts.unfinished_id() or self.up_next.next_id() or self.prompts.neighbour_id(1)
            if first is not None:
                self._go(first)
                self.answer.focus_editor()
        else:
            self._show_demonstrations()
            self.up_next.explain(self._prompt.id)
        self.page.enable(has_prompt=self._prompt is not None)

    def save_state(self) -> None:
        self._drafts.flush()
        self.page.keep_state()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802
        super().hideEvent(event)
        self._drafts.flush()

    # --- acts

    def save_and_next(self) -> None:
        """Keep the answer as a demonstration, then open the next prompt without one."""
        if self.page.is_form_open:
            self.form.submit()
            return
        if self._prompt is None or self.answer.editor.is_composing or not self.page.save.isEnabled():
            return
        text = self.answer.text.strip()
        if not text:
            self.answer.say(self.tr("Write an answer first; blanks alone teach the model nothing."))
            self.answer.focus_editor()
            return
        if self._reviser.demonstration is not None:
            self._save_version(text)
            return
        following = self.up_next.next_id()
        try:
            written = self.session.store.add_demonstration(
                self._prompt.id, text, self.session.labeler, model=self.answer.model
            )
        except StudioError as error:
            self.session.say(str(error), kind="error")
            return
        self._drafts.forget(self._prompt.id)
        self.answer.set_text("")
        self.session.changed(written.changes, self)
        self.prompts.reload()
        self.session.say(self.tr("Demonstration saved."), kind="undo")
        if following is not None:
            self._go(following)
        else:
            self._show_demonstrations()
            self.up_next.explain(self._prompt.id)
        self.answer.focus_editor()

    def skip_prompt(self) -> None:
        """Open the next prompt without a demonstration; what was typed stays as a draft."""
        if self.page.is_form_open or self.page.is_history_open or self.answer.editor.is_composing:
            return
        if self._prompt is not None:
            self.up_next.skip(self._prompt.id)
        following = self.up_next.next_id() or self.prompts.neighbour_id(1)
        if following is None:
            self.session.say(self.tr("There is no other prompt in this list."))
            return
        self._go(following)
        self.answer.focus_editor()

    def ask_model(self) -> None:
        """Let the chosen model answer, in a card of its own."""
        model = self.page.models.choice
        if self._prompt is None or model is None or not self.page.ask.isEnabled():
            return
        self.answer.ask(model, self._prompt, self._asked)
        self._asked += 1

    def begin_prompt(self) -> None:
        """Show the form for a new prompt."""
        if self.session.store.is_read_only:
            self.session.say(self.session.store.read_only_reason, kind="error")
            return
        self.page.show_empty(is_empty=False)
        self.page.show_form(is_shown=True)
        self.form.begin(self.prompts.chips.use_case)
        self.page.enable(has_prompt=self._prompt is not None)

    # --- inside

    def _go(self, prompt_id: int) -> None:
        self.prompts.select(prompt_id, is_near=True)
        self._open(prompt_id)

    def _open(self, prompt_id: int) -> None:
        self._drafts.flush()
        store = self.session.store
        try:
            prompt = store.prompt(prompt_id)
            draft = self._drafts.draft(prompt_id)
            demonstrations = store.demonstrations(prompt_id)
            self.answer.show_prompt(prompt, demonstrations, self._longest())
            if not self._reviser.resume(prompt_id, demonstrations):
                self.answer.write_answer(draft)
        except StudioError as error:
            self.session.say(str(error), kind="error")
            return
        self._prompt = prompt
        self._asked = 0
        self._name_save()
        self.up_next.explain(prompt_id)
        self.page.guidance.show_for(prompt.use_case, prompt_id)
        self.page.enable(has_prompt=self._prompt is not None)

    def _longest(self) -> int:
        """The longest example in the settings of SFT; 0 is the model's context."""
        try:
            kept = json.loads(self.session.store.get_meta(_SFT) or "{}")
            return int(kept.get("max_length") or 0)
        except (ValueError, AttributeError, TypeError):  # nothing that the Train tab wrote: it shows the default, too
            return 0

    def _show_demonstrations(self) -> None:
        if self._prompt is not None:
            try:
                found = self.session.store.demonstrations(self._prompt.id)
                self.answer.show_demonstrations(found)
                edited = self._reviser.demonstration
                if edited is not None and edited not in found:  # taken back, or replaced, elsewhere
                    self._open(self._prompt.id)
            except StudioError as error:
                self.session.say(str(error), kind="error")

    def _take_back(self, demonstration_id: int) -> None:
        store = self.session.store
        try:
            changes = store.retract_demonstration(demonstration_id, self.session.labeler)
        except StudioError as error:
            self.session.say(str(error), kind="error")
            return
        self.session.changed(changes, self)
        self.prompts.reload()
        self._show_demonstrations()
        self.session.say(self.tr("Demonstration taken back."), kind="undo")
        self.answer.focus_editor()

    def _show_answer(self) -> None:
        """Close the form and the history."""
        self.page.show_form(is_shown=False)
        self.page.enable(has_prompt=self._prompt is not None)

    # --- slots

    def _on_answer_edited(self, text: str) -> None:
        if self._reviser.demonstration is not None:
            self._reviser.typed(text)
        elif self._prompt is not None:
            self._drafts.typed(self._prompt.id, text, self.answer.model)

    def _on_drafts_kept(self, prompt_id: int, has_draft: bool) -> None:
        self.prompts.model.set_has_draft(prompt_id, has_draft=has_draft)

    def _on_failed(self, message: str) -> None:
        self.session.say(message, kind="error")

    def _on_form_submitted(self, prompt: NewPrompt) -> None:
        prompt = replace(prompt, author=self.session.labeler)
        try:
            written = self.session.store.add_prompts([prompt])
        except StudioError as error:
            self.form.say(str(error))
            return
        self.form.clear()
        self._drafts.flush()
        self.session.changed(written.changes, self)
        self._show_answer()
        self.reload()
        self.prompts.select(written.ids[0], widen=True)
        self._open(written.ids[0])
        self.session.say(self.tr("Prompt saved."), kind="success")
        self.answer.focus_editor()

    def _on_form_kind_requested(self, kind: str) -> None:
        window = open_new_prompt(self.session, kind, self)
        window.added.connect(self._on_prompts_added, Qt.ConnectionType.UniqueConnection)

    def _on_prompts_added(self, ids: tuple[int, ...]) -> None:
        self._show_answer()
        self.reload()
        self._go(ids[0])

    def _on_form_cancelled(self) -> None:
        self._show_answer()
        self.reload()
        self.prompts.view.setFocus(Qt.FocusReason.OtherFocusReason)

    def _on_prompt_opened(self, prompt_id: int) -> None:
        self._show_answer()
        self._open(prompt_id)

    def _on_next_activated(self) -> None:
        self._step(1)

    def _on_previous_activated(self) -> None:
        self._step(-1)

    def _step(self, step: int) -> None:
        found = self.prompts.neighbour_id(step)
        if found is not None and not self.answer.editor.is_composing:
            self._show_answer()
            self._go(found)

    def _on_search_activated(self) -> None:
        self.prompts.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.prompts.search.selectAll()

    def _on_form_edited(self) -> None:
        self._drafts.filled_in(self.form.state)

    def _on_models_chosen(self, choice: ModelChoice) -> None:
        self.answer.length.set_model(choice.path, choice.title)

    def _on_history_closed(self) -> None:
        self._show_answer()
        self.answer.focus_editor()

    def _on_stop_editing_clicked(self) -> None:
        self.edit_demonstration()

    def _on_answer_left(self) -> None:
        self.prompts.view.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _on_session_store_changed(self, changes: Changes, origin: QObject | None) -> None:
        if not changes.tables & _TABLES:
            return
        if origin is self:  # shown already
            self._journal.step()
            return
        self._follow_journal()
        if self.isVisible():
            self.reload()

    def _on_session_runs_changed(self) -> None:
        if self.isVisible():
            self.page.models.reload()
            self.page.enable(has_prompt=self._prompt is not None)

    # --- wiring

    def _connect(self) -> None:
        self.page.save.clicked.connect(self.save_and_next)
        self.page.skip.clicked.connect(self.skip_prompt)
        self.page.ask.clicked.connect(self.ask_model)
        self.page.empty.acted.connect(self.begin_prompt)
        self.prompts.opened.connect(self._on_prompt_opened)
        self.prompts.entered_prompt.connect(self.answer.focus_editor)
        self.prompts.new_prompt.clicked.connect(self.begin_prompt)
        self.prompts.failed.connect(self._on_failed)
        self.answer.edited.connect(self._on_answer_edited)
        self.answer.left.connect(self._on_answer_left)
        self.answer.model_answer.asked_again.connect(self.ask_model)
        self.answer.demonstrations.taken_back.connect(self._take_back)
        self.form.submitted.connect(self._on_form_submitted)
        self.form.kinds.requested.connect(self._on_form_kind_requested)
        self.form.cancelled.connect(self._on_form_cancelled)
        self.form.edited.connect(self._on_form_edited)
        self.up_next.failed.connect(self._on_failed)
        self.page.models.chosen.connect(self._on_models_chosen)
        self.answer.stop_editing.clicked.connect(self._on_stop_editing_clicked)
        self.answer.demonstrations.edit_requested.connect(self.edit_demonstration)
        self.answer.demonstrations.history_requested.connect(self.show_history)
        self.history.closed.connect(self._on_history_closed)
        self.history.restored.connect(self._restore_version)
        self._reviser.brought_back.connect(self._go)
        self._drafts.kept.connect(self._on_drafts_kept)
        self._drafts.failed.connect(self._on_failed)
        self.session.store_changed.connect(self._on_session_store_changed)
        self.session.runs_changed.connect(self._on_session_runs_changed)

    def _add_shortcuts(self) -> None:
        page, answer = self.page, self.answer
        slots: dict[str, Callable[[], object]] = {
            "write.save": self.save_and_next,
            "write.skip": self.skip_prompt,
            "write.next": self._on_next_activated,
            "write.previous": self._on_previous_activated,
            "write.search": self._on_search_activated,
            "write.new": self.begin_prompt,
            "write.ask": self.ask_model,
            "write.guidance": page.toggle_guidance,
            "write.preview": answer.toggle_preview,
            "write.edit": self.edit_demonstration,
            "write.history": self.show_history,
        }
        keymap = self.session.keymap
        keymap.bind(self, slots)
        keymap.hint(
            {
                "write.save": page.save,
                "write.skip": page.skip,
                "write.search": self.prompts.search,
                "write.new": self.prompts.new_prompt,
                "write.ask": page.ask,
                "write.guidance": answer.guidance_button,
            }
        )
        keymap.hint({"write.save": self.form.add, "write.ask": answer.model_answer.again})
