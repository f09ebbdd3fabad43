"""The Rank tab serves ranked sets again as if they waited: digits are those of the order shown, and nothing tells."""

import pytest
from rank_desk import Desk

from rlhf_studio.jobs import serving
from rlhf_studio.schema import NewCompletion


@pytest.fixture
def desk(qtbot, session, monkeypatch):
    """Every turn is one at which something comes again, where its share is more than none."""
    drawn = serving._uniform
    monkeypatch.setattr(serving, "_uniform", lambda *words: 0.0 if words[0] == "turn" else drawn(*words))
    return Desk(qtbot, session)


def ranked_by(desk, who, set_id, *, reverse=False):
    ids = desk.store.answer_set(set_id).completion_ids
    return desk.store.rank_set(set_id, [[i] for i in (ids[::-1] if reverse else ids)], 1.0, who).ids[0]


def visible_words(desk):
    return " ".join(label.text() for label in desk.tab.findChildren(type(desk.page.hint)) if label.isVisible())


def test_a_set_that_others_ranked_is_ranked_blind_and_kept_for_this_person(desk):
    set_id = desk.add()
    ranked_by(desk, "Ada", set_id)
    desk.session.preferences.shared_percent = 50
    desk.open()
    served = desk.tab.queue.waiting()[0]
    assert (served.id, served.again) == (set_id, "shared")
    assert [answer.id for answer in desk.tab._answers] == list(served.completion_ids)
    assert "Ada" not in visible_words(desk)
    desk.press("2143\n")
    mine = desk.store.rankings()[-1]
    assert (mine.labeler, mine.is_repeat) == ("Tess", False)
    assert mine.shown_order == served.completion_ids
    ids = served.completion_ids
    assert mine.tiers == ((ids[1],), (ids[0],), (ids[3],), (ids[2],))


def test_a_repeat_comes_in_another_order_says_nothing_and_is_undone_alone(desk):
    sets = [desk.add() for _ in range(11)]
    for set_id in sets:
        ranked_by(desk, "Tess", set_id)
    desk.session.preferences.repeated_percent = 50
    desk.open()
    served = desk.tab.queue.waiting()[0]
    first = desk.store.answer_set(sets[0]).completion_ids
    assert (served.id, served.again) == (sets[0], "repeat")
    assert served.completion_ids != first
    assert desk.tab.order.entry.is_untouched
    before = len(desk.said)
    desk.press("4321\n")  # contradicts the first time, which nobody says
    repeat = desk.store.rankings()[-1]
    assert repeat.is_repeat
    assert repeat.tiers == tuple((i,) for i in reversed(served.completion_ids))
    assert [message.kind for message in desk.said[before:]] == ["undo"]
    assert len(desk.store.rankings()) == 12
    desk.undo()
    assert [ranking.is_repeat for ranking in desk.store.rankings()] == 11 * [False]
    assert desk.tab._set == served


def test_skipping_what_others_ranked_leaves_it_ranked(desk):
    set_id = desk.add()
    ranked_by(desk, "Ada", set_id)
    desk.session.preferences.shared_percent = 50
    desk.open()
    desk.tab.skip_set()
    assert desk.store.answer_set(set_id).state == "ranked"
    assert desk.store.sets_by_others("Tess") == ()
    assert not desk.tab.queue.waiting()


def test_an_order_in_progress_stays_with_its_person(desk):
    set_id = desk.add()
    desk.open()
    desk.press("31")
    assert desk.tiers == ((2,), (0,))
    desk.session.set_labeler("Ada")
    assert (desk.tab._set.id, desk.tiers) == (set_id, ())
    desk.press("2")
    desk.session.set_labeler("Tess")
    assert desk.tiers == ((2,), (0,))
    desk.session.set_labeler("Ada")
    assert desk.tiers == ((1,),)


def test_an_order_that_contradicts_an_earlier_one_is_told_of_and_kept(desk, qtbot):
    first = desk.add(texts=("one", "two"))
    earlier = ranked_by(desk, "Tess", first)
    second = desk.add(texts=("two", "one"))
    desk.open()
    desk.press("1234\n")
    later = desk.ranking(second)
    (warning,) = [message for message in desk.said if message.kind == "warning"]
    assert "“one” above “two”" in warning.text
    with qtbot.waitSignal(desk.tab.go_to_requested) as wanted:
        warning.act()
    assert (wanted.args[0].tab, wanted.args[0].ranking_id) == ("labels", later.id)
    assert {ranking.id for ranking in desk.store.rankings()} == {earlier, later.id}


def test_an_order_that_contradicts_nothing_is_followed_by_no_warning(desk):
    first = desk.add(texts=("one", "two"))
    ranked_by(desk, "Ada", first, reverse=True)
    desk.store.add_completions([NewCompletion(1, "other", "m")])
    desk.add(texts=("one", "two"))
    desk.open()
    desk.press("1234\n")
    assert not [message for message in desk.said if message.kind == "warning"]
