"""A run that was paused because its policy seems to game its reward: the signs, the answers, and the ways on."""

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from rlhf_studio.events import Notice
from rlhf_studio.ui.spoken import notice_text
from rlhf_studio.ui.widgets.parts import GRID, Button, Card, row
from rlhf_studio.ui.widgets.text import PlainLabel, set_look


class AlarmCard(Card):
    """Shown while the run waits for a person."""

    go_on_requested = Signal()
    stop_requested = Signal()
    adjust_requested = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("raised", parent)
        self.sentence = PlainLabel("", "", wraps=True)
        set_look(self.sentence, "danger")
        self.go_on = Button(self.tr("Go on"), self.tr("Let the run go on; this sign is told only once"))
        self.stop = Button(self.tr("Stop"), self.tr("End the run and keep it up to here"))
        self.adjust = Button(self.tr("Adjust"), self.tr("Change beta, rates or clip before it goes on"))
        self.go_on.clicked.connect(self.go_on_requested)
        self.adjust.clicked.connect(self.adjust_requested)
        self.stop.clicked.connect(self.stop_requested)
        self.body.setContentsMargins(GRID + 4, GRID, GRID + 4, GRID)
        self.body.addWidget(self.sentence)
        self.body.addLayout(row(self.go_on, self.adjust, self.stop, None))
        self.hide()

    def show_alarms(self, alarms: list[Notice]) -> None:
        """Show what was noticed, with the answers that show it most."""
        self.sentence.setText("\n".join(notice_text(alarm.message, alarm.values) for alarm in alarms))
        self.show()
