"""What a chord is: how it is written, when two are the same, and why some cannot belong to an act."""

from collections.abc import Iterable

from PySide6.QtCore import QCoreApplication, QKeyCombination, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence

translate = QCoreApplication.translate

_CONTROL = Qt.KeyboardModifier.ControlModifier
_ALT = Qt.KeyboardModifier.AltModifier
_META = Qt.KeyboardModifier.MetaModifier
_SHIFT = Qt.KeyboardModifier.ShiftModifier
_NONE = Qt.KeyboardModifier.NoModifier
_COUNTED = _CONTROL | _ALT | _META | _SHIFT  # not the keypad, and not the group that AltGr leaves behind
_LEVELS = _SHIFT | _CONTROL | _ALT  # with these a keyboard reaches its further signs: Shift, and AltGr = Ctrl+Alt

_KEPT = (  # what every text field does with its own keys
    QKeySequence.StandardKey.Copy,
    QKeySequence.StandardKey.Cut,
    QKeySequence.StandardKey.Paste,
    QKeySequence.StandardKey.SelectAll,
    QKeySequence.StandardKey.Undo,
    QKeySequence.StandardKey.Redo,
)
_MOVES = (
    QKeySequence.StandardKey.MoveToNextWord,
    QKeySequence.StandardKey.MoveToPreviousWord,
    QKeySequence.StandardKey.MoveToStartOfDocument,
    QKeySequence.StandardKey.MoveToEndOfDocument,
    QKeySequence.StandardKey.SelectNextWord,
    QKeySequence.StandardKey.SelectPreviousWord,
    QKeySequence.StandardKey.DeleteStartOfWord,
    QKeySequence.StandardKey.DeleteEndOfWord,
    QKeySequence.StandardKey.DeleteEndOfLine,
)
_INPUT_METHOD = ("Ctrl+Space", "Shift+Space", "Ctrl+Shift+Space", "Meta+Space", "Ctrl+.", "Ctrl+Shift+F")
_TAKEN_BY_SYSTEM = ("Alt+F4", "Alt+Tab", "Alt+Shift+Tab", "Alt+Esc", "Ctrl+Esc", "Ctrl+Alt+Del", "Alt+Space")
_MODIFIERS = frozenset(
    {Qt.Key.Key_Control, Qt.Key.Key_Shift, Qt.Key.Key_Alt, Qt.Key.Key_AltGr, Qt.Key.Key_Meta, Qt.Key.Key_unknown}
)


def chord(text: str) -> QKeySequence | None:
    """The one chord that a portable text such as ``Ctrl+Right`` names; None if it names none."""
    sequence = QKeySequence(text, QKeySequence.SequenceFormat.PortableText)
    if sequence.count() != 1 or _one(sequence).key() in _MODIFIERS:
        return None
    return sequence


def normal(sequence: QKeySequence) -> str:
    """The same text for chords that are one to a person: both Enter keys, the keypad's, a sign with or without Shift.

    Returns:
        Portable text; empty for no chord.
    """
    return _normal(_one(sequence)) if sequence.count() else ""


def pressed(event: QKeyEvent) -> frozenset[str]:
    """Every chord, as ``normal`` writes it, that a key press may be meant as: the key, and the sign it types."""
    found = {_normal(event.keyCombination())}
    text = event.text()
    if len(text) == 1 and text.isprintable() and not text.isalnum() and text != " ":
        is_level = not event.modifiers() & _META and event.modifiers() & (_CONTROL | _ALT) in {_NONE, _CONTROL | _ALT}
        if is_level:  # a sign typed with Shift or AltGr is that sign
            found.add(text)
    return frozenset(found)


def sign_of(sequence: QKeySequence) -> str:
    """The sign that a chord without Ctrl, Alt or Meta types, such as ``=``; empty for letters, digits, named keys."""
    if sequence.count() != 1 or _one(sequence).keyboardModifiers() & (_CONTROL | _ALT | _META):
        return ""
    text = _typed(_one(sequence))
    return "" if text.isalnum() or text == " " else text


def twins(sequence: QKeySequence) -> list[QKeySequence]:
    """What has to be listened for: the chord, its twin on the other Enter key, and a sign with Shift told or not."""
    combination = _one(sequence)
    key, modifiers = combination.key(), combination.keyboardModifiers() & _COUNTED
    if key in {Qt.Key.Key_Return, Qt.Key.Key_Enter}:
        return [QKeySequence(QKeyCombination(modifiers, twin)) for twin in (Qt.Key.Key_Return, Qt.Key.Key_Enter)]
    if sign_of(sequence):
        return [QKeySequence(QKeyCombination(shift, key)) for shift in (_NONE, _SHIFT)]
    return [sequence]


def native(sequences: Iterable[QKeySequence]) -> str:
    """As printed on this system's keys, each once: "F1, ?"."""
    shown: dict[str, None] = {}
    for sequence in sequences:
        text = sequence.toString(QKeySequence.SequenceFormat.NativeText)
        shown[text.replace("Return", "Enter")] = None  # what most keyboards print on both
    return ", ".join(shown)


def refusal(sequence: QKeySequence, *, where_nothing_is_typed: bool = False) -> str:
    """Why a chord can belong to no act: a sentence, or empty.

    Args:
        sequence: One chord.
        where_nothing_is_typed: The act hears only keys that no field took, so bare signs and named keys will do.
    """
    modifiers = _one(sequence).keyboardModifiers() & _COUNTED
    is_bare = not modifiers & (_CONTROL | _ALT | _META)
    text = _typed(_one(sequence))
    name = native([sequence])
    if is_bare and text.isalnum():
        words = translate(
            "Keys",
            "{key} alone is a letter or digit: an input method, a search field or the ranking needs it. "
            "Hold Ctrl, or take a key such as F9.",
        )
    elif is_bare and not where_nothing_is_typed and not _is_function_key(_one(sequence).key()):
        words = translate(
            "Keys", "{key} alone is needed where text is typed and in lists. Hold Ctrl, or take a key such as F9."
        )
    elif _is_among(sequence, _KEPT):
        words = translate("Keys", "{key} copies, pastes, selects or undoes wherever text is typed. Choose another key.")
    elif normal(sequence) in _TAKEN_BY_SYSTEM or _one(sequence).key() in {Qt.Key.Key_Tab, Qt.Key.Key_Backtab}:
        words = translate("Keys", "{key} belongs to the system or leads from field to field. Choose another key.")
    elif modifiers == _ALT and text.isalpha():
        words = translate(
            "Keys", "{key} opens a menu or leads to a field: Alt with a letter is kept for that. Choose another key."
        )
    else:
        return ""
    return words.format(key=name)


def warning(sequence: QKeySequence) -> str:
    """What a person should know who takes this chord: a sentence, or empty."""
    name = native([sequence])
    text = _typed(_one(sequence))
    if normal(sequence) in _INPUT_METHOD:
        words = translate(
            "Keys", "{key} switches Chinese and Japanese input methods on many computers; there it may never arrive."
        )
    elif _is_among(sequence, _MOVES):
        words = translate(
            "Keys", "Where text is typed, {key} moves or deletes by words; there it does that and not this."
        )
    elif _one(sequence).keyboardModifiers() & _COUNTED & ~_SHIFT == _CONTROL | _ALT and text:
        words = translate("Keys", "{key} types a sign on keyboards with AltGr; there it may do both or neither.")
    elif _one(sequence).keyboardModifiers() & _META:
        words = translate("Keys", "Many systems keep {key} for themselves; there it never arrives.")
    else:
        return ""
    return words.format(key=name)


def _one(sequence: QKeySequence) -> QKeyCombination:
    combination: QKeyCombination = sequence[0]  # type: ignore[index]  # the stubs know nothing of it
    return combination


def _normal(combination: QKeyCombination) -> str:
    key, modifiers = combination.key(), combination.keyboardModifiers() & _COUNTED
    if key == Qt.Key.Key_Enter:
        key = Qt.Key.Key_Return
    if key == Qt.Key.Key_Backtab:
        key, modifiers = Qt.Key.Key_Tab, modifiers | _SHIFT
    plain = QKeySequence(QKeyCombination(modifiers & ~_SHIFT, key))
    if sign_of(plain):
        return _typed(_one(plain))
    return QKeySequence(QKeyCombination(modifiers, key)).toString(QKeySequence.SequenceFormat.PortableText)


def _typed(combination: QKeyCombination) -> str:
    """The letter, digit or sign that a key stands for; empty for named keys such as F5."""
    key = combination.key().value
    text = chr(key) if 0x20 <= key < 0x01000000 and key < 0x110000 else ""
    return text if text.isprintable() else ""


def _is_function_key(key: Qt.Key) -> bool:
    return Qt.Key.Key_F1.value <= key.value <= Qt.Key.Key_F35.value


def _is_among(sequence: QKeySequence, keys: Iterable[QKeySequence.StandardKey]) -> bool:
    return any(
        normal(sequence) == normal(other)
        for key in keys
        for other in QKeySequence.keyBindings(key)
        if other.count() == 1
    )
