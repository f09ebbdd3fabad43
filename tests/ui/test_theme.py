import re
from dataclasses import fields

import pytest
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QApplication

from rlhf_studio.report import colours as report
from rlhf_studio.ui.preferences import Preferences
from rlhf_studio.ui.theme import DARK, LIGHT, READING_PX, Colours, Theme

STAGES = ("base", "sft", "reward", "ppo", "ppo-ptx")


def luminance(colour: str) -> float:
    """Relative luminance of WCAG 2."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("colours", [LIGHT, DARK])
def test_every_text_can_be_read(colours: Colours) -> None:
    for background in (colours.window, colours.surface, colours.raised, colours.selection, colours.changed):
        assert contrast(colours.text, background) >= 4.5
    for name in ("muted", "danger", "success", "warning"):
        assert contrast(getattr(colours, name), colours.surface) >= 4.5, name
    assert contrast(colours.accent_text, colours.accent) >= 4.5


@pytest.mark.parametrize("colours", [LIGHT, DARK])
def test_every_curve_can_be_seen(colours: Colours) -> None:
    for name in ("base", "sft", "reward", "ppo", "ppo_ptx", "metric_reward", "metric_kl", "metric_loss"):
        assert contrast(getattr(colours, name), colours.surface) >= 3, name


@pytest.mark.parametrize("colours", [LIGHT, DARK])
def test_colours_are_whole(colours: Colours) -> None:
    assert all(re.fullmatch("#[0-9a-f]{6}", getattr(colours, f.name)) for f in fields(Colours))


@pytest.mark.parametrize(("choice", "theme"), [("light", report.LIGHT), ("dark", report.DARK)])
def test_a_stage_has_the_same_colour_in_the_window_and_in_the_report(qapp, choice, theme):
    assert {stage: Theme(choice).stage_colour(stage) for stage in STAGES} == theme.models


def test_a_choice_holds_at_once_and_is_told(qtbot, theme):
    assert QApplication.palette().color(QPalette.ColorRole.Base).name() == LIGHT.surface
    with qtbot.waitSignal(theme.changed):
        theme.choose("dark")
    assert theme.is_dark
    assert QApplication.palette().color(QPalette.ColorRole.Base).name() == DARK.surface


def test_the_system_is_followed_until_a_person_chooses(qtbot, theme):
    hints = QApplication.styleHints()
    theme.choose("system")
    with qtbot.waitSignal(theme.changed):
        hints.colorSchemeChanged.emit(hints.colorScheme())
    theme.choose("light")
    with qtbot.assertNotEmitted(theme.changed):
        hints.colorSchemeChanged.emit(hints.colorScheme())


def test_larger_text_makes_answers_larger_but_never_smaller_than_readable(theme):
    usual = theme.font_points
    theme.set_font_points(usual * 2)
    assert theme.reading_px == 2 * READING_PX
    theme.set_font_points(usual / 2)
    assert theme.reading_px == READING_PX
    theme.set_font_points(0)
    assert theme.font_points == usual


def test_preferences_come_back_and_nonsense_counts_as_not_set(tmp_path):
    path = tmp_path / "window.ini"
    first = Preferences(path)
    first.theme, first.threads, first.labeler = "dark", 3, "  Ada "
    first.keep("k", 4)
    first.sync()
    again = Preferences(path)
    assert (again.theme, again.threads, again.labeler, again.value("k")) == ("dark", 3, "Ada", "4")
    path.write_text("[General]\ntheme=purple\nthreads=many\ndevice=abacus\nfont_points=big\n")
    damaged = Preferences(path)
    assert (damaged.theme, damaged.threads, damaged.device, damaged.font_points) == ("system", 0, "auto", 0.0)
    assert damaged.labeler
