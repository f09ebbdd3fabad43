"""Middle of the Write tab: the prompt, the answer being written, and what was answered before."""

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence, QResizeEvent, QShortcut, QTextCursor
from PySide6.QtWidgets import QVBoxLayout, QWidget

from rlhf_studio.jobs.models import ModelChoice
from rlhf_studio.paths import DEFAULT_BASE, models_dir
from rlhf_studio.schema import Demonstration, Prompt
from rlhf_studio.ui.marks.brief import BriefLine
from rlhf_studio.ui.marks.panel import MarksPanel
from rlhf_studio.ui.session import Session
from rlhf_studio.ui.use_cases import use_case_word
from rlhf_studio.ui.widgets.parts import GRID, Button, Tag, row
from rlhf_studio.ui.widgets.text import PlainLabel
from rlhf_studio.ui.write.answer_editor import AnswerEditor
from rlhf_studio.ui.write.conversation import ConversationView
from rlhf_studio.ui.write.demonstrations import DemonstrationList
from rlhf_studio.ui.write.drafts import Draft
from rlhf_studio.ui.write.fitting import FittingScroll
from rlhf_studio.ui.write.length_line import LengthLine
from rlhf_studio.ui.write.model_answer import ModelAnswerCard
from rlhf_studio.ui.write.preview import PreviewedEditor

_PREVIEW = "write/preview"
_PROMPT_PART, _EXTRAS_PART = 0.34, 0.4  # of the height at most


class AnswerPanel(QWidget):
    """Shows one prompt and its answer; keeps nothing itself."""

    edited = Signal(str)  # the answer, after each change by the person
    left = Signal()  # Esc in the editor
    previewed = Signal(bool)  # whether Markdown is read rather than shown as it was written

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._is_read_only = session.store.is_read_only
        self._preferences = session.preferences
        self._known_text = ""
        self._before_use = ""  # what stood in the editor when a model's answer was put in
        self.model = ""  # whose answer the text began with
        self.use_case = PlainLabel("", "muted")
        self.held_out = Tag(
            self.tr("held out"), self.tr("Answers to this prompt measure a model and are never trained on")
        )
        self.guidance_button = Button(
            self.tr("Guidance"),
            self.tr("Show or hide how to answer prompts of this kind"),
            "quiet",
            "mdi6.lightbulb-on-outline",
            session.theme,
            self.tr("Ctrl+G"),
        )
        self.guidance_button.setCheckable(True)
        self.preview_button = Button(
            self.tr("Preview"),
            self.tr("Read answers as Markdown"),
            "quiet",
            "mdi6.eye-outline",
            session.theme,
            self.tr("Ctrl+Shift+M"),
        )
        self.preview_button.setCheckable(True)
        self.conversation = ConversationView(session.theme)
        self.brief, self.marks = BriefLine(session), MarksPanel(session)
        self.editor = self._make_editor()
        self.writing = PreviewedEditor(self.editor, session.theme)
        self.heading = PlainLabel(self.tr("Your answer"), "heading")
        self.stop_editing = Button(
            self.tr("Stop editing"), self.tr("Leave the demonstration as it is and go back to a new answer"), "quiet"
        )
        self.length = LengthLine(models_dir() / DEFAULT_BASE)
        self.problem = PlainLabel("", "danger", wraps=True)
        self.too_long = PlainLabel("", "warning", wraps=True)
        self.model_answer = ModelAnswerCard(session)
        self.demonstrations = DemonstrationList(session.theme)
        self._extras = self._make_extras()
        self._lay_out()
        for hidden in (self.problem, self.too_long, self.stop_editing):
            hidden.hide()
        self.editor.objected.connect(self.say)
        self.length.judged.connect(self._on_length_judged)
        self.preview_button.clicked.connect(self.toggle_preview)
        self._show_preview(is_shown=session.preferences.value(_PREVIEW) == "1")
        self.editor.textChanged.connect(self._on_editor_text_changed)
        self.model_answer.used.connect(self._on_model_answer_used)
        self.model_answer.closed.connect(self.focus_editor)
        escape = QShortcut(QKeySequence("Esc"), self.editor, context=Qt.ShortcutContext.WidgetShortcut)
        escape.activated.connect(self._on_escape_activated)

    @property
    def text(self) -> str:
        """The answer as it was typed."""
        return self.editor.text

    def show_prompt(self, prompt: Prompt, demonstrations: Sequence[Demonstration], max_length: int = 0) -> None:
        """Show a prompt and its demonstrations; ``max_length`` is the longest example in the settings of SFT."""
        self.use_case.setText(use_case_word(prompt.use_case))
        self.held_out.setVisible(prompt.split != "train")
        self.conversation.show_turns(prompt.turns)
        self.brief.show_for(prompt.id)
        self.marks.show_for(prompt.id)
        self.model_answer.put_away()
        self.length.set_prompt(prompt.turns, max_length)
        self.show_demonstrations(demonstrations)

    def show_demonstrations(self, demonstrations: Sequence[Demonstration]) -> None:
        """Show what the prompt was answered with."""
        self.demonstrations.show_all(demonstrations, is_read_only=self._is_read_only)

    def write_answer(self, draft: Draft) -> None:
        """Let the person write a new answer, from this draft on."""
        self._show_heading(self.tr("Your answer"), self.tr("Your answer"), is_editing=False)
        self.demonstrations.mark_edited(None)
        self.set_text(draft.text, draft.model)

    def write_version(self, demonstration: Demonstration, text: str) -> None:
        """Let the person write a new version of a demonstration, from this text on."""
        words = self.tr("New version of the demonstration by {author}")
        author = demonstration.author or self.tr("unknown author")
        self._show_heading(self.tr("New version"), words.format(author=author), is_editing=True)
        self.demonstrations.mark_edited(demonstration.id)
        self.set_text(text)

    def set_text(self, text: str, model: str = "") -> None:
        """Put another text into the editor; there is nothing to undo then."""
        self._known_text, self._before_use, self.model = text, "", model
        self.editor.setPlainText(text)
        self.editor.moveCursor(QTextCursor.MoveOperation.End)
        self.length.measure(text)
        self.writing.preview.follow(text)
        self.problem.hide()

    def ask(self, model: ModelChoice, prompt: Prompt, again: int) -> None:
        """Let a model answer beside the person's text; see ``ModelAnswerCard.ask``."""
        self.model_answer.ask(model.path, model.title, prompt, again)
        self._extras.verticalScrollBar().setValue(0)  # the card lies above the demonstrations

    def say(self, problem: str) -> None:
        """Say next to the editor what is wrong with the answer."""
        self.problem.setText(problem)
        self.problem.show()

    def toggle_preview(self) -> None:
        """Read answers as Markdown, or as they were written."""
        is_shown = not self.writing.is_previewed
        self._preferences.keep(_PREVIEW, int(is_shown))
        self._show_preview(is_shown=is_shown)
        self.previewed.emit(is_shown)

    def focus_editor(self) -> None:
        """Let the person type."""
        self.editor.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        self.conversation.set_limit(round(self.height() * _PROMPT_PART))
        self._extras.set_limit(round(self.height() * _EXTRAS_PART))

    def _make_editor(self) -> AnswerEditor:
        editor = AnswerEditor()
        editor.setAccessibleName(self.tr("Your answer"))
        editor.setToolTip(self.tr("Your answer: what the best possible model would say (Esc goes to the list)"))
        editor.setPlaceholderText(self.tr("Write the answer you would like the model to give."))
        editor.setReadOnly(self._is_read_only)
        editor.setMinimumHeight(96)
        return editor

    def _make_extras(self) -> FittingScroll:
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID)
        column.addWidget(self.model_answer)
        column.addWidget(self.demonstrations)
        area = FittingScroll(content)
        area.setAccessibleName(self.tr("The model's answer and demonstrations"))
        return area

    def _lay_out(self) -> None:
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID)
        column.addLayout(
            row(
                PlainLabel(self.tr("Prompt"), "heading"),
                self.use_case,
                self.held_out,
                None,
                self.guidance_button,
            )
        )
        column.addWidget(self.conversation)
        column.addWidget(self.brief)
        column.addWidget(self.marks)
        column.addLayout(row(self.heading, self.stop_editing, None, self.length, self.preview_button))
        column.addWidget(self.writing, 1)
        column.addWidget(self.problem)
        column.addWidget(self.too_long)
        column.addWidget(self._extras)

    def _on_editor_text_changed(self) -> None:
        text = self.text
        if text == self._known_text:  # set by us, or nothing but the format changed
            return
        self._known_text = text
        if self.model and (not text.strip() or text == self._before_use):  # nothing is left of the model's answer
            self.model = ""
        self.problem.hide()
        self.length.measure(text)
        self.writing.preview.follow(text)
        self.edited.emit(text)

    def _show_heading(self, words: str, whole: str, *, is_editing: bool) -> None:
        self.heading.setText(words)
        self.heading.setToolTip(whole)
        self.stop_editing.setVisible(is_editing)
        self.editor.setAccessibleName(whole)

    def _show_preview(self, *, is_shown: bool) -> None:
        self.preview_button.setChecked(is_shown)
        self.writing.show_preview(is_shown=is_shown)
        self.demonstrations.read_markdown(is_read=is_shown)
        self.model_answer.read_markdown(is_read=is_shown)

    def _on_length_judged(self, words: str) -> None:
        self.too_long.setText(words)
        self.too_long.setVisible(bool(words))

    def _on_model_answer_used(self, answer: str, model: str) -> None:
        """After what the person typed, never instead of it; one step of the editor's own undo."""
        self._before_use, self.model = self.text, model
        cursor = self.editor.textCursor()
        cursor.movePosition(QTextCursor.MoveOperation.End)
        cursor.beginEditBlock()
        cursor.insertText(("\n\n" if self.text.strip() else "") + answer)
        cursor.endEditBlock()
        self.editor.setTextCursor(cursor)
        self.model_answer.put_away()
        self.focus_editor()

    def _on_escape_activated(self) -> None:
        if not self.editor.is_composing:
            self.left.emit()
