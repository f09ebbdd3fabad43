"""Which act has which chord: the defaults, what a person changed, and everything that listens to them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QCoreApplication, QObject, Qt, Signal
from PySide6.QtGui import QAction, QKeyEvent, QKeySequence, QShortcut
from PySide6.QtWidgets import QWidget

from rlhf_studio.errors import StudioError
from rlhf_studio.ui.keys.acts import ACTS, CONTEXT, WINDOW, Act
from rlhf_studio.ui.keys.sequences import chord, native, normal, pressed, refusal, twins, warning
from rlhf_studio.ui.preferences import Preferences

translate = QCoreApplication.translate


@dataclass(frozen=True, slots=True)
class KeyHelp:
    """One line of the keyboard overlay."""

    keys: str  # as printed on the keys, e.g. "Ctrl+Enter"
    what: str  # translated


@dataclass(frozen=True, slots=True)
class Verdict:
    """What speaks against a chord for an act.

    Attributes:
        refusal: Why it cannot be; empty if it can.
        warning: What a person should know who takes it; empty if there is nothing.
        taken_by: The acts that have it already.
    """

    refusal: str = ""
    warning: str = ""
    taken_by: tuple[Act, ...] = ()


class Keymap(QObject):
    """Every act with its chords. What listens is bound once and follows each change at once."""

    changed = Signal()  # a person gave an act another key

    def __init__(self, preferences: Preferences, parent: QObject | None = None, acts: Iterable[Act] = ACTS) -> None:
        """Read what a person changed; a line that makes no sense is told in ``problems`` and counts as not there.

        Args:
            preferences: Where what differs from the defaults is kept.
            parent: Its owner.
            acts: Those that are known at once; others are declared later.
        """
        super().__init__(parent)
        self._preferences = preferences
        self._acts: dict[str, Act] = {}
        self._own: dict[str, tuple[QKeySequence, ...]] = {}  # a person's, by name of the act
        self._unread = preferences.keys()  # lines of acts that nobody has declared yet
        self._problems: list[str] = []
        self.declare(*acts)

    # --- what there is

    @property
    def acts(self) -> tuple[Act, ...]:
        """Every act, as declared."""
        return tuple(self._acts.values())

    def act(self, name: str) -> Act:
        """An act by its name."""
        return self._acts[name]

    def declare(self, *acts: Act) -> None:
        """Make acts known; one that is known already keeps its keys and takes the new words."""
        for act in acts:
            is_new = act.name not in self._acts
            self._acts[act.name] = act
            if is_new and act.name in self._unread and not act.fixed:
                self._read(act, self._unread.pop(act.name))
        self._drop_collisions()
        self.changed.emit()

    def problems(self) -> tuple[str, ...]:
        """What of the kept keys could not be used, in sentences; call it when every act is declared."""
        words = translate("Keys", "The file of preferences gives a key to {name}, which is no act that takes one.")
        return (*self._problems, *(words.format(name=name) for name in self._unread))

    def sequences(self, name: str) -> tuple[QKeySequence, ...]:
        """The chords of an act; none if a person took them away."""
        own = self._own.get(name)
        return _chords(self._acts[name].keys) if own is None else own

    def is_changed(self, name: str) -> bool:
        """Whether a person gave the act other keys than it has by default."""
        return name in self._own

    def text(self, name: str) -> str:
        """The keys of an act as printed on them, "" if it has none."""
        fixed = self._acts[name].fixed
        return translate(CONTEXT, fixed) if fixed else native(self.sequences(name))

    def default_text(self, name: str) -> str:
        """The default keys of an act as printed on them."""
        return native(_chords(self._acts[name].keys))

    def help(self, scope: str) -> tuple[KeyHelp, ...]:
        """The acts of a tab, or of the window, that have a key."""
        named = [(self.text(act.name), act.what) for act in self._acts.values() if act.scope == scope]
        return tuple(KeyHelp(keys, what) for keys, what in named if keys)

    # --- listening

    def bind(
        self,
        widget: QWidget,
        slots: Mapping[str, Callable[[], object]],
        context: Qt.ShortcutContext = Qt.ShortcutContext.WidgetWithChildrenShortcut,
    ) -> None:
        """Let a widget's acts be done by their keys.

        Args:
            widget: Who hears them: usually a tab.
            slots: What is called, by name of the act.
            context: Where they are heard; by default while the widget or something in it has the keyboard.
        """
        for name, slot in slots.items():
            shortcut = QShortcut(widget)
            shortcut.setContext(context)
            shortcut.activated.connect(slot)
            self.follow(shortcut, name)

    def follow(self, target: QShortcut | QAction, name: str) -> None:
        """Give a shortcut or a menu's action the keys of an act, now and after each change."""
        _Follower(self, name, target)

    def hint(self, widgets: Mapping[str, QWidget]) -> None:
        """Tell the keys of acts in tooltips: "Skip this set (Ctrl+Right)", by name of the act."""
        for name, widget in widgets.items():
            _Hint(self, name, widget)

    def matches(self, name: str, event: QKeyEvent) -> bool:
        """Whether a key press means an act; for keys that are handled where they are pressed."""
        meant = pressed(event)
        return any(normal(sequence) in meant for sequence in self.sequences(name))

    # --- changing

    def check(self, name: str, sequence: QKeySequence) -> Verdict:
        """What speaks against a chord for an act.

        Args:
            name: The act.
            sequence: One chord.
        """
        act = self._acts[name]
        if act.fixed:
            words = translate("Keys", "The keys of this act cannot be changed.")
            return Verdict(words)
        if sequence.count() != 1:
            return Verdict(translate("Keys", "An act has one chord, such as Ctrl+K; press its keys at the same time."))
        own = {normal(default) for default in _chords(act.keys)}
        refused = "" if normal(sequence) in own else refusal(sequence, where_nothing_is_typed=act.is_pressed)
        if refused:
            return Verdict(refused)
        taken = tuple(other for other in self._rivals(act) if normal(sequence) in self._heard(other))
        if any(other.fixed for other in taken):
            words = translate("Keys", "{key} always means “{act}” here. Choose another key.")
            return Verdict(words.format(key=native([sequence]), act=taken[0].what))
        return Verdict("", warning(sequence), taken)

    def rebind(self, name: str, sequence: QKeySequence) -> None:
        """Give an act one chord instead of those it has; whoever had it loses it.

        Raises:
            StudioError: If the chord cannot belong to the act.
        """
        verdict = self._accepted(name, sequence)
        for other in verdict.taken_by:
            kept = tuple(one for one in self.sequences(other.name) if normal(one) != normal(sequence))
            self._set(other.name, kept)
        self._set(name, (sequence,))
        self._keep()

    def swap(self, name: str, sequence: QKeySequence) -> None:
        """Give an act a chord, and the act that had it those of the first.

        Raises:
            StudioError: If nobody has it, or those keys cannot belong to the other.
        """
        verdict = self._accepted(name, sequence)
        before = self.sequences(name)
        if len(verdict.taken_by) != 1 or not before:
            raise StudioError(translate("Keys", "There is nothing to swap: one act must have each of the two keys."))
        other = verdict.taken_by[0]
        mine = self._own.pop(name, None)
        self._own[name] = ()  # as if it were free, to ask whether the other may have it
        refused = [self.check(other.name, one) for one in before]
        self._own.pop(name)
        if mine is not None:
            self._own[name] = mine
        for found in refused:
            if found.refusal or found.taken_by:
                words = translate("Keys", "“{act}” cannot have {key}: {why}")
                why = found.refusal or translate("Keys", "it is taken there.")
                raise StudioError(words.format(act=other.what, key=native(before), why=why))
        kept = tuple(one for one in self.sequences(other.name) if normal(one) != normal(sequence))
        self._set(other.name, (*before, *kept))
        self._set(name, (sequence,))
        self._keep()

    def clear(self, name: str) -> None:
        """Leave an act without a key."""
        if not self._acts[name].fixed:
            self._set(name, ())
            self._keep()

    def reset(self, name: str) -> None:
        """Give an act its default keys again; whoever has one of them by now loses it."""
        act = self._acts[name]
        self._own.pop(name, None)
        defaults = {normal(sequence) for sequence in _chords(act.keys)}
        for other in self._rivals(act):
            kept = tuple(one for one in self.sequences(other.name) if normal(one) not in defaults)
            if len(kept) != len(self.sequences(other.name)):
                self._set(other.name, kept)
        self._keep()

    def reset_all(self) -> None:
        """Give every act its default keys again."""
        self._own.clear()
        self._keep()

    def collisions(self) -> tuple[tuple[Act, Act], ...]:
        """Pairs of acts that hear the same chord at the same place."""
        found = []
        acts = self.acts
        for place, act in enumerate(acts):
            heard = self._heard(act)
            found += [(act, other) for other in acts[place + 1 :] if _meet(act, other) and heard & self._heard(other)]
        return tuple(found)

    # --- inside

    def _accepted(self, name: str, sequence: QKeySequence) -> Verdict:
        verdict = self.check(name, sequence)
        if verdict.refusal:
            raise StudioError(verdict.refusal)
        return verdict

    def _heard(self, act: Act) -> frozenset[str]:
        return frozenset(normal(sequence) for sequence in self.sequences(act.name))

    def _rivals(self, act: Act) -> list[Act]:
        return [other for other in self._acts.values() if other.name != act.name and _meet(act, other)]

    def _set(self, name: str, sequences: tuple[QKeySequence, ...]) -> None:
        defaults = [normal(sequence) for sequence in _chords(self._acts[name].keys)]
        if [normal(sequence) for sequence in sequences] == defaults:
            self._own.pop(name, None)
        else:
            self._own[name] = sequences

    def _keep(self) -> None:
        texts = {name: tuple(one.toString() for one in sequences) for name, sequences in self._own.items()}
        self._preferences.keep_keys(texts)
        self._unread, self._problems = {}, []
        self.changed.emit()

    def _read(self, act: Act, texts: tuple[str, ...] | None) -> None:
        """Take a line of the preferences, or note why not."""
        chords = [chord(text) for text in texts or ()]
        read = tuple(one for one in chords if one is not None)
        if texts is None or len(read) != len(chords):
            words = translate("Keys", "The file of preferences names no key for “{act}”; it keeps its own.")
            self._problems.append(words.format(act=act.what))
            return
        own = {normal(default) for default in _chords(act.keys)}
        for sequence in read:
            refused = "" if normal(sequence) in own else refusal(sequence, where_nothing_is_typed=act.is_pressed)
            if refused:
                words = translate("Keys", "“{act}” keeps its own key. {why}")
                self._problems.append(words.format(act=act.what, why=refused))
                return
        self._own[act.name] = read

    def _drop_collisions(self) -> None:
        """Of two acts with one chord, who has it from the preferences gets its own back."""
        while True:
            pairs = [pair for pair in self.collisions() if any(act.name in self._own for act in pair)]
            if not pairs:
                return
            act, other = pairs[0]
            loser, winner = (act, other) if act.name in self._own else (other, act)
            words = translate("Keys", "“{act}” keeps its own key: the one in the preferences belongs to “{other}”.")
            self._problems.append(words.format(act=loser.what, other=winner.what))
            del self._own[loser.name]


class _Follower(QObject):
    """Belongs to a shortcut or an action and dies with it."""

    def __init__(self, keymap: Keymap, name: str, target: QShortcut | QAction) -> None:
        super().__init__(target)
        self._keymap, self._name, self._target = keymap, name, target
        keymap.changed.connect(self._show)
        self._show()

    def _show(self) -> None:
        sequences = self._keymap.sequences(self._name)
        heard = [twin for sequence in sequences for twin in twins(sequence)]
        if isinstance(self._target, QShortcut):
            self._target.setKeys(heard)
        else:
            self._target.setShortcuts(heard)


class _Hint(QObject):
    """Keeps the key in a widget's tooltip, as long as nobody else writes another."""

    def __init__(self, keymap: Keymap, name: str, widget: QWidget) -> None:
        super().__init__(widget)
        self._keymap, self._name, self._widget = keymap, name, widget
        self._tip: str = getattr(widget, "tip", "") or widget.toolTip()
        self._shown = widget.toolTip()
        keymap.changed.connect(self._show)
        self._show()

    def _show(self) -> None:
        if self._widget.toolTip() != self._shown:
            return
        keys = self._keymap.text(self._name)
        self._shown = f"{self._tip} ({keys})" if keys else self._tip
        self._widget.setToolTip(self._shown)


def _chords(texts: Sequence[str]) -> tuple[QKeySequence, ...]:
    return tuple(found for found in map(chord, texts) if found is not None)


def _meet(act: Act, other: Act) -> bool:
    """Whether one key press could mean both."""
    if act.scope != other.scope:
        return WINDOW in {act.scope, other.scope}
    return act.part == other.part or not act.part or not other.part
