"""A fork that is being prepared: the form holds the other run's settings until it is started or given up."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PySide6.QtCore import Signal
from PySide6.QtWidgets import QWidget

from rlhf_studio.ui.widgets.parts import GRID, Button, Card, row
from rlhf_studio.ui.widgets.text import PlainLabel


@dataclass(frozen=True, slots=True)
class PendingFork:
    """What Start would begin, and what stood in the form before."""

    run: Path
    step: int
    card: str  # name of the stage's card
    before: Mapping[str, Any]
    filled: Mapping[str, Any]  # what stands there of the other run, as the fields show it


class ForkNote(Card):
    """Says where the next run branches off, and lets a person give that up."""

    start_requested = Signal()
    dropped = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("raised", parent)
        self.title = PlainLabel("", "heading", wraps=True)
        self.words = PlainLabel(
            self.tr("The settings are those of that run: change some. It stays as it is; this is a new run."),
            "muted",
            wraps=True,
        )
        self.start = Button(self.tr("Start the fork"), self.tr("Train on from the checkpoint with these settings"))
        self.drop = Button(self.tr("Cancel"), self.tr("Do not fork; the form gets its settings back"), "link")
        self.start.clicked.connect(self.start_requested)
        self.drop.clicked.connect(self.dropped)
        self.body.setContentsMargins(GRID + 4, GRID // 2, GRID // 2, GRID)
        self.body.setSpacing(GRID // 2)
        self.body.addWidget(self.title)
        self.body.addWidget(self.words)
        self.body.addLayout(row(self.start, self.drop, None))
        self.hide()

    def show_fork(self, name: str, fork: PendingFork | None) -> None:
        """Tell of a fork, of none by going away."""
        self.setVisible(fork is not None)
        if fork is not None:
            words = self.tr("Fork of {name} ({run}) at step {step}")
            self.title.setText(words.format(name=name, run=fork.run.name, step=fork.step))
