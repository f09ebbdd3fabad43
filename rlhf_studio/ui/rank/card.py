"""One answer to be ranked: its digit, its full text, and the rank it has so far."""

from collections.abc import Callable

from PySide6.QtCore import QEvent, QMimeData, QObject, QPoint, QRectF, Qt, Signal
from PySide6.QtGui import QColor, QDrag, QKeyEvent, QMouseEvent, QPainter, QPainterPath, QPaintEvent
from PySide6.QtWidgets import QApplication, QSizePolicy, QWidget

from rlhf_studio.schema import Completion
from rlhf_studio.ui.keys.keymap import Keymap
from rlhf_studio.ui.rank.answer_text import AnswerText
from rlhf_studio.ui.theme import Theme
from rlhf_studio.ui.widgets.parts import GRID, Button, Card, Tag, row
from rlhf_studio.ui.widgets.text import PlainLabel, set_look, tool_tip

MIME = "application/x-rlhf-studio-answer"
_DRAGGED_PX = 240
_EDGE_PX = 6


def answer_mime(index: int) -> QMimeData:
    """What a dragged answer carries."""
    mime = QMimeData()
    mime.setData(MIME, str(index).encode())
    return mime


def answer_in(mime: QMimeData) -> int | None:
    """The answer that is dragged, counted from 0; None if it is something else."""
    data = bytes(mime.data(MIME).data()).decode("ascii", "replace")
    return int(data) if data.isdigit() else None


def step_of(event: QKeyEvent, keymap: Keymap) -> int:
    """-1 for a key that moves an answer up, +1 for one that moves it down, 0 for others."""
    return keymap.matches("rank.down", event) - keymap.matches("rank.up", event)


def discard(widget: QWidget) -> None:
    """Delete a widget soon; while something is dragged only afterwards, because it may be what the drag began on."""
    widget.hide()
    if _Drags.is_going_on:
        _Drags.discarded.append(widget)
    else:
        widget.deleteLater()


class _Drags:
    """The one drag that there can be: it has an event loop of its own, in which its origin must not be deleted."""

    is_going_on = False
    discarded: list[QWidget] = []  # noqa: RUF012  of the one drag

    @classmethod
    def exec(cls, drag: QDrag) -> None:
        cls.is_going_on = True
        try:
            drag.exec(Qt.DropAction.MoveAction)
        finally:
            cls.is_going_on = False
            for widget in cls.discarded:
                widget.deleteLater()
            cls.discarded.clear()


class Draggable(QObject):
    """Takes a widget's mouse events, and tells a click from the beginning of a drag."""

    def __init__(self, widget: QWidget, index: int, clicked: Callable[[], None] | None = None) -> None:
        super().__init__(widget)
        self._widget, self._index, self._clicked = widget, index, clicked
        self._from: QPoint | None = None
        widget.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        kind = event.type()
        if isinstance(event, QMouseEvent):
            if kind == QEvent.Type.MouseButtonPress:
                self._press(event)
                event.accept()
                return True
            if kind == QEvent.Type.MouseMove:
                self._move(event)
                return True
            if kind == QEvent.Type.MouseButtonRelease:
                self._release(event)
                return True
        return super().eventFilter(watched, event)

    def _press(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            self._from = event.position().toPoint()

    def _move(self, event: QMouseEvent) -> None:
        if self._from is None:
            return
        distance = (event.position().toPoint() - self._from).manhattanLength()
        if distance < QApplication.startDragDistance():
            return
        drag = QDrag(self._widget)
        drag.setMimeData(answer_mime(self._index))
        shot = self._widget.grab()
        width = min(_DRAGGED_PX, self._widget.width()) * shot.devicePixelRatio()
        shot = shot.scaledToWidth(round(width), Qt.TransformationMode.SmoothTransformation)
        drag.setPixmap(shot.copy(0, 0, shot.width(), min(shot.height(), shot.width())))  # the head of a long answer
        drag.setHotSpot(QPoint(GRID, GRID))
        self._from = None
        _Drags.exec(drag)

    def _release(self, event: QMouseEvent) -> None:
        is_click = self._from is not None and self._widget.rect().contains(event.position().toPoint())
        self._from = None
        if is_click and self._clicked is not None:
            self._clicked()


class AnswerCard(Card):
    """Clicked, it comes next in the order; Alt and the arrows move it; it can be dragged to the order."""

    chosen = Signal(int)  # index
    moved = Signal(int, int)  # index, -1 up or +1 down
    reroll_asked = Signal(int)  # index

    def __init__(self, index: int, theme: Theme, keymap: Keymap, parent: QWidget | None = None) -> None:
        super().__init__("card", parent)
        self.index, self._keymap = index, keymap
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.body.setContentsMargins(2 * GRID, GRID, GRID, GRID)
        Draggable(self, index, self._on_clicked)
        self._theme = theme
        self.digit = PlainLabel(str(index + 1), "digit")
        self.key = PlainLabel(self.tr("press {digit}").format(digit=index + 1), "muted")
        self.badge = PlainLabel("", "rank")
        self.badge.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Fixed)
        self.rating = Tag("")
        self.rating.hide()
        self.reference = Tag(self.tr("others are compared with this"))
        self.reference.hide()
        self.note = PlainLabel("", "muted")
        self.text = AnswerText(theme)
        tip = self.tr("Sample this answer anew")
        self.reroll = Button("", tip, "quiet", "mdi6.refresh", theme)
        keymap.hint({"rank.reroll": self.reroll})
        self.reroll.setAccessibleName(self.tr("Sample answer {digit} anew").format(digit=index + 1))
        self.reroll.clicked.connect(self._on_reroll_clicked)
        self.body.addLayout(
            row(self.digit, self.key, self.badge, self.rating, self.reference, None, self.note, self.reroll)
        )
        self.body.addWidget(self.text, 1)
        self._full_text = ""
        self._is_pair = False
        self.set_pair(is_pair=False)
        self.show_rank(None)

    @property
    def full_text(self) -> str:
        """The answer as it is, or as far as it is written."""
        return self._full_text

    @property
    def name(self) -> str:
        """What the answer is called: a digit, or one of two letters."""
        return "AB"[self.index] if self._is_pair else str(self.index + 1)

    def set_pair(self, *, is_pair: bool) -> None:
        """Whether it is one of two, which are called A and B."""
        self._is_pair = is_pair and self.index < len("AB")
        self.digit.setText(self.name)
        self.key.setVisible(self._is_pair)
        if self._is_pair:
            words = self.tr("Click the better answer, or press {digit}").format(digit=self.index + 1)
        else:
            words = self.tr("Click the answers from best to worst, or drag one to the order")
        self.setToolTip(words)
        self._tell()

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
        elif self._is_pair:
            words = self.tr("tied") if is_tied else self.tr("better") if rank == 1 else ""
        else:
            words = (self.tr("rank {rank}, tied") if is_tied else self.tr("rank {rank}")).format(rank=rank)
        self.badge.setText(words)
        self.badge.setVisible(bool(words))
        set_look(self, "placed" if words else "card")
        self._tell()

    def show_rating(self, words: str, tip: str) -> None:
        """Show how the answer was rated by itself, or nothing."""
        self.rating.setText(words)
        self.rating.setToolTip(tool_tip(tip) if tip else "")
        self.rating.setVisible(bool(words))
        self._tell()

    def show_reference(self, *, is_reference: bool) -> None:
        """Tell whether the other answers' differences are those from this one."""
        self.reference.setVisible(is_reference)

    def _show(self, text: str, note: str) -> None:
        self._full_text = text
        self.text.setText(text if text.strip() else self.tr("(an empty answer)"))
        self.note.setText(note)
        self.note.setVisible(bool(note))
        self._tell()

    def _tell(self) -> None:
        parts = (self.name, self.badge.text(), self.rating.text(), self.note.text(), self._full_text)
        self.setAccessibleName(self.tr("Answer {text}").format(text=", ".join(part for part in parts if part)))

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        super().paintEvent(event)
        if self.property("look") == "placed":  # a broad edge; the ring around all is the keyboard's
            painter = QPainter(self)
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            shape = QPainterPath()
            shape.addRoundedRect(QRectF(self.rect()), GRID, GRID)
            painter.setClipPath(shape)
            painter.fillRect(0, 0, _EDGE_PX, self.height(), QColor(self._theme.colours.accent))
            painter.end()

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: N802
        if step := step_of(event, self._keymap):
            self.moved.emit(self.index, step)
        elif self._keymap.matches("rank.choose", event):
            self.chosen.emit(self.index)
        else:
            event.ignore()

    def _on_clicked(self) -> None:
        self.chosen.emit(self.index)

    def _on_reroll_clicked(self) -> None:
        self.reroll_asked.emit(self.index)
