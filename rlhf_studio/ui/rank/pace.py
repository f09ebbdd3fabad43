"""How long rankings take: seconds of attention, and what is usual for a person."""

import time
from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, Signal
from PySide6.QtGui import QWindow
from PySide6.QtWidgets import QWidget

from rlhf_studio.stats.pace import Pace, paces
from rlhf_studio.store.project import Store

IDLE_S = 60.0  # without a key, a move of the mouse or of its wheel, the rest of a pause is none of ranking
_INPUT = frozenset(
    {
        QEvent.Type.KeyPress,
        QEvent.Type.MouseMove,
        QEvent.Type.MouseButtonPress,
        QEvent.Type.Wheel,
        QEvent.Type.TouchBegin,
        QEvent.Type.InputMethod,
    }
)
_SEEN = frozenset({QEvent.Type.Show, QEvent.Type.Hide, QEvent.Type.ActivationChange})


class Stopwatch:
    """Counts the seconds in which something was worked at.

    It is held while the window is in the background or the page is not shown. While it runs, a pause between two
    signs of life (``note_input``) counts at most ``IDLE_S``: who reads a long answer touches nothing for a while, who
    went for coffee for longer. So the first minute of a pause counts, what is beyond it does not.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._kept = 0.0
        self._since: float | None = None  # the last sign of life, None while it is held

    @property
    def seconds(self) -> float:
        """Counted so far."""
        return self._kept + (0.0 if self._since is None else min(self._clock() - self._since, IDLE_S))

    def restart(self, kept: float = 0.0) -> None:
        """Begin from nothing, or from what was counted earlier."""
        self._kept, self._since = kept, self._clock()

    def note_input(self) -> None:
        """Somebody is there."""
        if self._since is not None:
            self.restart(self.seconds)

    def hold(self) -> None:
        """Count no more until ``go_on``."""
        self._kept, self._since = self.seconds, None

    def go_on(self) -> None:
        """Count on."""
        if self._since is None:
            self._since = self._clock()


class Attention(QObject):
    """Runs a stopwatch while a page is looked at: it is shown, its window is the one in front, and somebody is there.

    Keys and the mouse are noticed at the window of the system, which gets each input once, not at every widget.
    """

    left = Signal()  # the page is not seen any more

    def __init__(self, page: QWidget, watch: Stopwatch) -> None:
        super().__init__(page)
        self._page, self._watch = page, watch
        self._window: QWindow | None = None
        page.installEventFilter(self)
        self.refresh()

    def refresh(self) -> None:
        """Count, or do not, as the page is seen now."""
        window = self._page.window().windowHandle()
        if window is not self._window and isinstance(window, QWindow):
            self._window = window
            window.installEventFilter(self)
        if self._page.isVisible() and self._page.isActiveWindow():
            self._watch.go_on()
        else:
            self._watch.hold()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        if watched is not self._page:
            if event.type() in _INPUT:
                self._watch.note_input()
        elif event.type() in _SEEN:
            self.refresh()
            if event.type() == QEvent.Type.Hide:
                self.left.emit()
        return super().eventFilter(watched, event)


def pace(store: Store, labeler: str, k: int) -> Pace | None:
    """What a person's latest rankings of ``k`` answers took; None before the first one.

    Raises:
        StudioError: If the project cannot be read.
    """
    return next(iter(paces((labeler, k, seconds) for seconds in store.ranking_seconds(labeler, k))), None)
