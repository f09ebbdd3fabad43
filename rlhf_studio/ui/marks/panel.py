"""What a labeler says about a prompt itself, below the prompt: one line, which opens into chips."""

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QSizePolicy, QVBoxLayout, QWidget

from rlhf_studio.errors import StudioError
from rlhf_studio.store.annotations import MARKS, Mark
from rlhf_studio.store.database import Changes
from rlhf_studio.ui.marks.shares import show_shares
from rlhf_studio.ui.marks.words import mark_tip, mark_word
from rlhf_studio.ui.session import Session
from rlhf_studio.ui.widgets.parts import GRID, Button, Card, row
from rlhf_studio.ui.widgets.text import PlainLabel, tool_tip
from rlhf_studio.ui.write.fitting import FittingScroll
from rlhf_studio.ui.write.flow import FlowLayout

_SHOWN = "marks/shown"
_MOST_PX = 400


class ElidedLabel(PlainLabel):
    """One line that is cut with three dots where it does not fit; its tooltip is whole."""

    def __init__(self, look: str, parent: QWidget | None = None) -> None:
        self._whole = ""
        super().__init__("", look, parent)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)

    @property
    def whole(self) -> str:
        """All of it."""
        return self._whole

    def setText(self, text: str) -> None:  # noqa: N802
        self._whole = text
        self.setToolTip(tool_tip(text))
        self.setAccessibleName(text)
        self._fit()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        self._fit()

    def _fit(self) -> None:
        super().setText(self.fontMetrics().elidedText(self._whole, Qt.TextElideMode.ElideRight, self.width()))


class MarksPanel(QWidget):
    """A chip for each mark of table 7; each click is kept at once, as an act that can be undone."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._prompt_id: int | None = None
        self.toggle = self._make_toggle()
        self.chips = {mark: self._make_chip(mark) for mark in MARKS}
        self.none = Button(self.tr("None of these"), self.tr("You looked, and no mark applies"), "chip")
        self.none.setCheckable(True)
        self.state = ElidedLabel("muted")
        self.box = Card("raised")
        self.shares = Button(
            self.tr("Shares\u2026"), self.tr("How often each mark was given here, beside the paper's table 7"), "quiet"
        )
        self._lay_out()
        self.none.clicked.connect(self._on_none_clicked)
        self.shares.clicked.connect(self._on_shares_clicked)
        session.store_changed.connect(self._on_session_store_changed)
        session.labeler_changed.connect(self._on_session_labeler_changed)
        self._show(is_shown=session.preferences.value(_SHOWN) == "1")

    def show_for(self, prompt_id: int | None) -> None:
        """Show what the labeler said about a prompt."""
        self._prompt_id = prompt_id
        self.reload()

    def reload(self) -> None:
        """Read again what was said."""
        marks: frozenset[Mark] | None = None
        if self._prompt_id is not None:
            try:
                marks = self._session.store.marks(self._prompt_id, self._session.labeler)
            except StudioError as error:
                self._session.say(str(error), kind="error")
        can_say = self._prompt_id is not None and not self._session.store.is_read_only
        for mark, chip in self.chips.items():
            chip.setChecked(mark in (marks or ()))
            chip.setEnabled(can_say)
        self.none.setChecked(marks == frozenset())
        self.none.setEnabled(can_say)
        self.state.setText(self._in_words(marks))

    def _annotate(self, marks: frozenset[Mark]) -> None:
        if self._prompt_id is None:
            return
        try:
            changes = self._session.store.annotate(self._prompt_id, marks, self._session.labeler)
        except StudioError as error:
            self._session.say(str(error), kind="error")
            changes = Changes(frozenset())
        self.reload()
        self._session.changed(changes, self)

    def _in_words(self, marks: frozenset[Mark] | None) -> str:
        if marks is None:
            return self.tr("not looked at yet")
        return ", ".join(mark_word(mark) for mark in MARKS if mark in marks) or self.tr("none applies")

    def _show(self, *, is_shown: bool) -> None:
        self.box.setVisible(is_shown)
        self.shares.setVisible(is_shown)
        self.toggle.setChecked(is_shown)
        self.toggle.set_icon("mdi6.chevron-down" if is_shown else "mdi6.chevron-right")

    def _make_toggle(self) -> Button:
        tip = self.tr("Show or hide what can be said about the prompt itself, as in table 7 of the paper")
        toggle = Button(self.tr("Marks"), tip, "quiet", "mdi6.chevron-right", self._session.theme)
        toggle.setCheckable(True)
        toggle.clicked.connect(self._on_toggle_clicked)
        return toggle

    def _make_chip(self, mark: Mark) -> Button:
        chip = Button(mark_word(mark), mark_tip(mark), "chip")
        chip.setCheckable(True)
        chip.clicked.connect(self._on_chip_clicked)
        return chip

    def _lay_out(self) -> None:
        chips = QWidget()
        flow = FlowLayout(chips)
        for chip in (*self.chips.values(), self.none):
            flow.addWidget(chip)
        self.box.body.setContentsMargins(GRID, GRID, GRID, GRID)
        scroll = FittingScroll(chips)  # where there is little room
        scroll.set_limit(_MOST_PX)
        scroll.setAccessibleName(self.tr("Marks of this prompt"))
        self.box.body.addWidget(scroll)
        head = row(self.toggle, self.state, self.shares)
        head.setStretch(1, 1)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(head)
        column.addWidget(self.box)

    def _on_chip_clicked(self) -> None:
        self._annotate(frozenset(mark for mark, chip in self.chips.items() if chip.isChecked()))

    def _on_none_clicked(self) -> None:
        self._annotate(frozenset())

    def _on_shares_clicked(self) -> None:
        show_shares(self._session, self.window())

    def _on_toggle_clicked(self) -> None:
        is_shown = self.box.isHidden()
        self._session.preferences.keep(_SHOWN, int(is_shown))
        self._show(is_shown=is_shown)

    def _on_session_store_changed(self, changes: Changes, origin: QObject | None) -> None:
        if "annotation" in changes.tables and origin is not self:
            self.reload()

    def _on_session_labeler_changed(self, _name: str) -> None:
        self.reload()
