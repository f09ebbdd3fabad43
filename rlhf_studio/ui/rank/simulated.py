"""What a person does to the rankings that a script made: another target for all of them, or none of them at all."""

from collections.abc import Iterator
from itertools import islice

from PySide6.QtCore import QCoreApplication, Qt, QTimer
from PySide6.QtWidgets import QDialog, QProgressBar, QRadioButton, QSizePolicy, QVBoxLayout, QWidget

from rlhf_studio.errors import StudioError
from rlhf_studio.jobs.targets import Order, Target, current_target, rank_again, set_target, sets_to_rank, targets
from rlhf_studio.store.simulated import SimulatedSet
from rlhf_studio.ui.session import Session
from rlhf_studio.ui.spoken import spoken
from rlhf_studio.ui.widgets.parts import GRID, Button, row
from rlhf_studio.ui.widgets.text import PlainLabel

_SETS = 8  # ranked in a turn of the event loop, about 4 ms
_WIDTH_PX = 520


def delete_simulated(session: Session) -> None:
    """Take every simulated ranking back and say how many there were."""
    try:
        made = session.store.delete_simulated_rankings(session.labeler)
    except StudioError as error:
        session.say(str(error), kind="error")
        return
    session.changed(made.changes)
    session.say(_deleted(len(made.ids)), kind="undo" if made.ids else "info")


def choose_target(session: Session, parent: QWidget) -> None:
    """Open the dialog, or say why there is nothing to choose."""
    try:
        session.store.require_writable()
        sets = sets_to_rank(session.store)
        in_use = current_target(session.store)
    except StudioError as error:
        session.say(str(error), kind="warning")
        return
    TargetDialog(session, sets, in_use, parent).open()


def _deleted(count: int) -> str:
    words = {
        0: QCoreApplication.translate("Simulated", "There are no simulated rankings."),
        1: QCoreApplication.translate(
            "Simulated", "1 simulated ranking was removed; its answers wait to be ranked by you."
        ),
    }
    many = QCoreApplication.translate(
        "Simulated", "{n} simulated rankings were removed; their answers wait to be ranked by you."
    )
    return words.get(count, many).format(n=count)


class TargetDialog(QDialog):
    """Each target with what it tells a labeler; the chosen one ranks the same answers, a few in each turn."""

    def __init__(
        self, session: Session, sets: tuple[SimulatedSet, ...], in_use: str, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle(self.tr("Target of the simulated rankings"))
        self.setObjectName("target")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._session, self._sets, self._in_use = session, sets, in_use
        self._targets = targets()
        self._orders: list[Order] = []
        self._work: Iterator[Order] = iter(())
        self._timer = QTimer(self)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._on_turn)
        self.choices = {target.name: QRadioButton(self._title(target)) for target in self._targets}
        self.progress = QProgressBar()
        self.progress.setRange(0, len(sets))
        self.progress.setTextVisible(False)
        self.progress.setAccessibleName(self.tr("Sets ranked"))
        policy = self.progress.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.progress.setSizePolicy(policy)
        self.progress.hide()
        self.rank_button = Button(self.tr("Rank anew"), self.tr("Replace the simulated rankings"), "primary")
        self.cancel_button = Button(self.tr("Cancel"), self.tr("Change nothing"))
        self._lay_out()
        for choice in self.choices.values():
            choice.toggled.connect(self._show_choice)
        self.rank_button.clicked.connect(self.rank)
        self.cancel_button.clicked.connect(self.reject)
        self.choices[in_use or self._targets[0].name].setChecked(True)
        self._show_choice()

    @property
    def chosen(self) -> Target:
        """The target whose button is on."""
        return next(target for target in self._targets if self.choices[target.name].isChecked())

    def rank(self) -> None:
        """Begin; the rankings are replaced when the last set has its order."""
        self._orders = []
        self._work = rank_again(self._sets, self.chosen)
        for widget in (*self.choices.values(), self.rank_button):
            widget.setEnabled(False)
        self.progress.show()
        self._timer.start()

    def done(self, result: int) -> None:
        self._timer.stop()
        super().done(result)

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(3 * GRID, 2 * GRID, 3 * GRID, 2 * GRID)
        layout.setSpacing(GRID)
        layout.addWidget(PlainLabel(self.tr("Which answers shall the simulated rankings prefer?"), "heading"))
        for target in self._targets:
            choice, description = self.choices[target.name], PlainLabel(spoken(target.description), "muted", wraps=True)
            choice.setAccessibleDescription(spoken(target.description))
            description.setContentsMargins(3 * GRID, 0, 0, GRID)
            description.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
            layout.addWidget(choice)
            layout.addWidget(description)
        words = self.tr(
            "A script ranks the same {n} sets of answers anew, with one pair in ten the wrong way round. Rankings by "
            "people stay as they are. It can be undone. Models that are trained already keep the old target."
        )
        note = PlainLabel(words.format(n=len(self._sets)), wraps=True)
        note.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        layout.addWidget(note)
        layout.addStretch(1)
        layout.addWidget(self.progress)
        layout.addLayout(row(None, self.cancel_button, self.rank_button))
        self.setMinimumWidth(_WIDTH_PX)
        self.resize(_WIDTH_PX, layout.heightForWidth(_WIDTH_PX))

    def _title(self, target: Target) -> str:
        title = spoken(target.title)
        return self.tr("{target} (in use)").format(target=title) if target.name == self._in_use else title

    def _show_choice(self) -> None:
        self.rank_button.setEnabled(self.chosen.name != self._in_use)

    def _on_turn(self) -> None:
        some = list(islice(self._work, _SETS))
        self._orders += some
        self.progress.setValue(len(self._orders))
        if not some:
            self._timer.stop()
            self._finish()

    def _finish(self) -> None:
        session = self._session
        try:
            made = set_target(session.store, self.chosen, self._orders, session.labeler)
        except StudioError as error:
            session.say(str(error), kind="error")
        else:
            session.changed(made.changes)
            words = self.tr("{n} simulated rankings have the target “{target}” now.")
            equal = len(self._orders) - len(made.ids)
            if equal:
                words += " " + self.tr("{equal} sets, equally good by it, wait for you.")
            session.say(words.format(n=len(made.ids), target=spoken(self.chosen.title), equal=equal), kind="undo")
        self.accept()
