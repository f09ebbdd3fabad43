"""Below the library: the whole text of the prompt that has the keyboard, all its turns, and what is known of it."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from rlhf_studio.schema import Prompt
from rlhf_studio.store.prompt_list import PromptItem
from rlhf_studio.ui.marks.brief import BriefLine
from rlhf_studio.ui.marks.panel import MarksPanel
from rlhf_studio.ui.prompts.words import purpose_word, source_word, split_word
from rlhf_studio.ui.session import Session
from rlhf_studio.ui.use_cases import use_case_word
from rlhf_studio.ui.widgets.parts import GRID, Button, row
from rlhf_studio.ui.widgets.text import PlainLabel
from rlhf_studio.ui.write.conversation import ConversationView

_NO_LIMIT_PX = 100_000


class ReadingPanel(QWidget):
    """One prompt, to read, and the two things to do with it."""

    answer_requested = Signal()
    rank_requested = Signal()

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.facts = PlainLabel("", "muted", wraps=True)
        self.facts.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.text = ConversationView(session.theme)
        self.text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.text.setToolTip(self.tr("The whole prompt, with all its turns"))
        self.text.set_limit(_NO_LIMIT_PX)
        self.brief = BriefLine(session)
        self.marks = MarksPanel(session)
        self.answer = Button(
            self.tr("Answer in Write"),
            self.tr("Open this prompt in Write (Enter, or a double click)"),
            "",
            "mdi6.pencil-outline",
            session.theme,
        )
        self.rank = Button(
            self.tr("Rank answers"),
            self.tr("Sample answers to this prompt and rank them"),
            "",
            "mdi6.format-list-numbered",
            session.theme,
        )
        self.answer.clicked.connect(self.answer_requested)
        self.rank.clicked.connect(self.rank_requested)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID)
        head = row(self.facts, self.answer, self.rank)
        head.setStretch(0, 1)
        layout.addLayout(head)
        layout.addWidget(self.brief)
        layout.addWidget(self.text, 1)
        layout.addWidget(self.marks)

    def show_prompt(self, prompt: Prompt, item: PromptItem | None) -> None:
        """Show a prompt from its beginning."""
        self.facts.setText(self._facts(prompt, item))
        self.text.show_turns(prompt.turns)
        self.brief.show_for(prompt.id)
        self.marks.show_for(prompt.id)

    def clear(self) -> None:
        """Show nothing."""
        self.facts.clear()
        self.text.show_turns(())
        self.brief.show_for(None)
        self.marks.show_for(None)

    def _facts(self, prompt: Prompt, item: PromptItem | None) -> str:
        words = [
            self.tr("Prompt {id}").format(id=prompt.id),
            use_case_word(prompt.use_case),
            source_word(prompt.source),
            split_word(prompt.split),
        ]
        if prompt.purposes:
            purposes = ", ".join(purpose_word(one) for one in sorted(prompt.purposes))
            words.append(self.tr("for {purposes}").format(purposes=purposes))
        if item is not None and item.tags:
            words.append(self.tr("tags: {tags}").format(tags=", ".join(item.tags)))
        if prompt.author:
            words.append(self.tr("by {author}").format(author=prompt.author))
        return " · ".join(words)
