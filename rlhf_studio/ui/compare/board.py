"""The columns side by side: which there are, what they share, and what differs between neighbours."""

from collections.abc import Sequence
from itertools import pairwise

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QScrollArea, QWidget

from rlhf_studio.ui.compare.changes import changed_spans
from rlhf_studio.ui.compare.column import AnswerColumn
from rlhf_studio.ui.compare.figures import common_scales
from rlhf_studio.ui.compare.lineup import MAX_COLUMNS, Lineup
from rlhf_studio.ui.theme import Theme
from rlhf_studio.ui.widgets.parts import GRID, EmptyState
from rlhf_studio.ui.widgets.text import set_look


class Board(QScrollArea):
    """Up to six columns of one width; where they do not fit they scroll sideways."""

    keys_changed = Signal()  # the person chose, added or removed a model
    asked = Signal(object)  # AnswerColumn, whose model was chosen just now
    state_changed = Signal()
    train_wanted = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.columns: list[AnswerColumn] = []
        self._theme = theme
        self._lineup = Lineup()
        self._shows_changes = False
        self._page = QWidget()
        self._page.setProperty("look", "page")
        self._layout = QHBoxLayout(self._page)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(GRID)
        self.untrained = EmptyState(
            self.tr("Only the base model is there yet"),
            self.tr("Train to see what changes: SFT, PPO and PPO-ptx then answer beside it."),
            self.tr("Go to training"),
            self.tr("Open the Train tab"),
        )
        set_look(self.untrained.button, "")  # the one primary act of this tab is to ask
        self.untrained.acted.connect(self.train_wanted)
        self.untrained.hide()
        self._layout.addWidget(self.untrained, 1)
        self._layout.addStretch(0)
        self.setWidget(self._page)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)

    @property
    def keys(self) -> tuple[str, ...]:
        """The models shown, from left to right."""
        return tuple(column.key for column in self.columns)

    @property
    def is_busy(self) -> bool:
        """Whether any answer is on its way."""
        return any(column.is_busy for column in self.columns)

    @property
    def can_add(self) -> bool:
        """Whether there is room for one more."""
        return len(self.columns) < MAX_COLUMNS and bool(self._lineup.models)

    def set_lineup(self, lineup: Lineup, keys: Sequence[str]) -> None:
        """Show these models; columns that stay keep their answers."""
        self._lineup = lineup
        kept: list[AnswerColumn] = []
        for key in keys[:MAX_COLUMNS]:
            same = next((column for column in self.columns if column.key == key and column not in kept), None)
            kept.append(same or self._make(key))
        for column in self.columns:
            if column not in kept:
                self._drop(column)
        self.columns = kept
        for place, column in enumerate(kept):
            self._layout.insertWidget(place, column, 1)
            column.set_lineup(lineup)
        self.untrained.setVisible(not lineup.is_trained)
        self._arrange()

    def add(self, key: str = "") -> AnswerColumn:
        """Show one more model at the right; without room it takes the last one's place."""
        if not self.can_add and self.columns:
            self._drop(self.columns.pop())
        column = self._make(key or self._lineup.next_key(self.keys))
        self.columns.append(column)
        self._layout.insertWidget(len(self.columns) - 1, column, 1)
        column.set_lineup(self._lineup)
        self._arrange()
        self.keys_changed.emit()
        self.asked.emit(column)
        return column

    def stop(self) -> None:
        """Ask no model for more."""
        for column in self.columns:
            column.stop()

    def set_shows_changes(self, shows: bool) -> None:
        """Highlight the words that differ from the column before, or do not."""
        self._shows_changes = shows
        self._mark_changes()

    def _make(self, key: str) -> AnswerColumn:
        column = AnswerColumn(self._theme, key)
        column.model_chosen.connect(self._on_column_model_chosen)
        column.removed.connect(self._on_column_removed)
        column.answered.connect(self._on_column_answered)
        column.state_changed.connect(self.state_changed)
        return column

    def _drop(self, column: AnswerColumn) -> None:
        column.stop()
        self._layout.removeWidget(column)
        column.hide()
        column.deleteLater()

    def _arrange(self) -> None:
        for column in self.columns:
            column.remove_button.setEnabled(len(self.columns) > 1)
        order: list[QWidget] = []
        for column in self.columns:
            order += [column.remove_button, column.models, column.text]
        for before, after in pairwise(order):
            QWidget.setTabOrder(before, after)
        self._measure()
        self.state_changed.emit()

    def _measure(self) -> None:
        scales = common_scales([column.answer for column in self.columns if column.answer is not None])
        for column in self.columns:
            column.show_scales(scales)
        self._mark_changes()

    def _mark_changes(self) -> None:
        before = ""
        for column in self.columns:
            is_marked = self._shows_changes and before and column.answer is not None
            column.show_changes(changed_spans(before, column.shown) if is_marked else ())
            before = column.shown if column.answer is not None else ""

    def _on_column_model_chosen(self, column: AnswerColumn) -> None:
        column.set_lineup(self._lineup)
        self._measure()
        self.keys_changed.emit()
        self.asked.emit(column)

    def _on_column_removed(self, column: AnswerColumn) -> None:
        if len(self.columns) > 1:
            place = self.columns.index(column)
            self.columns.remove(column)
            self._drop(column)
            self._arrange()
            self.columns[min(place, len(self.columns) - 1)].models.setFocus()
            self.keys_changed.emit()

    def _on_column_answered(self) -> None:
        self._measure()
