"""Few-shot prompts: an instruction with K pairs makes K examples, each with the other pairs as context."""

from collections.abc import Mapping, Sequence
from typing import Any

from PySide6.QtCore import QCoreApplication, Qt
from PySide6.QtWidgets import QCheckBox, QLineEdit, QSplitter, QVBoxLayout, QWidget

from rlhf_studio.errors import StudioError
from rlhf_studio.prompt_kinds import MIN_PAIRS, FewShotExample, Shot, ShotLayout, few_shot_examples
from rlhf_studio.schema import UseCase
from rlhf_studio.ui.prompts_new.draft import text, texts
from rlhf_studio.ui.prompts_new.form import KindForm, Made, counted, heading
from rlhf_studio.ui.prompts_new.rows import GrowingEditor, Row, RowList
from rlhf_studio.ui.theme import Theme
from rlhf_studio.ui.widgets.parts import GRID, Button, row
from rlhf_studio.ui.widgets.text import PlainLabel
from rlhf_studio.ui.write.conversation import ReadingBox

_TAG_CHARACTERS = 40


class PairRow(Row):
    """A query and its answer."""

    def __init__(self, theme: Theme, query: str = "", answer: str = "", parent: QWidget | None = None) -> None:
        super().__init__(theme, parent)
        self.query = GrowingEditor(self.tr("Query"), self.tr("What the instruction is applied to"))
        self.answer = GrowingEditor(self.tr("Answer"), self.tr("What the instruction makes of it"))
        self.query.setPlainText(query)
        self.answer.setPlainText(answer)
        texts_of_pair = row(self.query, self.answer)
        for editor in self.editors:
            texts_of_pair.setAlignment(editor, Qt.AlignmentFlag.AlignTop)
        self.body.addLayout(texts_of_pair)
        for editor in self.editors:
            editor.textChanged.connect(self.changed)

    @property
    def editors(self) -> Sequence[GrowingEditor]:
        return (self.query, self.answer)

    @property
    def shot(self) -> Shot:
        """As it was typed."""
        return Shot(self.query.toPlainText(), self.answer.toPlainText())

    def name(self, number: int) -> str:
        return self.tr("Pair {number}").format(number=number)


class FewShotForm(KindForm):
    """Left the instruction and the pairs, right what is made of them."""

    kind = "few_shot"
    default_use_case: UseCase = "classification"

    @classmethod
    def word(cls) -> str:
        return QCoreApplication.translate("FewShotForm", "Few-shot\u2026")

    def title(self) -> str:
        return self.tr("Few-shot prompts")

    def explanation(self) -> str:
        return self.tr(
            "Each of K pairs is asked once, with the other K \u2212 1 before it; its own answer becomes the "
            "demonstration. All K share a split, because each holds the others' answers."
        )

    def build(self) -> None:
        self.instruction = GrowingEditor(self.tr("Instruction"), self.tr("What is to be done with each query"), (2, 4))
        self.instruction.setPlaceholderText(self.tr("For example: Give the sentiment of each message."))
        self.pairs = RowList(self.tr("Pairs of query and answer"), MIN_PAIRS)
        self.more = Button(
            self.tr("Add pair"), self.tr("One more query and answer"), "", "mdi6.plus", self.session.theme
        )
        self.labels = (
            self._make_label(self.tr("Label of queries"), self.tr("Stands before each query; empty for none")),
            self._make_label(self.tr("Label of answers"), self.tr("Stands before each answer; empty for none")),
        )
        self.own_line = QCheckBox(self.tr("on lines of their own"))
        self.own_line.setToolTip(self.tr("Put labels above the texts, and not before them"))
        self.tag = QLineEdit()
        self.tag.setAccessibleName(self.tr("Tag"))
        self.tag.setToolTip(self.tr("Given to all of them, so that they are found together"))
        self._build_preview()
        splitter = QSplitter(Qt.Orientation.Horizontal)
        for place, side in enumerate((self._left(), self._right())):
            splitter.addWidget(side)
            splitter.setCollapsible(place, False)
            splitter.setStretchFactor(place, 3 - place)
        splitter.setHandleWidth(2 * GRID)
        self.body.addWidget(splitter, 1)
        self.instruction.textChanged.connect(self.edited)
        self.pairs.changed.connect(self.edited)
        self.more.clicked.connect(self._on_more_clicked)
        self.own_line.toggled.connect(self.edited)
        for field in (*self.labels, self.tag):
            field.textChanged.connect(self.edited)

    @property
    def layout_of_shots(self) -> ShotLayout:
        """The labels as they were typed."""
        query, answer = (field.text() for field in self.labels)
        return ShotLayout(query, answer, self.own_line.isChecked())

    def state(self) -> dict[str, Any]:
        shots = [row.shot for row in self._rows()]
        return {
            "instruction": self.instruction.toPlainText(),
            "queries": [shot.query for shot in shots],
            "answers": [shot.answer for shot in shots],
            "labels": [field.text() for field in self.labels],
            "own_line": self.own_line.isChecked(),
            "tag": self.tag.text(),
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        super().restore(state)
        self.instruction.setPlainText(text(state.get("instruction")))
        labels = texts(state.get("labels"))
        standard = ShotLayout()
        if len(labels) != 2:
            labels = [standard.query_label, standard.answer_label]
        for field, label in zip(self.labels, labels, strict=True):
            field.setText(label)
        self.own_line.setChecked(state.get("own_line") is True)
        self.tag.setText(text(state.get("tag")))
        self.pairs.clear()
        pairs = list(zip(texts(state.get("queries")), texts(state.get("answers")), strict=False))
        for query, answer in pairs + [("", "")] * (MIN_PAIRS - len(pairs)):
            self.pairs.add(PairRow(self.session.theme, query, answer))
        self._shown = 0

    def examples(self) -> tuple[FewShotExample, ...]:
        """What would be made.

        Raises:
            StudioError: If something is missing.
        """
        return few_shot_examples(
            self.instruction.toPlainText(),
            [row.shot for row in self._rows()],
            self.layout_of_shots,
            use_case=self.use_case.currentData(),
            author=self.session.labeler,
        )

    def make(self) -> Made:
        examples = self.examples()
        return Made(
            tuple(example.prompt for example in examples),
            tuple(example.answer for example in examples),
            (self._tag(),),
        )

    def show_made(self) -> None:
        count = len(self.pairs.rows)
        self.add.setText(counted(count))
        self.add.setAccessibleName(self.add.text())
        self.tag.setPlaceholderText(self._tag())
        try:
            examples = self.examples()
        except StudioError as error:
            self.which.setText(self.tr("Preview"))
            self.preview.setPlainText(str(error))
            self.expected.setText("")
            examples = ()
        for button, step in ((self.before, -1), (self.after, 1)):
            button.setEnabled(0 <= self._shown + step < len(examples))
        if examples:
            self._shown = min(self._shown, len(examples) - 1)
            shown = examples[self._shown]
            self.which.setText(self.tr("Example {n} of {k}").format(n=self._shown + 1, k=len(examples)))
            self.preview.setPlainText(shown.prompt.turns[-1].content)
            self.expected.setText(self.tr("Demonstration: {answer}").format(answer=shown.answer))

    def focus_first(self) -> None:
        self.instruction.setFocus(Qt.FocusReason.OtherFocusReason)

    def _rows(self) -> list[PairRow]:
        return [one for one in self.pairs.rows if isinstance(one, PairRow)]

    def _tag(self) -> str:
        """As typed, else made of the instruction's beginning."""
        typed = " ".join(self.tag.text().split())
        begin = " ".join(self.instruction.toPlainText().split())[:_TAG_CHARACTERS].strip()
        return typed or f"few-shot: {begin}".strip(": ")

    def _make_label(self, name: str, tip: str) -> QLineEdit:
        field = QLineEdit()
        field.setAccessibleName(name)
        field.setToolTip(tip)
        field.setMaxLength(40)
        field.setMaximumWidth(120)
        return field

    def _build_preview(self) -> None:
        theme = self.session.theme
        self._shown = 0
        self.which = PlainLabel("", "heading")
        self.before = Button("", self.tr("The example before"), "quiet", "mdi6.chevron-left", theme)
        self.after = Button("", self.tr("The next example"), "quiet", "mdi6.chevron-right", theme)
        self.preview = ReadingBox()
        self.preview.setAccessibleName(self.tr("Preview of a prompt"))
        self.preview.set_limit(10_000)
        self.expected = PlainLabel("", "success", wraps=True)
        self.before.clicked.connect(self._on_before_clicked)
        self.after.clicked.connect(self._on_after_clicked)

    def _left(self) -> QWidget:
        side = QWidget()
        column = QVBoxLayout(side)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID)
        column.addWidget(heading(self.tr("Instruction"), self.instruction))
        column.addWidget(self.instruction)
        column.addWidget(self.pairs, 1)
        column.addLayout(row(self.more, None))
        return side

    def _right(self) -> QWidget:
        side = QWidget()
        column = QVBoxLayout(side)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(GRID)
        column.addLayout(row(self.which, None, self.before, self.after, spacing=4))
        column.addWidget(self.preview)
        column.addWidget(self.expected)
        column.addStretch(1)
        column.addLayout(row(PlainLabel(self.tr("Labels")), *self.labels, None))
        column.addLayout(row(self.own_line, None))
        column.addLayout(row(PlainLabel(self.tr("Tag")), self.tag))
        side.setMinimumWidth(300)
        return side

    def _on_more_clicked(self) -> None:
        self.pairs.add(PairRow(self.session.theme), is_new=True)

    def _on_before_clicked(self) -> None:
        self._shown -= 1
        self.show_made()

    def _on_after_clicked(self) -> None:
        self._shown += 1
        self.show_made()
