"""One answer to be ranked: its digit, its full text, and the rank it has so far."""

import re
from collections.abc import Callable

from PySide6.QtCore import QMimeData, QPoint, Qt, Signal
from PySide6.QtGui import QDrag, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QApplication, QSizePolicy, QWidget

from rlhf_studio.schema import Completion
from rlhf_studio.ui.theme import Theme
from rlhf_studio.ui.widgets.parts import GRID, Button, Card, Tag, row
from rlhf_studio.ui.widgets.text import PlainLabel

_LONG_WORD = re.compile(r"\S{24}")
MIME = "application/x-rlhf-studio-answer"


def answer_mime(index: int) -> QMimeData:
    """What a dragged answer carries."""
    mime = QMimeData()
    mime.setData(MIME, str(index).encode())
    return mime


def answer_in(mime: QMimeData) -> int | None:
    """The answer that is dragged, counted from 0; None if it is something else."""
    data = bytes(mime.data(MIME).data()).decode("ascii", "replace")
    return int(data) if data.isdigit() else None


def _breakable(text: str) -> str:
    """Let words that are wider than a card go on in the next line; a label breaks only where it is told to."""
    return _LONG_WORD.sub(lambda found: found[0] + "\u200b", text)


class Draggable:
    """Tells a click from the beginning of a drag."""

    def __init__(self, widget: QWidget, index: int, clicked: Callable[[], None] | None = None) -> None:
        self._widget, self._index, self._clicked = widget, index, clicked
        self._from: QPoint | None = None

    def press(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._from = event.position().toPoint()

    def move(self, event: QMouseEvent) -> None:
        if self._from is None:
            return
        distance = (event.position().toPoint() - self._from).manhattanLength()
        if distance < QApplication.startDragDistance():
            return
        drag = QDrag(self._widget)
        drag.setMimeData(answer_mime(self._index))
        drag.setPixmap(self._widget.grab().scaledToWidth(min(240, self._widget.width())))
        drag.setHotSpot(QPoint(GRID, GRID))
        self._from = None
        drag.exec(Qt.DropAction.MoveAction)

    def release(self, event: QMouseEvent) -> None:
        is_click = self._from is not None and self._widget.rect().contains(event.position().toPoint())
        self._from = None
        if is_click and self._clicked is not None:
            self._clicked()


class AnswerCard(Card):
    """Clicked, it comes next in the order; Alt+Up and Alt+Down move it; it can be dragged to the order."""

    chosen = Signal(int)  # index
    moved = Signal(int, int)  # index, -1 up or +1 down
    reroll_asked = Signal(int)  # index

    def __init__(self, index: int, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__("card", parent)
        self.index = index
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.body.setContentsMargins(2 * GRID, GRID, GRID, GRID)
        self._drag = Draggable(self, index, self._on_clicked)
        self.digit = PlainLabel(str(index + 1), "number")
        self.badge = Tag("")
        self.note = PlainLabel("", "muted")
        self.text = PlainLabel("", "reading", wraps=True)
        self.text.setAlignment(Qt.AlignmentFlag.AlignTop | Qt.AlignmentFlag.AlignLeft)
        self.text.setMinimumWidth(80)
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)  # only that: the height of a label's narrowest shape is no lower limit
        self.text.setSizePolicy(policy)
        tip = self.tr("Sample this answer anew")
        self.reroll = Button("", tip, "quiet", "mdi6.refresh", theme, self.tr("Ctrl+R on the card"))
        self.reroll.setAccessibleName(self.tr("Sample answer {digit} anew").format(digit=index + 1))
        self.reroll.clicked.connect(self._on_reroll_clicked)
        self.body.addLayout(row(self.digit, self.badge, None, self.note, self.reroll))
        self.body.addWidget(self.text, 1)
        self.setToolTip(self.tr("Click the answers from best to worst, or drag one to the order on the right"))
        self._full_text = ""
        self.show_rank(None)

    def show_answer(self, completion: Completion) -> None:
        """Show a whole answer."""
        note = "" if completion.is_finished else self.tr("cut off at the length limit")
        self._show(completion.text, note)

    def show_growing(self, text: str) -> None:
        """Show an answer as far as it is written."""
        self._show(text + "…", self.tr("being written"))

    def show_rank(self, rank: int | None, *, is_tied: bool = False) -> None:
        """Show the rank it has so far, 1 is best."""
        if rank is None:
            words = ""
        else:
            words = (self.tr("rank {rank}, tied") if is_tied else self.tr("rank {rank}")).format(rank=rank)
        self.badge.setText(words)
        self.badge.setVisible(bool(words))
        self._tell()

    def _show(self, text: str, note: str) -> None:
        self._full_text = text
        self.text.setText(_breakable(text) if text.strip() else self.tr("(an empty answer)"))
        self.note.setText(note)
        self.note.setVisible(bool(note))
        self._tell()

    def _tell(self) -> None:
        parts = (str(self.index + 1), self.badge.text(), self.note.text(), self._full_text)
        self.setAccessibleName(self.tr("Answer {text}").format(text=", ".join(part for part in parts if part)))

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        self._drag.press(event)
        event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        self._drag.move(event)

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        self._drag.release(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        is_alt = bool(event.modifiers() & Qt.KeyboardModifier.AltModifier)
        if is_alt and event.key() in {Qt.Key.Key_Up, Qt.Key.Key_Down}:
            self.moved.emit(self.index, -1 if event.key() == Qt.Key.Key_Up else 1)
        elif event.key() == Qt.Key.Key_Space:
            self.chosen.emit(self.index)
        else:
            event.ignore()

    def _on_clicked(self) -> None:
        self.chosen.emit(self.index)

    def _on_reroll_clicked(self) -> None:
        self.reroll_asked.emit(self.index)
