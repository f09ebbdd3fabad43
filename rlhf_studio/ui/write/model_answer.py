"""What a model would answer: shown beside the person's own text, and taken into it only when asked."""

from pathlib import Path

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QComboBox, QSizePolicy, QWidget

from rlhf_studio.errors import StudioError
from rlhf_studio.jobs.models import TRAINED, ModelChoice, language_models
from rlhf_studio.paths import models_dir
from rlhf_studio.schema import Prompt, Sampling
from rlhf_studio.ui.inquiry import Inquiry
from rlhf_studio.ui.session import Session
from rlhf_studio.ui.widgets.markdown import MarkdownView
from rlhf_studio.ui.widgets.parts import GRID, Button, Card, row
from rlhf_studio.ui.widgets.text import PlainLabel, set_look
from rlhf_studio.ui.write.conversation import ReadingBox

ASKED = Sampling(temperature=0.7, top_p=0.95, max_new_tokens=96)  # lively, but seldom astray
_PAGE_PX = 240


class ModelPicker(QComboBox):
    """The models that answer; the newest trained one unless the person chose another."""

    chosen = Signal(object)  # ModelChoice, by a person or since there is a newer one

    def __init__(self, session: Session, parent: QWidget | None = None, *, remembered: str = "write/model") -> None:
        super().__init__(parent)
        self._session = session
        self._remembered = remembered
        self.choices: tuple[ModelChoice, ...] = ()
        self.setAccessibleName(self.tr("Model to ask"))
        self.setToolTip(self.tr("The model that answers: the base model, or what a run of this project has left"))
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(16)
        self.activated.connect(self._on_activated)

    @property
    def choice(self) -> ModelChoice | None:
        """The chosen model."""
        place = self.currentIndex()
        return self.choices[place] if 0 <= place < len(self.choices) else None

    @property
    def is_chosen(self) -> bool:
        """Whether a person chose it; else it is the newest trained one."""
        return self.choice is not None and self._session.preferences.value(self._remembered) == self.choice.key

    def reload(self) -> None:
        """List the models again, keeping the choice."""
        try:
            choices = language_models(self._session.store.folder, models_dir())
        except (StudioError, OSError) as error:
            self._session.say(str(error), kind="error")
            return
        if choices == self.choices:
            return
        self.choices = choices
        self.clear()
        self.addItems([choice.title for choice in choices])
        self.setCurrentIndex(self._first_choice())
        self._tell()

    def _first_choice(self) -> int:
        wanted = self._session.preferences.value(self._remembered)
        by_key = [place for place, choice in enumerate(self.choices) if choice.key == wanted]
        trained = [place for place, choice in enumerate(self.choices) if choice.stage in TRAINED]
        return (by_key or trained or [0])[-1]

    def _tell(self) -> None:
        if self.choice is not None:
            self.chosen.emit(self.choice)

    def _on_activated(self) -> None:
        if self.choice is not None:
            self._session.preferences.keep(self._remembered, self.choice.key)
            self._tell()


class ModelAnswerCard(Card):
    """One answer of a model as it grows, and what to do with it."""

    used = Signal(str, str)  # the answer that is to become the person's text, and the model whose it is
    asked_again = Signal()
    closed = Signal()

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__("raised", parent)
        self._session = session
        self._inquiry: Inquiry | None = None
        self._title = ""
        self.body.setContentsMargins(GRID, GRID, GRID, GRID)
        self.state = PlainLabel("", "muted", wraps=True)
        self.text = ReadingBox(is_flat=True)
        self.page = MarkdownView(session.theme, is_flat=True)
        self.page.fit(_PAGE_PX)
        for view in (self.text, self.page):
            view.setAccessibleName(self.tr("Answer of the model"))
            view.hide()
        self._is_page = False
        self.state.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        self.use = Button(
            self.tr("Use and edit"), self.tr("Put this answer into the editor; Ctrl+Z there takes it out again")
        )
        self.again = Button(self.tr("Ask again"), self.tr("Sample another answer"), keys=self.tr("Ctrl+M"))
        self.dismiss = Button(self.tr("Close"), self.tr("Put this answer away"), "quiet")
        self.body.addWidget(self.state)
        self.body.addWidget(self.text)
        self.body.addWidget(self.page)
        self.body.addLayout(row(self.use, self.again, self.dismiss, None))
        self.use.clicked.connect(self._on_use_clicked)
        self.again.clicked.connect(self.asked_again)
        self.dismiss.clicked.connect(self._on_dismiss_clicked)
        self.hide()

    @property
    def is_waiting(self) -> bool:
        """Whether the model has not finished."""
        return self._inquiry is not None and not self._inquiry.is_over

    def ask(self, model: Path, title: str, prompt: Prompt, again: int) -> None:
        """Sample an answer; ``again`` counts how often this prompt was asked before, for another answer."""
        self._cancel()
        self._title = title
        self._show("")
        self._say(self.tr("{model} is asked…"))
        self.use.setEnabled(False)
        self.show()
        inquiry = self._inquiry = self._session.ask(model, prompt.turns, 1, ASKED, prompt_id=prompt.id, step=again)
        inquiry.loading.connect(self._on_inquiry_loading)
        inquiry.text_changed.connect(self._on_inquiry_text_changed)
        inquiry.answered.connect(self._on_inquiry_answered)
        inquiry.failed.connect(self._on_inquiry_failed)

    def put_away(self) -> None:
        """Stop asking and hide."""
        self._cancel()
        self.hide()

    def read_markdown(self, *, is_read: bool) -> None:
        """Show the answer as the page that its Markdown means, or as it was written."""
        self._is_page = is_read
        self._show(self.text.toPlainText())

    def _show(self, text: str) -> None:
        self.text.setPlainText(text)
        if self._is_page:
            self.page.show_markdown(text)
        self.text.setVisible(bool(text.strip()) and not self._is_page)
        self.page.setVisible(bool(text.strip()) and self._is_page)

    def _cancel(self) -> None:
        if self._inquiry is not None:
            self._inquiry.cancel()
            self._inquiry = None

    def _say(self, words: str, look: str = "muted") -> None:
        set_look(self.state, look)
        self.state.setText(words.format(model=self._title))

    def _on_inquiry_loading(self, _title: str) -> None:
        self._say(self.tr("{model} is being loaded…"))

    def _on_inquiry_text_changed(self, _index: int, text: str) -> None:
        self._say(self.tr("{model} is answering…"))
        self._show(text)

    def _on_inquiry_answered(self, _index: int, answer: object) -> None:
        text = str(getattr(answer, "text", ""))
        self._show(text)
        self.use.setEnabled(bool(text.strip()))
        if not text.strip():
            self._say(self.tr("{model} answered with nothing at all."))
        elif getattr(answer, "is_finished", True):
            self._say(self.tr("{model} answers:"))
        else:
            self._say(self.tr("{model} answers (cut off at the length limit):"))

    def _on_inquiry_failed(self, message: str) -> None:
        set_look(self.state, "danger")
        self.state.setText(message)

    def _on_use_clicked(self) -> None:
        self.used.emit(self.text.toPlainText(), self._title)

    def _on_dismiss_clicked(self) -> None:
        self.put_away()
        self.closed.emit()
