"""Left of the Write tab: finding a prompt by words, by use case, and by whether it is answered."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime

from PySide6.QtCore import QModelIndex, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QResizeEvent
from PySide6.QtWidgets import QButtonGroup, QLineEdit, QListView, QStackedWidget, QVBoxLayout, QWidget

from rlhf_studio.errors import StudioError
from rlhf_studio.schema import USE_CASES, UseCase
from rlhf_studio.store.prompt_list import PromptCount, PromptItem
from rlhf_studio.ui.itemmodels.paged import ItemRole
from rlhf_studio.ui.itemmodels.prompts import PromptFilter, PromptModel
from rlhf_studio.ui.session import Session
from rlhf_studio.ui.use_cases import use_case_word
from rlhf_studio.ui.widgets.parts import GRID, Button, EmptyState, draw_rows, row
from rlhf_studio.ui.widgets.text import PlainLabel
from rlhf_studio.ui.write.fitting import FittingScroll
from rlhf_studio.ui.write.prompt_delegate import PromptDelegate
from rlhf_studio.ui.write.use_case_chips import UseCaseChips

SEARCH_MS = 150
_FILTER = "ui.write.filter"
_NEAR = 400  # rows
_WIDTH = 328
_CHIPS_PART = 0.34  # of the height at most: the list matters more


class PromptView(QListView):
    """The list itself; Enter goes to the editor."""

    entered_prompt = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter} and self.currentIndex().isValid():
            self.entered_prompt.emit()
            event.accept()
            return
        super().keyPressEvent(event)


class PromptList(QWidget):
    """Search, chips, and the prompts that fit; tells which one the person opens."""

    opened = Signal(int)  # a prompt's id
    entered_prompt = Signal()  # Enter: on to the editor
    failed = Signal(str)  # a sentence to show
    filtered = Signal()  # other prompts are listed

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._store = session.store
        self._current: int | None = None
        self._last_row = -1  # none yet: the next one is the first
        self.counts: Mapping[UseCase, PromptCount] = {}
        self.model = PromptModel(session.store, self)
        self.search = self._make_search()
        self.chips = UseCaseChips(session.theme)
        self._chips_area = FittingScroll(self.chips)
        self._chips_area.setAccessibleName(self.tr("Use cases"))
        self.progress = PlainLabel("", "muted", wraps=True)
        self.to_write, self.all_prompts = self._make_switch()
        self.new_prompt = Button(
            self.tr("New"),
            self.tr("Write a prompt of your own"),
            "",
            "mdi6.plus",
            session.theme,
            self.tr("Ctrl+N"),
        )
        self.new_prompt.setAccessibleName(self.tr("New prompt"))
        self.view = self._make_view(session)
        self.nothing = EmptyState("", "", self.tr("Clear search"), self.tr("Show every prompt again"))
        self._pages = QStackedWidget()
        self._pages.addWidget(self.view)
        self._pages.addWidget(self.nothing)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID)
        layout.addWidget(self.search)
        layout.addWidget(self._chips_area)
        layout.addWidget(self.progress)
        layout.addLayout(row(self.to_write, self.all_prompts, None, self.new_prompt, spacing=4))
        layout.addWidget(self._pages, 1)
        self._connect()
        self._restore_filter()

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(_WIDTH, super().sizeHint().height())

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        self._chips_area.set_limit(round(self.height() * _CHIPS_PART))

    @property
    def total(self) -> int:
        """Prompts of the project that the search finds, whatever use case is chosen."""
        return sum(total for total, _ in self.counts.values())

    @property
    def is_filtered(self) -> bool:
        """Whether some prompts are left out."""
        return self.model.filter != PromptFilter()

    def reload(self) -> None:
        """Read again, keeping the chosen prompt and the place in the list."""
        scrolled = self.view.verticalScrollBar().value()
        self._read_counts()
        self.model.reload()
        self._after_reset()
        self.view.verticalScrollBar().setValue(scrolled)

    def select(self, prompt_id: int, *, widen: bool = False, is_near: bool = False) -> bool:
        """Mark a prompt as the chosen one without telling; return whether the filter shows it.

        Args:
            prompt_id: It may be anywhere in the list.
            widen: Give the filter up if it hides the prompt.
            is_near: Do not look for it farther down than the window can read at once: it shows without being marked.
        """
        found = self.model.row_of(prompt_id, _NEAR if is_near else None)
        if found is None and widen and self.is_filtered:
            self._set_filter(PromptFilter())
            found = self.model.row_of(prompt_id)
        self._current = prompt_id
        if found is None:
            self.view.clearSelection()
            return False
        self._last_row = found
        self.view.setCurrentIndex(self.model.index(found))
        self.view.scrollTo(self.model.index(found))
        return True

    def next_unlabeled(self) -> PromptItem | None:
        """The next prompt without a demonstration after the chosen one, from the top again at the end."""
        here = self._here()
        return self._first_unlabeled(here + 1) or self._first_unlabeled(0)

    def neighbour_id(self, step: int) -> int | None:
        """The prompt some rows below (above if negative) the chosen one."""
        found = self.model.item(self._here() + step)
        return None if found is None else found.id

    def unfinished_id(self) -> int | None:
        """The first prompt with a draft or an unfinished edit; the list begins with those."""
        first = self.model.item(0)
        return first.id if first is not None and first.has_draft else None

    def show_all(self) -> None:
        """Give up search, use case and switch."""
        self._set_filter(PromptFilter())

    def _first_unlabeled(self, found: int) -> PromptItem | None:
        """From a row on; the list ends with those that have a demonstration and no draft."""
        while (item := self.model.item(found)) is not None and (item.has_draft or not item.demonstrations):
            if not item.demonstrations and item.id != self._current:
                return item
            found += 1
        return None

    def _here(self) -> int:
        index = self.view.currentIndex()
        return index.row() if index.isValid() else self._last_row

    def _make_search(self) -> QLineEdit:
        field = QLineEdit()
        field.setPlaceholderText(self.tr("Search prompts"))
        field.setClearButtonEnabled(True)
        field.setAccessibleName(self.tr("Search prompts"))
        field.setToolTip(self.tr("Show prompts that contain these words"))
        return field

    def _make_switch(self) -> tuple[Button, Button]:
        to_write = Button(self.tr("To write"), self.tr("Only prompts without a demonstration"), "chip")
        all_prompts = Button(self.tr("All"), self.tr("Prompts with a demonstration as well, after the others"), "chip")
        group = QButtonGroup(self)
        for button in (to_write, all_prompts):
            button.setCheckable(True)
            group.addButton(button)
        all_prompts.setChecked(True)
        return to_write, all_prompts

    def _make_view(self, session: Session) -> PromptView:
        view = PromptView()
        view.setModel(self.model)
        view.setItemDelegate(PromptDelegate(session.theme, view))
        draw_rows(view)
        view.setAccessibleName(self.tr("Prompts"))
        view.setToolTip(self.tr("Prompts; those without a demonstration come first (Alt+Down, Alt+Up)"))
        return view

    def _connect(self) -> None:
        self._search_timer = QTimer(self)
        self._search_timer.setSingleShot(True)
        self._search_timer.setInterval(SEARCH_MS)
        self._search_timer.timeout.connect(self._on_filter_changed)
        self.search.textChanged.connect(self._search_timer.start)
        self.search.returnPressed.connect(self._on_search_return_pressed)
        self.chips.chosen.connect(self._on_filter_changed)
        self.to_write.toggled.connect(self._on_filter_changed)
        self.nothing.acted.connect(self.show_all)
        self.view.selectionModel().currentChanged.connect(self._on_view_current_changed)
        self.view.entered_prompt.connect(self.entered_prompt)
        self.model.failed.connect(self.failed)
        self._session.labeler_changed.connect(self._on_labeler_changed)

    def _set_filter(self, wanted: PromptFilter) -> None:
        """Put the controls where the filter says, then read."""
        self.search.setText(wanted.query)
        self.chips.choose(wanted.use_case)
        (self.to_write if wanted.unlabeled_only else self.all_prompts).setChecked(True)
        self._on_filter_changed()

    def _on_labeler_changed(self) -> None:
        self._read_counts()

    def _on_filter_changed(self) -> None:
        self._search_timer.stop()
        wanted = PromptFilter(self.search.text().strip(), self.chips.use_case, self.to_write.isChecked())
        if wanted == self.model.filter:
            return
        self.model.show_only(wanted)
        self._read_counts()
        self._after_reset()
        self._keep_filter()
        self.filtered.emit()

    def _restore_filter(self) -> None:
        """Use case and switch as they were left; words that were searched for are not looked for again."""
        try:
            kept = json.loads(self._store.get_meta(_FILTER) or "{}")
        except StudioError as error:
            self.failed.emit(str(error))
            return
        except ValueError:  # something else wrote to the project: nothing is hidden then
            return
        if isinstance(kept, dict) and kept:
            use_case = kept.get("use_case")
            known = use_case if use_case in USE_CASES else None
            self._set_filter(PromptFilter("", known, kept.get("unlabeled_only") is True))

    def _keep_filter(self) -> None:
        wanted = self.model.filter
        kept = json.dumps({"use_case": wanted.use_case, "unlabeled_only": wanted.unlabeled_only})
        try:
            if not self._store.is_read_only and kept != self._store.get_meta(_FILTER):
                self._store.set_meta(_FILTER, kept)
        except StudioError as error:
            self.failed.emit(str(error))

    def _on_search_return_pressed(self) -> None:
        self._on_filter_changed()
        first = self.model.item(0)
        if first is not None:
            self.select(first.id)
            self.opened.emit(first.id)
            self.view.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _on_view_current_changed(self, current: QModelIndex) -> None:
        item = current.data(ItemRole)
        if isinstance(item, PromptItem) and item.id != self._current:
            self._current, self._last_row = item.id, current.row()
            self.opened.emit(item.id)

    def _read_counts(self) -> None:
        try:
            self.counts = self._store.count_prompts(self.search.text().strip(), None)
            today = self._store.written_since(_midnight(), self._session.labeler)
        except StudioError as error:
            self.failed.emit(str(error))
            return
        self.chips.set_counts(self.counts, today)
        self._show_progress(today)

    def _show_progress(self, today: Mapping[UseCase, int]) -> None:
        labeled = sum(count.labeled for count in self.counts.values())
        words = self.tr("{labeled:,} of {total:,} answered, today {today} by you")
        shown = words.format(labeled=labeled, total=self.total, today=sum(today.values()))
        parts = [f"{use_case_word(name)} {count}" for name, count in today.items() if count]
        self.progress.setText(shown)
        self.progress.setToolTip(", ".join(parts) or self.tr("Prompts with a demonstration"))

    def _after_reset(self) -> None:
        """Mark the chosen prompt again if it is among the rows read, and say so where there is nothing."""
        if self._current is not None:
            for found in range(self.model.rowCount()):
                item = self.model.item(found)
                if item is not None and item.id == self._current:
                    self._last_row = found
                    self.view.setCurrentIndex(self.model.index(found))
                    break
        is_empty = self.model.rowCount() == 0
        if is_empty:
            self._explain_nothing()
        self._pages.setCurrentWidget(self.nothing if is_empty else self.view)

    def _explain_nothing(self) -> None:
        if self.search.text().strip():
            words, action = self.tr("No prompt contains these words."), self.tr("Clear search")
        elif self.to_write.isChecked():
            words, action = self.tr("Every prompt here has a demonstration."), self.tr("Show all")
        else:
            words, action = self.tr("There are no prompts here."), self.tr("Show all")
        self.nothing.sentence.setText(words)
        self.nothing.button.setText(action)
        self.nothing.button.setAccessibleName(action)
        self.nothing.button.setVisible(self.is_filtered)


def _midnight() -> str:
    """When today began where the person is, in UTC as the store keeps it."""
    here = datetime.now().astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
    return here.astimezone(UTC).isoformat(timespec="milliseconds")
