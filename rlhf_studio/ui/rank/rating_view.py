"""Each answer by itself: overall quality and flags, one answer after the other; what the labelers' first page asks.

Source: Ouyang et al. 2022, arXiv:2203.02155, table 3 and the labeling interface in its appendix.
"""

from collections.abc import Mapping, Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QVBoxLayout, QWidget

from rlhf_studio.schema import Completion, Turn
from rlhf_studio.store.ratings import FLAGS, LEAST_OVERALL, MOST_OVERALL, Rating
from rlhf_studio.ui.rank.flag_words import flag_words, rating_text
from rlhf_studio.ui.theme import Theme
from rlhf_studio.ui.widgets.parts import GRID, Button, Card, row
from rlhf_studio.ui.widgets.text import PlainLabel
from rlhf_studio.ui.write.conversation import ConversationView, ReadingBox
from rlhf_studio.ui.write.fitting import FittingScroll
from rlhf_studio.ui.write.flow import FlowLayout

FLAG_KEYS = "1234567890="  # with Alt, one for each flag
_PROMPT_PX = 112
_ANSWER_PX = 360


class RatingView(QWidget):
    """Shows one answer and what was said of it; tells what a person clicks."""

    overall_given = Signal(int)
    flag_toggled = Signal(int)  # place among the flags
    answer_wanted = Signal(int)  # place among the answers
    back_wanted = Signal()
    next_wanted = Signal()
    ranking_wanted = Signal()

    def __init__(self, theme: Theme, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.prompt = ConversationView(theme)
        self.prompt.set_limit(_PROMPT_PX)
        self.title = PlainLabel("", "title")
        self.answer = ReadingBox(is_flat=True)
        self.answer.set_limit(_ANSWER_PX)
        self.answers: list[Button] = []  # one for each answer, to go to it
        self._answer_row = row(self.title, None)
        self.overall = [self._make_overall(value) for value in range(LEAST_OVERALL, MOST_OVERALL + 1)]
        self.flags = [self._make_flag(place, words) for place, words in enumerate(flag_words().values())]
        self._make_buttons(theme)
        self._lay_out()

    def show_prompt(self, turns: tuple[Turn, ...]) -> None:
        """Show what was asked."""
        self.prompt.show_turns(turns)

    def show_answer(self, answers: Sequence[Completion], place: int, ratings: Mapping[int, Rating]) -> None:
        """Show one answer, and how far the others are.

        Args:
            answers: All of the set, in the order in which they are shown.
            place: Of the answer, from 0.
            ratings: By completion, of the person who labels.
        """
        answer = answers[place]
        rating = ratings.get(answer.id, Rating(answer.id, ""))
        self.title.setText(self.tr("Answer {place} of {k}").format(place=place + 1, k=len(answers)))
        if self.answer.toPlainText() != answer.text:
            self.answer.setPlainText(answer.text)
        self.answer.setPlaceholderText(self.tr("(an empty answer)"))
        self.answer.setAccessibleName(self.title.text())
        for value, button in enumerate(self.overall, start=LEAST_OVERALL):
            button.setChecked(value == rating.overall)
        for name, button in zip(FLAGS, self.flags, strict=True):
            button.setChecked(name in rating.flags)
        self._have(len(answers))
        for number, (button, each) in enumerate(zip(self.answers, answers, strict=True), start=1):
            said = ratings.get(each.id)
            words = f"{number}: {rating_text(said)}" if said else f"{number}"
            button.setText(words)
            button.setAccessibleName(self.tr("Answer {words}").format(words=words))
            button.setChecked(number == place + 1)
        self.back.setEnabled(place > 0)

    def set_writable(self, *, is_writable: bool) -> None:
        """Whether anything can be said."""
        for button in (*self.overall, *self.flags, self.unrankable, self.skip):
            button.setEnabled(is_writable)

    # --- building

    def _make_overall(self, value: int) -> Button:
        tips = {LEAST_OVERALL: self.tr("worst"), MOST_OVERALL: self.tr("best")}
        tip = self.tr("Overall quality {value} of {most}").format(value=value, most=MOST_OVERALL)
        button = Button(str(value), f"{tip}: {tips[value]}" if value in tips else tip, "chip", keys=str(value))
        button.setAccessibleName(tip)
        button.setCheckable(True)
        button.setObjectName(str(value))
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)  # a click leaves the digits where they are heard
        button.clicked.connect(self._on_overall_clicked)
        return button

    def _make_flag(self, place: int, words: str) -> Button:
        keys = self.tr("Alt+{key}").format(key=FLAG_KEYS[place])
        button = Button(f"{words}   {keys}", self.tr("{flag}: holds for this answer").format(flag=words), "chip")
        button.setAccessibleName(words)
        button.setCheckable(True)
        button.setObjectName(str(place))
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.clicked.connect(self._on_flag_clicked)
        return button

    def _make_buttons(self, theme: Theme) -> None:
        tip = self.tr("Go on to the order of all answers")
        self.ranking = Button(
            self.tr("To the ranking"), tip, "primary", "mdi6.format-list-numbered", theme, self.tr("Enter")
        )
        self.back = Button(
            self.tr("Back"), self.tr("The answer before"), "", "mdi6.chevron-left", theme, self.tr("Left")
        )
        self.next = Button(
            self.tr("Next"), self.tr("The next answer"), "", "mdi6.chevron-right", theme, self.tr("Right")
        )
        self.unrankable = Button(self.tr("Cannot be ranked"), self.tr("Say that no order of these answers makes sense"))
        self.skip = Button(
            self.tr("Skip"), self.tr("Put this set aside and go to the next"), "", "mdi6.skip-next-outline", theme
        )
        self.ranking.clicked.connect(self.ranking_wanted)
        self.back.clicked.connect(self.back_wanted)
        self.next.clicked.connect(self.next_wanted)
        for button in (self.ranking, self.back, self.next, self.unrankable, self.skip):
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)

    def _lay_out(self) -> None:
        card = Card()
        card.body.addLayout(self._answer_row)
        card.body.addWidget(self.answer)
        inner = QWidget()
        body = QVBoxLayout(inner)
        body.setContentsMargins(0, 0, 0, 0)
        body.setSpacing(2 * GRID)
        words = self.tr("Flags first, then 1 to 7: the digit is kept at once and shows the next answer.")
        body.addWidget(card)
        body.addLayout(self._overall_row())
        body.addWidget(self._flag_box())
        body.addWidget(PlainLabel(words, "muted", wraps=True))
        body.addStretch(1)
        scroll = FittingScroll(inner)
        scroll.set_limit(4096)
        scroll.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        scroll.setAccessibleName(self.tr("Answer, overall quality and flags"))
        layout = QVBoxLayout(self)
        layout.setContentsMargins(2 * GRID, GRID, 2 * GRID, GRID)
        layout.setSpacing(GRID)
        layout.addWidget(self.prompt)
        layout.addWidget(scroll, 1)
        layout.addLayout(row(self.ranking, self.back, self.next, self.unrankable, self.skip, None))

    def _overall_row(self) -> QHBoxLayout:
        heading = PlainLabel(self.tr("Overall quality"), "heading")
        ends = [PlainLabel(words, "muted") for words in (self.tr("worst"), self.tr("best"))]
        return row(heading, ends[0], *self.overall, ends[1], None)

    def _flag_box(self) -> QWidget:
        box = QWidget()
        box.setAccessibleName(self.tr("Flags"))
        flow = FlowLayout(box, GRID)
        for button in self.flags:
            flow.addWidget(button)
        return box

    def _have(self, count: int) -> None:
        for button in self.answers[count:]:
            self._answer_row.removeWidget(button)
            button.hide()
            button.deleteLater()
        del self.answers[count:]
        for place in range(len(self.answers), count):
            button = Button("", self.tr("Go to answer {number}").format(number=place + 1), "chip")
            button.setCheckable(True)
            button.setObjectName(str(place))
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            button.clicked.connect(self._on_answer_clicked)
            self.answers.append(button)
            self._answer_row.addWidget(button)

    # --- slots

    def _on_overall_clicked(self) -> None:
        self.overall_given.emit(int(self.sender().objectName()))

    def _on_flag_clicked(self) -> None:
        self.flag_toggled.emit(int(self.sender().objectName()))

    def _on_answer_clicked(self) -> None:
        self.answer_wanted.emit(int(self.sender().objectName()))
