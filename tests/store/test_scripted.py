"""Rankings by scripts of sets that wait: several of one set, and people rank it all the same."""

import pytest

from rlhf_studio.errors import DataError
from rlhf_studio.schema import NewCompletion
from rlhf_studio.store.project import open_project


@pytest.fixture
def waiting(store, ask):
    """Three sets of three answers, shown in another order than they were made."""
    for prompt_id in store.add_prompts([ask(f"question {i}", split="train") for i in range(3)]).ids:
        store.add_answer_set(prompt_id, [NewCompletion(prompt_id, f"answer {i}", "tiny") for i in range(3)], (2, 0, 1))
    return store


def sets_of(store, labeler):
    return store.sets_for_script(store.sets_without(labeler))


def orders(sets):
    return [(one, [[one.completion_ids[0]], list(one.completion_ids[1:])]) for one in sets]


def label(store, labeler):
    return store.add_scripted_rankings(orders(sets_of(store, labeler)), labeler, "eve")


def test_a_set_that_a_script_ranked_waits_for_people(waiting):
    first = sets_of(waiting, "script: a")[0]
    assert (first.set_id, first.prompt_text, first.texts) == (1, "question 0", ("answer 2", "answer 0", "answer 1"))
    made = label(waiting, "script: a")
    assert len(made.ids) == 3
    assert {"ranking", "journal"} <= made.changes.tables
    assert len(waiting.answer_sets()) == 3
    ranking = waiting.ranking(made.ids[0])
    assert (ranking.labeler, ranking.is_simulated, ranking.shown_order) == ("script: a", True, first.completion_ids)
    waiting.rank_set(1, [[i] for i in first.completion_ids], 2.0, "eve")
    assert waiting.counts().rankings_by_people == 1
    assert waiting.counts().rankings_simulated == 3
    assert len(waiting.rankings(1)) == 2
    assert [one.set_id for one in sets_of(waiting, "script: b")] == [2, 3]


def test_a_script_ranks_a_set_once_and_another_one_too(waiting):
    label(waiting, "script: a")
    assert sets_of(waiting, "script: a") == ()
    assert len(label(waiting, "script: b").ids) == 3
    assert waiting.simulated_labelers() == ("script: a", "script: b")
    waiting.replace_answer(2, waiting.answer_set(2).completion_ids[0], NewCompletion(2, "new", "tiny"))
    assert [one.set_id for one in sets_of(waiting, "script: a")] == [2]  # it has other answers now


def test_it_is_one_act_and_survives_reopening(waiting, tmp_path):
    label(waiting, "script: a")
    folder = waiting.folder
    waiting.close()
    with open_project(folder) as store:
        entry = store.undo("eve")
        assert entry.kind == "scripted"
        assert "ranking" in entry.changes.tables
        assert store.rankings() == ()
        assert len(sets_of(store, "script: a")) == 3
        store.redo("eve")
        assert store.counts().rankings_simulated == 3


def test_equal_answers_are_left_out_and_nothing_at_all_is_no_act(waiting):
    sets = sets_of(waiting, "script: a")
    equal = [(one, [list(one.completion_ids)]) for one in sets]
    assert waiting.add_scripted_rankings(equal, "script: a").ids == ()
    assert waiting.undoable() is None
    assert len(waiting.add_scripted_rankings([equal[0], *orders(sets[1:])], "script: a").ids) == 2


def test_what_is_kept_a_slice_at_a_time_is_one_act(waiting):
    all_of_them = orders(sets_of(waiting, "script: a"))
    first = waiting.add_scripted_rankings(all_of_them[:2], "script: a", "eve")
    second = waiting.add_scripted_rankings(all_of_them[2:], "script: a", "eve", act=first.act)
    assert (second.act, second.changes) == (first.act, first.changes)
    assert len(waiting.rankings()) == 3
    waiting.undo("eve")
    assert waiting.rankings() == ()
    assert waiting.undoable() is None


def test_orders_of_what_has_changed_are_refused(waiting):
    stale = orders(sets_of(waiting, "script: a"))
    one, tiers = stale[0]
    with pytest.raises(DataError, match="does not hold each once"):
        waiting.add_scripted_rankings([(one, tiers[1:])], "script: a")
    with pytest.raises(DataError, match="name of the script"):
        waiting.add_scripted_rankings(stale, " ")
    waiting.skip_set(2, "eve")
    with pytest.raises(DataError, match="meanwhile"):
        waiting.add_scripted_rankings(stale, "script: a")
    assert waiting.rankings() == ()


def test_whatever_is_done_to_all_simulated_rankings_the_sets_go_on_waiting(waiting):
    label(waiting, "script: a")
    label(waiting, "script: b")
    sets = waiting.simulated_sets()
    assert len(sets) == 3  # each of them once
    waiting.delete_simulated_rankings("eve")
    assert (waiting.rankings(), len(waiting.answer_sets())) == ((), 3)
    waiting.undo("eve")
    assert (len(waiting.rankings()), len(waiting.answer_sets())) == (6, 3)
    waiting.replace_simulated_rankings(orders(waiting.simulated_sets()), "scripted: brief", "eve")
    assert (len(waiting.rankings()), len(waiting.answer_sets())) == (3, 3)
    waiting.undo("eve")
    assert waiting.simulated_labelers() == ("script: a", "script: b")
    assert len(waiting.answer_sets(None)) == 3
