"""Which keys mean a digit, a tie or the end of an order, on every keyboard."""

import unicodedata

from PySide6.QtCore import QLocale, Qt
from PySide6.QtGui import QGuiApplication, QKeyEvent

ENTERS = frozenset({Qt.Key.Key_Return, Qt.Key.Key_Enter})
_WIDE = "\uff1d"  # the equals sign as Chinese input methods write it
_IGNORED = Qt.KeyboardModifier.KeypadModifier | Qt.KeyboardModifier.ShiftModifier

# Where the keys 1 to 9 of the upper row are: a system tells the place of a key beside what is printed on it.
_EVDEV = {10 + digit - 1: digit for digit in range(1, 10)} | {19: 0}  # X11 and Wayland
_AT_SET_1 = {2 + digit - 1: digit for digit in range(1, 10)} | {11: 0}  # Windows
_MAC = {18: 1, 19: 2, 20: 3, 21: 4, 23: 5, 22: 6, 26: 7, 28: 8, 25: 9, 29: 0}  # kVK_ANSI_1 ..., virtual keys
_PLACES = {"xcb": _EVDEV, "wayland": _EVDEV, "wayland-egl": _EVDEV, "windows": _AT_SET_1}

# Where the place is not told (keyboards on a screen, some remote desktops) the sign says it, if the layout is known.
_ROWS = {
    (QLocale.Language.French, QLocale.Country.France): "&é\"'(-è_çà",
    (QLocale.Language.French, QLocale.Country.Belgium): "&é\"'(§è!çà",
    (QLocale.Language.Dutch, QLocale.Country.Belgium): "&é\"'(§è!çà",
    (QLocale.Language.Czech, QLocale.Country.Czechia): "+ěščřžýáíé",
    (QLocale.Language.Slovak, QLocale.Country.Slovakia): "+ľščťžýáíé",
}


def digit_of(event: QKeyEvent) -> int | None:
    """The digit a key stands for, 0 to 9; None if it is no digit.

    What the key writes comes first: a digit of any script is one (the keypad's, Shift and the upper row on AZERTY, the
    full-width ones of Chinese input methods), but ² and ① are not, since AZERTY has a key for ² beside 1. Otherwise the
    key's place decides: the upper row without Shift, which on French, Belgian, Czech or Slovak keyboards writes
    & é " ' ( - è _ ç or + ě š č ř ž ý á í. So ``-`` is a 6 there and nothing on a US keyboard, where it lies outside
    the digits. Whoever asks looks for the keys of acts first: ``=`` is a tie wherever it lies, also where that is the
    row itself (Programmer Dvorak).
    """
    text = event.text()
    if len(text) == 1:
        digit = unicodedata.decimal(text, None)
        if digit is not None:
            return digit
    if event.modifiers() & Qt.KeyboardModifier.ShiftModifier:
        return None
    placed = _place(event)
    return _written(text) if placed is None and not event.nativeScanCode() else placed


def is_wide_tie(event: QKeyEvent) -> bool:
    """Whether a key writes the full-width sign of a tie; the usual one is an act's key, see ``ui.keys.acts``."""
    return event.text() == _WIDE


def is_enter(event: QKeyEvent) -> bool:
    """Whether it is one of the two Enter keys."""
    return event.key() in ENTERS


def is_plain(event: QKeyEvent) -> bool:
    """Whether a key was pressed for itself, without Ctrl, Alt and the like; Shift and the keypad change nothing."""
    return not event.modifiers() & ~_IGNORED


def _place(event: QKeyEvent) -> int | None:
    platform = QGuiApplication.platformName()
    if platform == "cocoa":  # letter A has virtual key 0 there, no digit has
        return _MAC.get(event.nativeVirtualKey())
    return _PLACES.get(platform, {}).get(event.nativeScanCode())


def _written(text: str) -> int | None:
    locale = _locale()
    place = _ROWS.get((locale.language(), locale.territory()), "").find(text) if text else -1
    return None if place < 0 else (place + 1) % 10


def _locale() -> QLocale:
    return QGuiApplication.inputMethod().locale()
