"""Icons from one well-kept set: Material Design Icons, out of the font that qtawesome brings along.

The font is read here, for importing qtawesome itself takes a fifth of the time until the window is on screen.
"""

import json
import logging
from collections.abc import Mapping
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontDatabase, QIcon, QPainter, QPixmap

_PREFIX = "mdi6."
_FILES = "materialdesignicons6-webfont"
_SIZES = (16, 18, 20, 24, 32, 36, 40, 48)  # also for screens of twice the density
_DISABLED_SIZES = (16, 32)
_FADED = 140  # of 255, as the words beside it
_LOG = logging.getLogger("rlhf_studio")


def icon(name: str, colour: str, disabled: str = "") -> QIcon:
    """An icon such as ``mdi6.pencil-outline`` in one colour; an empty one where the set is missing.

    Args:
        name: Of the set.
        colour: ``#rrggbb``.
        disabled: The colour on a control that cannot be used now; by default the same one, faded.

    Raises:
        ValueError: If the set has no icon of this name.
    """
    family, signs = _set()
    if not family:
        return QIcon()
    sign = signs.get(name.removeprefix(_PREFIX))
    if sign is None or not name.startswith(_PREFIX):
        raise ValueError(f"no icon {name!r}")
    drawn = QIcon()
    for size in _SIZES:
        drawn.addPixmap(_pixmap(family, sign, QColor(colour), size))
    faded = QColor(disabled or colour)
    faded.setAlpha(_FADED)
    for size in _DISABLED_SIZES:
        drawn.addPixmap(_pixmap(family, sign, faded, size), QIcon.Mode.Disabled)
    return drawn


def _pixmap(family: str, sign: str, colour: QColor, size: int) -> QPixmap:
    pixmap = QPixmap(size, size)
    pixmap.fill(Qt.GlobalColor.transparent)
    font = QFont(family)
    font.setPixelSize(size)
    painter = QPainter(pixmap)
    painter.setFont(font)
    painter.setPen(colour)
    painter.drawText(QRectF(0, 0, size, size), Qt.AlignmentFlag.AlignCenter, sign)
    painter.end()
    return pixmap


@cache
def _set() -> tuple[str, Mapping[str, str]]:
    """The family's name and its signs by the names of the icons."""
    try:
        font, charmap = _paths()
        signs = {name: chr(int(code, 16)) for name, code in json.loads(charmap.read_bytes()).items()}
        families = QFontDatabase.applicationFontFamilies(QFontDatabase.addApplicationFont(str(font)))
    except (OSError, ValueError, StopIteration) as error:
        _LOG.warning("There are no icons: %r", error)
        return "", {}
    return (families[0] if families else ""), signs


def _paths() -> tuple[Path, Path]:
    spec = find_spec("qtawesome")  # finds it without running it
    folder = Path(spec.origin or "").parent / "fonts" if spec else Path()
    charmap = next(folder.glob(f"{_FILES}-charmap-*.json"))
    return next(path for path in folder.glob(f"{_FILES}-*.ttf")), charmap
