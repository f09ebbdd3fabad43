"""The prompt that all models answer: typed freely, or one of the project's."""

from collections.abc import Sequence

from PySide6.QtCore import QSignalBlocker, Qt, Signal
from PySide6.QtWidgets import (
    QComboBox,
    QCompleter,
    QHBoxLayout,
    QLineEdit,
    QListView,
    QSizePolicy,
    QVBoxLayout,
    QWidget,
)

from rlhf_studio.schema import Prompt, Purpose, Split, Turn
from rlhf_studio.store.project import Store
from rlhf_studio.ui.theme import Theme
from rlhf_studio.ui.widgets.parts import GRID
from rlhf_studio.ui.widgets.text import PlainEditor

LISTED = 2000  # a longer list helps nobody; any other prompt can be pasted
_SHOWN = 160  # characters of a prompt in the list


def listed_prompts(store: Store) -> tuple[Prompt, ...]:
    """Probes first, then what no model was trained on, then the rest."""
    found: dict[int, Prompt] = {}
    pages: tuple[tuple[Purpose | None, Split | None], ...] = (
        ("probe", None),
        (None, "test"),
        (None, "valid"),
        (None, None),
    )
    for purpose, split in pages:
        for prompt in store.prompts(purpose, split, limit=LISTED):
            found.setdefault(prompt.id, prompt)
        if len(found) >= LISTED:
            break
    return tuple(found.values())[:LISTED]


class PromptPicker(QComboBox):
    """A list of prompts that is searched by typing any part of one."""

    prompt_chosen = Signal(object)  # Prompt

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.prompts: tuple[Prompt, ...] = ()
        self._line_edit = QLineEdit()
        self.setLineEdit(self._line_edit)  # makes it editable
        self.setInsertPolicy(QComboBox.InsertPolicy.NoInsert)
        self.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.setMinimumContentsLength(24)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMaxVisibleItems(16)
        view = QListView()
        view.setUniformItemSizes(True)
        view.setTextElideMode(Qt.TextElideMode.ElideRight)
        self.setView(view)
        completer = QCompleter(self.model(), self)
        completer.setFilterMode(Qt.MatchFlag.MatchContains)
        completer.setCaseSensitivity(Qt.CaseSensitivity.CaseInsensitive)
        completer.setCompletionMode(QCompleter.CompletionMode.PopupCompletion)
        self.setCompleter(completer)
        self._line_edit.setPlaceholderText(self.tr("Find a prompt of this project…"))
        self._line_edit.setAccessibleName(self.tr("Find a prompt"))
        self.setAccessibleName(self.tr("Find a prompt"))
        self.setToolTip(self.tr("Type a part of a prompt, or open the list: probes first, then held-out prompts"))
        self.activated.connect(self._on_activated)

    def set_prompts(self, prompts: Sequence[Prompt]) -> None:
        """List these, and keep what is chosen if it is among them."""
        chosen = self.chosen()
        self.prompts = tuple(prompts)
        with QSignalBlocker(self):
            self.clear()
            self.addItems([self._line(prompt) for prompt in self.prompts])
        self.show_prompt(chosen.id if chosen else 0)

    def chosen(self) -> Prompt | None:
        """The prompt of the list that is shown."""
        index = self.currentIndex()
        return self.prompts[index] if 0 <= index < len(self.prompts) else None

    def show_prompt(self, prompt_id: int) -> None:
        """Show one of the list; one that is not there shows as none."""
        ids = [prompt.id for prompt in self.prompts]
        with QSignalBlocker(self):
            self.setCurrentIndex(ids.index(prompt_id) if prompt_id in ids else -1)
            if self.currentIndex() < 0:
                self._line_edit.clear()
            self._line_edit.setCursorPosition(0)

    def _line(self, prompt: Prompt) -> str:
        if "probe" in prompt.purposes:
            word = self.tr("probe")
        else:
            word = {"test": self.tr("held out"), "valid": self.tr("held out"), "train": self.tr("training")}[
                prompt.split
            ]
        return f"{word} · {' '.join(prompt.text.split())[:_SHOWN]}"

    def _on_activated(self, index: int) -> None:
        if 0 <= index < len(self.prompts):
            self._line_edit.setCursorPosition(0)
            self.prompt_chosen.emit(self.prompts[index])


class PromptPanel(QWidget):
    """A list to choose from above an editor; of a conversation the earlier turns are shown and kept."""

    changed = Signal()

    def __init__(self, theme: Theme, buttons: Sequence[QWidget], parent: QWidget | None = None) -> None:
        """Lay the buttons out beside the editor, the most important one on top."""
        super().__init__(parent)
        self._theme = theme
        self._earlier: tuple[Turn, ...] = ()
        self._prompt: Prompt | None = None
        self.picker = PromptPicker()
        self.earlier = PlainEditor()
        self.earlier.setReadOnly(True)
        self.earlier.setAccessibleName(self.tr("Earlier turns of the conversation"))
        self.earlier.setToolTip(self.tr("Earlier turns of the conversation; the models read them too"))
        self.earlier.hide()
        self.editor = PlainEditor()
        self.editor.setAccessibleName(self.tr("Prompt"))
        self.editor.setToolTip(self.tr("What all models are asked"))
        self.editor.setPlaceholderText(self.tr("Write a prompt, or find one of this project above."))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID)
        for widget in (self.picker, self.earlier):
            layout.addWidget(widget)
        beside = QVBoxLayout()
        beside.setSpacing(GRID)
        for button in buttons:
            beside.addWidget(button)
        beside.addStretch(1)
        line = QHBoxLayout()
        line.setSpacing(GRID)
        line.addWidget(self.editor, 1)
        line.addLayout(beside)
        layout.addLayout(line)
        theme.changed.connect(self._fit)
        self._fit()
        self.picker.prompt_chosen.connect(self.show_prompt)
        self.editor.textChanged.connect(self._on_editor_changed)

    @property
    def prompt_id(self) -> int:
        """The project's prompt if it is asked as it stands there, else 0."""
        return self._prompt.id if self._prompt is not None else 0

    def turns(self) -> tuple[Turn, ...]:
        """What is asked; empty as long as nothing is written."""
        text = self.editor.toPlainText()
        if self._prompt is not None:
            return self._prompt.turns  # character by character, also what an editor would change
        return (*self._earlier, Turn("user", text)) if text.strip() else ()

    def show_prompt(self, prompt: Prompt) -> None:
        """Put a prompt of the project into the editor."""
        self._prompt = None
        self._earlier = prompt.turns[:-1]
        self.earlier.setPlainText("\n".join(f"{self._role(turn)}: {turn.content}" for turn in self._earlier))
        self.earlier.setVisible(bool(self._earlier))
        self.editor.setPlainText(prompt.text)
        self._prompt = prompt
        self.picker.show_prompt(prompt.id)
        self.changed.emit()

    def _fit(self) -> None:
        """Three lines of the size at which prompts are set."""
        for editor in (self.earlier, self.editor):
            editor.setFixedHeight(round(4.5 * self._theme.reading_px))

    def _role(self, turn: Turn) -> str:
        words = {"system": self.tr("System"), "user": self.tr("Person"), "assistant": self.tr("Assistant")}
        return words[turn.role]

    def _on_editor_changed(self) -> None:
        if self._prompt is not None:
            self._prompt = None
            self.picker.show_prompt(0)
        if not self.editor.toPlainText() and self._earlier:
            self._earlier = ()
            self.earlier.hide()
        self.changed.emit()
