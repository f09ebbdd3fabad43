"""Which key does what: defaults, what a person changes, what cannot be, and a file that somebody edited."""

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QAction, QKeyEvent, QKeySequence
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QLineEdit, QPushButton, QVBoxLayout, QWidget

from rlhf_studio.errors import StudioError
from rlhf_studio.ui.keys.acts import ACTS, Act
from rlhf_studio.ui.keys.keymap import Keymap
from rlhf_studio.ui.keys.sequences import chord, native, normal, refusal, warning
from rlhf_studio.ui.preferences import Preferences

CTRL, ALT, SHIFT = (
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.AltModifier,
    Qt.KeyboardModifier.ShiftModifier,
)
NONE = Qt.KeyboardModifier.NoModifier
SAVE, SKIP, BACK, OPEN = (
    Act("write.save", "Save", ("Ctrl+Return",)),
    Act("write.skip", "Skip", ("Ctrl+K",)),
    Act("rank.back", "Take back", ("Backspace",), is_pressed=True),
    Act("window.open", "Open", ("Ctrl+O",)),
)
DIGITS = Act("rank.place", "Place", ("1", "2"), is_pressed=True, fixed="1 to 2")


@pytest.fixture
def keymap(preferences):
    return Keymap(preferences, acts=(SAVE, SKIP, BACK, DIGITS, OPEN))


@pytest.fixture
def page(qtbot):
    """A page with a button and a line, in sight."""
    page = QWidget()
    page.button, page.line = QPushButton("Skip"), QLineEdit()
    layout = QVBoxLayout(page)
    layout.addWidget(page.button)
    layout.addWidget(page.line)
    qtbot.addWidget(page)
    page.show()
    qtbot.waitExposed(page)
    page.activateWindow()
    page.button.setFocus()
    qtbot.waitUntil(page.button.hasFocus)
    return page


def keys(keymap, name):
    return [normal(sequence) for sequence in keymap.sequences(name)]


def again(preferences):
    return Keymap(preferences, acts=(SAVE, SKIP, BACK, DIGITS, OPEN))


# --- chords


@pytest.mark.parametrize("text", ["", "garbage", "Ctrl+", "Ctrl+Shift", "Ctrl+K, Ctrl+X", "Ctrl++Q+"])
def test_what_is_no_chord(text):
    assert chord(text) is None


@pytest.mark.parametrize(
    ("one", "other"),
    [("Ctrl+Return", "Ctrl+Enter"), ("Ctrl+Enter", "Ctrl+Num+Enter"), ("?", "Shift+?"), ("Ctrl+1", "Ctrl+Num+1")],
)
def test_what_is_one_chord_to_a_person(one, other):
    assert normal(chord(one)) == normal(chord(other))


def test_what_is_not():
    assert normal(chord("Ctrl+K")) != normal(chord("Ctrl+Shift+K"))


def test_both_enter_keys_are_told_as_one():
    assert native([chord("Ctrl+Return"), chord("Ctrl+Enter"), chord("F1")]) == "Ctrl+Enter, F1"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("K", "letter or digit"),
        ("Shift+K", "letter or digit"),
        ("3", "letter or digit"),
        ("=", "text is typed"),
        ("Return", "text is typed"),
        ("Right", "text is typed"),
        ("Ctrl+C", "copies"),
        ("Ctrl+Z", "copies"),
        ("Ctrl+V", "copies"),
        ("Alt+F", "opens a menu"),
        ("Ctrl+Tab", "field to field"),
        ("Alt+F4", "system"),
    ],
)
def test_what_an_act_cannot_have(text, reason):
    assert reason in refusal(chord(text))


def test_where_nothing_is_typed_a_sign_will_do_and_a_letter_will_not():
    assert not refusal(chord("="), where_nothing_is_typed=True)
    assert not refusal(chord("Delete"), where_nothing_is_typed=True)
    assert refusal(chord("K"), where_nothing_is_typed=True)


@pytest.mark.parametrize(
    ("text", "reason"),
    [("Ctrl+Space", "input methods"), ("Ctrl+Right", "by words"), ("Ctrl+Alt+Q", "AltGr"), ("Meta+D", "systems keep")],
)
def test_what_a_person_should_know(text, reason):
    assert not refusal(chord(text))
    assert reason in warning(chord(text))


@pytest.mark.parametrize("text", ["F9", "Ctrl+K", "Ctrl+Shift+F9", "Alt+Down", "Ctrl+="])
def test_what_is_free_of_doubt(text):
    assert not refusal(chord(text))
    assert not warning(chord(text))


# --- the defaults


def test_no_two_defaults_collide_and_each_is_a_chord(preferences):
    keymap = Keymap(preferences)
    assert keymap.collisions() == ()
    assert all(chord(text) is not None for act in ACTS for text in act.keys)


def test_no_default_would_be_refused_to_a_person(preferences):
    for act in ACTS:
        if not act.fixed:
            assert not any(refusal(chord(text), where_nothing_is_typed=act.is_pressed) for text in act.keys), act.name


def test_acts_of_two_parts_of_a_tab_may_share_a_key(preferences):
    in_list, in_form = (Act(f"write.{part}", part, ("Esc",), part=part) for part in ("list", "form"))
    assert not Keymap(preferences, acts=(in_list, in_form)).collisions()
    assert Keymap(preferences, acts=(in_list, Act("write.all", "all", ("Esc",)))).collisions()
    assert Keymap(preferences, acts=(in_list, Act("window.all", "all", ("Esc",)))).collisions()


# --- listening


def test_a_key_is_heard_and_follows_a_change_at_once(keymap, page):
    heard = []
    keymap.bind(page, {"write.skip": lambda: heard.append("skip"), "write.save": lambda: heard.append("save")})
    QTest.keyClick(page.line, Qt.Key.Key_K, CTRL)
    QTest.keyClick(page.line, Qt.Key.Key_Return, CTRL)
    QTest.keyClick(page.line, Qt.Key.Key_Enter, CTRL | Qt.KeyboardModifier.KeypadModifier)
    assert heard == ["skip", "save", "save"]
    keymap.rebind("write.skip", chord("F9"))
    QTest.keyClick(page.line, Qt.Key.Key_K, CTRL)
    assert len(heard) == 3
    QTest.keyClick(page.line, Qt.Key.Key_F9)
    assert heard[3:] == ["skip"]


def test_a_menus_action_follows(keymap, page):
    action = QAction("Open", page)
    keymap.follow(action, "window.open")
    assert action.shortcut() == QKeySequence("Ctrl+O")
    keymap.rebind("window.open", chord("Ctrl+Shift+O"))
    assert action.shortcut() == QKeySequence("Ctrl+Shift+O")
    keymap.clear("window.open")
    assert action.shortcuts() == []


def test_a_tooltip_tells_the_key_of_the_moment_unless_somebody_wrote_another(keymap, page):
    page.button.setToolTip("Skip it")
    keymap.hint({"write.skip": page.button})
    assert page.button.toolTip() == "Skip it (Ctrl+K)"
    keymap.rebind("write.skip", chord("F9"))
    assert page.button.toolTip() == "Skip it (F9)"
    keymap.clear("write.skip")
    assert page.button.toolTip() == "Skip it"
    page.button.setToolTip("There is nothing to skip")
    keymap.reset("write.skip")
    assert page.button.toolTip() == "There is nothing to skip"


def test_what_is_gone_is_not_told(keymap, page, qtbot):
    keymap.hint({"write.skip": page.button})
    keymap.bind(page.button, {"write.skip": page.button.click})
    with qtbot.waitSignal(page.button.destroyed):
        page.button.deleteLater()
    keymap.rebind("write.skip", chord("F9"))  # nobody is called who is not there


@pytest.mark.parametrize(
    "modifiers", [NONE, SHIFT, CTRL | ALT, CTRL | ALT | SHIFT, Qt.KeyboardModifier.GroupSwitchModifier]
)
def test_a_sign_is_known_by_what_it_types_wherever_the_layout_has_it(preferences, modifiers):
    """Shift on most layouts, AltGr (Ctrl+Alt, or a group of its own) on others."""
    keymap = Keymap(preferences, acts=(Act("window.keys", "Keys", ("F1", "?")),))
    assert keymap.matches("window.keys", event(Qt.Key.Key_Question, modifiers, "?"))


def test_ctrl_and_a_sign_is_another_chord(preferences):
    keymap = Keymap(preferences, acts=(Act("rank.tie", "Tie", ("=",), is_pressed=True),))
    assert keymap.matches("rank.tie", event(Qt.Key.Key_Equal, NONE, "="))
    assert keymap.matches("rank.tie", event(Qt.Key.Key_Equal, Qt.KeyboardModifier.KeypadModifier, "="))
    assert not keymap.matches("rank.tie", event(Qt.Key.Key_Equal, CTRL, "="))
    assert not keymap.matches("rank.tie", event(Qt.Key.Key_Plus, SHIFT, "+"))


def event(key, modifiers, text):
    return QKeyEvent(QEvent.Type.KeyPress, key, modifiers, text)


# --- changing


def test_what_differs_is_kept_and_nothing_else(keymap, preferences):
    keymap.rebind("write.skip", chord("F9"))
    assert preferences.keys() == {"write.skip": ("F9",)}
    assert keys(again(preferences), "write.skip") == ["F9"]
    keymap.rebind("write.skip", chord("Ctrl+K"))  # its default
    assert preferences.keys() == {}


def test_a_conflict_names_the_other_act_in_the_tab_and_in_the_window(keymap):
    assert keymap.check("write.skip", chord("Ctrl+Enter")).taken_by == (SAVE,)
    assert keymap.check("write.skip", chord("Ctrl+O")).taken_by == (OPEN,)
    assert keymap.check("window.open", chord("Backspace")).refusal
    assert keymap.check("window.open", chord("Ctrl+K")).taken_by == (SKIP,)
    assert keymap.check("rank.back", chord("Ctrl+K")).taken_by == ()  # another tab's


def test_a_digit_that_places_answers_stays_what_it_is(keymap):
    assert "letter or digit" in keymap.check("rank.back", chord("2")).refusal
    assert keymap.check("rank.place", chord("F9")).refusal
    with pytest.raises(StudioError, match="cannot be changed"):
        keymap.rebind("rank.place", chord("F9"))


def test_a_key_that_always_means_something_here_is_not_given_away(preferences):
    leave, other = Act("rank.leave", "Leave", ("Esc",), fixed="Esc"), Act("rank.back", "Back", (), is_pressed=True)
    verdict = Keymap(preferences, acts=(leave, other)).check("rank.back", chord("Esc"))
    assert "“Leave”" in verdict.refusal


def test_taking_a_key_leaves_the_other_act_without(keymap, preferences):
    keymap.rebind("write.skip", chord("Ctrl+O"))
    assert (keys(keymap, "write.skip"), keys(keymap, "window.open")) == (["Ctrl+O"], [])
    assert keymap.text("window.open") == ""
    assert "Open" not in {line.what for line in keymap.help("window")}
    assert keys(again(preferences), "window.open") == []  # none at all is kept, too
    assert again(preferences).problems() == ()


def test_swapping(keymap, preferences):
    keymap.swap("write.skip", chord("Ctrl+O"))
    assert (keys(keymap, "write.skip"), keys(keymap, "window.open")) == (["Ctrl+O"], ["Ctrl+K"])
    assert keys(again(preferences), "window.open") == ["Ctrl+K"]
    assert again(preferences).problems() == ()


def test_what_cannot_be_swapped_changes_nothing(preferences):
    press, shortcut = Act("rank.a", "A", ("=",), is_pressed=True), Act("rank.b", "B", ("Ctrl+B",))
    keymap = Keymap(preferences, acts=(press, shortcut))
    with pytest.raises(StudioError, match="“B” cannot have ="):
        keymap.swap("rank.a", chord("Ctrl+B"))
    assert (keys(keymap, "rank.a"), keys(keymap, "rank.b")) == (["="], ["Ctrl+B"])
    with pytest.raises(StudioError, match="nothing to swap"):
        keymap.swap("rank.a", chord("Ctrl+D"))


def test_resetting_one_takes_its_key_back(keymap):
    keymap.rebind("write.skip", chord("Ctrl+O"))
    keymap.reset("window.open")
    assert (keys(keymap, "write.skip"), keys(keymap, "window.open")) == ([], ["Ctrl+O"])
    keymap.reset_all()
    assert keys(keymap, "write.skip") == ["Ctrl+K"]
    assert not keymap.collisions()


# --- a file that somebody edited


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("write.skip=rubbish", "names no key"),
        ("write.skip=Ctrl+A, Ctrl+B", "names no key"),  # Qt reads a list there
        ("write.skip=K", "letter or digit"),
        ("write.skip=Ctrl+O", "belongs to “Open”"),
        ("write.skip=Ctrl+Return", "belongs to “Save”"),
        ("rank.nothing=F9", "rank.nothing, which is no act that takes one"),
        ("rank.place=F9", "rank.place, which is no act that takes one"),
    ],
)
def test_a_bad_line_is_told_and_counts_as_not_there(tmp_path, line, message):
    path = tmp_path / "window.ini"
    path.write_text(f"[keys]\nrank.back=Ctrl+Backspace\n{line}\n", encoding="utf-8")
    keymap = again(Preferences(path))
    (problem,) = keymap.problems()
    assert message in problem
    assert keys(keymap, "write.skip") == ["Ctrl+K"]
    assert keys(keymap, "rank.back") == ["Ctrl+Backspace"]  # what is right beside it holds
    assert keymap.collisions() == ()


def test_two_lines_that_want_one_key(tmp_path):
    path = tmp_path / "window.ini"
    path.write_text("[keys]\nwrite.save=F9\nwrite.skip=F9\n", encoding="utf-8")
    keymap = again(Preferences(path))
    assert len(keymap.problems()) == 1
    given = [keys(keymap, name) for name in ("write.save", "write.skip")]
    assert given in ([["F9"], ["Ctrl+K"]], [["Ctrl+Return"], ["F9"]])


def test_an_act_declared_later_takes_its_line(tmp_path):
    path = tmp_path / "window.ini"
    path.write_text("[keys]\nwrite.more=F9\n", encoding="utf-8")
    keymap = again(Preferences(path))
    assert keymap.problems()
    keymap.declare(Act("write.more", "More", ("Ctrl+J",)))
    assert keys(keymap, "write.more") == ["F9"]
    assert not keymap.problems()
