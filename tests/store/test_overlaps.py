"""Ranked sets can be ranked again, by others and silently by the same person; a repeat measures and trains nothing."""

import pytest

from rlhf_studio.errors import DataError
from rlhf_studio.schema import NewCompletion
from rlhf_studio.store.answer_sets import AnswerSet
from rlhf_studio.store.overlaps import MAX_NAME, person_name


@pytest.fixture
def ranked(store, ask):
    """A set of four answers that Eve ranked: (store, set id, completion ids in shown order)."""
    prompt_id = store.add_prompts([ask("Where do bears live?", split="train")]).ids[0]
    answers = [NewCompletion(prompt_id, f"answer {i}", "tiny") for i in range(4)]
    set_id = store.add_answer_set(prompt_id, answers).ids[0]
    ids = store.answer_set(set_id).completion_ids
    store.rank_set(set_id, [[i] for i in ids], 3.0, "Eve")
    return store, set_id, ids


def turned(ids):
    return tuple(reversed(ids))


def test_a_second_person_ranks_the_same_answers_and_both_train(ranked):
    store, set_id, ids = ranked
    order = [[ids[1], ids[0]], [ids[2]], [ids[3]]]
    (made,) = store.rank_again(
        set_id, order, turned(ids), 2.5, "Ann", is_repeat=False, confidence=2, note="near", is_all_bad=True
    ).ids
    kept = store.ranking(made)
    assert (kept.labeler, kept.seconds, kept.shown_order) == ("Ann", 2.5, turned(ids))
    assert kept.tiers == (tuple(sorted(ids[:2])), (ids[2],), (ids[3],))
    assert (kept.confidence, kept.note, kept.is_all_bad, kept.is_repeat) == (2, "near", True, False)
    assert [row.labeler for row in store.ranked_rows("train")] == ["Eve", "Ann"]
    assert store.counts().rankings_by_people == 2


def test_a_repeat_never_trains_and_makes_no_set_ranked(ranked):
    store, set_id, ids = ranked
    store.rank_again(set_id, [[i] for i in turned(ids)], turned(ids), 1.0, "Eve", is_repeat=True)
    assert [row.ranks for row in store.ranked_rows("train")] == [(1, 2, 3, 4)]
    assert store.counts().rankings_by_people == 1
    assert store.counts().rankings_to_train == 1
    first, repeat = store.rankings()
    assert repeat.is_repeat
    store.retract_ranking(first.id)
    assert store.answer_set(set_id).state == "waiting"
    assert not store.ranked_rows("train")


def test_undo_takes_a_repeat_back_alone_and_redo_brings_it_back(ranked):
    store, set_id, ids = ranked
    store.rank_again(set_id, [[i] for i in turned(ids)], turned(ids), 1.0, "Eve", is_repeat=True)
    assert store.undo("Eve").kind == "ranking"
    assert [r.is_repeat for r in store.rankings()] == [False]
    assert store.answer_set(set_id).state == "ranked"
    store.redo("Eve")
    assert [r.is_repeat for r in store.rankings()] == [False, True]
    store.undo()
    store.undo()
    assert store.answer_set(set_id).state == "waiting"


def test_what_cannot_be_ranked_again_is_refused(ranked, ask):
    store, set_id, ids = ranked
    order = [[i] for i in ids]
    with pytest.raises(DataError, match="Eve ranked answer set 1 already"):
        store.rank_again(set_id, order, turned(ids), 1.0, "Eve", is_repeat=False)
    with pytest.raises(DataError, match="Ann has not ranked answer set 1 yet"):
        store.rank_again(set_id, order, turned(ids), 1.0, "Ann", is_repeat=True)
    with pytest.raises(DataError, match="eve has not ranked"):  # another name
        store.rank_again(set_id, order, turned(ids), 1.0, "eve", is_repeat=True)
    with pytest.raises(DataError, match="shown in this order the first time"):
        store.rank_again(set_id, order, ids, 1.0, "Eve", is_repeat=True)
    with pytest.raises(DataError, match="holds"):
        store.rank_again(set_id, order, ids[:3], 1.0, "Ann", is_repeat=False)
    store.undo()
    with pytest.raises(DataError, match="is not ranked"):
        store.rank_again(set_id, order, turned(ids), 1.0, "Ann", is_repeat=False)
    assert not store.rankings()


def test_a_set_is_kept_as_it_was_served(ranked):
    store, set_id, ids = ranked
    prompt_id = store.answer_set(set_id).prompt_id
    shared = AnswerSet(set_id, prompt_id, turned(ids), "ranked", "shared")
    assert [answer.id for answer in store.served_answers(shared)] == list(turned(ids))
    store.rank_served(shared, [[i] for i in ids], 1.0, "Ann", note="so")
    repeat = AnswerSet(set_id, prompt_id, turned(ids), "ranked", "repeat")
    store.rank_served(repeat, [[i] for i in ids], 1.0, "Eve")
    assert [(r.labeler, r.is_repeat, r.note) for r in store.rankings()] == [
        ("Eve", False, ""),
        ("Ann", False, "so"),
        ("Eve", True, ""),
    ]
    store.undo(), store.undo(), store.undo()
    store.rank_served(store.answer_set(set_id), [[i] for i in ids], 1.0, "Bo")
    assert [(r.labeler, r.shown_order) for r in store.rankings()] == [("Bo", ids)]
    with pytest.raises(DataError, match="changed meanwhile"):
        store.served_answers(AnswerSet(set_id, prompt_id, ids[:3], "ranked", "shared"))


def test_what_others_ranked_is_offered_until_it_is_ranked_or_passed_on(ranked, ask):
    store, set_id, ids = ranked
    assert store.sets_by_others("Eve") == ()
    assert store.sets_by_others("Ann") == (set_id,)
    served = AnswerSet(set_id, store.answer_set(set_id).prompt_id, turned(ids), "ranked", "shared")
    store.pass_served(served, "skipped", "Ann")
    assert store.sets_by_others("Ann") == ()
    assert store.sets_by_others("Bo") == (set_id,)
    assert store.answer_set(set_id).state == "ranked"
    store.undo("Ann")
    assert store.sets_by_others("Ann") == (set_id,)
    store.rank_served(served, [[i] for i in ids], 1.0, "Ann")
    assert store.sets_by_others("Ann") == ()
    store.undo("Ann")
    assert store.sets_by_others("Ann") == (set_id,)


def test_scripts_are_nobody_to_share_with(store, ask):
    (prompt_id,) = store.add_prompts([ask("Where do bears live?")]).ids
    ids = store.add_completions([NewCompletion(prompt_id, f"answer {i}", "tiny") for i in range(4)]).ids
    store.add_ranking(prompt_id, [[i] for i in ids], labeler="script", is_simulated=True)
    store.delete_simulated_rankings("Eve")
    store.undo("Eve")
    assert len(store.answer_sets("ranked")) == 1
    assert store.sets_by_others("Ann") == ()
    assert store.people() == ("Eve",)


def test_own_rankings_and_acts_follow_undo(ranked):
    store, set_id, ids = ranked
    repeat = AnswerSet(set_id, 1, turned(ids), "ranked", "repeat")
    store.pass_served(repeat, "unrankable", "Eve")
    assert store.acts_on_sets("Eve") == 2
    assert [(r.set_id, r.is_repeat, r.is_passed) for r in store.own_rankings("Eve")] == [(set_id, False, True)]
    store.undo("Eve")
    assert store.acts_on_sets("Eve") == 1
    assert not store.own_rankings("Eve")[0].is_passed
    assert (store.acts_on_sets("Ann"), store.own_rankings("Ann")) == (0, ())


def test_people_are_those_who_labeled_here_by_their_exact_names(ranked):
    store, _, _ = ranked
    store.import_demonstrations([(1, "In woods.", "Levi Moss")])
    store.add_demonstration(1, "In dens.", "ann")
    store.add_demonstration(1, "In caves.", "Ann")
    assert store.people() == ("Ann", "ann", "Eve")


def test_names_are_trimmed_and_bounded():
    assert person_name("  Zoë 王 ") == "Zoë 王"
    assert len(person_name("x" * MAX_NAME)) == MAX_NAME
    for text, said in (
        (" \t", "is empty"),
        ("x" * (MAX_NAME + 1), "61 characters"),
        ("two\nlines", "line break"),
        ("\ud800", "half a character"),
        ("script", "of a script"),
    ):
        with pytest.raises(DataError, match=said):
            person_name(text, ("script",))
