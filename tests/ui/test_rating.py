"""Each answer by itself: K answers without flags take K keys, and every key is on disk at once."""

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent

from rlhf_studio.errors import DataError
from rlhf_studio.schema import NewCompletion, Turn
from rlhf_studio.store.project import open_project
from rlhf_studio.store.ratings import FLAGS
from rlhf_studio.ui.rank.flag_words import flag_words, rating_text, rating_tip
from rlhf_studio.ui.rank.rating import RatingStep
from rlhf_studio.ui.rank.rating_view import RatingView

ALT, SHIFT, NONE = Qt.KeyboardModifier.AltModifier, Qt.KeyboardModifier.ShiftModifier, Qt.KeyboardModifier.NoModifier
TURNS = (Turn("user", "Tell a story."),)
_KEYS = {"\n": Qt.Key.Key_Return, "<": Qt.Key.Key_Left, ">": Qt.Key.Key_Right, "\b": Qt.Key.Key_Backspace}


@pytest.fixture
def answers(store):
    set_id = store.add_answer_set(1, [NewCompletion(1, f"answer {i}", "m") for i in range(4)]).ids[0]
    return store.set_answers(set_id)


@pytest.fixture
def view(qtbot, theme):
    view = RatingView(theme)
    qtbot.addWidget(view)
    return view


@pytest.fixture
def step(session, view, answers):
    step = RatingStep(session, view)
    step.open(TURNS, answers)
    return step


def press(step, keys, modifiers=NONE):
    """Press keys; return those that were not the step's."""
    left = []
    for key in keys:
        code = _KEYS.get(key, Qt.Key(ord(key.upper())))
        event = QKeyEvent(QEvent.Type.KeyPress, code, modifiers, "" if key in _KEYS else key)
        if not step.take_key(event):
            left.append(key)
    return left


def rated(store, answers, labeler="Tess"):
    found = {rating.completion_id: rating for rating in store.ratings([a.id for a in answers], labeler)}
    return [(found[a.id].overall, found[a.id].flags) if a.id in found else None for a in answers]


def test_four_answers_take_four_keys(qtbot, step, store, answers):
    with qtbot.waitSignal(step.done, timeout=1000):
        assert press(step, "6175") == []
    assert rated(store, answers) == [(6, ()), (1, ()), (7, ()), (5, ())]
    assert store.undoable().kind == "rating"


def test_each_key_is_in_the_file_at_once(step, store, answers):
    press(step, "4", ALT)
    press(step, "6")
    with open_project(store.folder, read_only=True) as other:
        assert rated(other, answers)[0] == (6, ("satisfies_constraint",))


def test_flags_come_first_and_toggle(step, view, store, answers):
    press(step, "13", ALT)
    press(step, "0=", ALT)
    press(step, "1", ALT)
    assert [button.isChecked() for button in view.flags] == [name in {FLAGS[2], *FLAGS[9:]} for name in FLAGS]
    assert step.place == 0
    press(step, "2")
    assert step.place == 1
    assert rated(store, answers) == [(2, (FLAGS[2], FLAGS[9], FLAGS[10])), None, None, None]
    assert not any(button.isChecked() for button in view.flags)


def test_arrows_and_enter_go_between_answers(qtbot, step, store, answers):
    press(step, "5>3")
    assert step.place == 3
    press(step, "<\b")
    assert step.place == 1
    press(step, ">")
    press(step, "\n")  # to what is not rated yet
    assert step.place == 1
    with qtbot.waitSignal(step.done, timeout=1000):
        press(step, "\n")  # on without it
    assert rated(store, answers) == [(5, ()), None, (3, ()), None]
    press(step, "4")
    assert step.place == 2
    step.show(3)
    with qtbot.waitSignal(step.done, timeout=1000):
        press(step, ">")


def test_the_last_digit_goes_to_what_was_left_out(qtbot, step):
    press(step, "5>44")
    assert step.place == 1
    with qtbot.waitSignal(step.done, timeout=1000):
        press(step, "1\n")


def test_other_keys_are_not_taken(step, store, answers):
    assert press(step, "089=") == []  # the ranking's keys do nothing here
    assert press(step, "a") == ["a"]
    assert press(step, "5", Qt.KeyboardModifier.ControlModifier) == ["5"]  # a tab's key
    assert press(step, "x", ALT) == ["x"]
    assert rated(store, answers) == [None] * 4


def test_clicks_do_what_keys_do(step, view, store, answers):
    view.flags[10].click()
    view.overall[6].click()
    assert step.place == 1
    view.answers[3].click()
    assert step.place == 3
    assert (view.title.text(), view.answers[0].text()) == ("Answer 4 of 4", "1: 7/7 · 1 flag")
    view.back.click()
    view.next.click()
    assert step.place == 3
    assert rated(store, answers)[0] == (7, ("moral_judgment",))


def test_undo_shows_the_answer_it_concerns(step, view, session, store):
    press(step, "64")
    entry = store.undo("Tess")
    session.changed(entry.changes)
    assert step.place == 1
    assert not any(button.isChecked() for button in view.overall)
    session.changed(store.redo("Tess").changes)
    assert (step.place, view.overall[3].isChecked()) == (1, True)


def test_a_set_goes_on_where_it_was_left(session, step, view, answers):
    press(step, "64")
    again = RatingStep(session, RatingView(session.theme))
    again.open(TURNS, answers)
    assert again.place == 2
    session.set_labeler("Ann")
    assert step.ratings == {}
    again.close()


def test_the_project_remembers_whether_answers_are_rated_first(session, step, store):
    assert not step.is_wanted
    step.want(is_wanted=True)
    assert step.is_wanted
    assert store.get_meta("ui.rates_first") == "yes"
    step.want(is_wanted=False)
    assert not step.is_wanted


def test_what_cannot_be_kept_is_said_and_nothing_goes_on(step, said, monkeypatch, store):
    def refuse(*_args):
        raise DataError("The disk is full.")

    monkeypatch.setattr(store, "rate", refuse)
    press(step, "5")
    assert (step.place, said[-1].text) == (0, "The disk is full.")


def test_a_read_only_project_shows_ratings_only(step, view, store, answers, monkeypatch):
    monkeypatch.setattr(type(store), "is_read_only", property(lambda _store: True))
    step.open(TURNS, answers)
    assert not any(button.isEnabled() for button in (*view.overall, *view.flags))


def test_words_of_ratings(step, store, answers):
    press(step, "23", ALT)
    press(step, "3")
    (rating,) = store.ratings([answers[0].id])
    assert rating_text(rating) == "3/7 · 2 flags"
    assert rating_tip(rating) == "Overall quality: 3 of 7\nInappropriate for customer assistant\nHallucination"
    assert tuple(flag_words()) == FLAGS


def test_digits_of_a_french_keyboard_rate_and_flag(step, store, answers):
    press(step, "3", SHIFT)  # as AZERTY writes them
    press(step, "\uff14")  # full width
    assert rated(store, answers)[:2] == [(3, ()), (4, ())]
