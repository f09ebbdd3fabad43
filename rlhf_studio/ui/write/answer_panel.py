"""Middle of the Write tab: the prompt, the answer being written, and what was answered before."""

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence, QResizeEvent, QShortcut, QTextCursor
from PySide6.QtWidgets import QVBoxLayout, QWidget

from rlhf_studio.jobs.models import ModelChoice
from rlhf_studio.paths import DEFAULT_BASE, models_dir
from rlhf_studio.schema import Demonstration, Prompt
from rlhf_studio.ui.session import Session
from rlhf_studio.ui.use_cases import use_case_word
from rlhf_studio.ui.widgets.parts import GRID, Button, Tag, row
from rlhf_studio.ui.widgets.text import PlainEditor, PlainLabel
from rlhf_studio.ui.write.conversation import ConversationView
from rlhf_studio.ui.write.demonstrations import DemonstrationList
from rlhf_studio.ui.write.fitting import FittingScroll
from rlhf_studio.ui.write.length_line import LengthLine
from rlhf_studio.ui.write.model_answer import ModelAnswerCard

_PROMPT_PART, _EXTRAS_PART = 0.34, 0.4  # of the height at most


class AnswerPanel(QWidget):
    """Shows one prompt and its answer; keeps nothing itself."""

    edited = Signal(str)  # the answer, after each change by the person
    left = Signal()  # Esc in the editor

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._is_read_only = session.store.is_read_only
        self._known_text = ""
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
        self.conversation = ConversationView(session.theme)
        self.editor = self._make_editor()
        self.length = LengthLine(models_dir() / DEFAULT_BASE)
        self.problem = PlainLabel("", "danger", wraps=True)
        self.model_answer = ModelAnswerCard(session)
        self.demonstrations = DemonstrationList()
        self._extras = self._make_extras()
        self._lay_out()
        self.problem.hide()
        self.editor.textChanged.connect(self._on_editor_text_changed)
        self.model_answer.used.connect(self._on_model_answer_used)
        self.model_answer.closed.connect(self.focus_editor)
        escape = QShortcut(QKeySequence("Esc"), self.editor, context=Qt.ShortcutContext.WidgetShortcut)
        escape.activated.connect(self._on_escape_activated)

    @property
    def text(self) -> str:
        """The answer as it was typed."""
        return self.editor.toPlainText()

    def show_prompt(self, prompt: Prompt, draft: str, demonstrations: Sequence[Demonstration]) -> None:
        """Show a prompt and the answer begun to it."""
        self.use_case.setText(use_case_word(prompt.use_case))
        self.held_out.setVisible(prompt.split != "train")
        self.conversation.show_turns(prompt.turns)
        self.model_answer.put_away()
        self.set_text(draft)
        self.show_demonstrations(demonstrations)

    def show_demonstrations(self, demonstrations: Sequence[Demonstration]) -> None:
        """Show what the prompt was answered with."""
        self.demonstrations.show_all(demonstrations, is_read_only=self._is_read_only)

    def set_text(self, text: str) -> None:
        """Put another answer into the editor; there is nothing to undo then."""
        self._known_text = text
        self.editor.setPlainText(text)
        self.editor.moveCursor(QTextCursor.MoveOperation.End)
        self.length.measure(text)
        self.problem.hide()

    def ask(self, model: ModelChoice, prompt: Prompt, again: int) -> None:
        """Let a model answer beside the person's text; see ``ModelAnswerCard.ask``."""
        self.model_answer.ask(model.path, model.title, prompt, again)
        self._extras.verticalScrollBar().setValue(0)  # the card lies above the demonstrations

    def say(self, problem: str) -> None:
        """Say next to the editor what is wrong with the answer."""
        self.problem.setText(problem)
        self.problem.show()

    def focus_editor(self) -> None:
        """Let the person type."""
        self.editor.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        self.conversation.set_limit(round(self.height() * _PROMPT_PART))
        self._extras.set_limit(round(self.height() * _EXTRAS_PART))

    def _make_editor(self) -> PlainEditor:
        editor = PlainEditor()
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
            row(PlainLabel(self.tr("Prompt"), "heading"), self.use_case, self.held_out, None, self.guidance_button)
        )
        column.addWidget(self.conversation)
        column.addLayout(row(PlainLabel(self.tr("Your answer"), "heading"), None, self.length))
        column.addWidget(self.editor, 1)
        column.addWidget(self.problem)
        column.addWidget(self._extras)

    def _on_editor_text_changed(self) -> None:
        text = self.text
        if text == self._known_text:  # set by us, or nothing but the format changed
            return
        self._known_text = text
        self.problem.hide()
        self.length.measure(text)
        self.edited.emit(text)

    def _on_model_answer_used(self, answer: str) -> None:
        """After what the person typed, never instead of it; one step of the editor's own undo."""
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
