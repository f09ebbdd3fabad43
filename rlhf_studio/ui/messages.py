"""What a toast says."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Message:
    """A short notice that asks for nothing.

    Attributes:
        text: Plain text.
        kind: info, success, warning, error, or undo (its button takes the last label back).
        action: Words on its button; empty for none.
        act: Called without arguments by the button.
    """

    text: str
    kind: str = "info"
    action: str = ""
    act: object = None
