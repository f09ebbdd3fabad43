"""Every act with its key, to be found and changed; works by keyboard alone."""

from collections.abc import Mapping

from PySide6.QtCore import QEvent, QModelIndex, QObject, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import QAbstractItemView, QDialog, QHeaderView, QLineEdit, QTreeView, QVBoxLayout, QWidget

from rlhf_studio.errors import StudioError
from rlhf_studio.ui.itemmodels.keys import KeysModel
from rlhf_studio.ui.keys.keymap import Keymap
from rlhf_studio.ui.keys.recorder import ChordRecorder
from rlhf_studio.ui.keys.sequences import native
from rlhf_studio.ui.widgets.parts import GRID, Button, row
from rlhf_studio.ui.widgets.text import PlainLabel


class KeysDialog(QDialog):
    """Beside the window; what is changed holds at once. Enter on a row, or a click, asks for its new key."""

    def __init__(self, keymap: Keymap, titles: Mapping[str, str], parent: QWidget | None = None) -> None:
        """Args:
        keymap: What is shown and changed.
        titles: Titles of the groups by scope, in their order.
        parent: The window.
        """
        super().__init__(parent)
        self.setObjectName("keys_dialog")
        self.setWindowTitle(self.tr("Keys"))
        self.setModal(False)
        self._keymap = keymap
        self._name = ""  # the act whose new key is asked for
        self._wanted: QKeySequence | None = None  # a key that another act has
        self.model = KeysModel(keymap, titles, self)
        self.search = self._make_search()
        self.view = self._make_view()
        self.asked = PlainLabel("", wraps=True)
        self.recorder = ChordRecorder()
        self.problem = PlainLabel("", "muted", wraps=True)
        self._make_buttons()
        self._lay_out()
        self._connect()
        self._end(self.tr("Enter or a click on an act asks for its new key."))
        self.view.setCurrentIndex(self.model.first())

    # --- acts

    def record(self, name: str) -> None:
        """Ask for the new key of an act."""
        act = self._keymap.act(name)
        if act.fixed:
            self._end(self.tr("{keys} cannot be changed.").format(keys=self._keymap.text(name)), "warning")
            return
        self._end()
        self._name = name
        words = self.tr("New key for “{act}”, now {keys}:")
        self.asked.setText(words.format(act=act.what, keys=self._keymap.text(name) or self.tr("none")))
        self._say(self.tr("Press the keys together. Esc leaves it as it is."))
        self.recorder.start()

    def take(self) -> None:
        """Give the act the key that another has, which is left without."""
        if self._wanted is not None:
            self._keymap.rebind(self._name, self._wanted)
            self._tell_done(self._wanted)

    def swap(self) -> None:
        """Give the act the key that another has, and that one the act's."""
        if self._wanted is None:
            return
        try:
            self._keymap.swap(self._name, self._wanted)
        except StudioError as error:
            self._say(str(error), "danger")
            return
        self._tell_done(self._wanted)

    def clear_key(self) -> None:
        """Leave the chosen act without a key."""
        name = self._chosen()
        if name and not self._keymap.act(name).fixed:
            self._keymap.clear(name)
            self._end(self.tr("“{act}” has no key now.").format(act=self._keymap.act(name).what))

    def reset(self) -> None:
        """Give the chosen act its default key again."""
        name = self._chosen()
        if name:
            self._keymap.reset(name)
            words = self.tr("“{act}” has {keys} again.")
            self._end(words.format(act=self._keymap.act(name).what, keys=self._keymap.text(name) or self.tr("no key")))

    def reset_all(self) -> None:
        """Give every act its default key again."""
        self._keymap.reset_all()
        self._end(self.tr("Every act has its default key again."))

    def accept(self) -> None:
        """Enter belongs to the list and to the field that records."""

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        if event.type() == QEvent.Type.KeyPress and isinstance(event, QKeyEvent):
            if watched is self.search and event.key() == Qt.Key.Key_Down:
                self.view.setFocus(Qt.FocusReason.OtherFocusReason)
                return True
            if watched is self.view and event.key() in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
                self._on_view_clicked(self.view.currentIndex())
                return True
            if watched is self.view and event.key() == Qt.Key.Key_Delete:
                self.clear_key()
                return True
        return super().eventFilter(watched, event)

    # --- inside

    def _chosen(self) -> str:
        return self.model.name_of(self.view.currentIndex())

    def _say(self, words: str, look: str = "muted") -> None:
        self.problem.set_look(look)
        self.problem.setText(words)
        self.problem.setAccessibleName(words)

    def _end(self, words: str = "", look: str = "muted") -> None:
        """Ask for no key any more, and say how it went."""
        self._name, self._wanted = "", None
        self.recorder.stop()
        self.asked.setText("")
        for button in (self.swap_button, self.take_button, self.cancel_button):
            button.hide()
        self._say(words, look)
        self._enable()
        self.view.setFocus(Qt.FocusReason.OtherFocusReason)

    def _tell_done(self, sequence: QKeySequence) -> None:
        name = self._name
        words = [self.tr("“{act}” has {keys} now.").format(act=self._keymap.act(name).what, keys=native([sequence]))]
        warned = self._keymap.check(name, sequence).warning
        self._end(" ".join([*words, warned]).strip(), "warning" if warned else "success")

    def _enable(self) -> None:
        name = self._chosen()
        can_change = bool(name) and not self._keymap.act(name).fixed
        self.change_button.setEnabled(can_change)
        self.clear_button.setEnabled(can_change and bool(self._keymap.sequences(name)))
        self.reset_button.setEnabled(can_change and self._keymap.is_changed(name))

    # --- slots

    def _on_recorder_recorded(self, sequence: QKeySequence) -> None:
        verdict = self._keymap.check(self._name, sequence)
        if verdict.refusal:
            self._say(verdict.refusal, "danger")
            self.recorder.start()
            return
        if not verdict.taken_by:
            self._keymap.rebind(self._name, sequence)
            self._tell_done(sequence)
            return
        self._wanted = sequence
        others = ", ".join(f"“{act.what}”" for act in verdict.taken_by)
        words = self.tr("{key} belongs to {others}.").format(key=native([sequence]), others=others)
        self._say(f"{words} {verdict.warning}".strip(), "warning")
        self.recorder.stop()
        can_swap = len(verdict.taken_by) == 1 and bool(self._keymap.sequences(self._name))
        self.swap_button.setVisible(can_swap)
        self.take_button.setText(self.tr("Take it from {others}").format(others=others))
        self.take_button.setAccessibleName(self.take_button.text())
        self.take_button.show()
        self.cancel_button.show()
        (self.swap_button if can_swap else self.take_button).setFocus(Qt.FocusReason.OtherFocusReason)

    def _on_cancelled(self) -> None:
        self._end(self.tr("Nothing was changed."))

    def _on_view_clicked(self, index: QModelIndex) -> None:
        name = self.model.name_of(index)
        if name:
            self.record(name)

    def _on_change_button_clicked(self) -> None:
        self._on_view_clicked(self.view.currentIndex())

    def _on_current_changed(self, _current: QModelIndex, _previous: QModelIndex) -> None:
        if not self._name:
            self._enable()

    def _on_search_text_changed(self, text: str) -> None:
        self.model.setFilterFixedString(text.strip())
        self.view.expandAll()
        self.view.setCurrentIndex(self.model.first())
        self._enable()
        if not self.model.rowCount():
            self._say(self.tr("No act and no key has “{text}”.").format(text=text.strip()), "warning")
        else:
            self._say("")

    # --- building

    def _make_search(self) -> QLineEdit:
        field = QLineEdit()
        field.setPlaceholderText(self.tr("Search acts and keys"))
        field.setAccessibleName(self.tr("Search acts and keys"))
        field.setToolTip(self.tr("Words of an act, a tab, or a key such as Ctrl+R; Down leads to the list"))
        field.setClearButtonEnabled(True)
        return field

    def _make_view(self) -> QTreeView:
        view = QTreeView()
        view.setModel(self.model)
        view.setAccessibleName(self.tr("Acts and their keys"))
        view.setRootIsDecorated(False)
        view.setItemsExpandable(False)
        view.setAllColumnsShowFocus(True)
        view.setTabKeyNavigation(False)
        view.setUniformRowHeights(True)
        view.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        view.expandAll()
        header = view.header()
        header.setStretchLastSection(False)
        header.setSectionsMovable(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for column in (1, 2):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
        return view

    def _make_buttons(self) -> None:
        tip = self.tr("Both acts keep a key: each gets the other's")
        self.swap_button = Button(self.tr("&Swap the two keys"), tip, "primary")
        self.take_button = Button("", self.tr("The other act is left without a key"))
        self.cancel_button = Button(self.tr("&Leave it"), self.tr("Change nothing"), keys=self.tr("Esc"))
        self.change_button = Button(
            self.tr("&Change…"), self.tr("Ask for the chosen act's new key"), keys=self.tr("Enter")
        )
        self.clear_button = Button(
            self.tr("&No key"), self.tr("Leave the chosen act without a key"), keys=self.tr("Del")
        )
        self.reset_button = Button(self.tr("&Default"), self.tr("Give the chosen act its default key again"))
        self.reset_all_button = Button(self.tr("&All defaults"), self.tr("Give every act its default key again"))
        self.close_button = Button(self.tr("Close"), self.tr("Close this list; every change holds already"))

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, 2 * GRID)
        layout.setSpacing(GRID)
        layout.addWidget(self.search)
        layout.addWidget(self.view, 1)
        asking = row(self.asked, self.recorder)
        asking.setStretch(0, 1)
        layout.addLayout(asking)
        layout.addWidget(self.problem)
        layout.addLayout(row(self.swap_button, self.take_button, self.cancel_button, None))
        buttons = (self.change_button, self.clear_button, self.reset_button, self.reset_all_button)
        layout.addLayout(row(*buttons, None, self.close_button))
        self.resize(92 * GRID, 84 * GRID)

    def _connect(self) -> None:
        for button, act in (
            (self.swap_button, self.swap),
            (self.take_button, self.take),
            (self.cancel_button, self._on_cancelled),
            (self.change_button, self._on_change_button_clicked),
            (self.clear_button, self.clear_key),
            (self.reset_button, self.reset),
            (self.reset_all_button, self.reset_all),
            (self.close_button, self.close),
        ):
            button.setAutoDefault(False)
            button.clicked.connect(act)
        self.search.textChanged.connect(self._on_search_text_changed)
        self.view.clicked.connect(self._on_view_clicked)
        self.view.selectionModel().currentChanged.connect(self._on_current_changed)
        self.recorder.recorded.connect(self._on_recorder_recorded)
        self.recorder.cancelled.connect(self._on_cancelled)
        for widget in (self.search, self.view):
            widget.installEventFilter(self)
