"""Beside the order in the Rank tab: ratings before it, the pair matrix, and rankings that are corrected."""

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from window_material import add_run, sft_events

from rlhf_studio.schema import NewCompletion
from rlhf_studio.ui.rank.judge import PEEKED
from rlhf_studio.ui.tabs.rank_tab import RankTab
from rlhf_studio.ui.tabs.tab import GoTo

ALT, CTRL = Qt.KeyboardModifier.AltModifier, Qt.KeyboardModifier.ControlModifier
_NAMED = {"\n": Qt.Key.Key_Return, "<": Qt.Key.Key_Backspace, "=": Qt.Key.Key_Equal}


def add_set(store, k=4):
    return store.add_answer_set(1, [NewCompletion(1, f"answer {i} of {k}", f"model {i}") for i in range(k)]).ids[0]


@pytest.fixture
def sets(store):
    return [add_set(store), add_set(store)]


@pytest.fixture
def reward_run(store):
    add_run(store.folder, "20260101-101000-reward", "reward", {"base": "x"}, sft_events(1, ()))


@pytest.fixture
def tab(sets, session, service, open_rank_tab):
    return open_rank_tab(session, (1024, 620))


def press(tab, keys, modifiers=Qt.KeyboardModifier.NoModifier):
    for key in keys:
        QTest.keyClick(QApplication.focusWidget() or tab, _NAMED.get(key, key), modifiers)


def overall(store, set_id):
    ids = store.answer_set(set_id).completion_ids
    found = {rating.completion_id: rating.overall for rating in store.ratings(ids, "Tess")}
    return [found.get(completion_id) for completion_id in ids]


def order_of(store, ranking):
    return [[ranking.shown_order.index(i) + 1 for i in tier] for tier in ranking.tiers]


# --- ratings


def test_rating_comes_first_and_its_digits_are_not_the_ranking_s(tab, store, sets):
    press(tab, "2")
    tab.page.rates.click()
    assert tab.page.rating.isVisible()
    assert tab.page.is_working
    press(tab, "6175")
    assert overall(store, sets[0]) == [6, 1, 7, 5]
    assert not tab.page.rating.isVisible()
    assert tab.order.entry.tiers == ((1,),)  # as it was
    press(tab, "134\n")
    assert order_of(store, store.rankings()[0]) == [[2], [1], [3], [4]]
    assert tab.page.rating.isVisible()  # the next set
    assert [card.rating.text() for card in tab.page.board.cards] == [""] * 4


def test_badges_tell_the_own_ratings_only(tab, store, sets):
    ids = store.answer_set(sets[0]).completion_ids
    store.rate(ids[1], 7, (), "Ann")
    tab.page.rates.click()
    press(tab, "2", ALT)
    press(tab, "4\n")
    press(tab, "\n")
    cards = tab.page.board.cards
    assert [card.rating.text() for card in cards] == ["4/7 · 1 flag", "", "", ""]
    assert "Inappropriate for customer assistant" in cards[0].rating.toolTip()
    assert "4/7" in cards[0].accessibleName()
    assert tab.order.entry.is_untouched  # no order is proposed


def test_flags_keys_are_no_shortcuts_while_answers_are_rated(tab, store, sets):
    tab.page.rates.click()
    press(tab, "1", ALT)  # sets the confidence while an order is made
    assert tab.page.verdict.confidence is None
    (rating,) = store.ratings(store.answer_set(sets[0]).completion_ids)
    assert rating.flags == ("fails_instruction",)
    press(tab, "5555")
    press(tab, "1", ALT)
    assert tab.page.verdict.confidence == 1


def test_a_key_that_is_held_rates_one_answer(tab, store, sets):
    tab.page.rates.click()
    QTest.keyPress(tab, "3")
    held = QKeyEvent(QKeyEvent.Type.KeyPress, Qt.Key.Key_3, Qt.KeyboardModifier.NoModifier, "3", True)
    QApplication.sendEvent(tab, held)
    assert overall(store, sets[0]) == [3, None, None, None]


def test_ratings_are_reached_again_and_the_wish_is_kept_with_the_project(tab, store, session, qtbot):
    tab.page.rates.click()
    press(tab, "5555")
    QTest.keyClick(tab, Qt.Key.Key_Left, CTRL)
    assert tab.page.rating.isVisible()
    press(tab, "\n")
    assert not tab.page.rating.isVisible()
    other = RankTab(session)
    qtbot.addWidget(other)
    assert other.page.rates.isChecked()
    tab.page.rates.click()
    assert store.get_meta("ui.rates_first") == "no"


def test_undo_of_a_rating_shows_what_is_left(tab, store, session, sets):
    tab.page.rates.click()
    press(tab, "55")
    session.changed(store.undo("Tess").changes)
    assert overall(store, sets[0]) == [5, None, None, None]
    assert tab.beside.rating.place == 1


def test_a_set_can_be_put_aside_before_it_is_rated(tab, store, sets):
    tab.page.rates.click()
    tab.page.rating.unrankable.click()
    assert store.answer_set(sets[0]).state == "unrankable"
    assert tab._set.id == sets[1]
    tab.page.rating.skip.click()
    assert store.answer_set(sets[1]).state == "skipped"


# --- the pair matrix


def test_the_matrix_comes_with_the_last_key_and_follows_the_order(reward_run, tab, session):
    panel = tab.beside.panel
    press(tab, "31")
    session.poll_answers()
    assert not panel.matrix.isVisible()
    press(tab, "4")
    assert panel.matrix.isVisible()
    assert panel.matrix.order == (2, 0, 3, 1)
    assert panel.matrix.cost.disagreed == frozenset()
    press(tab, "<<2")
    assert not panel.matrix.isVisible()
    press(tab, "1")
    assert panel.matrix.order == (2, 1, 0, 3)
    assert panel.matrix.cost.disagreed == {(1, 0), (1, 3)}
    press(tab, "\n")
    assert panel.state.text().startswith("Last set: the model disagreed on 2 of 6 pairs")


def test_who_peeked_has_it_in_the_note(reward_run, tab, store, session):
    tab.page.verdict.show_verdict(None, "hard")
    QTest.keyClick(tab, Qt.Key.Key_P, CTRL)
    session.poll_answers()
    assert tab.beside.panel.matrix.isVisible()
    press(tab, "123\n123\n")
    assert [ranking.note for ranking in store.rankings()] == [f"hard {PEEKED}", ""]


def test_without_a_reward_model_there_is_no_panel(tab):
    press(tab, "123")
    assert not tab.beside.panel.isVisible()


# --- rankings that are corrected


@pytest.fixture
def ranked(tab, store):
    press(tab, "42=1\n")
    return store.rankings()[0]


def test_a_ranking_is_corrected_and_the_history_shows_it(qtbot, tab, ranked, store, sets):
    tab.go_to(GoTo("rank", ranking_id=ranked.id))
    assert tab.order.entry.tiers == ((3,), (0, 1), (2,))
    assert tab.beside.bar.isVisible()
    assert "by Tess" in tab.beside.bar.words.text()
    press(tab, "<")
    with qtbot.waitSignal(tab.go_to_requested) as asked:
        press(tab, "123\n")
    (new,) = store.rankings()
    assert asked.args == [GoTo("labels", ranking_id=new.id)]
    assert (new.replaces, order_of(store, new)) == (ranked.id, [[1], [2], [3], [4]])
    assert new.seconds >= ranked.seconds
    assert tab._set.id == sets[1]
    assert not tab.beside.bar.isVisible()
    assert tab.order.entry.is_untouched


@pytest.mark.parametrize("way", ["enter", "escape", "button"])
def test_a_ranking_that_is_left_stays_as_it_was(qtbot, tab, ranked, store, sets, way):
    tab.go_to(GoTo("rank", ranking_id=ranked.id))
    with qtbot.waitSignal(tab.go_to_requested) as asked:
        if way == "enter":  # nothing was changed
            press(tab, "\n")
        elif way == "escape":
            QTest.keyClick(tab, Qt.Key.Key_Escape)
        else:
            tab.beside.bar.leave.click()
    assert asked.args == [GoTo("labels", ranking_id=ranked.id)]
    assert store.rankings() == (ranked,)
    assert tab._set.id == sets[1]


def test_a_corrected_ranking_stays_in_sight_while_labels_change(tab, ranked, store, session):
    tab.go_to(GoTo("rank", ranking_id=ranked.id))
    session.changed(store.add_demonstration(2, "It scatters.", "Ann").changes)
    tab.hide()
    tab.show()
    assert tab.beside.bar.isVisible()
    session.changed(store.retract_ranking(ranked.id, "Ann"))
    press(tab, "<1234\n")
    assert "was taken back or replaced meanwhile" in tab.page.hint.text()


def test_a_set_that_was_put_aside_is_ranked_after_all(qtbot, tab, store, sets):
    tab.skip_set()
    tab.go_to(GoTo("rank", set_id=sets[0]))
    assert (tab._set.id, tab.beside.bar.isVisible()) == (sets[0], True)
    press(tab, "123\n")
    assert store.answer_set(sets[0]).state == "ranked"
    assert tab._set.id == sets[1]
    assert not tab.beside.bar.isVisible()


def test_a_ranking_of_no_set_says_why_it_cannot_be_corrected(tab, store, said, sets):
    ids = store.add_completions([NewCompletion(1, text, "m") for text in ("x", "y")]).ids
    ranking_id = store.add_ranking(1, [[i] for i in ids], labeler="Tess").ids[0]
    tab.go_to(GoTo("rank", ranking_id=ranking_id))
    assert "not made of a set" in said[-1].text
    assert tab._set.id == sets[0]


def test_an_edit_does_not_ask_for_ratings(tab, ranked):
    tab.page.rates.click()
    press(tab, "\n")
    tab.go_to(GoTo("rank", ranking_id=ranked.id))
    assert not tab.page.rating.isVisible()
