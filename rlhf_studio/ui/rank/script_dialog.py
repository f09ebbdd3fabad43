"""Scripted labelers: a rule with noise ranks sets that wait, or new ones; its rankings are marked as simulated."""

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import (
    QAbstractSpinBox,
    QComboBox,
    QDialog,
    QDoubleSpinBox,
    QGridLayout,
    QLineEdit,
    QProgressBar,
    QRadioButton,
    QSizePolicy,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from rlhf_studio.errors import StudioError
from rlhf_studio.jobs.rules import (
    DESCRIPTIONS,
    MOST_LENGTH,
    MOST_NOISE,
    NOISE,
    TITLES,
    Order,
    ScriptedLabeler,
    orders_by,
)
from rlhf_studio.store.database import Changes
from rlhf_studio.ui.rank.queue import RankQueue
from rlhf_studio.ui.rank.set_sampling import SetSampling
from rlhf_studio.ui.session import Session
from rlhf_studio.ui.spoken import spoken
from rlhf_studio.ui.widgets.parts import GRID, Button, Tag, indent, row
from rlhf_studio.ui.widgets.text import PlainLabel

_SETS, _KEPT = 8, 64  # ranked, and kept, in a turn of the event loop
_MOST_NEW = 500
_NEW = 10
_LENGTH = 80
_WIDTH_PX = 560


def rank_by_script(session: Session, queue: RankQueue, parent: QWidget) -> None:
    """Open the dialog, or say why nothing can be ranked."""
    try:
        session.store.require_writable()
        dialog = ScriptDialog(session, queue, parent)
    except StudioError as error:
        session.say(str(error), kind="warning")
        return
    dialog.open()


class ScriptDialog(QDialog):
    """A rule and its noise, and which sets it ranks: a few in each turn of the event loop, as one act in the end."""

    def __init__(self, session: Session, queue: RankQueue, parent: QWidget | None = None) -> None:
        """Count what waits.

        Raises:
            StudioError: If the project cannot be read.
        """
        super().__init__(parent)
        self.setWindowTitle(self.tr("Ranking by a script"))
        self.setObjectName("script")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._session, self._queue = session, queue
        self._act: int | None = None  # to which the rankings belong that are kept already
        self._changes: Changes | None = None  # that nobody has heard of yet
        self._kept = self._equal = 0
        self._orders: list[Order] = []
        self._left: list[int] = []  # sets to be ranked yet
        self._sampling: SetSampling | None = None
        self._made: list[int] = []  # new sets
        self._captions: dict[QWidget, PlainLabel] = {}
        self._timer = QTimer(self)
        self._timer.setInterval(0)
        self._timer.timeout.connect(self._on_turn)
        self._waiting = [frozenset(ids) for ids in session.store.sets_without("").values()]  # read once: it takes time
        self._make_fields()
        self._lay_out()
        self._connect()
        self._show_choice()

    def labeler(self) -> ScriptedLabeler:
        """The chosen rule and noise.

        Raises:
            DataError: If they make no labeler.
        """
        return ScriptedLabeler(
            self.rule.currentData(),
            round(self.noise.value(), 2),
            self.word.text(),
            self.length.value(),
            self.seed.value(),
        )

    def rank(self) -> None:
        """Begin; the rankings are kept when the last set has its order."""
        self._act, self._kept, self._equal = None, 0, 0
        for widget in (*self._fields, self.rank_button):
            widget.setEnabled(False)
        self.progress.setRange(0, self.new_count.value() if self.new.isChecked() else 0)
        self.progress.show()
        if self.new.isChecked():
            self._queue.hold(is_held=True)
            self._sample_next()
        else:
            self._begin_ranking()

    def reject(self) -> None:
        """Leave; not while rankings are being kept, which takes a moment."""
        if self.cancel_button.isEnabled():
            super().reject()

    def done(self, result: int) -> None:
        """Stop whatever goes on; sets that were sampled stay, for they cost time, and wait for people."""
        self._timer.stop()
        if self._sampling is not None:
            self._sampling.cancel()
            self._sampling = None
        self._queue.hold(is_held=False)
        if result == QDialog.DialogCode.Rejected and self._made:
            words = self.tr("{n} sets were sampled and wait for you; the script has ranked none.")
            self._session.say(words.format(n=len(self._made)))
        super().done(result)

    # --- building

    def _make_fields(self) -> None:
        self.rule = QComboBox()
        for name, title in TITLES.items():
            self.rule.addItem(spoken(title), name)
        self.about = _note("")
        self.word = QLineEdit()
        self.word.setMaxLength(40)
        self.length = _whole(1, MOST_LENGTH, _LENGTH)
        self.length.setSuffix(self.tr(" characters"))
        self.noise = QDoubleSpinBox()
        self.noise.setRange(0, MOST_NOISE)
        self.noise.setSingleStep(0.05)
        self.noise.setDecimals(2)
        self.noise.setValue(NOISE)
        indent(self.noise)
        self.seed = _whole(0, 999, 0)
        self.waiting = QRadioButton()
        self.new = QRadioButton(self.tr("New sets, sampled first:"))
        self.new_count = _whole(1, _MOST_NEW, _NEW)
        self.name = PlainLabel("", wraps=True)
        self.error = PlainLabel("", "danger", wraps=True)
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setAccessibleName(self.tr("Sets done"))
        policy = self.progress.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.progress.setSizePolicy(policy)
        self.progress.hide()
        self.rank_button = Button(self.tr("Rank"), self.tr("Let the script rank these sets"), "primary")
        self.cancel_button = Button(self.tr("Cancel"), self.tr("Rank nothing"))
        self.rank_button.setDefault(True)
        tips = (
            (self.rule, self.tr("Rule"), self.tr("What the script likes")),
            (self.word, self.tr("Word"), self.tr("Upper and lower case are the same")),
            (self.length, self.tr("Length"), self.tr("In characters")),
            (self.noise, self.tr("Noise"), self.tr("Share of the pairs that the script orders the wrong way round")),
            (self.seed, self.tr("Seed"), self.tr("Another one is another labeler, who makes other mistakes")),
            (
                self.waiting,
                self.tr("Sets that wait"),
                self.tr("Rank what waits for people and this script has not seen"),
            ),
            (
                self.new,
                self.tr("New sets"),
                self.tr("Sample answers from the sources of this page and rank only these"),
            ),
            (
                self.new_count,
                self.tr("How many new sets"),
                self.tr("Each is of another prompt, as far as there are any"),
            ),
        )
        for field, title, tip in tips:
            field.setAccessibleName(title)
            field.setToolTip(tip)
        self._fields = tuple(field for field, _, _ in tips)

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(3 * GRID, 2 * GRID, 3 * GRID, 2 * GRID)
        layout.setSpacing(GRID)
        layout.addWidget(PlainLabel(self.tr("Which answers shall the script prefer?"), "heading"))
        layout.addLayout(self._lay_out_rule())
        layout.addSpacing(GRID)
        layout.addWidget(PlainLabel(self.tr("Which sets?"), "heading"))
        layout.addWidget(self.waiting)
        layout.addLayout(row(self.new, self.new_count, None))
        layout.addLayout(row(Tag(self.tr("simulated"), self.tr("No person made these rankings")), self.name))
        words = self.tr(
            "The rankings carry the script's name and count for rewards like all others. The sets go on waiting for "
            "people. It is one act, which can be undone."
        )
        layout.addWidget(_note(words))
        layout.addWidget(self.error)
        layout.addStretch(1)
        layout.addWidget(self.progress)
        layout.addLayout(row(None, self.cancel_button, self.rank_button))
        self.setMinimumWidth(_WIDTH_PX)

    def _lay_out_rule(self) -> QGridLayout:
        grid = QGridLayout()
        grid.setHorizontalSpacing(2 * GRID)
        grid.setVerticalSpacing(GRID)
        grid.setColumnStretch(1, 1)
        captions = (
            (self.tr("Rule"), self.rule),
            ("", self.about),
            (self.tr("Word"), self.word),
            (self.tr("Length"), self.length),
            (self.tr("Noise"), self.noise),
            (self.tr("Seed"), self.seed),
        )
        for line, (text, field) in enumerate(captions):
            caption = self._captions[field] = PlainLabel(text)
            caption.setBuddy(field)
            grid.addWidget(caption, line, 0)
            is_narrow = isinstance(field, QAbstractSpinBox)
            grid.addWidget(field, line, 1, Qt.AlignmentFlag.AlignLeft if is_narrow else Qt.AlignmentFlag(0))
        return grid

    def _connect(self) -> None:
        self.rule.currentIndexChanged.connect(self._show_choice)
        self.word.textChanged.connect(self._show_choice)
        for box in (self.length, self.noise, self.seed, self.new_count):
            box.valueChanged.connect(self._show_choice)
        self.waiting.setChecked(True)
        self.waiting.toggled.connect(self._show_choice)
        self.rank_button.clicked.connect(self.rank)
        self.cancel_button.clicked.connect(self.reject)

    # --- inside

    def _show_choice(self) -> None:
        """Show what the rule needs, what the labeler is called, and how many sets there are for it."""
        rule = self.rule.currentData()
        self.about.setText(spoken(DESCRIPTIONS[rule]))
        for field, needed in ((self.word, "word"), (self.length, "length")):
            field.setVisible(rule == needed)
            self._captions[field].setVisible(rule == needed)
        self.new_count.setEnabled(self.new.isChecked())
        try:
            labeler = self.labeler()
            ranked = self._session.store.ranked_by_script(labeler.name)
        except StudioError as error:
            is_blank = rule == "word" and not self.word.text().strip()
            self._refuse("" if is_blank else str(error))
            self.name.setText("")
            return
        count = sum(ids not in ranked for ids in self._waiting)
        self.name.setText(labeler.name)
        self.waiting.setText(
            (self.tr("1 set that waits") if count == 1 else self.tr("{n} sets that wait")).format(n=count)
        )
        self._refuse("")
        self.rank_button.setEnabled(count > 0 or self.new.isChecked())

    def _refuse(self, why: str) -> None:
        self.error.setText(why)
        self.error.setVisible(bool(why))
        self.rank_button.setEnabled(False)

    def _sample_next(self) -> None:
        """Sample one more set, or go on to ranking them."""
        self.progress.setValue(len(self._made))
        if len(self._made) == self.new_count.value():
            self._begin_ranking()
            return
        try:
            prompts = self._session.store.prompts_to_rank(1)
            sampling = self._queue.new_sampling(prompts[0]) if prompts else None
        except StudioError as error:
            self._fail(str(error))
            return
        if sampling is None:
            self._fail(self.tr("There is no prompt to rank answers to, or no model that answers."))
            return
        self._sampling = sampling
        sampling.done.connect(self._on_sampling_done)
        sampling.failed.connect(self._fail)
        sampling.ask()

    def _on_sampling_done(self) -> None:
        sampling, self._sampling = self._sampling, None
        if sampling is None:
            return
        try:
            made = self._session.store.add_answer_set(sampling.prompt.id, sampling.completions(), sampling.shown_order)
        except StudioError as error:
            self._fail(str(error))
            return
        sampling.deleteLater()
        self._made += made.ids
        self._session.changed(made.changes, self)
        self._sample_next()

    def _fail(self, message: str) -> None:
        """Stop, and let the person choose again; what is kept already is one act, which can be undone."""
        self._timer.stop()
        self._sampling = None
        self._queue.hold(is_held=False)
        self._tell_changes()
        self.progress.hide()
        for widget in (*self._fields, self.cancel_button):
            widget.setEnabled(True)
        self._show_choice()
        self.error.setText(message)
        self.error.show()

    def _tell_changes(self) -> None:
        changes, self._changes = self._changes, None
        if changes is not None:
            self._session.changed(changes)

    def _begin_ranking(self) -> None:
        try:
            name = self.labeler().name
            self._left = list(self._made if self.new.isChecked() else self._session.store.sets_without(name))
        except StudioError as error:
            self._fail(str(error))
            return
        self._orders = []
        self.progress.setRange(0, 2 * len(self._left))
        self.progress.setValue(0)
        self._timer.start()

    def _on_turn(self) -> None:
        """Rank some more sets; when all have their order, keep some of the orders."""
        try:
            if self._left:
                some, self._left = self._left[:_SETS], self._left[_SETS:]
                self._orders += orders_by(self.labeler(), self._session.store.sets_for_script(some))
                self.progress.setValue(len(self._orders))
            else:
                self._keep_some()
        except StudioError as error:
            self._fail(str(error))

    def _keep_some(self) -> None:
        """From the first ranking that is kept on there is no way back but undo."""
        self.cancel_button.setEnabled(False)
        some, self._orders = self._orders[:_KEPT], self._orders[_KEPT:]
        store, who = self._session.store, self._session.labeler
        made = store.add_scripted_rankings(some, self.labeler().name, who, act=self._act)
        self._act = made.act
        self._changes = made.changes if made.ids else self._changes
        self._kept += len(made.ids)
        self._equal += len(some) - len(made.ids)
        self.progress.setValue(self.progress.maximum() - len(self._orders))
        if not self._orders:
            self._timer.stop()
            self._finish()

    def _finish(self) -> None:
        self._tell_changes()
        words = self.tr("{n} simulated rankings by \u201c{name}\u201d.")
        if self._equal:
            words += " " + self.tr("{equal} sets, equally good by it, got none.")
        text = words.format(n=self._kept, name=self.labeler().name, equal=self._equal)
        self._session.say(text, kind="undo" if self._kept else "info")
        self.accept()


def _note(text: str) -> PlainLabel:
    note = PlainLabel(text, "muted", wraps=True)
    note.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
    return note


def _whole(least: int, most: int, value: int) -> QSpinBox:
    box = QSpinBox()
    box.setRange(least, most)
    box.setValue(value)
    indent(box)
    return box
