"""Where a person changed settings while a run went on: a line with a letter across each panel."""

from collections.abc import Iterator
from itertools import count, islice
from string import ascii_uppercase

import pyqtgraph as pg
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QPen

from rlhf_studio.ui.spoken import mark_text
from rlhf_studio.ui.theme import Theme

_HEIGHT = 0.9  # of the letter in the panel
_BESIDE = [(-0.2, 0.5), (1.2, 0.5)]  # the letter changes sides before it would leave the panel


class Changes:
    """What was changed at which step of a run; all panels of a grid share it."""

    def __init__(self) -> None:
        self._by_step: dict[int, dict[str, float]] = {}

    def add(self, step: int, name: str, value: float) -> None:
        """Know of a setting that holds from this step on; told twice, it counts once."""
        self._by_step.setdefault(step, {})[name] = value

    def clear(self) -> None:
        """Forget all."""
        self._by_step = {}

    @property
    def steps(self) -> list[int]:
        return sorted(self._by_step)

    def letters(self) -> dict[int, str]:
        """A for the first step, B for the second; after Z comes A2."""
        return dict(zip(self.steps, islice(_letters(), len(self._by_step)), strict=True))

    def text(self, step: int) -> str:
        """Such as ``beta 0.1, clip 0.3``."""
        return ", ".join(mark_text(name, value) for name, value in self._by_step[step].items())


class Marks:
    """The lines of one panel."""

    def __init__(self, theme: Theme, view: pg.PlotWidget) -> None:
        self._theme, self._view = theme, view
        self.lines: dict[int, pg.InfiniteLine] = {}

    def show(self, letters: dict[int, str]) -> None:
        """Draw a line at each step, with its letter."""
        for step in self.lines.keys() - letters.keys():
            self._view.removeItem(self.lines.pop(step))
        for step, letter in letters.items():
            if step not in self.lines:
                options = {"position": _HEIGHT, "anchors": _BESIDE}
                line = self.lines[step] = pg.InfiniteLine(step, angle=90, label=letter, labelOpts=options)
                line.setZValue(-1)  # the curves lie on top
                self._view.addItem(line)
            self.lines[step].label.setFormat(letter)  # a change told late may come before others
        self.restyle()

    def restyle(self) -> None:
        """Draw with the colours of the theme."""
        colour = QColor(self._theme.colours.accent)
        pen = QPen(colour)
        pen.setCosmetic(True)
        pen.setStyle(Qt.PenStyle.DashLine)
        for line in self.lines.values():
            line.setPen(pen)
            line.label.setColor(colour)


def _letters() -> Iterator[str]:
    for round_ in count(1):
        for letter in ascii_uppercase:
            yield letter if round_ == 1 else f"{letter}{round_}"
