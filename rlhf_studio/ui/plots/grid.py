"""The panels of one kind of run on one axis of steps, drawn one panel per turn of the event loop."""

from collections.abc import Sequence

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QShowEvent
from PySide6.QtWidgets import QGridLayout, QWidget

from rlhf_studio.events import SettingChanged, StepMetrics
from rlhf_studio.ui.plots.figures import PANELS, kind_of
from rlhf_studio.ui.plots.marks import Changes
from rlhf_studio.ui.plots.metric_plot import MetricPlot
from rlhf_studio.ui.theme import Theme
from rlhf_studio.ui.widgets.parts import GRID
from rlhf_studio.ui.widgets.text import PlainLabel


class PlotGrid(QWidget):
    """Curves of one run. Hidden it collects; shown it draws what is new, never more than one panel at a time."""

    drawn = Signal(int)  # everything up to this step is on screen

    def __init__(self, theme: Theme, stage: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.kind = kind_of(stage)
        self.panels = [MetricPlot(theme, spec, self) for spec in PANELS[self.kind]]
        self.changes = Changes()
        self.changed = PlainLabel("", "muted", wraps=True)  # what the letters on the curves mean
        self._last_step = 0
        self._timer = QTimer(self)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._on_turn)
        layout = QGridLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID)
        columns = 2
        spare = len(self.panels) % columns  # the first panel takes what would stay empty
        layout.addWidget(self.panels[0], 0, 0, 1, 1 + spare)
        for place, panel in enumerate(self.panels[1:], start=1 + spare):
            layout.addWidget(panel, place // columns, place % columns)
        layout.addWidget(self.changed, layout.rowCount(), 0, 1, columns)
        self.changed.hide()
        for column in range(columns):
            layout.setColumnStretch(column, 1)
        for panel in self.panels[-columns:]:
            panel.view.getAxis("bottom").setLabel(self.tr("step"))

    def set_length(self, total: int) -> None:
        """Let the axis of steps reach to the end of a run."""
        for panel in self.panels:
            panel.set_length(total)

    def clear(self) -> None:
        """Forget every curve."""
        self._last_step = 0
        self.changes.clear()
        for panel in self.panels:
            panel.clear()
        self._show_changes()

    def add(self, events: Sequence[StepMetrics]) -> None:
        """Take a batch; it is drawn in the next turns of the event loop, if the grid is shown."""
        for event in events:
            self._last_step = max(self._last_step, event.step)
            for panel in self.panels:
                panel.add(event.step, event.values)
        self._draw_soon()

    def mark(self, changes: Sequence[SettingChanged]) -> None:
        """Mark where a person changed settings of the run, in every panel."""
        for change in changes:
            self.changes.add(change.step, change.name, change.value)
        if changes:
            self._show_changes()

    def _show_changes(self) -> None:
        letters = self.changes.letters()
        for panel in self.panels:
            panel.marks.show(letters)
        entry = self.tr("{letter} from step {step}: {changes}")
        entries = [
            entry.format(letter=letter, step=step, changes=self.changes.text(step)) for step, letter in letters.items()
        ]
        self.changed.setText(" \u00b7 ".join(entries))
        self.changed.setVisible(bool(entries))

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        super().showEvent(event)
        self._draw_soon()

    def _draw_soon(self) -> None:
        if self.isVisible() and any(panel.is_stale for panel in self.panels):
            self._timer.start()

    def _on_turn(self) -> None:
        stale = next((panel for panel in self.panels if panel.is_stale), None)
        if stale is not None and self.isVisible():
            stale.redraw()
            return
        self._timer.stop()
        if stale is None:
            self.drawn.emit(self._last_step)
