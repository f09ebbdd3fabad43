"""The Rank tab's page and, in its place when asked for, what learning from it has changed."""

from collections.abc import Callable

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QShortcut
from PySide6.QtWidgets import QStackedWidget, QVBoxLayout, QWidget

from rlhf_studio.errors import StudioError
from rlhf_studio.ui.rank.learn_bar import LearnBar
from rlhf_studio.ui.rank.learner import Learner, RoundState
from rlhf_studio.ui.rank.loop_page import LoopPage
from rlhf_studio.ui.session import Session
from rlhf_studio.ui.tabs.tab import GoTo


class LoopStack(QWidget):
    """Ranking above, the bar that learns below; learning shows its page, which Escape leaves."""

    go_to_requested = Signal(object)  # GoTo
    ranking_wanted = Signal()  # the page of ranking is there again

    def __init__(self, session: Session, ranking: QWidget, tab: QWidget) -> None:
        """``tab`` is what has the keyboard: its keys learn and leave."""
        super().__init__(tab)
        self._session, self._tab = session, tab
        self.learner = Learner(session, self)
        self.page = LoopPage(session, self.learner)
        self.bar = LearnBar(session, self.learner)
        self._pages = QStackedWidget()
        self._pages.addWidget(ranking)
        self._pages.addWidget(self.page)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self._pages, 1)
        layout.addWidget(self.bar)
        self.bar.learn_wanted.connect(self.learn)
        self.bar.result_wanted.connect(self.show_changes)
        self.bar.train_wanted.connect(self._on_train_wanted)
        self.page.left.connect(self.show_ranking)
        self.learner.changed.connect(self._on_learner_changed)
        session.keymap.bind(tab, {"rank.learn": self.learn})
        session.keymap.hint({"rank.learn": self.bar.learn})
        self._escape = QShortcut(tab)
        self._escape.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
        self._escape.activated.connect(self.show_ranking)
        session.keymap.follow(self._escape, "rank.leave")
        self._escape.setEnabled(False)

    @property
    def is_showing_changes(self) -> bool:
        return self._pages.currentWidget() is self.page

    def learn(self) -> None:
        """Begin a round and watch it."""
        if self._begin(self.learner.learn):
            self.show_changes()

    def learn_if_due(self) -> None:
        """Begin a round if a person wanted that after so many rankings; ranking goes on."""
        self._begin(self.learner.learn_if_due)

    def show_changes(self) -> None:
        """Show the round that goes on, or the last one."""
        self._pages.setCurrentWidget(self.page)
        self._escape.setEnabled(True)
        self.bar.note_page(is_changes=True)
        self.page.back.setFocus(Qt.FocusReason.OtherFocusReason)

    def show_ranking(self) -> None:
        """Go back to ranking."""
        self._escape.setEnabled(False)
        self.bar.note_page(is_changes=False)
        self._pages.setCurrentIndex(0)
        self.ranking_wanted.emit()

    def _begin(self, act: Callable[[], None]) -> bool:
        try:
            act()
        except StudioError as error:
            self._session.say(str(error), kind="error")
        return self.learner.is_running

    def _on_train_wanted(self) -> None:
        self.go_to_requested.emit(GoTo("train"))

    def _on_learner_changed(self) -> None:
        """Who ranks on meanwhile is told when it is there."""
        learner = self.learner
        if learner.state is not RoundState.TOLD or self.page.isVisible():
            return
        learner.note_told()
        words = self.tr("Your rankings are learned, after {seconds} s.").format(seconds=round(learner.seconds))
        self._session.say(words, kind="success", action=self.tr("See what changed"), act=self.show_changes)
