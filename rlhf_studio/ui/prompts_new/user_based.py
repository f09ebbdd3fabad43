"""User-based prompts: what a use case's people would ask."""

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import QWidget

from rlhf_studio.prompt_kinds import user_based_prompts
from rlhf_studio.ui.prompts_new.draft import text, texts
from rlhf_studio.ui.prompts_new.form import KindForm, Made, counted, heading
from rlhf_studio.ui.prompts_new.rows import GrowingEditor, Row, RowList
from rlhf_studio.ui.theme import Theme
from rlhf_studio.ui.widgets.parts import Button, row

_AT_FIRST = 2


class PromptRow(Row):
    """One prompt."""

    def __init__(self, theme: Theme, words: str = "", parent: QWidget | None = None) -> None:
        super().__init__(theme, parent)
        self.editor = GrowingEditor(self.tr("Prompt"), self.tr("What a person of this use case would ask the model"))
        self.editor.setPlainText(words)
        self.body.addWidget(self.editor)
        self.editor.textChanged.connect(self.changed)

    @property
    def editors(self) -> Sequence[GrowingEditor]:
        return (self.editor,)

    def name(self, number: int) -> str:
        return self.tr("Prompt {number}").format(number=number)


class UserBasedForm(KindForm):
    """The description of a use case, and the prompts that are written for it."""

    kind = "user_based"

    @classmethod
    def word(cls) -> str:
        return QCoreApplication.translate("UserBasedForm", "User-based\u2026")

    def title(self) -> str:
        return self.tr("User-based prompts")

    def explanation(self) -> str:
        return self.tr(
            "Describe what people need the model for, without naming anybody, then write what they would ask. The "
            "description is kept beside each prompt and is not shown to the model."
        )

    def build(self) -> None:
        self.brief = GrowingEditor(self.tr("Use case"), self.tr("Who needs the model, and for what"), (3, 6))
        self.brief.setPlaceholderText(
            self.tr("For example: A club writes to its members in simple words: invitations, thanks, reminders.")
        )
        self.prompts = RowList(self.tr("Prompts of this use case"), 1)
        self.more = Button(
            self.tr("Another prompt"), self.tr("One more prompt of this use case"), "", "mdi6.plus", self.session.theme
        )
        self.body.addWidget(heading(self.tr("Description of the use case"), self.brief))
        self.body.addWidget(self.brief)
        self.body.addWidget(self.prompts, 1)
        self.body.addLayout(row(self.more, None))
        self.brief.textChanged.connect(self.edited)
        self.prompts.changed.connect(self.edited)
        self.more.clicked.connect(self._on_more_clicked)

    def state(self) -> dict[str, Any]:
        return {"brief": self.brief.toPlainText(), "prompts": self._texts()}

    def restore(self, state: Mapping[str, Any]) -> None:
        super().restore(state)
        self.brief.setPlainText(text(state.get("brief")))
        self.prompts.clear()
        for words in texts(state.get("prompts")) or [""] * _AT_FIRST:
            self.prompts.add(PromptRow(self.session.theme, words))

    def make(self) -> Made:
        prompts = user_based_prompts(
            self.brief.toPlainText(),
            self._texts(),
            use_case=self.use_case.currentData(),
            author=self.session.labeler,
        )
        return Made(prompts, ("",) * len(prompts))

    def show_made(self) -> None:
        count = sum(bool(words.strip()) for words in self._texts())
        self.add.setText(counted(count))
        self.add.setAccessibleName(self.add.text())

    def focus_first(self) -> None:
        self.brief.setFocus(Qt.FocusReason.OtherFocusReason)

    def _texts(self) -> list[str]:
        return [one.editor.toPlainText() for one in self.prompts.rows if isinstance(one, PromptRow)]

    def _on_more_clicked(self) -> None:
        self.prompts.add(PromptRow(self.session.theme), is_new=True)
