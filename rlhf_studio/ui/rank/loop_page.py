"""What the last rankings have changed: the clock, the reward model's order, and the answers before and after."""

from PySide6.QtCore import Qt, QTimer, Signal
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from rlhf_studio.jobs.loop_news import LoopPart, mean_scores
from rlhf_studio.ui.rank.changes_view import ChangesView
from rlhf_studio.ui.rank.clock_strip import ClockStrip, Stretch
from rlhf_studio.ui.rank.learner import Learner, RoundState
from rlhf_studio.ui.session import Session, TrainingState
from rlhf_studio.ui.spoken import stage_word
from rlhf_studio.ui.widgets.parts import GRID, Button, Card, row
from rlhf_studio.ui.widgets.text import PlainLabel

_TICK_MS = 200
_COLOURS: dict[LoopPart, str] = {"before": "base", "refit": "reward", "ppo": "ppo", "after": "sft"}


class Figure(Card):
    """One number before and after, and what it is."""

    def __init__(self, caption: str, tip: str) -> None:
        super().__init__("card")
        self.body.setContentsMargins(GRID, GRID, GRID, GRID)
        self.body.setSpacing(0)
        self.value = PlainLabel("—", "number")
        self.caption = PlainLabel(caption, "muted", wraps=True)
        self.body.addWidget(self.value)
        self.body.addWidget(self.caption)
        self.setToolTip(tip)

    def show_change(self, before: str, after: str) -> None:
        """Before and after; what is not known is a dash."""
        self.value.setText(f"{before} → {after}")
        self.value.setAccessibleName(f"{self.caption.text()}: {self.value.text()}")


class LoopPage(QWidget):
    """A round of the loop, while it goes on and after it."""

    left = Signal()  # the person wants to rank on

    def __init__(self, session: Session, learner: Learner, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session, self._learner = session, learner
        theme = session.theme
        self.title = PlainLabel("", "title", wraps=True)
        self.clock = PlainLabel("", "title")
        self.clock.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.clock.setToolTip(self.tr("From your act until the answers are on screen"))
        self.strip = ClockStrip(theme)
        self.what = PlainLabel("", "muted", wraps=True)
        self.pairs = Figure(
            self.tr("of your pairs ordered as you did"),
            self.tr("Of the pairs in the new rankings, how many the reward model orders as you did; it has seen them"),
        )
        self.held_out = Figure(
            self.tr("of the held-out pairs"),
            self.tr("Of the pairs that no reward model has learned from: what was known before shall not be lost"),
        )
        self.scores = Figure(
            self.tr("mean reward of the answers"),
            self.tr("By the refitted reward model, over all answers to the prompts below, before and after PPO"),
        )
        self.changes = ChangesView(theme)
        self.stop = Button(self.tr("Stop"), self.tr("End the run; learning can go on later"), "", "mdi6.stop", theme)
        self.go_on = Button(
            self.tr("Go on"), self.tr("Let the run go on that an alarm has paused"), "", "mdi6.play", theme
        )
        self.back = Button(
            self.tr("Rank on"), self.tr("Back to ranking; learning goes on meanwhile"), "primary", "", theme, "Esc"
        )
        self._timer = QTimer(self)
        self._timer.setInterval(_TICK_MS)
        self._timer.timeout.connect(self._show_clock)
        self._lay_out()
        self.stop.clicked.connect(session.stop)
        self.go_on.clicked.connect(session.resume)
        self.back.clicked.connect(self.left)
        self.changes.painted.connect(learner.note_shown)
        learner.changed.connect(self.refresh)

    def refresh(self) -> None:
        """Show how far the round is."""
        if not self.isVisible():
            return
        learner = self._learner
        self.title.setText(self._title_text())
        self.what.setText(learner.message or self._what_text())
        self.what.set_look("danger" if learner.message else "muted")
        self.what.setVisible(bool(self.what.text()))
        self.stop.setVisible(learner.is_running)
        self.go_on.setVisible(learner.is_running and self._is_paused)
        for part in (self.clock, self.strip):
            part.setVisible(learner.is_running or bool(learner.done))
        self._show_figures()
        words = self.tr("The answers appear here as soon as the model has written them.")
        self.changes.show_prompts(learner.prompts, words if learner.is_running else "")
        if learner.state is RoundState.TOLD:
            self.changes.await_paint()
        self._show_clock()
        self._timer.start() if learner.is_running else self._timer.stop()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        super().showEvent(event)
        self.refresh()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802
        super().hideEvent(event)
        self._timer.stop()

    def _lay_out(self) -> None:
        figures = QHBoxLayout()
        figures.setSpacing(GRID)
        for figure in (self.pairs, self.held_out, self.scores):
            figures.addWidget(figure, 1)
        head = row(self.title, self.clock)
        head.setStretch(0, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, GRID)
        layout.setSpacing(GRID)
        layout.addLayout(head)
        layout.addWidget(self.strip)
        layout.addWidget(self.what)
        layout.addLayout(figures)
        layout.addWidget(self.changes, 1)
        layout.addLayout(row(self.back, self.stop, self.go_on, None))

    @property
    def _is_paused(self) -> bool:
        return self._session.state is TrainingState.PAUSED

    def _title_text(self) -> str:
        learner = self._learner
        if learner.state in {RoundState.STOPPED, RoundState.FAILED}:
            return self.tr("Stopped before the end") if not learner.message else self.tr("This did not work")
        count = learner.began.new if learner.began else 0
        if learner.is_running:
            return self.tr("Learning from your rankings…") if count != 1 else self.tr("Learning from your ranking…")
        return (
            self.tr("What 1 ranking has changed")
            if count == 1
            else self.tr("What {n} rankings have changed").format(n=count)
        )

    def _what_text(self) -> str:
        learner = self._learner
        if learner.state is RoundState.STOPPED:
            return self.tr("What was learned so far is kept. The button below goes on from there.")
        if not learner.is_running:
            return ""
        if self._is_paused:
            return self.tr("Paused; where an alarm did that, the Train tab shows why.")
        if learner.progress is not None and learner.part in {"refit", "ppo"}:
            stage, event = learner.progress
            words = self.tr("{stage}: step {step} of {total}")
            return words.format(stage=stage_word(stage), step=event.step, total=event.total)
        return self.tr("Reading the models…") if learner.part in {None, "refit", "ppo"} else self.tr("Answering…")

    def _show_figures(self) -> None:
        judge, means = self._learner.judge, mean_scores(self._learner.prompts)
        if judge is None:
            self.pairs.show_change("—", "—")
            self.held_out.show_change("—", "—")
        else:
            self.pairs.show_change(_share(judge.new_before), _share(judge.new_after))
            self.held_out.show_change(_share(judge.held_out_before), _share(judge.held_out_after))
        self.scores.show_change(*(f"{mean:+.2f}" for mean in means) if means else ("—", "—"))

    def _show_clock(self) -> None:
        learner = self._learner
        if learner.state is RoundState.NONE:
            return
        self.clock.setText(self.tr("{seconds} s").format(seconds=f"{learner.seconds:.1f}"))
        self.clock.setAccessibleName(self.tr("Time since your act: {text}").format(text=self.clock.text()))
        self.strip.show_stretches(self._stretches())

    def _stretches(self) -> tuple[Stretch, ...]:
        """The parts that are over, the one that goes on, and at the end what else it took to get them on screen."""
        words: dict[LoopPart, str] = {
            "before": self.tr("answers before"),
            "refit": self.tr("refit"),
            "ppo": self.tr("PPO"),
            "after": self.tr("answers after"),
        }
        learner = self._learner
        known = [Stretch(self.tr("starting"), learner.started, "muted")] if learner.started is not None else []
        known += [Stretch(words[one.part], one.seconds, _COLOURS[one.part]) for one in learner.done]
        rest = max(0.0, learner.seconds - sum(one.seconds for one in known))
        if learner.is_running and learner.part is not None:
            known.append(Stretch(words[learner.part], rest, _COLOURS[learner.part]))
        else:
            known.append(Stretch(self.tr("showing") if known else self.tr("starting"), rest, "muted"))
        return tuple(known)


def _share(value: float | None) -> str:
    return "—" if value is None else f"{value:.0%}"
