"""The line above the editor: how long the answer is, in characters and in the chosen model's tokens."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from PySide6.QtCore import QSize, Qt, QTextBoundaryFinder, QTimer, Signal
from PySide6.QtWidgets import QWidget

from rlhf_studio.errors import StudioError
from rlhf_studio.schema import Turn
from rlhf_studio.ui.widgets.text import PlainLabel

if TYPE_CHECKING:
    from rlhf_studio.jobs.token_counter import TokenCounter

TOKENS_MS = 120
_AT_ONCE = 2000  # characters counted at each key; of longer texts a moment later
_COUNTED = 20_000  # characters that are turned into tokens; no model here reads a text of more


class _Model(NamedTuple):
    """What counts, and how many tokens of prompt and answer SFT takes."""

    counter: "TokenCounter"
    limit: int


class LengthLine(PlainLabel):
    """Characters at once, tokens a moment later."""

    judged = Signal(str)  # a sentence if SFT would leave the answer out since it is too long, else nothing

    def __init__(self, fallback: Path, parent: QWidget | None = None) -> None:
        """``fallback`` is the model whose tokens are counted where the chosen one has no tokenizer that can be read."""
        super().__init__("", "muted", parent)
        self.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self._fallback = self._folder = fallback
        self._title = fallback.name
        self._turns: tuple[Turn, ...] = ()
        self._max_length = 0
        self._text = ""
        self._models: dict[tuple[Path, int], _Model] = {}
        self._failure = ""
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(TOKENS_MS)
        self._timer.timeout.connect(self._on_timer_timeout)
        self.measure("")

    def sizeHint(self) -> QSize:  # noqa: N802
        """Of the usual length, so that what lies beside it does not move at each key."""
        hint = super().sizeHint()
        usual = self.fontMetrics().horizontalAdvance(self._characters_words("0000") + " · " + self._token_words("000"))
        return QSize(max(hint.width(), usual), hint.height())

    def set_model(self, folder: Path, title: str) -> None:
        """Count as this model does."""
        self._title = title
        if folder != self._folder:
            self._folder, self._failure = folder, ""
            self.measure(self._text)

    def set_prompt(self, turns: Sequence[Turn], max_length: int) -> None:
        """Say what is answered, and the longest example in the settings of SFT (0: the model's context)."""
        self._turns, self._max_length = tuple(turns), max_length

    def measure(self, text: str) -> None:
        """Show the length of a text."""
        self._text = text
        if not text:
            self._timer.stop()
            self._show("0")
            self.judged.emit("")
            return
        if len(text) <= _AT_ONCE:  # the tokens of the text before would be wrong, and an empty place would flicker
            self.setText(f"{self._characters()} · …")
        self._timer.start()

    def _show(self, tokens: str | None) -> None:
        self.setText(self._characters() + ("" if tokens is None else f" · {self._token_words(tokens)}"))
        about = self.tr("Characters as a person counts them, and tokens as the model “{model}” counts them")
        counting = self._fallback.name if self._failure else self._title
        self.setToolTip(f"{self._failure} {about.format(model=counting)}".strip())

    def _characters(self) -> str:
        count = characters(self._text)
        return self.tr("1 character") if count == 1 else self._characters_words(str(count))

    def _characters_words(self, count: str) -> str:
        return self.tr("{count} characters").format(count=count)

    def _token_words(self, count: str) -> str:
        return self.tr("1 token") if count == "1" else self.tr("{count} tokens").format(count=count)

    def _on_timer_timeout(self) -> None:
        model = self._model()
        if model is None:
            self._show(None)
            return
        is_whole = len(self._text) <= _COUNTED
        tokens = model.counter.count(self._text[:_COUNTED])
        self._show(str(tokens) if is_whole else self.tr("over {count}").format(count=tokens))
        whole = model.counter.count_prompt(self._turns) + tokens + 1  # the end of the text is a token, too
        if whole <= model.limit:
            self.judged.emit("")
            return
        words = self.tr(
            "With its prompt this is {count} tokens long. SFT takes at most {limit} and would leave it out."
        )
        self.judged.emit(words.format(count=whole, limit=model.limit))

    def _model(self) -> _Model | None:
        """The chosen model, or the one that is always there; None if that cannot be read either."""
        for folder in (self._folder, self._fallback):
            try:
                return self._read(folder)
            except StudioError as error:
                self._failure = self._failure or str(error)
        return None

    def _read(self, folder: Path) -> _Model:
        from rlhf_studio.jobs.token_counter import (  # noqa: PLC0415  not before somebody types
            TokenCounter,
            longest_example,
            tokenizer_folder,
        )

        key = folder, self._max_length
        if key not in self._models:
            place = tokenizer_folder(folder)
            known = (model.counter for (other, _), model in self._models.items() if other == folder)
            self._models[key] = _Model(next(known, None) or TokenCounter(place), longest_example(place, key[1]))
        return self._models[key]


def characters(text: str) -> int:
    """How many characters a person counts: an accent, a skin tone or a flag's two letters make no character more."""
    if text.isascii():
        return len(text) - text.count("\r\n")
    finder = QTextBoundaryFinder(QTextBoundaryFinder.BoundaryType.Grapheme, text)
    count = 0
    while finder.toNextBoundary() != -1:
        count += 1
    return count
