"""The line under the editor: how long the answer is, in characters and in the model's tokens."""

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QWidget

from rlhf_studio.errors import StudioError
from rlhf_studio.ui.widgets.text import PlainLabel

if TYPE_CHECKING:
    from rlhf_studio.jobs.token_counter import TokenCounter

TOKENS_MS = 120


class LengthLine(PlainLabel):
    """Characters at once, tokens a moment later."""

    def __init__(self, model: Path, parent: QWidget | None = None) -> None:
        super().__init__("", "muted", parent)
        self._model = model
        self._text = ""
        self._counter: TokenCounter | None = None
        self._failure = ""
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(TOKENS_MS)
        self._timer.timeout.connect(self._on_timer_timeout)
        self.measure("")

    def measure(self, text: str) -> None:
        """Show the length of a text."""
        self._text = text
        if not text:
            self._timer.stop()
            self._show(0)
        elif self._failure:
            self._show(None)
        else:
            self._show_characters_first()
            self._timer.start()

    def _show_characters_first(self) -> None:
        """The tokens of the text before would be wrong, and an empty place would flicker."""
        self.setText(f"{self._characters()} · …")

    def _show(self, tokens: int | None) -> None:
        self.setText(self._characters() + ("" if tokens is None else f" · {self._token_words(tokens)}"))
        about = self.tr("Tokens as the base model “{model}” counts them").format(model=self._model.name)
        self.setToolTip(self._failure or about)

    def _characters(self) -> str:
        count = len(self._text)
        return self.tr("1 character") if count == 1 else self.tr("{count} characters").format(count=count)

    def _token_words(self, count: int) -> str:
        return self.tr("1 token") if count == 1 else self.tr("{count} tokens").format(count=count)

    def _on_timer_timeout(self) -> None:
        try:
            if self._counter is None:
                from rlhf_studio.jobs.token_counter import TokenCounter  # noqa: PLC0415  not before somebody types

                self._counter = TokenCounter(self._model)
            tokens = self._counter.count(self._text)
        except StudioError as error:
            self._failure = str(error)
            self._show(None)
            return
        self._show(tokens)
