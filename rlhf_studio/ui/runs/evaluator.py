"""Has reward models measured by the inference thread, and shows the run that is looked at."""

from functools import partial

from PySide6.QtCore import QObject

from rlhf_studio.errors import StudioError
from rlhf_studio.jobs.catalog import RunSummary
from rlhf_studio.jobs.models import usable
from rlhf_studio.jobs.reward_evaluation import RewardEvaluation, read_evaluation, read_folds
from rlhf_studio.ui.inquiry import Inquiry
from rlhf_studio.ui.runs.evaluation import EvaluationView
from rlhf_studio.ui.session import Session


class Evaluator(QObject):
    """Measurements go on while another run is looked at."""

    def __init__(self, session: Session, view: EvaluationView, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session, self._view = session, view
        self._run: RunSummary | None = None
        self._going: dict[str, Inquiry] = {}
        self._shares: dict[str, float] = {}
        view.measure_requested.connect(self.measure)
        view.cancel_requested.connect(self.cancel)

    def show_run(self, run: RunSummary) -> None:
        """Show what is known of a reward run."""
        self._run = run
        if run.id in self._going:
            self._view.show_share(self._shares[run.id])
            return
        found = usable(run)
        can_measure = found is not None and not found.is_checkpoint
        try:
            known, folds = read_evaluation(run.path, run.last_step), read_folds(run.path)
        except StudioError as error:
            self._view.show_nothing(str(error), can_measure=can_measure)
            return
        if known is not None:
            self._view.show_found(known, folds)
        elif can_measure:
            self._view.show_nothing()
        else:
            self._view.show_nothing(self.tr("This run has left no model yet."), can_measure=False)

    def measure(self) -> None:
        """Have the run that is shown measured."""
        run = self._run
        if run is None or run.id in self._going:
            return
        inquiry = self._session.evaluate(run.path)
        self._going[run.id], self._shares[run.id] = inquiry, 0.0
        inquiry.progressed.connect(partial(self._on_progressed, run.id))
        inquiry.evaluated.connect(partial(self._on_evaluated, run.id))
        inquiry.failed.connect(partial(self._on_failed, run.id))
        self._view.show_share(0.0)

    def cancel(self) -> None:
        """Give the measurement up that is shown."""
        if self._run is None:
            return
        inquiry = self._going.pop(self._run.id, None)
        if inquiry is not None:
            inquiry.cancel()
        self.show_run(self._run)

    def _is_shown(self, run_id: str) -> bool:
        return self._run is not None and self._run.id == run_id

    def _on_progressed(self, run_id: str, share: float) -> None:
        self._shares[run_id] = share
        if self._is_shown(run_id):
            self._view.show_share(share)

    def _on_evaluated(self, run_id: str, found: RewardEvaluation) -> None:
        self._going.pop(run_id, None)
        run = self._run
        if run is None or run.id != run_id:
            return
        try:
            folds = read_folds(run.path)
        except StudioError as error:
            folds = None
            self._session.say(str(error), kind="error")
        self._view.show_found(found, folds)

    def _on_failed(self, run_id: str, message: str) -> None:
        self._going.pop(run_id, None)
        if self._is_shown(run_id):
            self._view.show_nothing(message)
