"""The numbers under an answer: reward, KL, length and how it ended."""

from dataclasses import dataclass

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QGridLayout, QSizePolicy, QVBoxLayout, QWidget

from rlhf_studio.jobs.inference import InferredAnswer
from rlhf_studio.ui.theme import Theme
from rlhf_studio.ui.widgets.parts import GRID, row
from rlhf_studio.ui.widgets.text import PlainLabel, tool_tip

NOTHING = "—"


@dataclass(frozen=True, slots=True)
class Scales:
    """The ranges that all columns' bars share; each holds zero."""

    reward: tuple[float, float] = (0.0, 0.0)
    kl: tuple[float, float] = (0.0, 0.0)


def common_scales(answers: list[InferredAnswer]) -> Scales:
    """The narrowest ranges that hold zero and every number shown."""
    return Scales(
        _range([answer.score for answer in answers if answer.score is not None]),
        _range([answer.kl for answer in answers if answer.kl is not None]),
    )


def _range(values: list[float]) -> tuple[float, float]:
    return min(0.0, *values, 0.0), max(0.0, *values, 0.0)


class Bar(QWidget):
    """A number as a bar from zero, on a range shared with other bars. The number beside it says the same in words."""

    def __init__(self, theme: Theme, colour_name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._theme = theme
        self._colour_name = colour_name
        self._value: float | None = None
        self._range = (0.0, 0.0)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        theme.changed.connect(self.update)

    def show_value(self, value: float | None, limits: tuple[float, float]) -> None:
        """Draw a value within ``limits``; None draws the empty track."""
        self._value, self._range = value, limits
        self.update()

    def sizeHint(self) -> QSize:  # noqa: N802
        return QSize(64, GRID)

    def minimumSizeHint(self) -> QSize:  # noqa: N802
        return QSize(24, GRID)

    def paintEvent(self, _event: QPaintEvent) -> None:  # noqa: N802
        colours = self._theme.colours
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(colours.grid))
        track = QRectF(self.rect())
        painter.drawRoundedRect(track, 3, 3)
        low, high = self._range
        if self._value is not None and high > low:
            zero, end = ((place - low) / (high - low) * track.width() for place in (0.0, self._value))
            painter.setBrush(QColor(getattr(colours, self._colour_name)))
            painter.drawRoundedRect(
                QRectF(min(zero, end), 0, max(2.0, abs(end - zero)) if self._value else 0.0, track.height()), 3, 3
            )
            if low < 0 < high:
                painter.setBrush(QColor(colours.text))
                painter.drawRect(QRectF(zero - 0.5, 0, 1, track.height()))
        painter.end()


class Figures(QWidget):
    """Reward, KL, tokens and ending of one answer."""

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.reward = PlainLabel(NOTHING, "heading")
        self.kl = PlainLabel(NOTHING, "heading")
        self.length = PlainLabel("", "muted")
        self.ending = PlainLabel("", "muted")
        self._reward_bar = Bar(theme, "metric_reward")
        self._kl_bar = Bar(theme, "metric_kl")
        grid = QGridLayout()
        grid.setHorizontalSpacing(GRID)
        grid.setVerticalSpacing(GRID // 2)
        rows = ((self.tr("Reward"), self._reward_bar, self.reward), (self.tr("KL"), self._kl_bar, self.kl))
        for place, (caption, bar, value) in enumerate(rows):
            value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            value.setAccessibleName(caption)
            grid.addWidget(PlainLabel(caption, "muted"), place, 0)
            grid.addWidget(bar, place, 1)
            grid.addWidget(value, place, 2)
        grid.setColumnStretch(1, 1)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(GRID // 2)
        layout.addLayout(grid)
        layout.addLayout(row(self.length, None, self.ending))

    def clear(self) -> None:
        """Show that nothing is measured yet."""
        for label in (self.reward, self.kl):
            label.setText(NOTHING)
            label.setToolTip("")
        self.length.clear()
        self.ending.clear()
        self._reward_bar.show_value(None, (0.0, 0.0))
        self._kl_bar.show_value(None, (0.0, 0.0))

    def note(self, text: str) -> None:
        """Say how far the answer is, where its length will stand."""
        self.length.setText(text)
        self.ending.clear()

    def show_answer(self, answer: InferredAnswer, reward_title: str, reference_title: str) -> None:
        """Put an answer's numbers into words; hovering says where they come from."""
        if answer.score is not None:
            self.reward.setText(signed(answer.score))
            tip = self.tr("Score of “{model}” for this answer: {value}. It has no unit; higher is better.")
            self.reward.setToolTip(tool_tip(tip.format(model=reward_title, value=signed(answer.score))))
        if answer.kl is not None:
            self.kl.setText(self.tr("{value} nats").format(value=f"{answer.kl:.1f}"))
            self.kl.setToolTip(tool_tip(self._kl_words(answer.kl, reference_title)))
        self.length.setText(self.tr("{count} tokens").format(count=len(answer.token_ids)))
        if answer.is_finished:
            self.ending.setText(self.tr("finished"))
            self.ending.setToolTip(self.tr("The model ended its answer by itself."))
        else:
            self.ending.setText(self.tr("cut off"))
            self.ending.setToolTip(self.tr("The answer reached the longest length and was cut there."))
        self.ending.set_look("muted" if answer.is_finished else "warning")

    def show_scales(self, answer: InferredAnswer, scales: Scales) -> None:
        """Draw the bars on ranges that all columns share."""
        self._reward_bar.show_value(answer.score, scales.reward)
        self._kl_bar.show_value(answer.kl, scales.kl)

    def _kl_words(self, kl: float, reference: str) -> str:
        text = self.tr(
            "How far this model is from “{reference}” on this answer: log-probability here minus there, summed over "
            "its tokens at temperature 1: {value} nats. Sampled from one answer; below 0 the other model likes it more."
        )
        return text.format(reference=reference, value=f"{kl:.2f}")


def signed(value: float) -> str:
    """Two decimals and a sign; a zero has none."""
    text = f"{value:+.2f}"
    return "0.00" if text in {"+0.00", "-0.00"} else text
