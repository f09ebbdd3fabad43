"""The table of the library: any number of rows, chosen by mouse and keyboard, with a menu of what to do to them."""

from PySide6.QtCore import QEvent, QItemSelection, QItemSelectionModel, QModelIndex, Qt, Signal
from PySide6.QtGui import QContextMenuEvent, QGuiApplication, QKeyEvent, QKeySequence, QResizeEvent
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QMenu, QTableView, QWidget

from rlhf_studio.ui.itemmodels.library import (
    AUTHOR,
    DEMONSTRATIONS,
    RANKINGS,
    SOURCE,
    SPLIT,
    TAGS,
    TEXT,
    USE_CASE,
    LibraryModel,
)
from rlhf_studio.ui.widgets.parts import GRID

_WIDTHS = {  # in characters of the font
    USE_CASE: 15,
    SOURCE: 10,
    SPLIT: 10,
    TAGS: 14,
    DEMONSTRATIONS: 8,
    RANKINGS: 9,
    AUTHOR: 9,
}
_GIVEN_UP = (AUTHOR, SOURCE, SPLIT, TAGS)  # in this order, where the text would have less than its characters
_TEXT_CHARACTERS = 36
_MOST_RANGES = (
    500  # a selection of more separate pieces is given up when rows move: Qt needs the square of their number
)
_COPIED = 1000  # prompts at most: what a clipboard takes without complaint


class LibraryTable(QTableView):
    """Rows are chosen, not cells. Enter opens, Delete deletes, Ctrl+A chooses all that fit, Ctrl+C copies."""

    opened = Signal(int)  # id of a prompt, to answer it
    rank_requested = Signal(int)  # likewise, to rank answers to it
    delete_requested = Signal()
    choice_changed = Signal()  # other rows are chosen, or another is the current one

    def __init__(self, model: LibraryModel, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.library = model
        self.setModel(model)
        self.setProperty("look", "rows")
        self.setAccessibleName(self.tr("Prompts"))
        self.setToolTip(self.tr("All prompts that fit; Enter answers one in Write, Delete deletes the chosen ones"))
        self.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        self.setTabKeyNavigation(False)
        self.setShowGrid(False)
        self.setWordWrap(False)
        self.setCornerButtonEnabled(False)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setVerticalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        self.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        self.verticalHeader().hide()
        self.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)  # else each row would be measured
        header = self.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionsClickable(False)
        header.setMinimumSectionSize(2 * GRID)
        header.setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        header.setSectionResizeMode(TEXT, QHeaderView.ResizeMode.Stretch)
        # with the table's own it would ask every row of each column whether it is chosen: 1.5 s for 100,000
        header.setSelectionModel(QItemSelectionModel(model, header))
        self._fit()
        self.menu = self._make_menu()
        self.doubleClicked.connect(self._on_double_clicked)
        self.selectionModel().selectionChanged.connect(self._on_selection_changed)
        self.selectionModel().currentChanged.connect(self._on_current_changed)

    # --- what is chosen

    def current_id(self) -> int | None:
        """The prompt that has the keyboard."""
        row = self.currentIndex().row()
        return self.library.ids[row] if 0 <= row < len(self.library.ids) else None

    def chosen_count(self) -> int:
        """How many prompts are chosen, without listing them."""
        return sum(part.height() for part in self.selectionModel().selection().toList())

    def chosen_ids(self) -> list[int]:
        """The prompts that are chosen, also those in rows that were never read."""
        ids = self.library.ids
        return sorted(
            {
                prompt_id
                for part in self.selectionModel().selection().toList()
                for prompt_id in ids[part.top() : part.bottom() + 1]
            }
        )

    def choose(self, prompt_id: int, *, scrolls: bool = True) -> bool:
        """Make one prompt the current and only chosen one; return whether it is in the table."""
        row = self.library.row_of(prompt_id)
        if row is None:
            return False
        self.selectRow(row)
        if scrolls:
            self.scrollTo(self.library.index(row, TEXT))
        return True

    def make_current(self, row: int) -> None:
        """Put the keyboard on a row without choosing it."""
        self.selectionModel().setCurrentIndex(self.library.index(row, TEXT), QItemSelectionModel.SelectionFlag.NoUpdate)

    def choose_again(self, ids: list[int], current: int | None) -> None:
        """After other rows were read: choose the same prompts, as far as they still fit."""
        model, selection = self.selectionModel(), QItemSelection()
        for first, last in self._pieces(ids):
            selection.select(self.library.index(first, 0), self.library.index(last, self.library.columnCount() - 1))
        row = None if current is None else self.library.row_of(current)
        if row is not None:
            self.make_current(row)
        model.select(selection, QItemSelectionModel.SelectionFlag.ClearAndSelect)

    def copy(self) -> None:
        """Put the texts of the chosen prompts on the clipboard, a blank line between them."""
        rows = [self.library.row_of(prompt_id) for prompt_id in self.chosen_ids()[:_COPIED]]
        items = [self.library.item(row) for row in rows if row is not None]
        if items:
            QGuiApplication.clipboard().setText("\n\n".join(item.text for item in items if item is not None))

    # --- events

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        current = self.current_id()
        if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter} and current is not None:
            self.opened.emit(current)
        elif event.key() == Qt.Key.Key_Delete and self.chosen_count():
            self.delete_requested.emit()
        elif event.matches(QKeySequence.StandardKey.Copy):
            self.copy()
        else:
            super().keyPressEvent(event)
            return
        event.accept()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        self._give_up_columns()
        super().resizeEvent(event)

    def changeEvent(self, event: QEvent) -> None:  # noqa: N802
        super().changeEvent(event)
        if event.type() == QEvent.Type.FontChange:
            self._fit()

    def contextMenuEvent(self, event: QContextMenuEvent) -> None:  # noqa: N802
        if self.current_id() is not None:
            self.menu.popup(event.globalPos())

    def keyboardSearch(self, search: str) -> None:  # noqa: N802
        """Letters type nothing here: Qt would read every row to find one that begins so."""

    def _pieces(self, ids: list[int]) -> list[tuple[int, int]]:
        """The rows of some prompts as runs of neighbours; of none where there are too many runs."""
        pieces: list[tuple[int, int]] = []
        for row in map(self.library.row_of, ids):
            if row is None:
                continue
            if pieces and pieces[-1][1] == row - 1:
                pieces[-1] = (pieces[-1][0], row)
            else:
                pieces.append((row, row))
        return pieces if len(pieces) <= _MOST_RANGES else []

    def _fit(self) -> None:
        metrics = self.fontMetrics()
        self.verticalHeader().setDefaultSectionSize(metrics.height() + 12)
        for column, characters in _WIDTHS.items():
            self.setColumnWidth(column, self._width_of(characters))
        self._give_up_columns()

    def _width_of(self, characters: int) -> int:
        return characters * self.fontMetrics().averageCharWidth() + 2 * GRID

    def _give_up_columns(self) -> None:
        """Leave the text enough room to be told apart from others."""
        left = self.viewport().width() - sum(map(self._width_of, _WIDTHS.values()))
        for column in _GIVEN_UP:
            is_hidden = left < self._width_of(_TEXT_CHARACTERS)
            if is_hidden:
                left += self._width_of(_WIDTHS[column])
            self.setColumnHidden(column, is_hidden)

    def _make_menu(self) -> QMenu:
        menu = QMenu(self)
        menu.addAction(self.tr("Answer it in Write")).triggered.connect(self._on_open_triggered)
        menu.addAction(self.tr("Rank answers to it")).triggered.connect(self._on_rank_triggered)
        menu.addSeparator()
        menu.addAction(self.tr("Copy")).triggered.connect(self.copy)
        menu.addSeparator()
        menu.addAction(self.tr("Delete")).triggered.connect(self.delete_requested)
        return menu

    def _on_open_triggered(self) -> None:
        current = self.current_id()
        if current is not None:
            self.opened.emit(current)

    def _on_rank_triggered(self) -> None:
        current = self.current_id()
        if current is not None:
            self.rank_requested.emit(current)

    def _on_double_clicked(self, index: QModelIndex) -> None:
        self.opened.emit(self.library.ids[index.row()])

    def _on_selection_changed(self, _selected: QItemSelection, _deselected: QItemSelection) -> None:
        self.choice_changed.emit()

    def _on_current_changed(self, _current: QModelIndex, _previous: QModelIndex) -> None:
        self.choice_changed.emit()
