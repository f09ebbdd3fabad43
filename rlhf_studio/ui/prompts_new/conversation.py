"""Multi-turn prompts: a conversation whose last turn the model answers."""

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import QComboBox, QWidget

from rlhf_studio.prompt_kinds import conversation_prompt
from rlhf_studio.schema import Turn, UseCase
from rlhf_studio.ui.prompts_new.draft import text
from rlhf_studio.ui.prompts_new.form import KindForm, Made
from rlhf_studio.ui.prompts_new.rows import GrowingEditor, Row, RowList
from rlhf_studio.ui.theme import Theme
from rlhf_studio.ui.widgets.parts import Button, row

_AT_FIRST = ("user", "assistant", "user")


class TurnRow(Row):
    """Who speaks, and what is said."""

    def __init__(self, theme: Theme, role: str, words: str = "", parent: QWidget | None = None) -> None:
        super().__init__(theme, parent)
        self.role = QComboBox()
        self.role.setToolTip(self.tr("Who says this"))
        for name, word in (
            ("system", self.tr("System")),
            ("user", self.tr("Person")),
            ("assistant", self.tr("Assistant")),
        ):
            self.role.addItem(word, name)
        self.role.setCurrentIndex(max(0, self.role.findData(role)))
        self.head.insertWidget(1, self.role)
        self.editor = GrowingEditor(self.tr("What is said"), self.tr("The words of this turn"), (2, 8))
        self.editor.setPlainText(words)
        self.body.addWidget(self.editor)
        self.editor.textChanged.connect(self.changed)
        self.role.currentIndexChanged.connect(self.changed)

    @property
    def editors(self) -> Sequence[GrowingEditor]:
        return (self.editor,)

    @property
    def turn(self) -> Turn:
        """As it was typed."""
        return Turn(self.role.currentData(), self.editor.toPlainText())

    def name(self, number: int) -> str:
        return self.tr("Turn {number}").format(number=number)

    def show_place(self, number: int, count: int, least: int) -> None:
        super().show_place(number, count, least)
        self.role.setAccessibleName(self.tr("Speaker of turn {number}").format(number=number))


class ConversationForm(KindForm):
    """The turns of a conversation."""

    kind = "conversation"
    default_use_case: UseCase = "chat"

    @classmethod
    def word(cls) -> str:
        return QCoreApplication.translate("ConversationForm", "Conversation\u2026")

    def title(self) -> str:
        return self.tr("Conversation")

    def explanation(self) -> str:
        return self.tr(
            "Person and assistant take turns; what the system says may stand before them. The model answers the last "
            "turn, which is the person's."
        )

    def build(self) -> None:
        theme = self.session.theme
        self.turns = RowList(self.tr("Turns of the conversation"), 1)
        self.more = Button(
            self.tr("Add turn"), self.tr("The next turn, by whoever did not speak last"), "", "mdi6.plus", theme
        )
        self.system = Button(self.tr("Add system text"), self.tr("What the system says before the conversation"))
        self.body.addWidget(self.turns, 1)
        self.body.addLayout(row(self.more, self.system, None))
        self.turns.changed.connect(self.edited)
        self.more.clicked.connect(self._on_more_clicked)
        self.system.clicked.connect(self._on_system_clicked)

    def state(self) -> dict[str, Any]:
        return {"turns": [[turn.role, turn.content] for turn in self._turns()]}

    def restore(self, state: Mapping[str, Any]) -> None:
        super().restore(state)
        self.turns.clear()
        kept = state.get("turns")
        pairs = [tuple(map(text, pair)) for pair in kept if isinstance(pair, list) and len(pair) == 2] if kept else []
        for role, words in pairs or [(role, "") for role in _AT_FIRST]:
            self.turns.add(TurnRow(self.session.theme, role, words))

    def make(self) -> Made:
        turns = self._turns()
        prompt = conversation_prompt(turns, use_case=self.use_case.currentData(), author=self.session.labeler)
        return Made((prompt,), ("",))

    def show_made(self) -> None:
        self.add.setText(self.tr("Add prompt"))
        self.add.setAccessibleName(self.add.text())
        self.system.setEnabled(all(turn.role != "system" for turn in self._turns()))

    def focus_first(self) -> None:
        self.turns.rows[0].editors[0].setFocus(Qt.FocusReason.OtherFocusReason)

    def _turns(self) -> list[Turn]:
        return [one.turn for one in self.turns.rows if isinstance(one, TurnRow)]

    def _on_more_clicked(self) -> None:
        turns = self._turns()
        role = "assistant" if turns and turns[-1].role == "user" else "user"
        self.turns.add(TurnRow(self.session.theme, role), is_new=True)

    def _on_system_clicked(self) -> None:
        self.turns.add(TurnRow(self.session.theme, "system"), is_new=True, at=0)
