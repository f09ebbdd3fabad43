from itertools import count

import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QDragEnterEvent, QDragMoveEvent, QDropEvent, QKeyEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from rank_orders import keys_of, plain, weak_orders
from window_material import MARKUP, FakeInference

from rlhf_studio.jobs.inference import RequestDone, RequestFailed
from rlhf_studio.schema import NewCompletion
from rlhf_studio.store.project import create_project, open_project
from rlhf_studio.ui.rank.card import answer_mime
from rlhf_studio.ui.session import Session
from rlhf_studio.ui.tabs.tab import GoTo

CTRL, ALT, KEYPAD, NONE = (
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.AltModifier,
    Qt.KeyboardModifier.KeypadModifier,
    Qt.KeyboardModifier.NoModifier,
)
LEFT = Qt.MouseButton.LeftButton
SMALLEST = (1024, 560)
_NUMBERS = count(1)


def add_set(store, k=4, texts=(), model="the hidden model"):
    prompt = store.prompts("rank")[0]
    texts = [*texts, *(f"Answer number {next(_NUMBERS)}." for _ in range(k - len(texts)))]
    return store.add_answer_set(prompt.id, [NewCompletion(prompt.id, text, model) for text in texts]).ids[0]


@pytest.fixture
def sets(store):
    return [add_set(store), add_set(store)]


@pytest.fixture
def tab(sets, session, service, open_rank_tab):
    return open_rank_tab(session)


def press(tab, keys):
    for key in keys:
        named = {"\n": Qt.Key.Key_Return, "<": Qt.Key.Key_Backspace, "=": Qt.Key.Key_Equal}
        QTest.keyClick(QApplication.focusWidget() or tab, named.get(key, key))


def ranked(store, set_id):
    """The one ranking of a set in terms of its answers, counted from 0."""
    ids = store.answer_set(set_id).completion_ids
    found = [ranking for ranking in store.rankings() if set(ranking.shown_order) == set(ids)]
    assert len(found) == 1
    assert found[0].shown_order == ids
    return tuple(tuple(sorted(ids.index(i) for i in tier)) for tier in found[0].tiers)


def test_digits_and_enter(tab, store, sets, said):
    press(tab, "24=1\n")
    assert ranked(store, sets[0]) == ((1,), (0, 3), (2,))
    ranking = store.rankings()[0]
    assert (ranking.labeler, ranking.is_simulated) == ("Tess", False)
    assert 0 < ranking.seconds < 60
    assert "the hidden model" in said[-1].text
    assert said[-1].kind == "undo"
    assert tab._set.id == sets[1]
    assert tab.page.rail.rows.rows == []


def test_the_model_is_hidden_before(tab):
    shown = [label.text() for label in tab.findChildren(type(tab.page.hint))]
    assert not any("hidden model" in text for text in shown)


def test_keypad_digits_and_a_digit_while_a_button_has_the_keyboard(tab, store, sets):
    tab.page.skip.setFocus()
    for key in (Qt.Key.Key_4, Qt.Key.Key_3, Qt.Key.Key_2):
        QTest.keyClick(QApplication.focusWidget(), key, KEYPAD)
    QTest.keyClick(QApplication.focusWidget(), Qt.Key.Key_Enter, KEYPAD)
    assert ranked(store, sets[0]) == ((3,), (2,), (1,), (0,))


def test_keys_work_from_the_prompt_and_from_a_card(tab, store, sets):
    for place, widget in enumerate((tab.page.prompt, tab.page.board.cards[2])):
        widget.setFocus()
        press(tab, "23<4=1\n")
        assert ranked(store, sets[place]) == ((1,), (0, 3), (2,))


def test_keys_work_at_once_when_fewer_cards_are_shown(store, session, service, open_rank_tab):
    session.preferences.keep("rank_k", 9)
    first, second = add_set(store, 9), add_set(store, 4)
    tab = open_rank_tab(session)
    tab.page.board.cards[8].setFocus()
    press(tab, "12345678\n")
    assert len(store.answer_set(first).completion_ids) == 9
    assert tab._set.id == second
    press(tab, "123\n")
    assert ranked(store, second) == ((0,), (1,), (2,), (3,))


def test_enter_that_repeats_because_it_is_held_submits_once(tab, store):
    press(tab, "123\n")
    press(tab, "123")
    held = QKeyEvent(QEvent.Type.KeyPress, Qt.Key.Key_Return, NONE, "\r", True)
    QApplication.sendEvent(tab, held)
    assert len(store.rankings()) == 1


def test_every_order_by_keys(store, session, service, open_rank_tab):
    orders = weak_orders(4)
    ids = [add_set(store) for _ in orders]
    tab = open_rank_tab(session)
    for tiers in orders:
        press(tab, keys_of(tiers) + "\n")
    assert [ranked(store, set_id) for set_id in ids] == orders
    assert tab._set is None


def test_every_order_by_the_mouse(store, session, service, open_rank_tab):
    orders = weak_orders(4)
    ids = [add_set(store) for _ in orders]
    tab = open_rank_tab(session)
    for set_id, tiers in zip(ids, orders, strict=True):
        assert tab._set.id == set_id
        for key in keys_of(tiers):
            widget = tab.page.tie if key == "=" else tab.page.board.cards[int(key) - 1]
            QTest.mouseClick(widget, LEFT)
        QTest.mouseClick(tab.page.submit, LEFT)
    assert [ranked(store, set_id) for set_id in ids] == orders


def test_what_is_missing_is_said(tab, store):
    press(tab, "2\n")
    assert "1, 3, 4" in tab.page.hint.text()
    press(tab, "2")
    assert "2" in tab.page.hint.text()
    assert "already" in tab.page.hint.text()
    press(tab, "7")
    assert "no answer 7" in tab.page.hint.text()
    press(tab, "<=")
    assert "digit first" in tab.page.hint.text()
    assert store.rankings() == ()


def test_badges_and_rail_follow(tab):
    press(tab, "24=")
    cards = tab.page.board.cards
    assert [card.badge.text() for card in cards] == ["", "rank 1", "", "rank 2"]
    press(tab, "1")
    assert [card.badge.text() for card in cards] == ["rank 2, tied", "rank 1", "", "rank 2, tied"]
    assert "2, 4 = 1" in tab.page.rail.accessibleName()
    assert "answer 3 last" in tab.page.rail.hint.text()
    press(tab, "<<<<")
    assert [card.badge.text() for card in cards] == [""] * 4
    assert not tab.page.back.isEnabled()


def test_drop_ties_and_makes_ranks(tab, store, sets):
    rail = tab.page.rail
    for drop in ((0, 0, True), (1, 0, True), (2, 1, False), (3, 1, True)):
        rail.dropped.emit(*drop)
    press(tab, "\n")
    assert ranked(store, sets[0]) == ((1,), (3,), (0, 2))


def test_a_real_drop(tab, qtbot):
    press(tab, "12")
    rows = tab.page.rail.rows
    qtbot.waitUntil(lambda: rows.rows[1].height() > 8 and rows.rows[1].y() > 0)
    middle = rows.rows[1].geometry().center()
    for point, tiers in ((middle, ((0,), (1, 3))), (QPoint(20, 1), ((2,), (0,), (1, 3)))):
        mime = answer_mime(3 if point is middle else 2)
        move = Qt.DropAction.MoveAction
        QApplication.sendEvent(rows, QDragEnterEvent(point, move, mime, LEFT, NONE))
        QApplication.sendEvent(rows, QDragMoveEvent(point, move, mime, LEFT, NONE))
        QApplication.processEvents()  # the mark is painted
        QApplication.sendEvent(rows, QDropEvent(QPointF(point), move, mime, LEFT, NONE))
        assert plain(tab.order.entry.tiers) == tiers


def test_alt_up_and_down_on_a_card(tab):
    tab.page.board.cards[2].setFocus()
    press(tab, " ")
    press(tab, "1")
    for key, tiers in ((Qt.Key.Key_Down, ((0, 2),)), (Qt.Key.Key_Down, ((0,), (2,))), (Qt.Key.Key_Up, ((0, 2),))):
        QTest.keyClick(tab.page.board.cards[2], key, ALT)
        assert plain(tab.order.entry.tiers) == tiers


def test_undo_shows_the_set_with_its_order(tab, session, store, sets):
    press(tab, "24=1\n")
    session.changed(store.undo("Tess").changes)
    assert tab._set.id == sets[0]
    assert plain(tab.order.entry.tiers) == ((1,), (0, 3))
    session.changed(store.redo("Tess").changes)
    assert tab._set.id == sets[1]


@pytest.mark.parametrize(("key", "state"), [(Qt.Key.Key_U, "unrankable"), (Qt.Key.Key_Right, "skipped")])
def test_verdicts_and_their_undoing(tab, session, store, sets, said, key, state):
    QTest.keyClick(tab, key, CTRL)
    assert store.answer_set(sets[0]).state == state
    assert tab._set.id == sets[1]
    assert said[-1].kind == "undo"
    session.changed(store.undo("Tess").changes)
    assert tab._set.id == sets[0]


def test_reroll_replaces_one_answer(tab, session, service, store, sets):
    press(tab, "31")
    before = store.answer_set(sets[0]).completion_ids
    tab.page.board.cards[1].setFocus()
    QTest.keyClick(tab.page.board.cards[1], Qt.Key.Key_R, CTRL)
    request = next(asked for asked in service.asked if asked.k == 1)
    assert len(request.avoid) == 8
    service.write(request, "Quite")
    session.poll_answers()
    assert tab.page.board.cards[1].text.text() == "Quite…"
    assert not tab.page.submit.isEnabled()
    service.answer(request, "Quite new.")
    service.tell(RequestDone(request.number, 1.0))
    session.poll_answers()
    after = store.answer_set(sets[0]).completion_ids
    assert [a == b for a, b in zip(before, after, strict=True)] == [True, False, True, True]
    assert tab.page.board.cards[1].text.text() == "Quite new."
    assert tab.order.entry.is_untouched
    assert tab.page.submit.isEnabled()


def test_a_reroll_that_fails_leaves_everything(tab, session, service, store, sets):
    press(tab, "31")
    text = tab.page.board.cards[0].text.text()
    QTest.mouseClick(tab.page.board.cards[0].reroll, LEFT)
    request = next(asked for asked in service.asked if asked.k == 1)
    service.tell(RequestFailed(request.number, "The memory is exhausted."))
    session.poll_answers()
    assert tab.page.board.cards[0].text.text() == text
    assert tab.order.entry.tiers == ((2,), (0,))
    assert "exhausted" in tab.page.hint.text()


def test_nine_answers(store, session, service, open_rank_tab):
    session.preferences.keep("rank_k", 9)
    set_id = add_set(store, 9)
    tab = open_rank_tab(session)
    assert tab.page.k == 9
    assert len(tab.page.board.cards) == 9
    press(tab, "98765432\n")
    assert ranked(store, set_id) == tuple((index,) for index in reversed(range(9)))


def test_answers_of_one_text_cannot_be_ranked(store, session, service, open_rank_tab):
    add_set(store, texts=["The same."] * 4)
    tab = open_rank_tab(session)
    press(tab, "123\n")
    assert tab.page.hint.text()
    assert store.rankings() == ()


def test_html_is_plain_text(store, session, service, open_rank_tab):
    add_set(store, texts=[MARKUP])
    tab = open_rank_tab(session)
    assert tab.page.board.cards[0].text.textFormat() == Qt.TextFormat.PlainText
    assert tab.page.board.cards[0].text.text() == MARKUP


def test_simulated_rankings_can_be_put_aside(store, session, service, open_rank_tab, said):
    prompt = store.prompts("rank")[0]
    ids = store.add_completions([NewCompletion(prompt.id, text, "m") for text in "ab"]).ids
    store.add_ranking(prompt.id, [[i] for i in ids], is_simulated=True)
    tab = open_rank_tab(session)
    tab.page.show_work()
    assert tab.page.simulated.text() == "1 simulated ranking is in use"
    tab.page.only_mine.click()
    assert store.counts().rankings_simulated == 0
    assert not tab.page.simulated.isVisible()
    assert (said[-1].kind, said[-1].text.split(";")[0]) == ("undo", "1 simulated ranking was removed")
    assert [card.text.text() for card in tab.page.board.cards[:2]] == ["a", "b"]  # back in the queue, and shown
    session.changed(store.undo("Tess").changes)
    tab.page.show_work()
    assert tab.page.simulated.isVisible()


def test_an_empty_tab_samples_when_asked_and_shows_the_set(session, service, store, open_rank_tab, qtbot):
    tab = open_rank_tab(session)
    assert tab.primary_button() is tab.page.no_sets.button
    tab.primary_button().click()
    request = service.asked[-1]
    assert request.priority == 0
    for index in range(4):
        service.write(request, f"Once {index}", index)
    session.poll_answers()
    growing = [card.text.text() for card in tab.page.board.cards]
    assert sorted(growing) == [f"Once {index}…" for index in range(4)]
    press(tab, "1")
    assert "still being written" in tab.page.hint.text()
    for index in range(4):
        service.answer(request, f"Once {index}", index)
    service.tell(RequestDone(request.number, 1.0))
    session.poll_answers()
    assert [card.text.text() + "…" for card in tab.page.board.cards] == growing
    assert tab._set.state == "waiting"


def test_without_prompts_it_leads_to_write(tmp_path, session, theme, preferences, open_rank_tab, qtbot):
    with create_project(tmp_path / "bare", "Bare") as store:
        other = Session(store, theme, preferences)
        other.inference = FakeInference()
        tab = open_rank_tab(other)
        with qtbot.waitSignal(tab.go_to_requested) as blocker:
            tab.primary_button().click()
        assert blocker.args == [GoTo("write")]
        assert other.close()


def test_the_next_set_is_sampled_where_none_waits(tab, service, store):
    press(tab, "123\n123\n")
    assert tab._set is None
    assert tab.queue.is_streaming
    assert service.asked[-1].priority == 0
    assert tab.page.rail.rows.rows == []
    assert not tab.page.submit.isEnabled()
    press(tab, "1")
    assert "still being written" in tab.page.hint.text()


def test_a_failure_is_said_and_can_be_tried_again(tab, session, service, said):
    press(tab, "123\n123\n")
    service.tell(RequestFailed(service.asked[-1].number, "The memory is exhausted."))
    session.poll_answers()
    assert said[-1].text == "The memory is exhausted."
    assert not tab.page.is_working
    before = len(service.asked)
    press(tab, "\n")
    assert len(service.asked) > before
    assert tab.page.is_working


def test_a_prompt_is_gone_to(tab, session, service, store):
    other = store.prompts("demonstrate")[0]
    tab.go_to(GoTo("rank", prompt_id=other.id))
    assert service.asked[-1].prompt_id == other.id
    assert other.text in tab.page.prompt.toPlainText()


def test_another_k_makes_way(tab, service):
    tab.page.sizes.setCurrentIndex(tab.page.sizes.findData(6))
    tab.page.sizes.activated.emit(tab.page.sizes.currentIndex())
    assert service.asked[-1].k == 6
    assert len(tab.page.board.cards) == 6
    assert tab.session.preferences.value("rank_k") == "6"


def test_another_model_makes_way_for_the_sets_of_others(tab, service, session):
    picker = tab.page.models
    picker.activated.emit(picker.currentIndex())
    request = service.asked[-1]
    assert (request.model, request.priority) == (picker.choice, 0)
    assert tab._set is None
    for index in range(4):
        service.answer(request, f"Once {index}", index)
    service.tell(RequestDone(request.number, 1.0))
    session.poll_answers()
    assert tab.queue.fits(tab._set)
    press(tab, "12")
    picker.activated.emit(picker.currentIndex())
    assert not tab.order.entry.is_untouched  # what was begun stays


def test_status_line(tab):
    assert tab.page.status.text() == "1 set waits · 1 being sampled"
    press(tab, "123\n")
    assert "0 sets wait" in tab.page.status.text()
    assert "4 answers: median 0 s, p90 0 s" in tab.page.status.text()


def test_a_read_only_project_is_only_looked_at(sets, store, theme, preferences, open_rank_tab):
    with open_project(store.folder, read_only=True) as reader:
        other = Session(reader, theme, preferences)
        other.inference = FakeInference()
        tab = open_rank_tab(other)
        press(tab, "123\n")
        assert not tab.page.submit.isEnabled()
        assert other.inference.asked == []
        assert other.close()
    assert store.rankings() == ()


@pytest.mark.parametrize("k", [4, 9])
def test_it_fits_the_smallest_window(store, session, service, open_rank_tab, k):
    long = "A long answer with many words that goes on and on. " * 12 + "x" * 300
    add_set(store, k, texts=[long] * (k - 1))
    session.preferences.keep("rank_k", k)
    tab = open_rank_tab(session)
    press(tab, "12=3")
    hint = tab.minimumSizeHint()
    assert hint.width() <= SMALLEST[0]
    assert hint.height() <= SMALLEST[1]
    board = tab.page.board
    assert board.widget().width() <= board.viewport().width()


def test_every_key_of_the_overlay_is_named(tab):
    assert {"1 to 9", "=", "Enter", "Backspace", "Ctrl+R", "Ctrl+U", "Ctrl+Right"} <= {h.keys for h in tab.key_help()}
