"""Train: the three stages of InstructGPT, started with one button and watched as they learn."""

import json
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QResizeEvent, QShowEvent
from PySide6.QtWidgets import QPushButton, QSplitter, QVBoxLayout, QWidget

from rlhf_studio.errors import StudioError
from rlhf_studio.events import Notice, RunFinished, is_alarm
from rlhf_studio.jobs.best_policy import BEST
from rlhf_studio.jobs.catalog import RunSummary, list_runs
from rlhf_studio.jobs.judges import newest_judge
from rlhf_studio.jobs.model_folders import JUDGE
from rlhf_studio.jobs.models import language_models, reward_models, stage_of
from rlhf_studio.jobs.run_file import micro_batch_of, read_run_file
from rlhf_studio.jobs.stages import STAGE_KEYS, StageEvent, StageKey, StagePlan, in_order
from rlhf_studio.paths import DEFAULT_BASE, models_dir
from rlhf_studio.schema import RunSpec
from rlhf_studio.store.database import Changes
from rlhf_studio.ui.session import Session, TrainingState
from rlhf_studio.ui.tabs.tab import GoTo, Tab
from rlhf_studio.ui.train.alarm import AlarmCard
from rlhf_studio.ui.train.banner import EndBanner
from rlhf_studio.ui.train.forks import Forks
from rlhf_studio.ui.train.outlook import Outlook
from rlhf_studio.ui.train.presets import Presets
from rlhf_studio.ui.train.run_bar import RunBar
from rlhf_studio.ui.train.settings_file import SettingsFile
from rlhf_studio.ui.train.side import ProbeSide, StageColumn
from rlhf_studio.ui.train.stage_card import StageCard
from rlhf_studio.ui.train.steering import Steering
from rlhf_studio.ui.widgets.parts import GRID

if TYPE_CHECKING:
    from rlhf_studio.ui.train.watch import Watch

_SPLITTER = "train/splitter"
_TABLES = frozenset({"prompt", "demonstration", "ranking"})


class TrainTab(Tab):
    """Three cards, the curves of the stage that runs, and what the model says."""

    name = "train"

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self.column = StageColumn(session.theme)
        self.probes = ProbeSide(session.theme)
        self.bar = RunBar(session.theme)
        self.banner = EndBanner()
        self.alarm = AlarmCard()
        self.steering = Steering(session, self.bar, self)
        self.presets = Presets(self.column.cards, self)
        self.settings_file = SettingsFile(self.column.cards, self._say, self)
        self.forks = Forks(session, self.column, self)
        self.fork_note = self.forks.note
        self.watch: Watch | None = None  # curves are built after the window is on screen
        self._plan: StagePlan | None = None
        self._splitter = QSplitter(Qt.Orientation.Horizontal)
        self._middle = QWidget()
        middle = QVBoxLayout(self._middle)
        middle.setContentsMargins(0, 0, 0, 0)
        middle.addWidget(self.presets.note)
        middle.addWidget(self.fork_note)
        self._lay_out()
        self._connect()
        self._restore_settings()
        self.outlook = Outlook(session, self.column.cards, self._spec, self)
        self.column.start_changed.connect(self.outlook.refresh)

    # --- what the window asks

    def title(self) -> str:
        return self.tr("Train")

    def icon_name(self) -> str:
        return "mdi6.school-outline"

    def primary_button(self) -> QPushButton | None:
        return self.bar.train_all

    def go_to(self, target: GoTo) -> None:
        if target.step is not None:
            self.forks.prepare(target.run_id, target.step)
            return
        if target.act and self.bar.train_all.isEnabled():
            self.bar.train_all.click()

    def reload(self) -> None:
        self._show_data()
        self._show_state(self.session.state)

    def finish(self) -> None:
        self.build_watch()

    def showEvent(self, event: QShowEvent) -> None:  # noqa: N802
        super().showEvent(event)
        self.outlook.refresh()
        if self.watch is not None:
            self.watch.load_history()

    def resizeEvent(self, event: QResizeEvent) -> None:  # noqa: N802
        super().resizeEvent(event)
        self.presets.note.fit(event.size().height())

    # --- acts

    def train_all(self) -> None:
        """SFT, the reward model, the RL start if PPO shall begin with one, and PPO, with the settings of the cards."""
        stages = tuple(card.stage for card in self.column.in_use)
        if not self._says_missing(stages):
            self.train_plan(stages)

    def _says_missing(self, stages: Sequence[StageKey]) -> bool:
        """Tell what labels are lacking for these stages, in the order in which they would notice."""
        store = self.session.store
        for card in self.column.in_use:
            lacking = self.column.lacking(store.counts(), stages, card, is_read_only=store.is_read_only)
            if lacking:
                act = partial(self._on_remedy_requested, lacking[0].remedy)
                words = card.sentence(lacking[0])
                self.session.say(words, kind="warning", action=card.remedy_words(lacking[0]), act=act)
                return True
        return False

    def train_plan(self, stages: Sequence[StageKey], settings: Mapping[str, Mapping[str, Any]] | None = None) -> None:
        """Start some stages; what earlier ones have left is used for those that are not named.

        Args:
            stages: In the order of the paper.
            settings: What differs from the cards, by stage; "ppo" holds for both PPO stages.
        """
        self.forks.drop()  # its settings are another run's
        given = settings or {}
        stages = in_order(stages, self._settings(stages, given), () if "sft" in stages else self._usable())
        chosen = self._settings(stages, given)
        parents: dict[str, str] = {stage: run_id for stage, run_id in self._usable().items() if stage not in stages}
        plan = StagePlan(stages, models_dir() / DEFAULT_BASE, chosen, parents)
        self.build_watch()
        try:
            self.session.train(plan)
        except StudioError as error:
            self.session.say(str(error), kind="error")
            return
        self._plan = plan
        self.banner.hide()

    def start_fork(self) -> None:
        """Begin the run that was prepared."""
        self.build_watch()
        if self.forks.start(self._machine()):
            self._plan = None
            self.banner.hide()

    def build_watch(self) -> None:
        """Make the curves, if they are not there yet."""
        from rlhf_studio.ui.train.watch import Watch  # noqa: PLC0415  brings pyqtgraph and its 0.3 seconds

        if self.watch is None:
            self.watch = Watch(self.session, self.probes.view, self.bar, self)
            self.watch.follower.stage_began.connect(self._on_stage_began)
            layout = self._middle.layout()
            if layout is not None:
                layout.addWidget(self.watch.monitor)
            if self.isVisible():
                self.watch.load_history()

    # --- inside

    def _lay_out(self) -> None:
        splitter = self._splitter
        for part, stretch in (
            (self.presets.above(self.column, self.settings_file.button), 0),
            (self._middle, 1),
            (self.probes, 0),
        ):
            splitter.addWidget(part)
            splitter.setStretchFactor(splitter.count() - 1, stretch)
        splitter.setChildrenCollapsible(False)
        splitter.setHandleWidth(2 * GRID)
        splitter.setSizes([328, 648, 256])
        splitter.restoreState(self.session.preferences.state(_SPLITTER))  # of nothing kept it takes no notice
        splitter.splitterMoved.connect(self._on_splitter_moved)
        page = QVBoxLayout()
        page.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, GRID)
        page.setSpacing(GRID)
        page.addWidget(splitter, 1)
        page.addWidget(self.alarm)
        page.addWidget(self.steering.card)
        page.addWidget(self.banner)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addLayout(page, 1)
        layout.addWidget(self.bar)

    def _connect(self) -> None:
        session = self.session
        session.store_changed.connect(self._on_store_changed)
        session.runs_changed.connect(self._on_runs_changed)
        session.training_state_changed.connect(self._show_state)
        session.training_finished.connect(self._on_training_finished)
        self.bar.train_all.clicked.connect(self.train_all)
        self.bar.pause.clicked.connect(self._on_pause_clicked)
        self.bar.stop.clicked.connect(session.stop)
        self.banner.continue_requested.connect(self._on_continue_requested)
        session.events_arrived.connect(self._on_events_arrived)
        self.alarm.go_on_requested.connect(session.resume)
        self.alarm.stop_requested.connect(session.stop)
        self.alarm.adjust_requested.connect(self.steering.toggle)
        self.banner.restart_requested.connect(self._on_restart_requested)
        self.presets.chosen.connect(self.column.reveal)
        self.column.start_changed.connect(self._on_runs_changed)
        self.fork_note.start_requested.connect(self.start_fork)
        for card in self.column.cards.values():
            card.start_requested.connect(self._on_start_requested)
            card.remedy_requested.connect(self._on_remedy_requested)
            card.edited.connect(self._on_card_edited)
        buttons = {
            "train.adjust": self.bar.adjust,
            "train.start": self.bar.train_all,
            "train.pause": self.bar.pause,
            "train.stop": self.bar.stop,
        }
        clicks = {name: button.click for name, button in buttons.items()}
        session.keymap.bind(self, clicks, Qt.ShortcutContext.WindowShortcut)
        session.keymap.hint(buttons)

    def _settings(
        self, stages: Sequence[StageKey], given: Mapping[str, Mapping[str, Any]]
    ) -> dict[str, dict[str, Any]]:
        """What differs from the defaults: of the cards, and above that of whoever gave some."""
        chosen: dict[str, dict[str, Any]] = {}
        for stage in stages:
            card = self.column.cards["ppo" if stage.startswith("ppo") else stage]
            shared = given.get("ppo", {}) if stage.startswith("ppo") else {}
            chosen[stage] = {**self._machine(), **card.form.values(), **shared, **given.get(stage, {})}
            if stage == "ppo-ptx" and not chosen[stage].get("ptx_coef", 1):
                del chosen[stage]["ptx_coef"]
        return chosen

    def _spec(self, card: StageCard) -> RunSpec:
        """The run that a card's button would start; an SFT model that is not there yet has the size of its base."""
        project, usable, base = self.session.store.runs_dir, self._usable(), str(models_dir() / DEFAULT_BASE)
        sft = str(project / usable["sft"] / "models" / "policy") if "sft" in usable else base
        settings = {**self._machine(), **card.form.values()}
        if card.stage.startswith("ppo"):
            return RunSpec("ppo", settings, {"policy": sft, "reward": sft})
        if card.stage == "reward":
            return RunSpec("reward", settings, {"base": sft})
        judge = newest_judge(self.session.store.folder)
        models = {"base": base} if judge is None else {"base": base, JUDGE: str(judge)}
        return RunSpec("sft" if card.stage == "sft" else "rl-start", settings, models)

    def _machine(self) -> dict[str, Any]:
        """Device and threads of the settings page, where they are not left to the program."""
        preferences = self.session.preferences
        given = {"device": preferences.device, "threads": preferences.threads}
        return {name: value for name, value in given.items() if value not in {"auto", 0}}

    def _usable(self) -> dict[StageKey, str]:
        """The newest run of each stage that has left a whole model."""
        project = self.session.store.folder
        found: dict[StageKey, str] = {}
        for choice in (*language_models(project, models_dir()), *reward_models(project)):
            is_last = choice.path.parent.name == "models" and choice.path.name != BEST
            if choice.run_id and is_last and choice.stage in STAGE_KEYS:
                found[choice.stage] = choice.run_id
        return found

    def _show_data(self) -> None:
        store = self.session.store
        counts = store.counts()
        done = self._usable()
        self.column.show_counts(counts)
        newest = self._newest_runs()
        self.column.show_runs(newest, self.session.live_run)
        for card in self.column.cards.values():
            card.show_missing(self.column.lacking(counts, done, card, is_read_only=store.is_read_only))
            card.set_busy(self.session.state is not TrainingState.IDLE)
        self.bar.train_all.setEnabled(self.session.state is TrainingState.IDLE and not store.is_read_only)

    def _newest_runs(self) -> dict[str, RunSummary]:
        newest: dict[str, RunSummary] = {}
        for run in list_runs(self.session.store.folder).runs:
            try:
                stage = stage_of(read_run_file(run.path))
            except StudioError:  # it is named on the page of runs
                continue
            newest["ppo" if stage == "ppo-ptx" else stage] = run
        return newest

    def _restore_settings(self) -> None:
        for name, card in self.column.cards.items():
            kept = self.session.store.get_meta(f"ui.train.{name}")
            try:
                values = json.loads(kept) if kept else {}
            except ValueError:
                values = {}
            if isinstance(values, dict) and values:
                card.form.set_values(values)

    def _on_card_edited(self, card: StageCard) -> None:
        store = self.session.store
        name = next(name for name, known in self.column.cards.items() if known is card)
        if self.forks.card == name:  # the other run's settings are not this person's
            return
        if not store.is_read_only and self.isVisible():
            store.set_meta(f"ui.train.{name}", json.dumps(card.form.values()))

    def _on_start_requested(self, card: StageCard) -> None:
        if self.forks.card and self.column.cards[self.forks.card] is card:
            self.start_fork()
        else:
            self.train_plan((card.stage,))

    def _on_remedy_requested(self, remedy: str) -> None:
        if remedy in {"write", "rank"}:
            self.go_to_requested.emit(GoTo(remedy))
        else:
            self.train_all()

    def _on_pause_clicked(self) -> None:
        is_paused = self.session.state is TrainingState.PAUSED
        (self.session.resume if is_paused else self.session.pause)()

    def _on_continue_requested(self, is_halved: bool) -> None:
        if (last := self.banner.last) is None:
            return
        changes = {"micro_batch": micro_batch_of(self._folder(last.run_id)) // 2} if is_halved else {}
        try:
            self.session.go_on(self._folder(last.run_id), last.stage, changes)
        except StudioError as error:
            self.session.say(str(error), kind="error")
            return
        self.banner.hide()

    def _on_restart_requested(self) -> None:
        last, plan = self.banner.last, self._plan
        if last is not None:
            self.train_plan((last.stage,) if last.run_id or plan is None else plan.stages)

    def _on_splitter_moved(self, _place: int, _index: int) -> None:
        self.session.preferences.keep_state(_SPLITTER, self._splitter.saveState())

    def _on_stage_began(self, stage: str) -> None:
        self.column.reveal(stage)
        self._show_data()

    def _on_store_changed(self, changes: Changes, _origin: QObject) -> None:
        if self.isVisible() and changes.tables & _TABLES:
            self._show_data()

    def _on_runs_changed(self) -> None:
        if self.isVisible():
            self._show_data()

    def _on_training_finished(self, last: StageEvent) -> None:
        folder = self._folder(last.run_id) if last.run_id else None
        has_checkpoint = folder is not None and any((folder / "checkpoints").glob("step-*"))
        self.banner.show_end(last, folder, has_checkpoint, micro_batch_of(folder))
        if isinstance(last.event, RunFinished) and last.event.outcome == "failed" and not self.isVisible():
            self.session.say(last.event.message, kind="error")
        self._show_data()

    def _on_events_arrived(self, items: list[StageEvent]) -> None:
        alarms = [item.event for item in items if isinstance(item.event, Notice) and is_alarm(item.event)]
        if alarms:
            self.alarm.show_alarms(alarms)
        if alarms and not self.isVisible():
            said = self.tr("The run is paused: its answers show signs of gaming the reward. See the Train tab.")
            self.session.say(said, kind="warning")

    def _show_state(self, state: TrainingState) -> None:
        self.bar.show_state(state)
        if state is not TrainingState.PAUSED:
            self.alarm.hide()
        self.presets.set_busy(state is not TrainingState.IDLE)
        self.settings_file.set_busy(state is not TrainingState.IDLE)
        self.fork_note.start.setEnabled(state is TrainingState.IDLE)
        for card in self.column.cards.values():
            card.set_busy(state is not TrainingState.IDLE)
        if self.session.store.is_read_only:
            self.bar.train_all.setEnabled(False)

    def _say(self, text: str, kind: str) -> None:
        self.session.say(text, kind=kind)

    def _folder(self, run_id: str) -> Path:
        return self.session.store.runs_dir / run_id
