"""Right of the Write tab: how to answer prompts of this kind, and what a good answer looks like."""

import json
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtWidgets import QFrame, QScrollArea, QVBoxLayout, QWidget

from rlhf_studio.errors import StudioError
from rlhf_studio.paths import resources_dir
from rlhf_studio.schema import UseCase
from rlhf_studio.store.bundle import GUIDANCE
from rlhf_studio.store.project import Store
from rlhf_studio.ui.use_cases import use_case_word
from rlhf_studio.ui.widgets.parts import GRID, Card
from rlhf_studio.ui.widgets.text import PlainLabel


@dataclass(frozen=True, slots=True)
class Guide:
    """What to know about one use case; empty texts are not shown."""

    guidance: str = ""
    prompt: str = ""
    answer: str = ""


def read_guides(project: Path) -> dict[str, Guide]:
    """The project's own guidance where it has some, else what ships with the program.

    A file that cannot be read gives no guidance: writing is possible without it.
    """
    for path in (project / GUIDANCE, resources_dir() / "example" / GUIDANCE):
        try:
            content = json.loads(path.read_bytes())
        except (OSError, ValueError):
            continue
        if isinstance(content, dict):
            return {name: _guide(entry) for name, entry in content.items() if isinstance(entry, dict)}
    return {}


def _guide(entry: dict[str, object]) -> Guide:
    texts = [value if isinstance(value := entry.get(name), str) else "" for name in ("guidance", "prompt", "answer")]
    return Guide(*texts)


class GuidancePanel(Card):
    """Guidance, one good example, and an answer of this project if there is one."""

    def __init__(self, store: Store, parent: QWidget | None = None) -> None:
        super().__init__("card", parent)
        self._store = store
        self._guides = read_guides(store.folder)
        self.setMinimumWidth(200)
        self.title = PlainLabel("", "heading", wraps=True)
        self.guidance = PlainLabel(wraps=True)
        self.example = _Example(self.tr("A good answer"))
        self.criteria = _Criteria()
        self.own_example = _Example(self.tr("From this project"))
        page = QWidget()
        page.setProperty("look", "page")
        column = QVBoxLayout(page)
        column.setContentsMargins(0, 0, GRID, 0)
        column.setSpacing(2 * GRID)
        for widget in (self.title, self.guidance, self.example, self.criteria, self.own_example):
            column.addWidget(widget)
        column.addStretch(1)
        scroll = QScrollArea()
        scroll.setFrameShape(QFrame.Shape.NoFrame)
        scroll.setWidgetResizable(True)
        scroll.setWidget(page)
        scroll.setAccessibleName(self.tr("Guidance"))
        self.body.addWidget(scroll)

    def show_for(self, use_case: UseCase, prompt_id: int) -> None:
        """Show what helps with this prompt; its own answers are no example for it."""
        guide = self._guides.get(use_case, Guide())
        self.title.setText(use_case_word(use_case))
        self.guidance.setText(guide.guidance)
        self.guidance.setVisible(bool(guide.guidance))
        self.example.show_texts(guide.prompt, guide.answer)
        self.own_example.show_texts(*self._answered(use_case, prompt_id, guide.prompt))

    def _answered(self, use_case: UseCase, prompt_id: int, known: str) -> tuple[str, str]:
        """Another answered prompt of this use case; no example is better than a wrong one."""
        try:
            found = self._store.find_prompts("", use_case, labeled=True, order="oldest_first", limit=3)
            for item in found:
                if item.id != prompt_id and item.text != known:
                    return item.text, self._store.demonstrations(item.id)[-1].text
        except StudioError:  # said already by the list, which reads the same file
            pass
        return "", ""


class _Criteria(QWidget):
    """What InstructGPT's labelers were told of every answer (section 3.4 and figure 10), in short."""

    def __init__(self) -> None:
        super().__init__()
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(PlainLabel(self.tr("Every answer"), "heading"))
        for words in self._words():
            column.addWidget(PlainLabel(words, wraps=True))
        last = PlainLabel(
            self.tr("Where these pull apart while you write what a model learns from, the help comes first."),
            "muted",
            wraps=True,
        )
        last.setToolTip(self.tr("InstructGPT, section 3.4; judging finished models, truth and harmlessness come first"))
        column.addWidget(last)

    def _words(self) -> tuple[str, str, str]:
        return (
            self.tr("Helpful: it does what the person asked for and meant, in clear words, no longer than needed."),
            self.tr("Truthful: it says nothing false and makes nothing up, least of all about a text that was given."),
            self.tr("Harmless: it hurts, threatens and belittles nobody, and gives no advice that could do damage."),
        )


class _Example(QWidget):
    """A prompt and its answer; hidden where there is none."""

    def __init__(self, title: str) -> None:
        super().__init__()
        self.prompt = PlainLabel("", "muted", wraps=True)
        self.answer = PlainLabel(wraps=True)
        box = Card("raised")
        box.body.setContentsMargins(GRID, GRID, GRID, GRID)
        box.body.addWidget(self.prompt)
        box.body.addWidget(self.answer)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(4)
        column.addWidget(PlainLabel(title, "heading"))
        column.addWidget(box)

    def show_texts(self, prompt: str, answer: str) -> None:
        self.prompt.setText(prompt)
        self.answer.setText(answer)
        self.setVisible(bool(answer))
