"""A desk for ranking that is driven by real keys and a real mouse."""

from itertools import count

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from window_material import FakeInference

from rlhf_studio.schema import NewCompletion
from rlhf_studio.ui.tabs.rank_tab import RankTab

SIZE = (1024, 560)
_NAMED = {"\n": Qt.Key.Key_Return, "<": Qt.Key.Key_Backspace, "=": Qt.Key.Key_Equal}
_NUMBERS = count(1)


class Desk:
    """The Rank tab of one session, whose models never answer by themselves."""

    def __init__(self, qtbot, session):
        session.inference.close(5)
        session.inference = FakeInference()
        self.qtbot, self.session, self.store = qtbot, session, session.store
        self.said = []
        session.messaged.connect(self.said.append)

    def add(self, k=4, texts=()):
        """A set that waits; its id."""
        prompt = self.store.prompts("rank")[0]
        texts = [*texts, *(f"Answer number {next(_NUMBERS)}." for _ in range(k - len(texts)))]
        return self.store.add_answer_set(prompt.id, [NewCompletion(prompt.id, text, "m") for text in texts]).ids[0]

    def open(self, k=4, size=SIZE):
        """Show the tab."""
        self.session.preferences.keep("rank_k", k)
        self.tab = RankTab(self.session)
        self.qtbot.addWidget(self.tab)
        self.tab.resize(*size)
        with self.qtbot.waitExposed(self.tab):
            self.tab.show()
        self.tab.activateWindow()
        self.qtbot.waitUntil(self.tab.isActiveWindow)
        self.page = self.tab.page
        return self.tab

    def press(self, keys, modifier=Qt.KeyboardModifier.NoModifier):
        """Press keys where the keyboard is: newline is Enter, < is Backspace."""
        for key in keys:
            QTest.keyClick(QApplication.focusWidget() or self.tab, _NAMED.get(key, key), modifier)

    def send(self, text="", key=0, scan_code=0, virtual_key=0, modifier=Qt.KeyboardModifier.NoModifier, held=False):
        """A key press as a keyboard of another layout sends it."""
        event = QKeyEvent(QEvent.Type.KeyPress, key, modifier, scan_code, virtual_key, 0, text, held)
        QApplication.sendEvent(self.tab, event)

    def note(self, text):
        """Type a note and go back to the answers."""
        field = self.page.verdict.field
        field.setFocus()
        QTest.keyClicks(field, text)
        QTest.keyClick(field, Qt.Key.Key_Escape)

    def click(self, widget):
        QTest.mouseClick(widget, Qt.MouseButton.LeftButton)

    @property
    def tiers(self):
        """The order so far, each tier ascending."""
        return tuple(tuple(sorted(tier)) for tier in self.tab.order.entry.tiers)

    def ranking(self, set_id):
        """The live ranking of a set."""
        ids = set(self.store.answer_set(set_id).completion_ids)
        (found,) = (ranking for ranking in self.store.rankings() if set(ranking.shown_order) == ids)
        return found

    def ranked(self, set_id):
        """The same in terms of the set's answers, counted from 0."""
        ids = self.store.answer_set(set_id).completion_ids
        return tuple(tuple(sorted(ids.index(i) for i in tier)) for tier in self.ranking(set_id).tiers)

    def undo(self):
        self.session.changed(self.store.undo("Tess").changes)

    def redo(self):
        self.session.changed(self.store.redo("Tess").changes)
