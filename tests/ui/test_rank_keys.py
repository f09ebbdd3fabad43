"""Keys of ranking on the real tab: every keyboard, input methods, two answers, confidence and note."""

import json
from dataclasses import replace

import pytest
from PySide6.QtCore import QLocale, Qt
from PySide6.QtGui import QGuiApplication, QInputMethodEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from rlhf_studio.schema import NewCompletion
from rlhf_studio.store.project import open_project
from rlhf_studio.ui.rank import keys
from rlhf_studio.ui.rank.sheet import MAX_SETS, META, SheetKeeper

ALT, CTRL, SHIFT, KEYPAD = (
    Qt.KeyboardModifier.AltModifier,
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.KeypadModifier,
)
AZERTY = "&é\"'(-è_ç"


@pytest.fixture
def four(desk):
    desk.first, desk.second = desk.add(4), desk.add(4)
    desk.open(4)
    return desk


@pytest.fixture
def pair(desk):
    desk.first, desk.second = desk.add(2), desk.add(2)
    desk.open(2)
    return desk


# --- digits of every keyboard


def on_x11(monkeypatch):
    monkeypatch.setattr(QGuiApplication, "platformName", lambda: "xcb")


@pytest.mark.parametrize(
    ("typed", "order"),
    [
        ("24=1\n", ((1,), (0, 3), (2,))),
        ("241=\n", ((1,), (3,), (0, 2))),
        ("34<12\n", ((2,), (0,), (1,), (3,))),
    ],
)
def test_digits_ties_and_taking_back(four, typed, order):
    four.press(typed)
    assert four.ranked(four.first) == order


@pytest.mark.parametrize("k", [3, 4, 9])
def test_a_strict_order_of_k_takes_k_keys(desk, k):
    set_id = desk.add(k)
    desk.open(k)
    typed = "".join(str(digit) for digit in range(k, 1, -1)) + "\n"
    assert len(typed) == k
    desk.press(typed)
    assert desk.ranked(set_id) == tuple((index,) for index in reversed(range(k)))


@pytest.mark.parametrize(
    ("platform", "codes", "field"),
    [
        ("xcb", range(10, 19), "scan_code"),
        ("wayland", range(10, 19), "scan_code"),
        ("windows", range(2, 11), "scan_code"),
        ("cocoa", (18, 19, 20, 21, 23, 22, 26, 28, 25), "virtual_key"),
    ],
)
def test_the_upper_row_of_azerty_by_its_place(desk, monkeypatch, platform, codes, field):
    set_id = desk.add(9)
    desk.open(9)
    monkeypatch.setattr(QGuiApplication, "platformName", lambda: platform)
    for sign, code in list(zip(AZERTY, codes, strict=True))[::-1]:
        desk.send(sign, ord(sign.upper()), **{field: code})
    assert desk.tiers == tuple((index,) for index in reversed(range(9)))
    desk.press("\n")
    assert desk.ranked(set_id)


def test_czech_and_belgian_rows_by_their_place(four, monkeypatch):
    on_x11(monkeypatch)
    for sign, code in (("š", 12), ("+", 10), ("§", 13)):
        four.send(sign, scan_code=code)
    assert four.tiers == ((2,), (0,), (3,))


def test_shift_and_the_row_of_azerty_is_a_digit_too(four):
    four.send("2", Qt.Key.Key_2, 11, modifier=SHIFT)
    assert four.tiers == ((1,),)


def test_signs_of_an_english_keyboard_are_no_digits(four, monkeypatch):
    on_x11(monkeypatch)
    four.send("!", Qt.Key.Key_Exclam, 10, modifier=SHIFT)  # Shift and 1
    four.send("-", Qt.Key.Key_Minus, 20)
    four.send("'", Qt.Key.Key_Apostrophe, 48)
    four.send("²", Qt.Key.Key_twosuperior, 49)  # beside 1 on AZERTY
    assert four.tiers == ()
    assert four.page.hint.text() == ""


def test_a_row_without_places_is_read_where_the_layout_is_known(four, monkeypatch):
    four.send("é")
    assert four.tiers == ()
    monkeypatch.setattr(keys, "_locale", lambda: QLocale(QLocale.Language.French, QLocale.Country.France))
    for sign in "é(&":  # the middle one is a 5
        four.send(sign)
    assert four.tiers == ((1,), (0,))
    monkeypatch.setattr(keys, "_locale", lambda: QLocale(QLocale.Language.French, QLocale.Country.Canada))
    four.send('"')
    assert four.tiers == ((1,), (0,))


def test_keypad_and_full_width(four):
    QTest.keyClick(four.tab, Qt.Key.Key_4, KEYPAD)
    four.send("\uff1d")  # full-width equals
    four.send("\uff11")  # full-width 1
    four.send("\uff13")
    QTest.keyClick(four.tab, Qt.Key.Key_Enter, KEYPAD)
    assert four.ranked(four.first) == ((0, 3), (2,), (1,))


def test_held_keys_say_nothing_twice(four):
    four.send("1", Qt.Key.Key_1)
    four.send("2", Qt.Key.Key_2, held=True)
    four.send("=", Qt.Key.Key_Equal, held=True)
    four.send("", Qt.Key.Key_Backspace, held=True)
    assert four.tiers == ((0,),)
    assert not four.tab.order.entry.is_tying


# --- input methods


def compose(widget, preedit="", commit=""):
    event = QInputMethodEvent(preedit, [])
    if commit:
        event.setCommitString(commit)
    QApplication.sendEvent(widget, event)


def test_enter_of_an_input_method_never_submits(four):
    four.press("123")
    compose(four.tab, "zheng")
    four.press("\n")
    assert four.store.rankings() == ()
    compose(four.tab)
    four.press("\n")
    assert four.ranked(four.first)


def test_an_input_method_may_confirm_digits(four):
    compose(four.tab, commit="2\uff14\uff1d\uff11的")
    assert four.tiers == ((1,), (0, 3))


def test_enter_in_the_note_submits_unless_an_input_method_composes(four):
    four.press("123")
    QTest.keyClick(four.tab, Qt.Key.Key_E, CTRL)
    field = four.page.verdict.field
    assert QApplication.focusWidget() is field
    compose(field, "jie jin")
    four.press("\n")
    assert four.store.rankings() == ()
    compose(field, commit="接近 1 2")
    four.press("\n")
    assert four.ranking(four.first).note == "接近 1 2"
    assert four.tiers == ()  # its digits ranked nothing


# --- confidence and note


def test_confidence_by_key_by_button_and_taken_back(four):
    chips = four.page.verdict.chips
    QTest.keyClick(four.tab, Qt.Key.Key_3, ALT)
    assert [chip.isChecked() for chip in chips] == [False, False, True]
    four.click(chips[1])
    assert [chip.isChecked() for chip in chips] == [False, True, False]
    four.press("123\n")
    assert four.ranking(four.first).confidence == 2
    assert not any(chip.isChecked() for chip in chips)
    QTest.keyClick(four.tab, Qt.Key.Key_1, ALT)
    QTest.keyClick(four.tab, Qt.Key.Key_1, ALT)
    four.press("123\n")
    assert four.ranking(four.second).confidence is None


def test_confidence_on_azerty_by_the_place_of_the_key(four, monkeypatch):
    on_x11(monkeypatch)
    four.send("é", Qt.Key.Key_Eacute, 11, modifier=ALT)
    assert four.page.verdict.confidence == 2
    assert four.tiers == ()


def test_escape_leaves_the_note_and_undo_in_an_empty_note_is_the_windows(four, qtbot):
    field = four.page.verdict.field
    field.setFocus()
    four.press("a")
    assert field.text() == "a"
    QTest.keyClick(field, Qt.Key.Key_Escape)
    assert QApplication.focusWidget() is four.tab


def test_cannot_be_ranked_with_a_reason(four):
    four.page.verdict.field.setFocus()
    QTest.keyClicks(four.page.verdict.field, "all of them are cut off")
    QTest.keyClick(four.page.verdict.field, Qt.Key.Key_U, CTRL)
    assert four.store.answer_set(four.first).state == "unrankable"
    rows = four.store._read("SELECT note FROM answer_set_verdict WHERE set_id = ?", (four.first,))
    assert rows == [("all of them are cut off",)]
    assert four.page.verdict.note == ""
    four.undo()
    assert four.tab._set.id == four.first
    assert four.page.verdict.note == "all of them are cut off"  # to be corrected
    assert reopened(four, four.first).page.verdict.note == "all of them are cut off"


# --- two answers


@pytest.mark.parametrize(
    ("key", "order", "is_all_bad"),
    [("1", ((0,), (1,)), False), ("2", ((1,), (0,)), False), ("=", ((0, 1),), False), ("0", ((0, 1),), True)],
)
def test_one_key_says_all_of_two_answers(pair, key, order, is_all_bad):
    pair.press(key)
    assert pair.ranked(pair.first) == order
    assert pair.ranking(pair.first).is_all_bad is is_all_bad
    assert pair.tab._set.id == pair.second
    assert pair.said[-1].kind == "undo"


@pytest.mark.parametrize(
    ("button", "order", "is_all_bad"),
    [
        ("first", ((0,), (1,)), False),
        ("second", ((1,), (0,)), False),
        ("tie", ((0, 1),), False),
        ("both_bad", ((0, 1),), True),
    ],
)
def test_one_click_says_all_of_two_answers(pair, button, order, is_all_bad):
    pair.click(getattr(pair.page.acts, button))
    assert pair.ranked(pair.first) == order
    assert pair.ranking(pair.first).is_all_bad is is_all_bad


def test_two_answers_are_called_a_and_b_and_need_no_rail(pair):
    cards = pair.page.board.cards
    assert [card.digit.text() for card in cards] == ["A", "B"]
    assert cards[1].accessibleName().startswith("Answer B")
    assert not pair.page.rail.isVisible()
    assert not pair.page.submit.isVisible()
    assert pair.page.primary is pair.page.acts.first
    pair.click(cards[1])
    assert pair.ranked(pair.first) == ((1,), (0,))


def test_enter_and_other_digits_choose_nothing(pair):
    pair.press("\n")
    assert "Press 1" in pair.page.hint.text()
    pair.press("3<")
    assert pair.store.rankings() == ()


def test_an_undone_verdict_is_shown_and_corrected_by_one_key(pair):
    pair.press("0")
    pair.undo()
    assert pair.tab._set.id == pair.first
    assert [card.badge.text() for card in pair.page.board.cards] == ["tied", "tied"]
    assert "both are bad" in pair.page.hint.text()
    pair.press("2")
    assert pair.ranked(pair.first) == ((1,), (0,))
    assert not pair.ranking(pair.first).is_all_bad


def test_two_answers_are_a_size_of_their_own(desk):
    desk.add(4)
    desk.open(4)
    sizes = desk.page.sizes
    assert [sizes.itemData(row) for row in range(sizes.count())] == [2, 4, 5, 6, 7, 8, 9]
    sizes.setCurrentIndex(0)
    sizes.activated.emit(0)
    assert desk.page.k == 2
    assert desk.session.inference.asked[-1].k == 2
    assert desk.session.preferences.value("rank_k") == "2"
    assert desk.page.is_pair  # as far as the answers are written


def test_ranking_goes_on_after_two_answers(desk):
    desk.add(2)
    three = desk.add(3)
    desk.open(2)
    desk.press("1")
    assert desk.page.rail.isVisible()
    assert [card.digit.text() for card in desk.page.board.cards] == ["1", "2", "3"]
    desk.press("31\n")
    assert desk.ranked(three) == ((2,), (0,), (1,))


# --- what is kept


def kept(store):
    return json.loads(store.get_meta(META) or "{}")


def reopened(desk, set_id):
    """The tab of a program that was killed and started again, without a word of the first one."""
    desk.tab.order.keeper._timer.stop()
    other = type(desk)(desk.qtbot, desk.session)
    other.open(len(desk.store.answer_set(set_id).completion_ids))
    other.tab._set = None
    other.tab._open(desk.store.answer_set(set_id))
    return other


def test_an_order_in_progress_is_on_disk_within_half_a_second(four, qtbot):
    four.press("24=")
    four.page.verdict.choose(1)
    four.note("close")
    qtbot.waitUntil(lambda: kept(four.store).get(str(four.first)) is not None, timeout=500)
    with open_project(four.store.folder, read_only=True) as reader:
        sheet = kept(reader)[str(four.first)]["Tess"]
    assert (sheet["confidence"], sheet["note"]) == (1, "close")
    again = reopened(four, four.first)
    assert again.tiers == ((1,), (3,))
    assert again.tab.order.entry.is_tying
    assert (again.page.verdict.confidence, again.page.verdict.note) == (1, "close")
    again.press("<")  # what was typed before can be taken back
    assert not again.tab.order.entry.is_tying
    again.press("1\n")
    assert again.ranked(four.first) == ((1,), (3,), (0,), (2,))
    assert str(four.first) not in kept(four.store)


def test_a_blank_sheet_leaves_nothing_behind(four):
    four.press("2")
    four.tab.order.keeper.flush()
    assert str(four.first) in kept(four.store)
    four.press("<")
    four.tab.order.keeper.flush()
    assert kept(four.store) == {}


def test_each_labeler_has_a_sheet(four):
    four.press("21")
    four.session.set_labeler("Ann")
    assert four.tiers == ()
    four.press("4")
    four.session.set_labeler("Tess")
    assert four.tiers == ((1,), (0,))
    assert set(kept(four.store)[str(four.first)]) == {"Tess", "Ann"}


def test_what_makes_no_sense_is_not_read(four):
    for text in ("[]", "no json", json.dumps({str(four.first): {"Tess": {"order": [[[[0, 0]], False]]}}})):
        four.store.set_meta(META, text)
        assert reopened(four, four.first).tiers == ()


def test_only_the_latest_unfinished_sets_are_kept(four):
    four.store.set_meta(META, json.dumps({str(1000 + i): {"Tess": {}} for i in range(MAX_SETS)}))
    four.tab.order.keeper._kept = None
    four.press("2")
    four.tab.order.keeper.flush()
    assert len(kept(four.store)) == MAX_SETS
    assert list(kept(four.store))[-1] == str(four.first)


def test_a_note_survives_an_answer_that_is_sampled_anew(four):
    four.press("2")
    four.note("odd")
    answers = four.store.answer_set(four.first)
    new = NewCompletion(answers.prompt_id, "quite new", "m")
    four.session.changed(four.store.replace_answer(four.first, answers.completion_ids[0], new).changes)
    assert four.tiers == ()
    assert four.page.verdict.note == "odd"


# --- undo and redo


def test_an_undone_ranking_comes_back_as_it_was_and_is_submitted_corrected(four):
    four.page.verdict.choose(3)
    four.note("easy")
    four.press("24=1\n")
    seconds = four.ranking(four.first).seconds
    four.undo()
    assert four.tab._set.id == four.first
    assert four.tiers == ((1,), (0, 3))
    assert (four.page.verdict.confidence, four.page.verdict.note) == (3, "easy")
    four.press("<1\n")
    corrected = four.ranking(four.first)
    assert four.ranked(four.first) == ((1,), (0, 3), (2,))
    assert (corrected.confidence, corrected.note) == (3, "easy")
    assert corrected.seconds > seconds  # the time of both


def test_undo_redo_and_correction_after_reopening(four):
    four.page.verdict.choose(1)
    four.note("hard")
    four.press("24=1\n")
    again = reopened(four, four.second)
    again.undo()
    assert again.tab._set.id == four.first
    assert again.tiers == ((1,), (0, 3), (2,))
    assert (again.page.verdict.confidence, again.page.verdict.note) == (1, "hard")
    again.redo()
    assert again.ranked(four.first) == ((1,), (0, 3), (2,))
    assert again.tab._set.id == four.second
    again.undo()
    again.press("<")  # the whole order is one act by now
    assert again.tiers == ()
    again.press("341\n")
    assert again.ranked(four.first) == ((2,), (3,), (0,), (1,))


def test_a_silent_repeat_does_not_show_what_was_said_the_first_time(four):
    four.press("24=1\n")
    ranked = four.store.answer_set(four.first)
    again = replace(ranked, again="repeat", completion_ids=ranked.completion_ids[::-1])
    assert four.tab.order.keeper.sheet(again).is_blank
    same = replace(ranked, again="repeat")  # whatever the order
    assert SheetKeeper(four.session, lambda: None).sheet(same).is_blank


def test_what_others_and_programs_ranked_is_not_shown_when_it_was_taken_back(four):
    ids = four.store.answer_set(four.second).completion_ids
    four.store.rank_set(four.second, [[i] for i in ids], 3.0, "Ann")
    four.store.undo("Ann")
    assert reopened(four, four.second).tiers == ()
