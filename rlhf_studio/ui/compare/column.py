"""One model's column: which model, its answer as it is written, and what was measured."""

from enum import Enum

from PySide6.QtCore import QSignalBlocker, QSize, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QTextCharFormat, QTextCursor
from PySide6.QtWidgets import QComboBox, QFrame, QSizePolicy, QTextEdit, QVBoxLayout, QWidget

from rlhf_studio.jobs.inference import InferredAnswer
from rlhf_studio.jobs.models import ModelChoice
from rlhf_studio.ui.compare.figures import NOTHING, Figures, Scales
from rlhf_studio.ui.compare.lineup import NEWEST, Lineup
from rlhf_studio.ui.inquiry import Inquiry
from rlhf_studio.ui.spoken import stage_word
from rlhf_studio.ui.theme import Theme
from rlhf_studio.ui.widgets.parts import GRID, Button, row
from rlhf_studio.ui.widgets.text import PlainEditor, PlainLabel, tool_tip

COLUMN_WIDTH = 224  # four fit into 1024

WIDEST = 640  # longer lines are hard to read


class ColumnState(Enum):
    """What a column is about."""

    EMPTY = "empty"
    WAITING = "waiting"
    WRITING = "writing"
    DONE = "done"
    STOPPED = "stopped"
    FAILED = "failed"


class StageBand(QWidget):
    """A band in the colour of a stage."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._stage = "base"
        self.setFixedHeight(GRID)
        theme.changed.connect(self.update)

    def set_stage(self, stage: str) -> None:
        self._stage = stage
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(GRID, GRID)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(QColor(self._theme.stage_colour(self._stage)))
        painter.setBrush(QColor(self._theme.stage_colour(self._stage)))
        painter.drawRoundedRect(self.rect().adjusted(0, 0, -1, -1), 3, 3)
        painter.end()


class AnswerColumn(QFrame):
    """A model and its answer to the prompt.

    Attributes:
        key: Of the model, see ``Lineup.find``.
        choice: The model the key means today, None if it is gone.
        answer: The whole answer once it is there.
        shown: The text on screen.
    """

    model_chosen = Signal(object)  # itself
    removed = Signal(object)  # itself
    answered = Signal()  # whole and measured
    state_changed = Signal()

    def __init__(self, theme: Theme, key: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("look", "card")
        self.setMinimumWidth(COLUMN_WIDTH)
        self.setMaximumWidth(WIDEST)
        self.key = key
        self.choice: ModelChoice | None = None
        self.answer: InferredAnswer | None = None
        self.shown = ""
        self.state = ColumnState.EMPTY
        self._theme = theme
        self._inquiry: Inquiry | None = None
        self._titles = ("", "")
        self._changed: tuple[tuple[int, int], ...] = ()
        self.band = StageBand(theme)
        self.stage = PlainLabel("", "heading")
        self.remove_button = Button("", self.tr("Remove this column"), "quiet", "mdi6.close", theme)
        self.remove_button.setFixedWidth(5 * GRID)
        self.remove_button.clicked.connect(self._on_remove_clicked)
        self.models = QComboBox()
        self.models.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.models.setMinimumContentsLength(12)
        self.models.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.models.setAccessibleName(self.tr("Model of this column"))
        self.models.setPlaceholderText(self.tr("Choose a model"))
        self.models.activated.connect(self._on_models_activated)
        self.text = PlainEditor()
        self.text.setReadOnly(True)
        self.text.setMinimumHeight(96)
        self.text.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Ignored)  # takes what the rest leaves
        self.text.setPlaceholderText(self.tr("The answer appears here."))
        self.status = PlainLabel("", "muted", wraps=True)
        self.status.setMinimumHeight(2 * GRID)  # by itself it asks for the height of its narrowest form
        self.status.hide()
        self.figures = Figures(theme)
        self._lay_out()
        theme.changed.connect(self._paint_changes)

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(GRID, GRID, GRID, GRID)
        layout.setSpacing(GRID)
        layout.addWidget(self.band)
        layout.addLayout(row(self.stage, None, self.remove_button))
        layout.addWidget(self.models)
        layout.addWidget(self.text, 1)
        layout.addWidget(self.status)
        layout.addWidget(self.figures)

    @property
    def is_busy(self) -> bool:
        """Whether an answer is on its way."""
        return self._inquiry is not None

    def set_lineup(self, lineup: Lineup) -> None:
        """Take over the models there are; an answer of a model that a newer one replaced stays, and says so."""
        before = self.choice
        self.choice = lineup.find(self.key)
        with QSignalBlocker(self.models):
            self.models.clear()
            for key, model in lineup.entries():
                self.models.addItem(self._entry(key, model), key)
            self.models.setCurrentIndex(self.models.findData(self.key))
        self._show_model()
        if self.choice is None:
            self._say(self.tr("This model is no longer there. Choose another one."), "danger")
        elif before is not None and before.run_id != self.choice.run_id and self.answer is not None:
            self._say(self.tr("Answer of “{model}”. Ask again.").format(model=before.title), "warning")

    def ask(self, inquiry: Inquiry, reward_title: str, reference_title: str) -> None:
        """Show what an inquiry brings; the one before it is given up."""
        self.stop()
        self._clear()
        self._titles = (reward_title, reference_title)
        self._inquiry = inquiry
        inquiry.loading.connect(self._on_inquiry_loading)
        inquiry.text_changed.connect(self._on_inquiry_text_changed)
        inquiry.answered.connect(self._on_inquiry_answered)
        inquiry.finished.connect(self._on_inquiry_finished)
        inquiry.failed.connect(self._on_inquiry_failed)
        self._say(self.tr("Waiting for its turn…"))
        self._set_state(ColumnState.WAITING)

    def stop(self) -> None:
        """Ask for no more and keep what is written."""
        if self._inquiry is not None:
            self._inquiry.cancel()
            self._inquiry = None
            self._say(self.tr("Stopped."))
            self._set_state(ColumnState.STOPPED)

    def forget_answer(self) -> None:
        """Empty the column."""
        self.stop()
        self._clear()
        self._say("")
        self._set_state(ColumnState.EMPTY)

    def show_scales(self, scales: Scales) -> None:
        """Draw the bars on ranges shared by all columns."""
        if self.answer is not None:
            self.figures.show_scales(self.answer, scales)

    def show_changes(self, spans: tuple[tuple[int, int], ...]) -> None:
        """Highlight parts of the answer.

        Args:
            spans: First and one past the last character of each.
        """
        self._changed = spans
        self._paint_changes()

    # --- inside

    def _entry(self, key: str, model: ModelChoice) -> str:
        if key.startswith(NEWEST):
            return self.tr("Newest {stage}").format(stage=stage_word(model.stage))
        return model.title

    def _show_model(self) -> None:
        stage = self.choice.stage if self.choice else "base"
        word = (self.tr("Base model") if stage == "base" else stage_word(stage)) if self.choice else self.tr("No model")
        self.band.set_stage(stage)
        self.stage.setText(word)
        self.text.setAccessibleName(self.tr("Answer of {model}").format(model=word))
        title = self.choice.title if self.choice else ""
        self.models.setToolTip(tool_tip(self.tr("Model of this column: {title}").format(title=title or NOTHING)))

    def _set_state(self, state: ColumnState) -> None:
        self.state = state
        self.state_changed.emit()

    def _say(self, text: str, look: str = "") -> None:
        """A word about how it goes stands beside the figures; with a look it is a sentence above them."""
        self.status.setText(text if look else "")
        self.status.setVisible(bool(look))
        if look:
            self.status.set_look(look)
        if self.answer is None:
            self.figures.note("" if look else text)

    def _paint_changes(self) -> None:
        colours = self._theme.colours
        form = QTextCharFormat()
        form.setBackground(QColor(colours.changed))
        form.setForeground(QColor(colours.text))
        form.setUnderlineStyle(QTextCharFormat.UnderlineStyle.DotLine)  # not by colour alone
        selections = []
        for start, end in self._changed:
            selection = QTextEdit.ExtraSelection()
            cursor = QTextCursor(self.text.document())
            cursor.setPosition(_units(self.shown, start))
            cursor.setPosition(_units(self.shown, end), QTextCursor.MoveMode.KeepAnchor)
            selection.cursor, selection.format = cursor, form
            selections.append(selection)
        self.text.setExtraSelections(selections)

    def _on_models_activated(self, index: int) -> None:
        key = self.models.itemData(index)
        if key != self.key:
            self.key = key
            self.forget_answer()
            self.model_chosen.emit(self)

    def _on_remove_clicked(self) -> None:
        self.removed.emit(self)

    def _on_inquiry_loading(self, title: str) -> None:
        self._say(self.tr("Loading {model}…").format(model=title))

    def _on_inquiry_text_changed(self, _index: int, text: str) -> None:
        if self.state is not ColumnState.WRITING:
            self._say(self.tr("Writing…"))
            self._set_state(ColumnState.WRITING)
        self._show_text(text)

    def _on_inquiry_answered(self, _index: int, answer: InferredAnswer) -> None:
        self.answer = answer
        self._show_text(answer.text)
        self.figures.show_answer(answer, *self._titles)
        self.answered.emit()

    def _on_inquiry_finished(self, _seconds: float) -> None:
        self._inquiry = None
        if self.shown.strip():
            self._say("")
        else:
            self._say(self.tr("An empty answer."), "muted")
        self._set_state(ColumnState.DONE)

    def _on_inquiry_failed(self, message: str) -> None:
        self._inquiry = None
        self._say(message, "danger")
        self._set_state(ColumnState.FAILED)

    def _show_text(self, text: str) -> None:
        """Append what is new, so that a selection and the place scrolled to stay."""
        text = text.replace("\r\n", "\n").replace("\r", "\n")  # as the editor counts it
        if self.shown and text.startswith(self.shown):
            cursor = QTextCursor(self.text.document())
            cursor.movePosition(QTextCursor.MoveOperation.End)
            cursor.insertText(text[len(self.shown) :])
        else:
            self.text.setPlainText(text)
        self.shown = text

    def _clear(self) -> None:
        self.answer = None
        self.shown = ""
        self.text.clear()
        self.figures.clear()
        self.show_changes(())


def _units(text: str, place: int) -> int:
    """A place in Python's characters as Qt counts them: in units of UTF-16."""
    return len(text[:place].encode("utf-16-le", "surrogatepass")) // 2
