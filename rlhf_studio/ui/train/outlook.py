"""What each stage's run would take, said under its settings: measured beside the window once a person rests."""

from collections.abc import Callable, Mapping

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QWidget

from rlhf_studio.jobs.estimate import RunEstimate
from rlhf_studio.schema import RunSpec
from rlhf_studio.ui.inquiry import Inquiry
from rlhf_studio.ui.session import Session, TrainingState
from rlhf_studio.ui.spoken import estimate_text, shortage_text
from rlhf_studio.ui.train.stage_card import StageCard

REST_MS = 1000  # without an edit, before anything is measured


class Outlook(QObject):
    """Keeps the lines of all cards true, one measurement at a time, and none while something trains."""

    def __init__(
        self,
        session: Session,
        cards: Mapping[str, StageCard],
        spec_of: Callable[[StageCard], RunSpec],
        parent: QWidget,
    ) -> None:
        """Nothing is measured before ``refresh``, or an edit in sight.

        Args:
            session: Measures.
            cards: By name.
            spec_of: The run that a card would start.
            parent: Only while it is in sight something is measured.
        """
        super().__init__(parent)
        self._session, self._cards, self._spec_of, self._page = session, cards, spec_of, parent
        self._waiting = list(cards)
        self._said: dict[str, RunSpec] = {}  # what the lines are about
        self._inquiry: Inquiry | None = None
        self._measured = ""
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(REST_MS)
        self._timer.timeout.connect(self._measure_next)
        for card in cards.values():
            card.edited.connect(self._on_card_edited)
        session.training_state_changed.connect(self._on_training_state_changed)
        session.opened.connect(self.refresh)

    def refresh(self) -> None:
        """Look at all stages again, where something may have changed."""
        self._wait_for(self._cards)

    def _wait_for(self, names: Mapping[str, StageCard] | list[str]) -> None:
        self._waiting = [name for name in self._cards if name in names or name in self._waiting]
        is_time = self._session.state is TrainingState.IDLE and not self._session.is_opening
        if self._page.isVisible() and is_time:
            self._timer.start()

    def _measure_next(self) -> None:
        if self._inquiry is not None or not self._page.isVisible():
            return
        while self._waiting:
            name = self._waiting.pop(0)
            card = self._cards[name]
            spec = self._spec_of(card)
            if not card.is_ready or card.isHidden():
                self._said.pop(name, None)
                card.show_outlook("")
            elif self._said.get(name) != spec:
                self._measure(name, spec)
                return

    def _measure(self, name: str, spec: RunSpec) -> None:
        self._measured, self._said[name] = name, spec
        self._cards[name].show_outlook(self.tr("Measuring how long it would take …"))
        inquiry = self._inquiry = self._session.estimate(spec)
        inquiry.estimated.connect(self._on_estimated)
        inquiry.finished.connect(self._on_finished)
        inquiry.failed.connect(self._on_failed)

    def _give_up(self) -> None:
        """What was being measured is not known, and is asked for again."""
        if self._inquiry is not None:
            self._inquiry.cancel()
            self._inquiry = None
            self._said.pop(self._measured, None)
            self._cards[self._measured].show_outlook("")
            self._waiting.append(self._measured)

    def _on_card_edited(self, card: StageCard) -> None:
        name = next(name for name, known in self._cards.items() if known is card)
        if self._said.get(name) is not None and self._inquiry is None and self._spec_of(card) == self._said[name]:
            return
        if name == self._measured:
            self._give_up()
        card.show_outlook("")
        self._said.pop(name, None)
        self._wait_for([name])

    def _on_training_state_changed(self, state: TrainingState) -> None:
        if state is TrainingState.IDLE:
            self.refresh()
        else:
            self._timer.stop()
            self._give_up()

    def _on_estimated(self, estimate: RunEstimate) -> None:
        words = estimate_text(estimate.seconds, estimate.memory.total, estimate.disk)
        lines = [words[0].upper() + words[1:]]
        for lack in estimate.shortages:
            number = lack.micro_batch or lack.keep_checkpoints
            lines.append(shortage_text(lack.what, lack.needed, lack.free, number))
        self._cards[self._measured].show_outlook("\n".join(lines), "warning" if estimate.shortages else "muted")

    def _on_finished(self, _seconds: float) -> None:
        self._inquiry = None
        self._measure_next()

    def _on_failed(self, message: str) -> None:
        self._inquiry = None
        self._cards[self._measured].show_outlook(message, "warning")
        self._measure_next()
