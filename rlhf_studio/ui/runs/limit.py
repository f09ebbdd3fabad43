"""Asks for another limit where a run ended above its limit of the KL."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QInputDialog, QWidget

from rlhf_studio.jobs.catalog import RunSummary

_LARGEST = 1e6
_DECIMALS = 3


class LimitDialog(QInputDialog):
    """A number above 0, or 0 for no limit."""

    chosen = Signal(object, float)  # RunSummary, nats per answer

    def __init__(self, run: RunSummary, limit: float, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._run = run
        self.setWindowTitle(self.tr("Go on with another limit"))
        self.setLabelText(
            self.tr(
                "The run ended at step {step}, above its limit of {limit:g} nats per answer.\n"
                "It goes on until its last step, or above this KL (0: no limit):"
            ).format(step=run.last_step, limit=limit)
        )
        self.setInputMode(QInputDialog.InputMode.DoubleInput)
        self.setDoubleRange(0.0, _LARGEST)
        self.setDoubleDecimals(_DECIMALS)
        self.setDoubleValue(2 * limit)
        self.doubleValueSelected.connect(self._on_selected)

    def _on_selected(self, limit: float) -> None:
        self.chosen.emit(self._run, limit)
