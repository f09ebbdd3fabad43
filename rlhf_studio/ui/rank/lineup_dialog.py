"""The line-up: which models and checkpoints answer, at which temperatures, and how many sets wait ready."""

from collections.abc import Sequence
from functools import partial
from itertools import pairwise

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDialog,
    QDoubleSpinBox,
    QFrame,
    QGridLayout,
    QScrollArea,
    QSizePolicy,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from rlhf_studio.jobs.lineup import (
    LEAST_AHEAD,
    MOST_AHEAD,
    MOST_SHARE,
    MOST_SOURCES,
    MOST_TEMPERATURE,
    LineUp,
    Source,
)
from rlhf_studio.jobs.models import ModelChoice
from rlhf_studio.ui.theme import Theme
from rlhf_studio.ui.widgets.parts import GRID, Button, indent, row
from rlhf_studio.ui.widgets.text import PlainLabel

_WIDTH_PX, _HEIGHT_PX = 760, 440
_TEMPERATURES = (1.0, 0.7, 1.3, 0.4, 1.6, 0.9, 1.1, 0.2, 1.9)  # offered in this order


class SourceRow:
    """The fields of one source."""

    def __init__(self, dialog: "LineUpDialog", models: Sequence[ModelChoice], source: Source, theme: Theme) -> None:
        self.source = source
        self.model = QComboBox()
        self.model.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.model.setMinimumContentsLength(24)
        self.model.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self._models = list(models)
        if source.key not in {model.key for model in models}:  # it is said, and stays until somebody takes it out
            self.model.addItem(dialog.tr("{title} (gone)").format(title=source.title), source.key)
        for model in models:
            self.model.addItem(model.title, model.key)
        self.model.setCurrentIndex(max(0, self.model.findData(source.key)))
        self.temperature = _number(source.temperature, 0.0, MOST_TEMPERATURE, 0.1)
        self.top_p = _number(source.top_p, 0.05, 1.0, 0.05)
        self.share = QSpinBox()
        self.share.setRange(1, MOST_SHARE)
        self.share.setValue(source.share)
        indent(self.share)
        self.remove = Button("", dialog.tr("Take this source out"), "quiet", "mdi6.close", theme)
        self.remove.clicked.connect(partial(dialog.remove, self))

    @property
    def widgets(self) -> tuple[QWidget, ...]:
        return self.model, self.temperature, self.top_p, self.share, self.remove

    def value(self) -> Source:
        """The source as the fields have it."""
        key = str(self.model.currentData())
        title = next((model.title for model in self._models if model.key == key), self.source.title)
        return Source(key, title, round(self.temperature.value(), 2), round(self.top_p.value(), 2), self.share.value())


class LineUpDialog(QDialog):
    """Sources one below the other; nothing changes before they are confirmed."""

    chosen = Signal(object)  # LineUp

    def __init__(
        self,
        theme: Theme,
        models: Sequence[ModelChoice],
        sources: Sequence[Source],
        line_up: LineUp,
        parent: QWidget | None = None,
    ) -> None:
        """Show a line-up.

        Args:
            theme: For the icons.
            models: That there are, checkpoints among them; at least one.
            sources: To begin with; at least one.
            line_up: Whose pace is shown.
            parent: Owns it.
        """
        super().__init__(parent)
        self.setWindowTitle(self.tr("Sources of the answers"))
        self.setObjectName("lineup")
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._theme, self._models = theme, tuple(models)
        self.rows = [SourceRow(self, models, source, theme) for source in sources]
        tip = self.tr("Let another model, checkpoint or temperature answer too")
        self.add_button = Button(self.tr("Add a source"), tip, "", "mdi6.plus", theme)
        self.ahead = QSpinBox()
        self.ahead.setRange(LEAST_AHEAD, MOST_AHEAD)
        self.ahead.setValue(line_up.ahead)
        self.ahead.setAccessibleName(self.tr("Sets kept ready"))
        self.ahead.setToolTip(self.tr("How many sets wait ready besides the one that is being ranked"))
        indent(self.ahead)
        self.beside = QCheckBox(self.tr("Sample ahead also while a run trains"))
        self.beside.setToolTip(
            self.tr("Off, only answers that you wait for are sampled while a run goes on, and it loses no time")
        )
        self.beside.setChecked(not line_up.rests_while_training)
        self.use_button = Button(self.tr("Use these"), self.tr("Sample the next sets from these sources"), "primary")
        self.cancel_button = Button(self.tr("Cancel"), self.tr("Change nothing"))
        self.use_button.setDefault(True)
        self._grid = QGridLayout()
        self._lay_out()
        self._fill_grid()
        self.add_button.clicked.connect(self.add)
        self.use_button.clicked.connect(self._on_use_clicked)
        self.cancel_button.clicked.connect(self.reject)

    def add(self) -> None:
        """One more source: like the last one, at a temperature that it has not yet, for equal sources are one."""
        last = self.rows[-1].value()
        taken = {one.temperature for one in self.line_up().sources if (one.key, one.top_p) == (last.key, last.top_p)}
        temperature = next((each for each in _TEMPERATURES if each not in taken), last.temperature)
        self.rows.append(
            SourceRow(self, self._models, Source(last.key, last.title, temperature, last.top_p), self._theme)
        )
        self._fill_grid()
        self.rows[-1].model.setFocus(Qt.FocusReason.OtherFocusReason)

    def remove(self, gone: SourceRow) -> None:
        """Take a source out; the last one stays."""
        place = self.rows.index(gone)
        self.rows.remove(gone)
        for widget in gone.widgets:
            self._grid.removeWidget(widget)
            widget.deleteLater()
        self._fill_grid()
        self.rows[min(place, len(self.rows) - 1)].model.setFocus(Qt.FocusReason.OtherFocusReason)

    def line_up(self) -> LineUp:
        """What is chosen."""
        sources = tuple(one.value() for one in self.rows)
        return LineUp(sources, self.ahead.value(), rests_while_training=not self.beside.isChecked())

    # --- inside

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(3 * GRID, 2 * GRID, 3 * GRID, 2 * GRID)
        layout.setSpacing(GRID)
        layout.addWidget(PlainLabel(self.tr("Who answers the prompts that you rank?"), "heading"))
        words = self.tr(
            "The answers of a set are dealt to the sources by their shares, in another order each time. You do not see "
            "whose answer is whose before you have ranked them."
        )
        note = PlainLabel(words, "muted", wraps=True)
        note.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Minimum)
        layout.addWidget(note)
        table = QWidget()
        outer = QVBoxLayout(table)
        outer.setContentsMargins(0, GRID, GRID, 0)
        self._grid.setHorizontalSpacing(GRID)
        self._grid.setVerticalSpacing(GRID)
        self._grid.setColumnStretch(0, 1)
        outer.addLayout(self._grid)
        outer.addLayout(row(self.add_button, None))
        outer.addStretch(1)
        scroll = QScrollArea()
        scroll.setWidgetResizable(True)
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        scroll.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        scroll.setWidget(table)
        layout.addWidget(scroll, 1)
        ready = PlainLabel(self.tr("Sets kept ready"))
        ready.setBuddy(self.ahead)
        layout.addLayout(row(ready, self.ahead, self.beside, None, spacing=2 * GRID))
        layout.addLayout(row(None, self.cancel_button, self.use_button))
        for place, (text, tip) in enumerate(
            (
                (self.tr("Model or checkpoint"), ""),
                (self.tr("Temperature"), self.tr("1 is the model as it is; 0 takes the likeliest word each time")),
                (self.tr("Top-p"), self.tr("Draw from the likeliest words that together have this share; 1 is off")),
                (self.tr("Share"), self.tr("Of the answers, compared with the other sources")),
            )
        ):
            caption = PlainLabel(text, "muted")
            caption.setToolTip(tip)
            self._grid.addWidget(caption, 0, place)
        self.resize(_WIDTH_PX, _HEIGHT_PX)

    def _fill_grid(self) -> None:
        """Put every source into its line, and name its fields by their place."""
        for line, one in enumerate(self.rows, start=1):
            names = (
                self.tr("Source {n}: model or checkpoint"),
                self.tr("Source {n}: temperature"),
                self.tr("Source {n}: top-p"),
                self.tr("Source {n}: share"),
                self.tr("Take source {n} out"),
            )
            for place, (widget, name) in enumerate(zip(one.widgets, names, strict=True)):
                self._grid.addWidget(widget, line, place)
                widget.setAccessibleName(name.format(n=line))
                widget.setToolTip(name.format(n=line))
            one.remove.setEnabled(len(self.rows) > 1)
        self.add_button.setEnabled(len(self.rows) < MOST_SOURCES)
        self._order_tabs()

    def _order_tabs(self) -> None:
        chain = [widget for one in self.rows for widget in one.widgets]
        chain += [self.add_button, self.ahead, self.beside, self.cancel_button, self.use_button]
        for first, second in pairwise(chain):
            QWidget.setTabOrder(first, second)

    def _on_use_clicked(self) -> None:
        self.chosen.emit(self.line_up())
        self.accept()


def _number(value: float, least: float, most: float, step: float) -> QDoubleSpinBox:
    box = QDoubleSpinBox()
    box.setRange(least, most)
    box.setSingleStep(step)
    box.setDecimals(2)
    box.setValue(value)
    indent(box)
    return box
