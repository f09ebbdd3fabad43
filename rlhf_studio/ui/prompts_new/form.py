"""What the forms for few-shot, user-based and multi-turn prompts have in common."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from PySide6.QtCore import QCoreApplication, Qt, Signal
from PySide6.QtWidgets import QComboBox, QHBoxLayout, QVBoxLayout, QWidget

from rlhf_studio.errors import StudioError
from rlhf_studio.schema import USE_CASES, NewPrompt, UseCase
from rlhf_studio.ui.prompts_new.draft import FormDraft, text
from rlhf_studio.ui.session import Session
from rlhf_studio.ui.use_cases import use_case_word
from rlhf_studio.ui.widgets.parts import GRID, Button, row
from rlhf_studio.ui.widgets.text import PlainEditor, PlainLabel


@dataclass(frozen=True, slots=True)
class Made:
    """What a form makes: prompts, an answer of each (empty is none), and tags of all."""

    prompts: tuple[NewPrompt, ...]
    answers: tuple[str, ...]
    tags: tuple[str, ...] = ()


class KindForm(QWidget):
    """A form that keeps what is typed with the project and makes prompts of it in one act.

    Attributes:
        kind: Stable name, e.g. "few_shot"; the draft lies under it.
        default_use_case: Chosen where nobody chose another.
    """

    kind = ""
    default_use_case: UseCase = "other"
    added = Signal(object)  # tuple[int, ...]: ids of the prompts
    cancelled = Signal()

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.session = session
        self._is_restoring = True
        self.use_case = self._make_use_case()
        self.problem = PlainLabel("", "danger", wraps=True)
        self.problem.hide()
        self.add = Button("", self.tr("Save what this form makes"), "primary", keys=self.tr("Ctrl+Enter"))
        self.cancel = Button(self.tr("Close"), self.tr("Close; what was typed stays here"), keys=self.tr("Esc"))
        self.body = QVBoxLayout()
        self.body.setSpacing(GRID)
        self.foot = QHBoxLayout()
        self._lay_out()
        self.build()
        self.draft = FormDraft(session.store, f"ui.new.{self.kind}", self.whole_state, self)
        self.draft.failed.connect(self.say)
        self.restore(self.draft.read())
        self._is_restoring = False
        self.add.setEnabled(not session.store.is_read_only)
        self.add.clicked.connect(self.submit)
        self.cancel.clicked.connect(self.cancelled)
        self.use_case.currentIndexChanged.connect(self.edited)
        self.show_made()

    # --- for the subclass

    @classmethod
    def word(cls) -> str:
        """What a menu or a button calls it."""
        raise NotImplementedError

    def title(self) -> str:
        """What the form is for."""
        raise NotImplementedError

    def explanation(self) -> str:
        """One sentence on what such prompts are."""
        raise NotImplementedError

    def build(self) -> None:
        """Put the parts into ``body``."""
        raise NotImplementedError

    def state(self) -> dict[str, Any]:
        """What was typed, fit for JSON."""
        raise NotImplementedError

    def restore(self, state: Mapping[str, Any]) -> None:
        """Show what was typed before; an empty state is the empty form."""
        chosen = text(state.get("use_case"), self.default_use_case)
        self.use_case.setCurrentIndex(max(0, self.use_case.findData(chosen)))

    def make(self) -> Made:
        """Make the prompts.

        Raises:
            StudioError: If something is missing.
        """
        raise NotImplementedError

    def show_made(self) -> None:
        """Say on the button, and in a preview if there is one, what would be made."""
        raise NotImplementedError

    def focus_first(self) -> None:
        """Let the person type."""
        raise NotImplementedError

    # --- acts

    def submit(self) -> None:
        """Save the prompts, or say what is missing."""
        if self.is_composing or not self.add.isEnabled():
            return
        store, labeler = self.session.store, self.session.labeler
        try:
            made = self.make()
            written = store.add_answered_prompts(made.prompts, made.answers, labeler, tags=made.tags)
        except StudioError as error:
            self.say(str(error))
            return
        self._is_restoring = True
        self.restore({"use_case": self.use_case.currentData()})
        self._is_restoring = False
        self.draft.forget()
        self.problem.hide()
        self.show_made()
        self.session.changed(written.changes, self)
        one, several = self.tr("Prompt added."), self.tr("{count} prompts added.").format(count=len(written.ids))
        self.session.say(one if len(written.ids) == 1 else several, kind="undo")
        self.added.emit(written.ids)

    def say(self, problem: str) -> None:
        """Say what is wrong with what was typed."""
        self.problem.setText(problem)
        self.problem.show()

    def edited(self) -> None:
        """Something was typed: keep it, and show what comes of it."""
        if self._is_restoring:
            return
        self.problem.hide()
        self.draft.typed()
        self.show_made()

    def whole_state(self) -> dict[str, Any]:
        """All of the form."""
        return {"use_case": self.use_case.currentData(), **self.state()}

    @property
    def is_composing(self) -> bool:
        """Whether an input method has text that is not confirmed yet."""
        return any(editor.is_composing for editor in self.findChildren(PlainEditor))

    def _make_use_case(self) -> QComboBox:
        box = QComboBox()
        box.setAccessibleName(self.tr("Use case"))
        box.setToolTip(self.tr("What kind of task it is; decides which guidance is shown"))
        for name in USE_CASES:
            box.addItem(use_case_word(name), name)
        return box

    def _lay_out(self) -> None:
        label = PlainLabel(self.tr("Use case"), "heading")
        label.setBuddy(self.use_case)
        column = QVBoxLayout(self)
        column.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, GRID)
        column.setSpacing(GRID)
        column.addWidget(PlainLabel(self.title(), "title"))
        column.addWidget(PlainLabel(self.explanation(), "muted", wraps=True))
        column.addLayout(self.body, 1)
        column.addWidget(self.problem)
        self.foot = row(label, self.use_case, None, self.cancel, self.add)
        column.addLayout(self.foot)


def counted(count: int) -> str:
    """What a button says that adds so many prompts."""
    if count == 1:
        return QCoreApplication.translate("KindForm", "Add prompt")
    if not count:
        return QCoreApplication.translate("KindForm", "Add prompts")
    return QCoreApplication.translate("KindForm", "Add {count} prompts").format(count=count)


def heading(words: str, buddy: QWidget) -> PlainLabel:
    """A heading that names the part below it."""
    label = PlainLabel(words, "heading")
    label.setBuddy(buddy)
    label.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignBottom)
    return label
