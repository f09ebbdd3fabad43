"""Left of the history: which acts are listed, and the list."""

from PySide6.QtCore import QModelIndex, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QComboBox, QGridLayout, QLineEdit, QListView, QStackedWidget, QVBoxLayout, QWidget

from rlhf_studio.errors import StudioError
from rlhf_studio.store.history import ACT_KINDS, ActFilter, LabelAct
from rlhf_studio.ui.itemmodels.acts import ActModel
from rlhf_studio.ui.itemmodels.paged import ItemRole
from rlhf_studio.ui.labels.act_delegate import ActDelegate
from rlhf_studio.ui.labels.words import kind_word
from rlhf_studio.ui.session import Session
from rlhf_studio.ui.widgets.parts import GRID, EmptyState, draw_rows
from rlhf_studio.ui.widgets.text import PlainLabel

_WIDTH = 380
_SEARCH_MS = 150


class ActListView(QListView):
    """The list itself; Enter edits, Delete takes back or restores."""

    edit_wanted = Signal()
    toggle_wanted = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        if event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
            self.edit_wanted.emit()
        elif event.key() == Qt.Key.Key_Delete:
            self.toggle_wanted.emit()
        else:
            super().keyPressEvent(event)


class ActList(QWidget):
    """Search, filters and the acts that fit; tells which one the person looks at."""

    opened = Signal(object)  # LabelAct, or None where there is none
    write_wanted = Signal()
    failed = Signal(str)  # a sentence to show

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._store = session.store
        self._current: LabelAct | None = None
        self.model = ActModel(session.store, self)
        self.search = QLineEdit()
        self.search.setPlaceholderText(self.tr("Search prompts"))
        self.search.setClearButtonEnabled(True)
        self.search.setAccessibleName(self.tr("Search the prompts of labels"))
        self.search.setToolTip(self.tr("Show labels of prompts that contain these words"))
        self.kinds = self._make_box(self.tr("Kind"), self.tr("Which labels are listed"))
        self.kinds.addItem(self.tr("All kinds"), None)
        for kind in ACT_KINDS:
            self.kinds.addItem(kind_word(kind), kind)
        self.labelers = self._make_box(self.tr("Labeler"), self.tr("Whose labels are listed"))
        self.origins = self._make_box(self.tr("Origin"), self.tr("Whether labels by people or by scripts are listed"))
        for words, is_simulated in (
            (self.tr("People and scripts"), None),
            (self.tr("By people"), False),
            (self.tr("Simulated"), True),
        ):
            self.origins.addItem(words, is_simulated)
        self.view = self._make_view(session)
        self.nothing = EmptyState("", "", self.tr("Show all"), self.tr("Show every label again"))
        self.count = PlainLabel("", "muted")
        self._pages = QStackedWidget()
        self._pages.addWidget(self.view)
        self._pages.addWidget(self.nothing)
        self._lay_out()
        self._connect()

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(_WIDTH, super().sizeHint().height())

    @property
    def current(self) -> LabelAct | None:
        """The act that is looked at."""
        return self._current

    @property
    def wanted(self) -> ActFilter:
        """What the controls say."""
        return ActFilter(
            self.kinds.currentData(),
            self.labelers.currentData(),
            self.origins.currentData(),
            self.search.text().strip(),
        )

    def reload(self) -> None:
        """Read again, keeping the chosen act and the place in the list."""
        scrolled = self.view.verticalScrollBar().value()
        self._list_labelers()
        self.model.reload()
        self._after_reset(is_same=True)
        self.view.verticalScrollBar().setValue(scrolled)

    def select(self, act: LabelAct) -> None:
        """Look at an act; where the filter hides it, every act is listed again."""
        if self.model.row_of(act.kind, act.id) is None and self.wanted != ActFilter():
            self.show_all()
        self._current = act
        self._mark()
        self.opened.emit(act)

    def show_all(self) -> None:
        """List every act."""
        self.search.clear()
        for box in (self.kinds, self.labelers, self.origins):
            box.setCurrentIndex(0)
        self._on_filter_changed()

    # --- inside

    def _make_box(self, name: str, tip: str) -> QComboBox:
        box = QComboBox()
        box.setAccessibleName(name)
        box.setToolTip(tip)
        box.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        box.setMinimumContentsLength(8)
        return box

    def _make_view(self, session: Session) -> ActListView:
        view = ActListView()
        view.setModel(self.model)
        view.setItemDelegate(ActDelegate(session.theme, view))
        draw_rows(view)
        view.setAccessibleName(self.tr("Labels"))
        view.setToolTip(self.tr("Labels, the newest first"))
        return view

    def _lay_out(self) -> None:
        boxes = QGridLayout()
        boxes.setSpacing(GRID)
        for column, box in enumerate((self.kinds, self.labelers)):
            boxes.addWidget(box, 0, column)
            boxes.setColumnStretch(column, 1)
        boxes.addWidget(self.origins, 1, 0)
        boxes.addWidget(self.count, 1, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID)
        layout.addWidget(self.search)
        layout.addLayout(boxes)
        layout.addWidget(self._pages, 1)

    def _connect(self) -> None:
        self._search_timer = QTimer(self)
        self._search_timer.setSingleShot(True)
        self._search_timer.setInterval(_SEARCH_MS)
        self._search_timer.timeout.connect(self._on_filter_changed)
        self.search.textChanged.connect(self._search_timer.start)
        self.search.returnPressed.connect(self._on_search_return_pressed)
        for box in (self.kinds, self.labelers, self.origins):
            box.activated.connect(self._on_filter_changed)
        self.nothing.acted.connect(self._on_nothing_acted)
        self.view.selectionModel().currentChanged.connect(self._on_view_current_changed)
        self.model.failed.connect(self.failed)

    def _list_labelers(self) -> None:
        try:
            everyone = self._store.everyone()
        except StudioError as error:
            self.failed.emit(str(error))
            return
        kept = self.labelers.currentData()
        self.labelers.clear()
        self.labelers.addItem(self.tr("Everyone"), None)
        for who in everyone:
            self.labelers.addItem(who or self.tr("(no name)"), who)
        self.labelers.setCurrentIndex(max(0, self.labelers.findData(kept)))

    def _after_reset(self, *, is_same: bool = False) -> None:
        """Mark the chosen act again, or else the newest; say how many there are, and why there are none.

        ``is_same`` says that the filter is the one before: an act beyond the rows that were read is still looked at.
        """
        kept = self._current
        try:
            count = self._store.count_label_acts(self.model.filter)
            if kept is not None:
                kept = self._store.label_act(kept.kind, kept.id)  # as it stands now
        except StudioError as error:
            self.failed.emit(str(error))
            return
        self.count.setText((self.tr("1 label") if count == 1 else self.tr("{n} labels")).format(n=count))
        is_empty = self.model.rowCount() == 0
        if is_empty:
            self._explain_nothing()
        self._pages.setCurrentWidget(self.nothing if is_empty else self.view)
        is_listed = kept is not None and self.model.row_of(kept.kind, kept.id) is not None
        self._current = kept if is_listed or (is_same and not is_empty) else None
        if self._current is None and not is_empty:
            self._current = self.model.index(0).data(ItemRole)
        self._mark()
        self.opened.emit(self._current)

    def _mark(self) -> None:
        row = None if self._current is None else self.model.row_of(self._current.kind, self._current.id)
        if row is None:
            return
        index = self.model.index(row)
        self.view.setCurrentIndex(index)
        self.view.scrollTo(index)

    def _explain_nothing(self) -> None:
        is_filtered = self.model.filter != ActFilter()
        self.nothing.title.setText("" if is_filtered else self.tr("No labels yet"))
        self.nothing.title.setVisible(not is_filtered)
        words = self.tr("No label fits the search and the filters.")
        none = self.tr("Each demonstration, ranking and verdict is listed here, to be looked at and corrected.")
        self.nothing.sentence.setText(words if is_filtered else none)
        action = self.tr("Show all") if is_filtered else self.tr("Write a demonstration")
        self.nothing.button.setText(action)
        self.nothing.button.setAccessibleName(action)
        self.nothing.button.setToolTip(action)

    # --- slots

    def _on_filter_changed(self) -> None:
        self._search_timer.stop()
        if self.wanted != self.model.filter:
            self.model.show_only(self.wanted)
            self._after_reset()

    def _on_search_return_pressed(self) -> None:
        self._on_filter_changed()
        self.view.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def _on_nothing_acted(self) -> None:
        if self.model.filter == ActFilter():
            self.write_wanted.emit()
        else:
            self.show_all()

    def _on_view_current_changed(self, current: QModelIndex) -> None:
        act = current.data(ItemRole)
        if isinstance(act, LabelAct) and act != self._current:
            self._current = act
            self.opened.emit(act)
