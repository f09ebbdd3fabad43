"""The curves and whoever fills them; made after the window is on screen, because plots take their time to build."""

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from rlhf_studio.errors import StudioError
from rlhf_studio.events import TrainEvent
from rlhf_studio.jobs.catalog import list_runs
from rlhf_studio.jobs.models import stage_of
from rlhf_studio.jobs.run_file import read_run_file
from rlhf_studio.ui.session import Session, TrainingState
from rlhf_studio.ui.train.follower import Follower
from rlhf_studio.ui.train.history import HistoryReader
from rlhf_studio.ui.train.monitor import Monitor
from rlhf_studio.ui.train.probe_view import ProbeView
from rlhf_studio.ui.train.run_bar import RunBar


class Watch(QObject):
    """Shows the run that goes on; before the first one, the last run of each stage."""

    def __init__(self, session: Session, probes: ProbeView, bar: RunBar, parent: QWidget) -> None:
        super().__init__(parent)
        self._session = session
        self.monitor = Monitor(session.theme)
        self.follower = Follower(session, self.monitor, probes, bar)
        self._readers: list[tuple[str, HistoryReader]] = []
        self._is_loaded = False
        session.training_state_changed.connect(self._on_state_changed)

    def load_history(self) -> None:
        """Draw the last run of each stage, once, and not while a run goes on."""
        if self._is_loaded or self._session.state is not TrainingState.IDLE:
            return
        self._is_loaded = True
        newest: dict[str, tuple[str, HistoryReader]] = {}
        for run in list_runs(self._session.store.folder).runs:
            try:
                stage = str(stage_of(read_run_file(run.path)))
            except StudioError:  # it is named on the page of runs
                continue
            kind = "ppo" if stage.startswith("ppo") else stage
            if kind in self.monitor.grids:
                newest[kind] = stage, HistoryReader(run.path, self)
        self._readers = [newest[kind] for kind in self.monitor.grids if kind in newest]
        if self._readers:
            self.monitor.follow(self._readers[-1][0])
        self._next()

    def _next(self) -> None:
        if self._readers:
            _, reader = self._readers[0]
            reader.read.connect(self._on_read)
            reader.ended.connect(self._on_ended)
            reader.start()

    def _on_read(self, events: list[TrainEvent]) -> None:
        self.follower.replay(self._readers[0][0], events)

    def _on_ended(self) -> None:
        _, reader = self._readers.pop(0)
        reader.deleteLater()
        self._next()

    def _on_state_changed(self, state: TrainingState) -> None:
        if state is TrainingState.RUNNING:  # a run has the screen for itself
            self._is_loaded = True
            for _, reader in self._readers:
                reader.stop()
                reader.deleteLater()
            self._readers = []
