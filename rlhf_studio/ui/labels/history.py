"""Every label act, the newest first, to look at, to correct and to take back."""

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QHBoxLayout, QSplitter, QWidget

from rlhf_studio.errors import StudioError
from rlhf_studio.store.database import Changes
from rlhf_studio.store.history import LabelAct
from rlhf_studio.ui.labels.act_list import ActList
from rlhf_studio.ui.labels.act_view import ActView, restore_obstacle
from rlhf_studio.ui.labels.page import LabelsPage
from rlhf_studio.ui.session import Session
from rlhf_studio.ui.tabs.tab import GoTo
from rlhf_studio.ui.widgets.parts import GRID

_EDITABLE = frozenset({"demonstration", "ranking"})


class HistoryPage(LabelsPage):
    """The list of acts, and the one that is looked at."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self.list = ActList(session)
        self.view = ActView(session)
        splitter = QSplitter(Qt.Orientation.Horizontal)
        splitter.setChildrenCollapsible(False)
        splitter.setHandleWidth(2 * GRID)
        splitter.addWidget(self.list)
        splitter.addWidget(self.view)
        splitter.setStretchFactor(1, 1)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(splitter)
        self.list.opened.connect(self._on_list_opened)
        self.list.failed.connect(self._on_list_failed)
        self.list.write_wanted.connect(self._on_list_write_wanted)
        self.list.view.edit_wanted.connect(self.edit)
        self.list.view.toggle_wanted.connect(self.toggle)
        self.view.edit_wanted.connect(self.edit)
        self.view.take_back_wanted.connect(self.toggle)
        self.view.restore_wanted.connect(self.toggle)
        self.view.version_wanted.connect(self.show_label)
        session.keymap.bind(self, {"labels.search": self.list.search.setFocus})
        session.keymap.hint({"labels.search": self.list.search})
        self.view.hide()

    def reload(self) -> None:
        self.list.reload()

    def take_keys(self) -> None:
        self.list.view.setFocus(Qt.FocusReason.OtherFocusReason)

    def go_to(self, target: GoTo) -> None:
        """Show a ranking."""
        if target.ranking_id is not None:
            self.show_label("ranking", target.ranking_id)

    def show_label(self, kind: str, label_id: int) -> None:
        """Look at one label, wherever in the list it is."""
        try:
            act = self.session.store.label_act("demonstration" if kind == "demonstration" else "ranking", label_id)
        except StudioError as error:
            self.session.say(str(error), kind="error")
            return
        if act is not None:
            self.list.select(act)

    # --- acts

    def edit(self) -> None:
        """Open the label where it was made; a set that was put aside is shown to be ranked."""
        act = self.list.current
        if act is None or not self.view.edit.isEnabled():
            return
        if act.kind == "demonstration":
            self.go_to_requested.emit(GoTo("write", prompt_id=act.prompt_id))
        elif act.kind == "ranking":
            self.go_to_requested.emit(GoTo("rank", ranking_id=act.id))
        else:
            self.go_to_requested.emit(GoTo("rank", set_id=act.set_id))

    def toggle(self) -> None:
        """Take the label back, or restore it."""
        act = self.list.current
        if act is None or act.kind not in _EDITABLE or self.session.store.is_read_only:
            return
        is_live = act.state == "live"
        if not is_live and (obstacle := restore_obstacle(act)):
            self.session.say(obstacle, kind="warning")
            return
        try:
            changes = self._retract(act) if is_live else self._restore(act)
        except StudioError as error:
            self.session.say(str(error), kind="error")
            return
        self.session.changed(changes, self)
        words = self.tr("Label taken back.") if is_live else self.tr("Label restored.")
        self.session.say(words, kind="undo")

    def _retract(self, act: LabelAct) -> Changes:
        store, who = self.session.store, self.session.labeler
        retract = store.retract_demonstration if act.kind == "demonstration" else store.retract_ranking
        return retract(act.id, who)

    def _restore(self, act: LabelAct) -> Changes:
        store, who = self.session.store, self.session.labeler
        restore = store.restore_demonstration if act.kind == "demonstration" else store.restore_ranking
        return restore(act.id, who)

    # --- slots

    def _on_list_opened(self, act: LabelAct | None) -> None:
        self.view.setVisible(act is not None)
        if act is None:
            return
        try:
            self.view.show_act(act)
        except StudioError as error:
            self.session.say(str(error), kind="error")

    def _on_list_failed(self, message: str) -> None:
        self.session.say(message, kind="error")

    def _on_list_write_wanted(self) -> None:
        self.go_to_requested.emit(GoTo("write"))
