"""Who answers the next sets: one model, or a line-up of several, and what that costs a run that goes on."""

from PySide6.QtCore import QTimer, Signal
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from rlhf_studio.errors import StudioError
from rlhf_studio.jobs.checkpoint_models import with_checkpoints
from rlhf_studio.jobs.lineup import Answerer, LineUp, Source, answerers, line_up_json, missing, read_line_up
from rlhf_studio.jobs.models import ModelChoice
from rlhf_studio.ui.rank.lineup_dialog import LineUpDialog
from rlhf_studio.ui.rank.queue import RankQueue
from rlhf_studio.ui.rank.remarks import source_words
from rlhf_studio.ui.rank.sampling_cost import SamplingCost
from rlhf_studio.ui.session import Session, TrainingState
from rlhf_studio.ui.widgets.parts import GRID, Button, row
from rlhf_studio.ui.widgets.text import PlainLabel
from rlhf_studio.ui.write.model_answer import ModelPicker

META = "ui.rank.lineup"
_MODEL = "rank_model"
_COST_EVERY_MS = 1_000


class SourcesBar(QWidget):
    """The picker of one model, or the line-up's button, and beside them what sampling takes of training's time."""

    changed = Signal()  # a person chose other sources

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._queue: RankQueue | None = None
        self._said: set[str] = set()  # keys of sources that were said to be gone
        self.line_up = LineUp()
        self.models: tuple[ModelChoice, ...] = ()  # that there are, checkpoints among them
        self.picker = ModelPicker(session, remembered=_MODEL)
        self.picker.setAccessibleName(self.tr("Model to sample from"))
        self.picker.setToolTip(self.tr("The model that gives the answers of the next sets"))
        self.button = Button(self.tr("Sources…"), "")
        self.cost = PlainLabel("", "muted")
        self.cost.setToolTip(
            self.tr(
                "Share of the run's time in which it waits while models compute answers; \u201cSources\u2026\u201d can "
                "let sampling rest while a run goes on"
            )
        )
        self.cost.hide()
        self._cost = SamplingCost(session.turns)
        self._is_idle = session.state is TrainingState.IDLE
        self._timer = QTimer(self)
        self._timer.setInterval(_COST_EVERY_MS)
        self._timer.timeout.connect(self._measure)
        self.setLayout(row(self.cost, self.picker, self.button, spacing=GRID))
        self.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Preferred)
        self.picker.activated.connect(self.changed)
        self.button.clicked.connect(self.open_dialog)
        session.training_state_changed.connect(self._on_session_training_state_changed)

    def attach(self, queue: RankQueue) -> None:
        """Give a queue its pace, and tell what its sampling costs."""
        self._queue = queue
        queue.state_changed.connect(self._measure)

    def reload(self, k: int) -> None:
        """List the models again, say which sources of the line-up are gone, and choose those that are left."""
        self.picker.reload()
        try:
            self.line_up = read_line_up(self._session.store.get_meta(META))
            self.models = with_checkpoints(self._session.store.folder, self.picker.choices)
        except (StudioError, OSError) as error:
            self._session.say(str(error), kind="error")
        self._say_missing()
        self._show()
        self.choose(k)

    def choose(self, k: int) -> None:
        """Let the queue sample sets of K answers from the sources."""
        if self._queue is not None:
            self._queue.models = self.models
            self._queue.choose(self.answerers, k, is_wanted=self.is_chosen)

    @property
    def answerers(self) -> tuple[Answerer, ...]:
        """Who answers: the line-up as far as it is there, else the picked model."""
        found = answerers(self.line_up.sources, self.models)
        picked = self.picker.choice
        return found or ((Answerer(picked),) if picked is not None else ())

    @property
    def is_chosen(self) -> bool:
        """Whether a person chose them; else it is the newest trained model."""
        return bool(answerers(self.line_up.sources, self.models)) or self.picker.is_chosen

    def enable(self, *, is_writable: bool) -> None:
        """Leave only those controls enabled that can do something."""
        self.picker.setEnabled(is_writable and bool(self.picker.choices))
        self.button.setEnabled(is_writable and bool(self.models))

    def open_dialog(self) -> None:
        """Let the person change the line-up."""
        picked = self.picker.choice
        sources = self.line_up.sources or ((Source(picked.key, picked.title),) if picked is not None else ())
        dialog = LineUpDialog(self._session.theme, self.models, sources, self.line_up, self)
        dialog.chosen.connect(self.use)
        dialog.open()

    def use(self, line_up: LineUp) -> None:
        """Sample by another line-up from now on; it is kept with the project. One model as it is goes to the picker."""
        (first, *others) = line_up.sources or (None,)
        if first is not None and not others and (first.temperature, first.top_p) == (1.0, 1.0):
            picked = [place for place, model in enumerate(self.picker.choices) if model.key == first.key]
            if picked:
                line_up = LineUp((), line_up.ahead, rests_while_training=line_up.rests_while_training)
                self.picker.setCurrentIndex(picked[0])
                self._session.preferences.keep(_MODEL, first.key)
        try:
            self._session.store.set_meta(META, line_up_json(line_up))
        except StudioError as error:
            self._session.say(str(error), kind="error")
            return
        self.line_up = line_up
        self._show()
        self.changed.emit()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        super().showEvent(event)
        self._measure()

    def hideEvent(self, event: QHideEvent) -> None:  # noqa: N802
        super().hideEvent(event)
        self._timer.stop()

    # --- inside

    def _show(self) -> None:
        found = answerers(self.line_up.sources, self.models)
        self.picker.setVisible(not found)
        one, many = self.tr("1 source…"), self.tr("{n} sources…")
        self.button.setText((one if len(found) == 1 else many).format(n=len(found)) if found else self.tr("Sources…"))
        self.button.setAccessibleName(self.button.text())
        tip = self.tr("Let several models, checkpoints or temperatures answer, and say how many sets wait ready")
        listed = "\n".join(source_words(one.model.title, one.sampling) for one in found)
        self.button.setToolTip(f"{tip}\n{listed}" if listed else tip)
        if self._queue is not None:
            self._queue.set_pace(self.line_up.ahead, rests_while_training=self.line_up.rests_while_training)

    def _say_missing(self) -> None:
        gone = [source for source in missing(self.line_up.sources, self.models) if source.key not in self._said]
        self._said.update(source.key for source in gone)
        if not gone:
            return
        titles = ", ".join(dict.fromkeys(source.title for source in gone))
        left = len(answerers(self.line_up.sources, self.models))
        words = self.tr("Gone, so no longer asked for answers: {titles}.").format(titles=titles)
        if not left:
            words += " " + self.tr("No source is left, so the model beside the sources answers.")
        self._session.say(words, kind="warning")

    def _measure(self) -> None:
        """Note how things stand, and say what sampling costs; the clock runs only while there is something to see."""
        state, queue = self._session.state, self._queue
        is_on = state in {TrainingState.RUNNING, TrainingState.STOPPING}
        is_training = is_on and bool(self._session.live_run)  # before, it loads libraries and waits for nobody
        self._cost.note(is_training=is_training, is_sampling=queue is not None and queue.is_sampling)
        words = self._cost_words() if is_on else ""
        self.cost.setText(words)
        self.cost.setVisible(bool(words))
        if is_on and self.isVisible():
            self._timer.start()
        else:
            self._timer.stop()

    def _cost_words(self) -> str:
        device, queue = self._session.device, self._queue
        if queue is None or (device is not None and device.name != "CPU"):
            return ""
        if queue.is_resting and not queue.is_sampling:
            return self.tr("Sampling rests while the run goes on")
        if queue.is_sampling and self._cost.now is not None:
            return self.tr("Sampling takes {share} of training's time").format(share=_percent(self._cost.now))
        share = self._cost.of_run
        return self.tr("Sampling took {share} of this run's time").format(share=_percent(share)) if share else ""

    def _on_session_training_state_changed(self, state: TrainingState) -> None:
        if self._is_idle and state is not TrainingState.IDLE:
            self._cost.begin()
        self._is_idle = state is TrainingState.IDLE
        self._measure()


def _percent(share: float) -> str:
    return "< 1 %" if 0 < share < 0.01 else f"{round(100 * share)} %"
