"""Writing a prompt of one's own, in place of the answer."""

from collections.abc import Mapping

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeySequence, QShortcut
from PySide6.QtWidgets import QComboBox, QVBoxLayout, QWidget

from rlhf_studio.schema import USE_CASES, NewPrompt, Purpose, Turn, UseCase
from rlhf_studio.ui.prompts_new.kinds_row import KindsRow
from rlhf_studio.ui.use_cases import use_case_word
from rlhf_studio.ui.widgets.parts import GRID, Button, row
from rlhf_studio.ui.widgets.text import PlainLabel
from rlhf_studio.ui.write.answer_editor import AnswerEditor


class NewPromptForm(QWidget):
    """What the text says stays until it is added, also when the form is left in between."""

    submitted = Signal(object)  # NewPrompt
    cancelled = Signal()
    edited = Signal()  # by the person; see ``state``

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.editor = AnswerEditor()
        self.editor.setPlaceholderText(
            self.tr("What should the model do? For example: Write a short story about snow.")
        )
        self.editor.setAccessibleName(self.tr("Text of the new prompt"))
        self.editor.setToolTip(self.tr("The prompt as a person would put it to the model"))
        self.use_case = QComboBox()
        self.use_case.setAccessibleName(self.tr("Use case"))
        self.use_case.setToolTip(self.tr("What kind of task it is; decides which guidance is shown"))
        for name in USE_CASES:
            self.use_case.addItem(use_case_word(name), name)
        self.problem = PlainLabel("", "danger", wraps=True)
        self.problem.hide()
        self.add = Button(
            self.tr("Add and answer"), self.tr("Save this prompt and answer it"), "primary", keys=self.tr("Ctrl+Enter")
        )
        self.cancel = Button(self.tr("Cancel"), self.tr("Back to the answer; the text stays here"), keys=self.tr("Esc"))
        self.kinds = KindsRow()
        self._lay_out()
        self.add.clicked.connect(self.submit)
        self.cancel.clicked.connect(self.cancelled)
        self.editor.textChanged.connect(self.problem.hide)
        self.editor.textChanged.connect(self.edited)
        self.editor.objected.connect(self.say)
        self.use_case.activated.connect(self.edited)
        escape = QShortcut(QKeySequence("Esc"), self, context=Qt.ShortcutContext.WidgetWithChildrenShortcut)
        escape.activated.connect(self._on_escape_activated)

    @property
    def state(self) -> dict[str, str]:
        """What the person has entered."""
        return {"text": self.editor.text, "use_case": str(self.use_case.currentData())}

    def restore(self, state: Mapping[str, str]) -> None:
        """Enter again what ``state`` said once."""
        use_case = state.get("use_case")
        if use_case in USE_CASES:
            self.use_case.setCurrentIndex(USE_CASES.index(use_case))
        if text := state.get("text"):
            self.editor.setPlainText(text)

    def begin(self, use_case: UseCase | None) -> None:
        """Let the person write; the use case is one to start from."""
        if use_case is not None and not self.editor.toPlainText():
            self.use_case.setCurrentIndex(USE_CASES.index(use_case))
        self.editor.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def submit(self) -> None:
        """Hand the prompt over, or say what is missing."""
        if self.editor.is_composing:
            return
        text = self.editor.text.strip()
        if not text:
            self.say(self.tr("Write the prompt first."))
            self.editor.setFocus(Qt.FocusReason.OtherFocusReason)
            return
        use_case: UseCase = self.use_case.currentData()
        purposes: frozenset[Purpose] = frozenset({"demonstrate", "rank", "ppo"})
        self.submitted.emit(NewPrompt((Turn("user", text),), use_case, purposes=purposes))

    def say(self, problem: str) -> None:
        """Say next to the text what is wrong with it."""
        self.problem.setText(problem)
        self.problem.show()

    def clear(self) -> None:
        """The prompt is saved."""
        self.editor.clear()

    def _lay_out(self) -> None:
        uses = PlainLabel(self.tr("It is used for demonstrations, for ranking and for PPO."), "muted", wraps=True)
        label = PlainLabel(self.tr("Use case"), "heading")
        label.setBuddy(self.use_case)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID)
        column.addWidget(PlainLabel(self.tr("New prompt"), "title"))
        column.addWidget(self.editor, 1)
        column.addWidget(self.problem)
        column.addLayout(row(label, self.use_case, None))
        column.addWidget(uses)
        column.addWidget(self.kinds)
        column.addLayout(row(self.add, self.cancel, None))

    def _on_escape_activated(self) -> None:
        if not self.editor.is_composing:
            self.cancelled.emit()
