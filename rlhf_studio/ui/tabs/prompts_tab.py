"""Prompts: the library of everything that is asked of the model, to find, to sort and to tidy up."""

from PySide6.QtCore import QObject, QSignalBlocker, Qt
from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from rlhf_studio.errors import StudioError
from rlhf_studio.schema import UseCase
from rlhf_studio.store.database import Changes, Written
from rlhf_studio.store.prompt_edits import PromptEdit
from rlhf_studio.ui.prompts.page import PromptsPage
from rlhf_studio.ui.prompts_new.window import add_kinds
from rlhf_studio.ui.quality.window import open_quality
from rlhf_studio.ui.session import Session
from rlhf_studio.ui.tabs.tab import GoTo, Tab

_TABLES = frozenset({"prompt", "prompt_tag", "demonstration", "ranking", "draft"})


class PromptsTab(Tab):
    """A table of prompts with search, filters, bulk edits, and how they are spread over use cases."""

    name = "prompts"

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self.page = PromptsPage(session)
        add_kinds(self.page.new_menu, session, self, self._on_prompts_added)
        self.model, self.table, self.filters = self.page.model, self.page.table, self.page.filters
        self._is_stale = True  # what is shown was read before the project changed
        self._shown: int | None = None  # in the reading panel
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.page)
        self._connect()

    # --- what the window asks

    def title(self) -> str:
        return self.tr("Prompts")

    def icon_name(self) -> str:
        return "mdi6.bookshelf"

    def primary_button(self) -> QPushButton | None:
        return self.page.empty.button if self.page.empty.isVisible() else self.page.new

    def go_to(self, target: GoTo) -> None:
        if target.prompt_id is not None:
            if self.model.row_of(target.prompt_id) is None:
                self.filters.give_up()
            self.table.choose(target.prompt_id)
        self.table.setFocus(Qt.FocusReason.OtherFocusReason)

    def reload(self) -> None:
        """Read anew if the project changed, keeping what is chosen."""
        if not self._is_stale:
            return
        self._is_stale = False
        self._read()

    def save_state(self) -> None:
        self.page.keep_state()

    # --- acts

    def begin_prompt(self) -> None:
        """Write a plain prompt, in Write."""
        self.go_to_requested.emit(GoTo("write", new_prompt=True))

    def edit(self, edit: PromptEdit) -> None:
        """Change the chosen prompts."""
        try:
            made = self.session.store.edit_prompts(self.table.chosen_ids(), edit, self.session.labeler)
        except StudioError as error:
            self.session.say(str(error), kind="error")
            return
        self._say_done(made, self.tr("1 prompt changed."), self.tr("{count} prompts changed."))

    def delete(self) -> None:
        """Delete the chosen prompts; undo brings them back."""
        row = self.table.currentIndex().row()
        try:
            made = self.session.store.delete_prompts(self.table.chosen_ids(), self.session.labeler)
        except StudioError as error:
            self.session.say(str(error), kind="error")
            return
        self._say_done(made, self.tr("1 prompt deleted."), self.tr("{count} prompts deleted."))
        left = len(self.model.ids)
        if left:  # the keyboard goes on where it was
            self.table.setCurrentIndex(self.model.index(min(max(row, 0), left - 1), 0))
            self.table.setFocus(Qt.FocusReason.OtherFocusReason)

    def answer(self, prompt_id: int) -> None:
        """Open a prompt in Write."""
        self.go_to_requested.emit(GoTo("write", prompt_id=prompt_id, act=True))

    def rank(self, prompt_id: int) -> None:
        """Rank answers to a prompt."""
        self.go_to_requested.emit(GoTo("rank", prompt_id=prompt_id))

    # --- inside

    def _say_done(self, made: Written, of_one: str, of_many: str) -> None:
        if not made.ids:
            self.session.say(self.tr("Nothing had to be changed."))
            return
        self.session.changed(made.changes, self)
        self._read()
        count = len(made.ids)
        self.session.say(of_one if count == 1 else of_many.format(count=f"{count:,}"), kind="undo")

    def _read(self) -> None:
        chosen, current, before = self.table.chosen_ids(), self.table.current_id(), self.model.ids
        self.model.reload()
        if self.model.ids is not before:
            self.table.choose_again(chosen, current)
        self._show()

    def _show(self) -> None:
        """Show what fits now, and what is chosen of it."""
        self._shown = None
        if self.table.current_id() is None and self.model.ids:
            blocker = QSignalBlocker(self.table)  # told once, below
            self.table.make_current(0)  # nothing is chosen that the person did not choose
            blocker.unblock()
        self.page.show_state()
        self._on_choice_changed()

    def _on_choice_changed(self) -> None:
        self.page.bar.show_count(self.table.chosen_count())
        current = self.table.current_id()
        has_one = current is not None
        self.page.reading.answer.setEnabled(has_one)
        self.page.reading.rank.setEnabled(has_one)
        if current is None:
            self.page.reading.clear()
        elif current != self._shown:
            self._read_prompt(current)
        self._shown = current

    def _read_prompt(self, prompt_id: int) -> None:
        try:
            prompt = self.session.store.prompt(prompt_id)
        except StudioError as error:
            self.session.say(str(error), kind="error")
            return
        row = self.model.row_of(prompt_id)
        self.page.reading.show_prompt(prompt, None if row is None else self.model.item(row))

    # --- slots

    def _on_filters_changed(self) -> None:
        self.model.show_only(self.filters.query)
        self.table.scrollToTop()
        self._show()

    def _on_use_case_chosen(self, use_case: UseCase | None) -> None:
        self.filters.choose_use_case(use_case)

    def _on_failed(self, message: str) -> None:
        self.session.say(message, kind="error")

    def _on_answer_requested(self) -> None:
        current = self.table.current_id()
        if current is not None:
            self.answer(current)

    def _on_rank_activated(self) -> None:
        current = self.table.current_id()
        if current is not None:
            self.rank(current)

    def _on_quality_clicked(self) -> None:
        open_quality(self.session, self.window())

    def _on_prompts_added(self, ids: tuple[int, ...]) -> None:
        if self.model.row_of(ids[0]) is None:
            self.filters.give_up()
        self.table.choose(ids[0])

    def _on_tag_activated(self) -> None:
        if self.page.bar.isVisible():
            self.page.bar.begin_tag()

    def _on_search_activated(self) -> None:
        self.filters.search.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self.filters.search.selectAll()

    def _on_search_return_pressed(self) -> None:
        self.table.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _on_session_store_changed(self, changes: Changes, origin: QObject | None) -> None:
        if origin is self or not changes.tables & _TABLES:
            return
        self._is_stale = True
        if self.isVisible():
            self.reload()

    def _connect(self) -> None:
        page = self.page
        self.filters.changed.connect(self._on_filters_changed)
        self.filters.failed.connect(self._on_failed)
        self.filters.search.returnPressed.connect(self._on_search_return_pressed)
        self.model.failed.connect(self._on_failed)
        self.table.choice_changed.connect(self._on_choice_changed)
        self.table.opened.connect(self.answer)
        self.table.rank_requested.connect(self.rank)
        self.table.delete_requested.connect(self.delete)
        page.use_cases.chosen.connect(self._on_use_case_chosen)
        page.bar.edited.connect(self.edit)
        page.bar.delete_requested.connect(self.delete)
        page.bar.failed.connect(self._on_failed)
        page.reading.answer_requested.connect(self._on_answer_requested)
        page.reading.rank_requested.connect(self._on_rank_activated)
        page.quality.clicked.connect(self._on_quality_clicked)
        page.plain_requested.connect(self.begin_prompt)
        page.empty.acted.connect(self.begin_prompt)
        page.nothing.acted.connect(self.filters.give_up)
        self.session.store_changed.connect(self._on_session_store_changed)
        slots = {
            "prompts.search": self._on_search_activated,
            "prompts.new": self.begin_prompt,
            "prompts.rank": self._on_rank_activated,
            "prompts.tag": self._on_tag_activated,
        }
        keymap = self.session.keymap
        keymap.bind(self, slots)
        keymap.hint(
            {"prompts.search": self.filters.search, "prompts.rank": page.reading.rank, "prompts.tag": page.bar.tags}
        )
