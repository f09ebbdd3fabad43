"""Light and dark: one palette for widgets, plots and text, following the system while the window is open.

The same thing has the same colour everywhere (Okabe and Ito's palette, which colour-blind people can tell apart).
"""

from dataclasses import dataclass, fields
from typing import Literal

from PySide6.QtCore import QObject, Qt, Signal
from PySide6.QtGui import QColor, QFont, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication

from rlhf_studio.ui.style import style_sheet

ThemeChoice = Literal["system", "light", "dark"]
READING_PX = 16  # prompts and answers are set at least this large
_SCHEMES: dict[ThemeChoice, Qt.ColorScheme] = {
    "system": Qt.ColorScheme.Unknown,
    "light": Qt.ColorScheme.Light,
    "dark": Qt.ColorScheme.Dark,
}


@dataclass(frozen=True, slots=True)
class Colours:
    """Every colour of one theme, as ``#rrggbb``."""

    window: str
    surface: str
    raised: str
    border: str
    text: str
    muted: str
    accent: str
    accent_text: str
    selection: str
    success: str
    warning: str
    danger: str
    base: str
    sft: str
    reward: str
    ppo: str
    ppo_ptx: str
    metric_reward: str
    metric_kl: str
    metric_loss: str
    grid: str
    changed: str  # behind words that changed


LIGHT = Colours(
    window="#f3f4f7",
    surface="#ffffff",
    raised="#fafbfc",
    border="#cfd5de",
    text="#1d2430",
    muted="#566070",
    accent="#2457c5",
    accent_text="#ffffff",
    selection="#d6e2fb",
    success="#17723f",
    warning="#8a5a00",
    danger="#b3261e",
    base="#4b5563",
    sft="#0072b2",
    reward="#d55e00",
    ppo="#009e73",
    ppo_ptx="#a8508b",
    metric_reward="#b87a00",
    metric_kl="#2b8cc4",
    metric_loss="#4b5563",
    grid="#dfe3ea",
    changed="#fff0b8",
)
DARK = Colours(
    window="#141925",
    surface="#1b2130",
    raised="#222a3b",
    border="#3a4356",
    text="#e8ebf1",
    muted="#a3adbd",
    accent="#7aa5ff",
    accent_text="#0e1420",
    selection="#2b3f66",
    success="#5fd08f",
    warning="#f0b94a",
    danger="#ff8a80",
    base="#c8ced8",
    sft="#56b4e9",
    reward="#e69f00",
    ppo="#2cc79b",
    ppo_ptx="#e08fc0",
    metric_reward="#f0c04a",
    metric_kl="#7cc8f5",
    metric_loss="#c8ced8",
    grid="#343c4e",
    changed="#5a4a12",
)
_STAGE_FIELDS = {
    "base": "base",
    "pretrain": "base",
    "sft": "sft",
    "rl-start": "sft",
    "reward": "reward",
    "ppo": "ppo",
    "ppo-ptx": "ppo_ptx",
}


class Theme(QObject):
    """The colours in use. Views that paint by themselves read ``colours`` and repaint on ``changed``."""

    changed = Signal()

    def __init__(self, choice: ThemeChoice = "system", font_points: float = 0, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._choice: ThemeChoice = choice
        self._default_points = QApplication.font().pointSizeF()
        self._points = font_points or self._default_points
        hints = QGuiApplication.styleHints()
        hints.colorSchemeChanged.connect(self._on_scheme_changed)
        hints.setColorScheme(_SCHEMES[choice])
        self._apply()

    @property
    def is_dark(self) -> bool:
        if self._choice != "system":
            return self._choice == "dark"
        return QGuiApplication.styleHints().colorScheme() == Qt.ColorScheme.Dark

    @property
    def colours(self) -> Colours:
        return DARK if self.is_dark else LIGHT

    @property
    def choice(self) -> ThemeChoice:
        return self._choice

    @property
    def font_points(self) -> float:
        return self._points

    @property
    def reading_px(self) -> int:
        """Size of prompts and answers in device-independent pixels; grows with the font size."""
        return max(READING_PX, round(READING_PX * self._points / self._default_points))

    def choose(self, choice: ThemeChoice) -> None:
        """Follow the system, or stay light or dark."""
        self._choice = choice
        QGuiApplication.styleHints().setColorScheme(_SCHEMES[choice])
        self._apply()

    def set_font_points(self, points: float) -> None:
        """Set the size of all text; 0 is the system's."""
        self._points = min(32.0, max(6.0, points)) if points else self._default_points
        self._apply()

    def stage_colour(self, stage: str) -> str:
        """The colour of base, sft, reward, ppo or ppo-ptx; what is not known is as neutral as the base model."""
        return str(getattr(self.colours, _STAGE_FIELDS.get(stage, "base")))

    def _on_scheme_changed(self) -> None:
        if self._choice == "system":
            self._apply()

    def _apply(self) -> None:
        app = QApplication.instance()
        if not isinstance(app, QApplication):
            return
        font = QFont(app.font())
        font.setPointSizeF(self._points)
        app.setFont(font)
        app.setPalette(palette(self.colours))
        app.setStyleSheet(
            style_sheet({f.name: getattr(self.colours, f.name) for f in fields(Colours)}, self.reading_px)
        )
        self.changed.emit()


def palette(colours: Colours) -> QPalette:
    """Fusion's palette in our colours."""
    role = QPalette.ColorRole
    chosen = {
        role.Window: colours.window,
        role.WindowText: colours.text,
        role.Base: colours.surface,
        role.AlternateBase: colours.raised,
        role.Text: colours.text,
        role.Button: colours.raised,
        role.ButtonText: colours.text,
        role.BrightText: colours.danger,
        role.ToolTipBase: colours.surface,
        role.ToolTipText: colours.text,
        role.PlaceholderText: colours.muted,
        role.Highlight: colours.accent,
        role.HighlightedText: colours.accent_text,
        role.Link: colours.accent,
        role.Accent: colours.accent,
        role.Mid: colours.border,
        role.Midlight: colours.border,
        role.Dark: colours.border,
        role.Light: colours.surface,
        role.Shadow: colours.border,
    }
    result = QPalette()
    for name, colour in chosen.items():
        result.setColor(name, QColor(colour))
    for name in (role.WindowText, role.Text, role.ButtonText):
        faded = QColor(colours.muted)
        faded.setAlpha(140)
        result.setColor(QPalette.ColorGroup.Disabled, name, faded)
    return result
