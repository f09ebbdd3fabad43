"""Where the person stands in the loop of writing, ranking, training and comparing, and what is worth doing next."""

from dataclasses import dataclass
from typing import Literal

from PySide6.QtCore import QEvent, QObject, Signal
from PySide6.QtWidgets import QHBoxLayout, QTabWidget, QWidget

from rlhf_studio.store.database import Changes
from rlhf_studio.store.project import Store
from rlhf_studio.store.runs import RunRecord
from rlhf_studio.ui.session import Session, TrainingState
from rlhf_studio.ui.tabs.tab import GoTo
from rlhf_studio.ui.widgets.parts import GRID, Button
from rlhf_studio.ui.widgets.text import PlainLabel

Step = Literal["watch", "prompt", "write", "rank", "train", "train_again", "compare", "rank_more"]

ENOUGH_NEW = 3  # labels that make another training worth its minutes
_STAGES = ("sft", "reward", "ppo")
_TABS: dict[Step, str] = {
    "watch": "train",
    "prompt": "write",
    "write": "write",
    "rank": "rank",
    "train": "train",
    "train_again": "train",
    "compare": "compare",
    "rank_more": "rank",
}
_COMPARED = "loop/compared"
_OWN_TABLES = frozenset({"prompt", "demonstration", "ranking"})


@dataclass(frozen=True, slots=True)
class LoopFacts:
    """What the project holds, as far as the loop is concerned."""

    prompts: int = 0
    demonstrations: int = 0
    rankings_by_people: int = 0
    rankings_simulated: int = 0
    trained: frozenset[str] = frozenset()  # kinds of runs that came to their end
    new_demonstrations: int = 0  # since the last SFT run began
    new_rankings: int = 0  # since the last reward-model run began
    is_training: bool = False
    is_compared: bool = False  # what the last PPO run left was looked at

    @property
    def missing_stage(self) -> str:
        """The first stage that was never trained; empty if all were."""
        return next((stage for stage in _STAGES if stage not in self.trained), "")

    @property
    def new_labels(self) -> int:
        """Labels that no run has seen."""
        return self.new_demonstrations + self.new_rankings


def next_step(facts: LoopFacts) -> Step:
    """The one act that brings the person further in the loop."""
    reasons: tuple[tuple[bool, Step], ...] = (
        (facts.is_training, "watch"),
        (facts.prompts == 0, "prompt"),
        (facts.demonstrations == 0, "write"),
        (facts.rankings_by_people + facts.rankings_simulated == 0, "rank"),
        (bool(facts.missing_stage), "train"),
        (facts.new_labels >= ENOUGH_NEW, "train_again"),
        (facts.is_compared or facts.new_labels > 0, "rank_more"),
    )
    return next((step for holds, step in reasons if holds), "compare")


def read_facts(store: Store, *, is_training: bool = False, compared_run: str = "") -> LoopFacts:
    """What the project holds now."""
    counts = store.counts()
    done = {run.kind: run for run in store.runs() if run.outcome == "completed"}  # the newest of each kind
    new = store.labels_since(_began(done.get("sft")), _began(done.get("reward")))
    ppo = done.get("ppo")
    return LoopFacts(
        prompts=counts.prompts,
        demonstrations=counts.demonstrations,
        rankings_by_people=counts.rankings_by_people,
        rankings_simulated=counts.rankings_simulated,
        trained=frozenset(done),
        new_demonstrations=new.demonstrations if "sft" in done else 0,
        new_rankings=new.rankings if "reward" in done else 0,
        is_training=is_training,
        is_compared=ppo is not None and ppo.id == compared_run,
    )


def _began(run: RunRecord | None) -> str:
    return run.created if run is not None else ""


class LoopStrip(QWidget):
    """One line: the labels, when they were last trained on, and the next act. Says less where there is less room."""

    go_to_requested = Signal(object)  # GoTo

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("loop")
        self._session = session
        self._step: Step = "write"
        self._host: QWidget | None = None
        self.label = PlainLabel("", "muted")
        self.button = Button("", self.tr("The next useful act"), "link")
        self.button.clicked.connect(self._on_button_clicked)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(GRID, 0, GRID, 0)
        layout.setSpacing(GRID)
        layout.addWidget(self.label)
        layout.addWidget(self.button)
        self._texts: tuple[str, ...] = ("",)
        session.store_changed.connect(self._on_session_store_changed)
        session.runs_changed.connect(self.reload)
        session.training_state_changed.connect(self._on_session_training_state_changed)
        session.theme.changed.connect(self._fit)
        self.reload()

    def reload(self) -> None:
        """Read the project anew."""
        session = self._session
        facts = read_facts(
            session.store,
            is_training=session.state is not TrainingState.IDLE,
            compared_run=session.preferences.value(_COMPARED),
        )
        self._step = next_step(facts)
        whole = self._labels_text(facts)
        self._texts = (f"{whole} · {self._training_text(facts)}", whole, "")
        self.label.setToolTip(self._texts[0])
        self.button.setText(self._step_text())
        self.button.setAccessibleName(self.tr("Next: {act}").format(act=self._step_text()))
        self.setAccessibleName(self._texts[0])
        self._fit()

    def note_shown(self, tab: str) -> None:
        """Remember that the models of the last run were looked at."""
        if tab != "compare" or self._step != "compare":
            return
        done = [run.id for run in self._session.store.runs() if run.kind == "ppo" and run.outcome == "completed"]
        self._session.preferences.keep(_COMPARED, done[-1])
        self.reload()

    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ParentChange:
            self._watch(self.parentWidget())
        return super().event(event)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        if event.type() == QEvent.Type.Resize:
            self._fit()
        return super().eventFilter(watched, event)

    def _watch(self, host: QWidget | None) -> None:
        if self._host is not None:
            self._host.removeEventFilter(self)
        self._host = host
        if host is not None:
            host.installEventFilter(self)

    def _fit(self) -> None:
        """The longest text that leaves the tabs their room."""
        host = self._host
        room = 10_000
        if isinstance(host, QTabWidget):
            room = host.width() - host.tabBar().sizeHint().width() - self.button.sizeHint().width() - 4 * GRID
        metrics = self.label.fontMetrics()
        text = next((text for text in self._texts if metrics.horizontalAdvance(text) <= room), "")
        self.label.setText(text)
        self.label.setVisible(bool(text))

    def _labels_text(self, facts: LoopFacts) -> str:
        demonstrations = self.tr("1 demonstration") if facts.demonstrations == 1 else self.tr("{n} demonstrations")
        rankings = self.tr("1 ranking") if facts.rankings_by_people == 1 else self.tr("{n} rankings")
        text = f"{demonstrations.format(n=facts.demonstrations)} · {rankings.format(n=facts.rankings_by_people)}"
        if facts.rankings_simulated:
            text += " " + self.tr("(+{n} simulated)").format(n=facts.rankings_simulated)
        return text

    def _training_text(self, facts: LoopFacts) -> str:
        if facts.is_training:
            return self.tr("training now")
        if not facts.trained.intersection(_STAGES):
            return self.tr("not trained yet")
        missing = {
            "sft": self.tr("SFT not trained yet"),
            "reward": self.tr("reward model not trained yet"),
            "ppo": self.tr("PPO not trained yet"),
        }
        if facts.missing_stage:
            return missing[facts.missing_stage]
        if facts.new_labels == 0:
            return self.tr("trained on all of them")
        if facts.new_rankings == 0:
            one, many = self.tr("last trained 1 demonstration ago"), self.tr("last trained {n} demonstrations ago")
        elif facts.new_demonstrations == 0:
            one, many = self.tr("last trained 1 ranking ago"), self.tr("last trained {n} rankings ago")
        else:
            one, many = "", self.tr("last trained {n} labels ago")
        return one if facts.new_labels == 1 else many.format(n=facts.new_labels)

    def _step_text(self) -> str:
        texts: dict[Step, str] = {
            "watch": self.tr("Watch"),
            "prompt": self.tr("Write a prompt"),
            "write": self.tr("Write an answer"),
            "rank": self.tr("Rank answers"),
            "train": self.tr("Train"),
            "train_again": self.tr("Train again"),
            "compare": self.tr("Compare"),
            "rank_more": self.tr("Rank more"),
        }
        return f"{texts[self._step]} \u2192"

    def _on_button_clicked(self) -> None:
        self.go_to_requested.emit(GoTo(_TABS[self._step]))

    def _on_session_store_changed(self, changes: Changes, _origin: object) -> None:
        if changes.tables & _OWN_TABLES:
            self.reload()

    def _on_session_training_state_changed(self, _state: TrainingState) -> None:
        self.reload()
