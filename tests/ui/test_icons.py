import re
import sys
from pathlib import Path

import pytest
from PySide6.QtGui import QColor

from rlhf_studio.ui import icons
from rlhf_studio.ui.icons import icon

UI = Path(icons.__file__).parent


def test_an_icon_is_drawn_in_its_colour(qapp):
    image = icon("mdi6.pencil-outline", "#d55e00").pixmap(20, 20).toImage()
    inked = [image.pixelColor(x, y) for x in range(image.width()) for y in range(image.height())]
    solid = [colour for colour in inked if colour.alpha() > 200]
    assert len(solid) > 20
    for colour in solid:  # but for what blending rounds
        assert max(abs(a - b) for a, b in zip(colour.getRgb()[:3], QColor("#d55e00").getRgb()[:3], strict=True)) <= 2


def test_icons_differ_and_a_wrong_name_is_a_fault(qapp):
    images = [icon(f"mdi6.{name}", "#000000").pixmap(20, 20).toImage() for name in ("pencil", "plus", "close")]
    assert images[0] != images[1] != images[2]
    for name in ("mdi6.no-such-icon", "pencil"):
        with pytest.raises(ValueError, match="no icon"):
            icon(name, "#000000")


def test_every_icon_that_the_window_names_is_there(qapp):
    names = {name for path in UI.rglob("*.py") for name in re.findall(r"\"(mdi6\.[a-z0-9-]+)\"", path.read_text())}
    assert len(names) > 15
    for name in names:
        assert not icon(name, "#000000").isNull(), name


def test_without_the_set_the_window_has_no_icons_but_opens(qapp, monkeypatch):
    icons._set.cache_clear()
    monkeypatch.setitem(sys.modules, "qtawesome", None)
    monkeypatch.setattr(icons, "find_spec", lambda _name: None)
    try:
        assert icon("mdi6.pencil", "#000000").isNull()
    finally:
        icons._set.cache_clear()
