"""Pictures of one widget in both themes, for tests that check that it shows something; they lie in tests/out."""

from pathlib import Path

from PySide6.QtWidgets import QApplication
from window_checks import blank

OUT = Path(__file__).parent / "out"


def take_pictures(widget, theme, name):
    """Write NAME-light.png and NAME-dark.png; neither may be blank."""
    OUT.mkdir(exist_ok=True)
    for choice in ("light", "dark"):
        theme.choose(choice)
        QApplication.processEvents()
        picture = widget.grab()
        picture.save(str(OUT / f"{name}-{choice}.png"))
        assert blank(picture.toImage()) == [], f"{name}, {choice}"
