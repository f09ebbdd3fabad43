"""What can be done to the chosen prompts, all at once; the bar is there only while some are chosen."""

from functools import partial

from PySide6.QtCore import Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLineEdit, QMenu, QStackedWidget, QWidget

from rlhf_studio.errors import StudioError
from rlhf_studio.schema import PURPOSES, SPLITS, USE_CASES
from rlhf_studio.store.prompt_edits import LONGEST_TAG, PromptEdit, clean_tag
from rlhf_studio.ui.prompts.words import purpose_word, source_word, split_word
from rlhf_studio.ui.session import Session
from rlhf_studio.ui.use_cases import use_case_word
from rlhf_studio.ui.widgets.parts import GRID, Button
from rlhf_studio.ui.widgets.text import PlainLabel
from rlhf_studio.ui.write.flow import FlowLayout

_MOST_TAGS = 30  # in a menu


class EditBar(QFrame):
    """Menus for use case, source, split, purposes and tags, a line for a new tag or an author, and Delete."""

    edited = Signal(object)  # PromptEdit
    delete_requested = Signal()
    failed = Signal(str)  # a sentence to show

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setProperty("look", "raised")
        self.setAccessibleName(self.tr("Change the chosen prompts"))
        self._store = session.store
        self._is_tag = True  # what is typed in the line is a tag, else an author
        self.count = PlainLabel("", "heading")
        self.use_case = self._menu_button(self.tr("Use case"), self.tr("Give the chosen prompts another use case"))
        self.source = self._menu_button(self.tr("Source"), self.tr("Say where the chosen prompts come from"))
        self.split = self._menu_button(self.tr("Split"), self.tr("Train on the chosen prompts, or hold them out"))
        self.purposes = self._menu_button(self.tr("Purposes"), self.tr("Say what the chosen prompts are for"))
        self.tags = self._menu_button(self.tr("Tags"), self.tr("Add tags to the chosen prompts, or remove some"))
        self.author = Button(self.tr("Author…"), self.tr("Say who wrote the chosen prompts"))
        self.delete = Button(
            self.tr("Delete"),
            self.tr("Hide the chosen prompts with their labels; undo brings them back"),
            "danger",
            "mdi6.trash-can-outline",
            session.theme,
            self.tr("Delete"),
        )
        self.line = QLineEdit()
        self.line.setMaxLength(LONGEST_TAG)
        self.take = Button(self.tr("Apply"), self.tr("Apply it to the chosen prompts"), "primary")
        self.leave = Button(self.tr("Cancel"), self.tr("Change nothing"))
        self._fill_menus()
        self._lay_out()
        self._connect()

    def show_count(self, count: int) -> None:
        """Say how many prompts are chosen; of none the bar goes."""
        self.count.setText(self.tr("{count} chosen").format(count=f"{count:,}"))
        if not count:
            self._close_line()
        self.setVisible(count > 0 and not self._store.is_read_only)

    def begin_tag(self) -> None:
        """Let the person type a tag."""
        self._open_line(is_tag=True)

    def begin_author(self) -> None:
        """Let the person type a name."""
        self._open_line(is_tag=False)

    # --- inside

    def _menu_button(self, text: str, tip: str) -> Button:
        button = Button(text, tip)
        button.setMenu(QMenu(button))
        return button

    def _fill_menus(self) -> None:
        for use_case in USE_CASES:
            self._add(self.use_case.menu(), use_case_word(use_case), PromptEdit(use_case=use_case))
        for source in ("plain", "few_shot", "user_based"):
            self._add(self.source.menu(), source_word(source), PromptEdit(source=source))
        for split in SPLITS:
            self._add(self.split.menu(), split_word(split), PromptEdit(split=split))
        for purpose in PURPOSES:
            words = self.tr("Use for {purpose}").format(purpose=purpose_word(purpose))
            self._add(self.purposes.menu(), words, PromptEdit(add_purposes=frozenset({purpose})))
        self.purposes.menu().addSeparator()
        for purpose in PURPOSES:
            words = self.tr("No longer for {purpose}").format(purpose=purpose_word(purpose))
            self._add(self.purposes.menu(), words, PromptEdit(remove_purposes=frozenset({purpose})))

    def _add(self, menu: QMenu, words: str, edit: PromptEdit) -> QAction:
        action = menu.addAction(words.replace("&", "&&"))
        action.triggered.connect(partial(self.edited.emit, edit))
        return action

    def _lay_out(self) -> None:
        buttons = QWidget()
        flow = FlowLayout(buttons, GRID)
        for widget in (self.use_case, self.source, self.split, self.purposes, self.tags, self.author, self.delete):
            flow.addWidget(widget)
        entry = QWidget()
        line = QHBoxLayout(entry)
        line.setContentsMargins(0, 0, 0, 0)
        line.addWidget(self.line, 1)
        line.addWidget(self.take)
        line.addWidget(self.leave)
        self._stack = QStackedWidget()
        self._stack.addWidget(buttons)
        self._stack.addWidget(entry)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(GRID, GRID, GRID, GRID)
        layout.setSpacing(2 * GRID)
        layout.addWidget(self.count)
        layout.addWidget(self._stack, 1)

    def _connect(self) -> None:
        self.tags.menu().aboutToShow.connect(self._on_tags_about_to_show)
        self.author.clicked.connect(self.begin_author)
        self.delete.clicked.connect(self.delete_requested)
        self.line.returnPressed.connect(self._on_take_clicked)
        self.take.clicked.connect(self._on_take_clicked)
        self.leave.clicked.connect(self._close_line)

    def _open_line(self, *, is_tag: bool) -> None:
        self._is_tag = is_tag
        name = self.tr("Tag to add") if is_tag else self.tr("Author")
        self.line.clear()
        self.line.setPlaceholderText(name)
        self.line.setAccessibleName(name)
        self.line.setToolTip(self.tr("Enter applies it to the chosen prompts"))
        self._stack.setCurrentIndex(1)
        self.line.setFocus()

    def _close_line(self) -> None:
        self._stack.setCurrentIndex(0)

    def _on_take_clicked(self) -> None:
        text = clean_tag(self.line.text())
        if self._is_tag and not text:
            self.failed.emit(self.tr("Write a tag first."))
            return
        self._close_line()
        self.edited.emit(PromptEdit(add_tags=frozenset({text})) if self._is_tag else PromptEdit(author=text))

    def _on_tags_about_to_show(self) -> None:
        menu = self.tags.menu()
        menu.clear()
        menu.addAction(self.tr("New tag…")).triggered.connect(self.begin_tag)
        try:
            tags = list(self._store.tags())[:_MOST_TAGS]
        except StudioError as error:
            self.failed.emit(str(error))
            return
        menu.addSeparator()
        for tag in tags:
            self._add(menu, self.tr("Add “{tag}”").format(tag=tag), PromptEdit(add_tags=frozenset({tag})))
        menu.addSeparator()
        for tag in tags:
            self._add(menu, self.tr("Remove “{tag}”").format(tag=tag), PromptEdit(remove_tags=frozenset({tag})))
