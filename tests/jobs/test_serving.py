"""Which ranked sets come again: seeded, the same until something was done, never in the order of the first time."""

import pytest

from rlhf_studio.jobs.serving import GAP, Serving, Shares
from rlhf_studio.schema import NewCompletion, NewPrompt, Turn
from rlhf_studio.store.project import create_project

REPEATS, OTHERS, NEITHER = Shares(0.0, 1.0), Shares(1.0, 0.0), Shares(0.0, 0.0)


@pytest.fixture
def store(tmp_path):
    """Twelve sets, ten of two answers and two of three, ranked by Eve."""
    with create_project(tmp_path / "project", "A test") as made:
        made._db.execute("PRAGMA synchronous = OFF")
        prompts = made.add_prompts([NewPrompt((Turn("user", f"Question {i}?"),)) for i in range(12)]).ids
        for place, prompt_id in enumerate(prompts):
            answers = [NewCompletion(prompt_id, f"answer {i}", "tiny") for i in range(2 + place // 10)]
            set_id = made.add_answer_set(prompt_id, answers).ids[0]
            made.rank_set(set_id, [[i] for i in made.answer_set(set_id).completion_ids], 1.0, "Eve")
        yield made


def rank(store, answers, labeler):
    store.rank_served(answers, [[i] for i in answers.completion_ids], 1.0, labeler)


def test_repeats_are_old_enough_in_another_order_and_each_comes_once(store):
    serving = Serving(store)
    first = {ranking.set_id for ranking in store.own_rankings("Eve")[:-GAP]}
    got = []
    while (answers := serving.next("Eve", REPEATS)) is not None:
        assert answers == serving.next("Eve", REPEATS)  # until something is done with it
        assert answers.again == "repeat"
        assert sorted(answers.completion_ids) == sorted(store.answer_set(answers.id).completion_ids)
        assert answers.completion_ids != store.answer_set(answers.id).completion_ids
        got.append(answers.id)
        rank(store, answers, "Eve")
    assert set(got) == first
    assert len(got) == len(first) == 12 - GAP
    assert sum(ranking.is_repeat for ranking in store.rankings()) == 2


def test_a_repeat_that_was_undone_comes_again_and_one_that_was_passed_on_does_not(store):
    serving = Serving(store)
    answers = serving.next("Eve", REPEATS)
    rank(store, answers, "Eve")
    store.undo("Eve")
    assert serving.next("Eve", REPEATS) == answers
    store.pass_served(answers, "skipped", "Eve")
    assert serving.next("Eve", REPEATS).id != answers.id


def test_what_was_to_be_served_is_not_where_it_is_no_longer_ranked(store):
    serving = Serving(store)
    answers = serving.next("Ann", OTHERS)
    (first,) = (ranking for ranking in store.rankings(answers.prompt_id))
    store.retract_ranking(first.id, "Eve")
    assert serving.next("Ann", OTHERS).id != answers.id
    store.restore_ranking(first.id, "Eve")
    assert Serving(store).next("Ann", OTHERS) == answers


def test_another_person_is_given_what_others_ranked_in_an_order_of_his_own(store):
    serving = Serving(store)
    orders = {}
    for name in ("Ann", "Bo"):
        for _ in range(12):
            answers = serving.next(name, OTHERS)
            orders[name, answers.id] = answers.completion_ids
            rank(store, answers, name)
        assert serving.next(name, OTHERS) is None
    assert len(orders) == 24
    assert any(orders["Ann", i] != orders["Bo", i] for i in range(1, 13))
    assert serving.next("Cy", OTHERS, k=3).id in {11, 12}


def test_nothing_comes_again_where_nobody_else_ranked_or_no_share_is_wanted(store):
    serving = Serving(store)
    assert serving.next("Eve", OTHERS) is None
    assert serving.next("Ann", REPEATS) is None
    assert serving.next("Ann", NEITHER) is None


def test_shares_hold_over_many_turns(store):
    serving, shares = Serving(store), Shares(0.2, 0.05)
    kinds = []
    for place in range(600):
        store.acts_on_sets = lambda _who, place=place: place
        answers = serving.next("Eve", shares)
        kinds.append(answers.again if answers else "")
    assert 600 * 0.05 / 2 < kinds.count("repeat") < 600 * 0.05 * 2
    store.sets_by_others = lambda _who: (1,)
    for place in range(600):
        store.acts_on_sets = lambda _who, place=place: place
        answers = serving.next("Ann", shares)
        kinds.append(answers.again if answers else "")
    assert 600 * 0.15 < kinds.count("shared") < 600 * 0.25


def test_a_project_that_cannot_be_written_serves_nothing_again(store, monkeypatch):
    monkeypatch.setattr(type(store), "is_read_only", True)
    assert Serving(store).next("Ann", OTHERS) is None
