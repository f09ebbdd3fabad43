"""The parts of the Write tab and how they lie beside each other."""

from PySide6.QtCore import Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QSplitter,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from rlhf_studio.ui.session import Session
from rlhf_studio.ui.widgets.parts import GRID, Button, Card, EmptyState, row
from rlhf_studio.ui.widgets.text import PlainLabel
from rlhf_studio.ui.write.answer_panel import AnswerPanel
from rlhf_studio.ui.write.guidance import GuidancePanel
from rlhf_studio.ui.write.history import HistoryPage
from rlhf_studio.ui.write.model_answer import ModelPicker
from rlhf_studio.ui.write.new_prompt import NewPromptForm
from rlhf_studio.ui.write.prompt_list import PromptList
from rlhf_studio.ui.write.up_next import UpNext

NARROW_PX = 1160  # below this the guidance hides until it is asked for
_COLUMN_PX = 880  # lines longer than this are hard to read
_SPLITTER = "write/splitter"


class WritePage(QStackedWidget):
    """Left the prompts, middle the answer or the form for a new prompt, right the guidance; or the empty state."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._is_narrow = False
        self._wants_guidance = {"wide": True, "narrow": False}
        self.prompts = PromptList(session)
        self.up_next = UpNext(session, self.prompts)
        self.answer = AnswerPanel(session)
        self.form = NewPromptForm()
        self.history = HistoryPage(session.theme)
        self.guidance = GuidancePanel(session.store)
        self.models = ModelPicker(session)
        self.save, self.skip, self.ask = self._make_save(), self._make_skip(), self._make_ask()
        self.banner = self._make_banner(session.store.read_only_reason)
        self.empty = EmptyState(
            self.tr("No prompts yet"),
            self.tr("A prompt is what a person asks the model; your answer to it is what SFT learns from."),
            self.tr("Write the first prompt"),
        )
        self._middle = self._make_middle()
        self._splitter = self._make_splitter()
        self._work = self._make_work()
        self.addWidget(self._work)
        self.addWidget(self.empty)
        self._show_guidance(is_shown=True)
        self._make_room(is_previewed=self.answer.writing.is_previewed)
        self.answer.guidance_button.clicked.connect(self.toggle_guidance)
        self.answer.previewed.connect(self._on_answer_previewed)

    @property
    def is_empty(self) -> bool:
        """Whether the empty state is shown."""
        return self.currentWidget() is self.empty

    @property
    def is_form_open(self) -> bool:
        """Whether a new prompt is being written."""
        return self._middle.currentWidget() is self.form

    @property
    def is_history_open(self) -> bool:
        """Whether the versions of a demonstration are looked at."""
        return self._middle.currentWidget() is self.history

    @property
    def primary(self) -> QPushButton:
        """The one thing to do next."""
        if self.is_empty:
            return self.empty.button
        if self.is_history_open:
            return self.history.back
        return self.form.add if self.is_form_open else self.save

    def show_empty(self, *, is_empty: bool) -> None:
        """Show the empty state, or the parts."""
        self.setCurrentWidget(self.empty if is_empty else self._work)

    def show_form(self, *, is_shown: bool) -> None:
        """Show the form for a new prompt, or the answer."""
        self._show(self.form if is_shown else self.answer)

    def show_history(self, *, is_shown: bool) -> None:
        """Show the versions of a demonstration, or the answer."""
        self._show(self.history if is_shown else self.answer)

    def name_save(self, *, is_version: bool) -> None:
        """Say what saving does."""
        words = self.tr("Save version") if is_version else self.tr("Save and next")
        self.save.setText(words)
        self.save.setAccessibleName(words)

    def enable(self, *, has_prompt: bool) -> None:
        """Leave only those buttons enabled that can do something."""
        is_writable = not self._session.store.is_read_only
        is_answering = has_prompt and self._middle.currentWidget() is self.answer
        self.save.setEnabled(is_writable and is_answering)
        self.skip.setEnabled(is_answering)
        self.ask.setEnabled(is_answering and self.models.choice is not None)
        self.models.setEnabled(self.ask.isEnabled())
        self.prompts.new_prompt.setEnabled(is_writable)
        self.empty.button.setEnabled(is_writable)

    def toggle_guidance(self) -> None:
        """Show or hide the guidance; wide and narrow windows remember it each for themselves."""
        is_shown = self.guidance.isHidden()
        self._wants_guidance["narrow" if self._is_narrow else "wide"] = is_shown
        self._show_guidance(is_shown=is_shown)

    def keep_state(self) -> None:
        """Remember the widths."""
        self._session.preferences.keep_state(_SPLITTER, self._splitter.saveState())

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        is_narrow = self.width() < NARROW_PX
        if is_narrow != self._is_narrow:
            self._is_narrow = is_narrow
            self._show_guidance(is_shown=self._wants_guidance["narrow" if is_narrow else "wide"])

    def _show(self, middle: QWidget) -> None:
        self._middle.setCurrentWidget(middle)
        self._bar.setVisible(middle is self.answer)

    def _make_room(self, *, is_previewed: bool) -> None:
        self._middle.setMaximumWidth(2 * _COLUMN_PX if is_previewed else _COLUMN_PX)

    def _on_answer_previewed(self, is_previewed: bool) -> None:
        self._make_room(is_previewed=is_previewed)

    def _show_guidance(self, *, is_shown: bool) -> None:
        self.guidance.setVisible(is_shown)
        self.answer.guidance_button.setChecked(is_shown)

    def _make_banner(self, reason: str) -> Card:
        banner = Card("raised")
        banner.body.setContentsMargins(GRID, GRID, GRID, GRID)
        words = PlainLabel(reason, "warning", wraps=True)
        words.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        banner.body.addWidget(words)
        banner.setAccessibleName(reason)
        banner.setVisible(bool(reason))
        return banner

    def _make_save(self) -> Button:
        tip = self.tr("Keep this answer as a demonstration and go to the next prompt")
        theme = self._session.theme
        return Button(self.tr("Save and next"), tip, "primary", "mdi6.check", theme, self.tr("Ctrl+Enter"))

    def _make_skip(self) -> Button:
        tip = self.tr("The next prompt without saving; what you typed stays as a draft")
        theme = self._session.theme
        return Button(self.tr("Skip"), tip, "", "mdi6.skip-next-outline", theme, self.tr("Ctrl+Shift+Enter"))

    def _make_ask(self) -> Button:
        tip = self.tr("See what the chosen model would answer, to start from it")
        return Button(self.tr("Ask the model"), tip, "", "mdi6.robot-outline", self._session.theme, self.tr("Ctrl+M"))

    def _make_middle(self) -> QStackedWidget:
        middle = QStackedWidget()
        middle.addWidget(self.answer)
        middle.addWidget(self.form)
        middle.addWidget(self.history)
        return middle

    def _make_left(self) -> QWidget:
        left = QWidget()
        stacked = QVBoxLayout(left)
        stacked.setContentsMargins(0, 0, 0, 0)
        stacked.setSpacing(GRID)
        stacked.addWidget(self.prompts, 1)
        stacked.addWidget(self.up_next)
        return left

    def _make_splitter(self) -> QSplitter:
        column = QWidget()
        column.setMinimumWidth(360)
        centred = QHBoxLayout(column)
        centred.setContentsMargins(GRID, 0, GRID, 0)
        centred.addStretch(0)
        centred.addWidget(self._middle, 1)
        centred.addStretch(0)
        splitter = QSplitter(Qt.Orientation.Horizontal)
        parts = ((self._make_left(), 0), (column, 1), (self.guidance, 0))
        for place, (widget, stretch) in enumerate(parts):
            splitter.addWidget(widget)
            splitter.setStretchFactor(place, stretch)
            splitter.setCollapsible(place, False)
        splitter.setHandleWidth(GRID)
        splitter.setSizes([328, 600, 288])
        state = self._session.preferences.state(_SPLITTER)
        if not state.isEmpty():
            splitter.restoreState(state)
        return splitter

    def _make_work(self) -> QWidget:
        bar = self._bar = QFrame()
        bar.setProperty("look", "bar")
        buttons = row(self.save, self.skip, None, self.models, self.ask)
        buttons.setContentsMargins(2 * GRID, GRID, 2 * GRID, GRID)
        bar.setLayout(buttons)
        inner = QVBoxLayout()
        inner.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, GRID)
        inner.setSpacing(GRID)
        inner.addWidget(self.banner)
        inner.addWidget(self._splitter, 1)
        work = QWidget()
        column = QVBoxLayout(work)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(inner, 1)
        column.addWidget(bar)
        return work
