"""The Compare tab: one prompt, and what base, SFT, PPO and PPO-ptx answer to it, side by side."""

import hashlib
import json

from PySide6.QtWidgets import QPushButton, QVBoxLayout, QWidget

from rlhf_studio.errors import StudioError
from rlhf_studio.events import CheckpointSaved
from rlhf_studio.jobs.stages import StageEvent
from rlhf_studio.paths import models_dir
from rlhf_studio.schema import Turn
from rlhf_studio.store.database import Changes
from rlhf_studio.ui.compare.board import Board
from rlhf_studio.ui.compare.column import AnswerColumn
from rlhf_studio.ui.compare.controls import SamplingControls
from rlhf_studio.ui.compare.legend import Legend
from rlhf_studio.ui.compare.lineup import Lineup, read_lineup
from rlhf_studio.ui.compare.prompt_panel import PromptPanel, listed_prompts
from rlhf_studio.ui.session import Session
from rlhf_studio.ui.tabs.tab import GoTo, Tab
from rlhf_studio.ui.widgets.parts import GRID

_PROMPT_TABLES = {"prompt", "prompt_purpose"}


class CompareTab(Tab):
    """One prompt, up to six models, all answers at once."""

    name = "compare"

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(session, parent)
        self.lineup = Lineup()
        self._asked: tuple[Turn, ...] = ()
        self._are_models_stale = True
        self._are_prompts_stale = True
        self.controls = SamplingControls(session.theme)
        self.prompt = PromptPanel(session.theme, (self.controls.ask, self.controls.stop))
        self.legend = Legend(session.theme)
        self.board = Board(session.theme)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * GRID, 2 * GRID, 2 * GRID, 2 * GRID)
        layout.setSpacing(GRID)
        for widget in (self.prompt, self.controls, self.legend):
            layout.addWidget(widget)
        layout.addWidget(self.board, 1)
        self._restore()
        self._connect()
        self._update()

    def title(self) -> str:
        return self.tr("Compare")

    def icon_name(self) -> str:
        return "mdi6.compare-horizontal"

    def primary_button(self) -> QPushButton | None:
        return self.controls.ask

    def go_to(self, target: GoTo) -> None:
        """Ask about a prompt, or see a run's model beside the others."""
        self.reload()
        if target.prompt_id is not None:
            self._show_prompt(target.prompt_id)
        if target.run_id:
            self._show_run(target.run_id)
        if target.act:
            self.ask_all()

    def reload(self) -> None:
        """Read what changed since it was shown last."""
        if self._are_prompts_stale:
            self._are_prompts_stale = False
            self.prompt.picker.set_prompts(listed_prompts(self.session.store))
            if not self.prompt.editor.toPlainText() and self.prompt.picker.prompts:
                self.prompt.show_prompt(self.prompt.picker.prompts[0])
        if self._are_models_stale:
            self._are_models_stale = False
            self._read_models()

    def save_state(self) -> None:
        """Keep how answers are drawn; columns are kept when they change."""
        sampling = self.controls.sampling()
        self.session.preferences.keep("compare/temperature", sampling.temperature)
        self.session.preferences.keep("compare/longest", sampling.max_new_tokens)

    def ask_all(self) -> None:
        """Put the prompt to every column's model, with the same seed."""
        turns = self.prompt.turns()
        if not turns or self.prompt.editor.is_composing:
            return
        self.reload()
        self._asked = turns
        for column in self.board.columns:
            self._ask(column)

    # --- inside

    def _connect(self) -> None:
        self.session.runs_changed.connect(self._on_session_runs_changed)
        self.session.events_arrived.connect(self._on_session_events_arrived)
        self.session.store_changed.connect(self._on_session_store_changed)
        self.controls.asked.connect(self.ask_all)
        self.controls.asked_again.connect(self.ask_all)
        self.controls.stopped.connect(self.board.stop)
        self.controls.changed.connect(self._update)
        self.prompt.changed.connect(self._update)
        self.legend.add_wanted.connect(self._on_legend_add_wanted)
        self.legend.train_wanted.connect(self._on_train_wanted)
        self.board.train_wanted.connect(self._on_train_wanted)
        self.legend.changes_toggled.connect(self.board.set_shows_changes)
        self.board.keys_changed.connect(self._on_board_keys_changed)
        self.board.asked.connect(self._on_board_asked)
        self.board.state_changed.connect(self._update)
        keymap = self.session.keymap
        keymap.bind(
            self,
            {
                "compare.ask": self.ask_all,
                "compare.again": self.controls.take_next_seed,
                "compare.stop": self.board.stop,
            },
        )
        buttons = {
            "compare.ask": self.controls.ask,
            "compare.again": self.controls.again,
            "compare.stop": self.controls.stop,
        }
        keymap.hint(buttons)

    def _ask(self, column: AnswerColumn) -> None:
        if column.choice is None:
            return
        reward, reference = self.lineup.reward, self.lineup.reference
        inquiry = self.session.ask(
            column.choice.path,
            self._asked,
            1,
            self.controls.sampling(),
            reward=reward.path if reward else None,
            reference=reference.path if reference else None,
        )
        column.ask(inquiry, reward.title if reward else "", reference.title if reference else "")

    def _read_models(self) -> None:
        store = self.session.store
        try:
            base_models = models_dir()
        except StudioError as error:
            self.session.say(str(error), kind="error")
            base_models = store.folder / "models"
        self.lineup = read_lineup(store.folder, base_models)
        self.legend.show_lineup(self.lineup, store.counts().rankings_simulated)
        self.board.set_lineup(self.lineup, self._kept_keys() or self.lineup.default_keys())
        self._update()

    def _update(self) -> None:
        can_ask = bool(self.prompt.turns()) and any(column.choice for column in self.board.columns)
        self.controls.set_state(can_ask=can_ask, is_busy=self.board.is_busy)
        self.legend.add.setEnabled(self.board.can_add)
        has_answers = any(column.shown for column in self.board.columns)
        self.legend.set_outdated(is_outdated=has_answers and self._asked != self.prompt.turns())

    def _show_prompt(self, prompt_id: int) -> None:
        try:
            self.prompt.show_prompt(self.session.store.prompt(prompt_id))
        except StudioError as error:
            self.session.say(str(error), kind="error")

    def _show_run(self, run_id: str) -> None:
        shown = {column.choice.run_id for column in self.board.columns if column.choice}
        if run_id in shown:
            return
        choice = self.lineup.find(f"run:{run_id}")
        if choice is None:
            self.session.say(self.tr("This run has left no model that answers. Choose another run."), kind="warning")
        else:
            self.board.add(choice.key)

    # --- what is remembered

    def _restore(self) -> None:
        preferences = self.session.preferences
        try:
            temperature = float(preferences.value("compare/temperature", "0"))
            longest = int(preferences.value("compare/longest", "64"))
        except ValueError:  # a file that somebody edited
            temperature, longest = 0.0, 64
        self.controls.set_sampling(temperature, longest)

    def _columns_name(self) -> str:
        folder = str(self.session.store.folder.resolve())
        return f"compare/columns-{hashlib.sha256(folder.encode()).hexdigest()[:12]}"

    def _kept_keys(self) -> tuple[str, ...]:
        """The columns this project had last; empty if nobody chose any, or the note of it makes no sense."""
        try:
            keys = json.loads(self.session.preferences.value(self._columns_name(), "[]"))
        except ValueError:
            return ()
        return tuple(keys) if isinstance(keys, list) and all(isinstance(key, str) for key in keys) else ()

    # --- slots

    def _on_session_runs_changed(self) -> None:
        self._are_models_stale = True
        if self.isVisible():
            self.reload()

    def _on_session_events_arrived(self, items: list[StageEvent]) -> None:
        if any(isinstance(item.event, CheckpointSaved) for item in items):
            self._on_session_runs_changed()

    def _on_session_store_changed(self, changes: Changes, _origin: object) -> None:
        if changes.tables & _PROMPT_TABLES:
            self._are_prompts_stale = True
            if self.isVisible():
                self.reload()

    def _on_legend_add_wanted(self) -> None:
        self.board.add()

    def _on_train_wanted(self) -> None:
        self.go_to_requested.emit(GoTo("train"))

    def _on_board_keys_changed(self) -> None:
        self.session.preferences.keep(self._columns_name(), json.dumps(self.board.keys))

    def _on_board_asked(self, column: AnswerColumn) -> None:
        """A model chosen late answers what the others were asked."""
        if self._asked:
            self._ask(column)
