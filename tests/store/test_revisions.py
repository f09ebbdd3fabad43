"""New versions of labels take the place of older ones, and both ways are one step of undo."""

import pytest

from rlhf_studio.errors import DataError
from rlhf_studio.schema import NewCompletion


@pytest.fixture
def ranked(store, ask):
    """A set of four answers, ranked: (store, ranking id, completion ids)."""
    prompt_id = store.add_prompts([ask("Where do bears live?", split="train")]).ids[0]
    answers = [NewCompletion(prompt_id, f"answer {i}", "tiny") for i in range(4)]
    set_id = store.add_answer_set(prompt_id, answers, (2, 0, 3, 1)).ids[0]
    ids = store.answer_set(set_id).completion_ids
    ranking_id = store.rank_set(set_id, [[i] for i in ids], 3.0, "eve", confidence=3, note="clear").ids[0]
    return store, ranking_id, ids


def texts(store):
    return [demonstration.text for demonstration in store.demonstrations()]


def test_a_new_version_of_a_demonstration_is_the_one_that_counts(store, ask):
    prompt_id = store.add_prompts([ask("Where do bears live?")]).ids[0]
    first = store.add_demonstration(prompt_id, "In woods.", "eve", model="tiny").ids[0]
    second = store.revise_demonstration(first, "In the woods.", "ann").ids[0]
    third = store.revise_demonstration(second, "In the woods, mostly.", "eve").ids[0]
    assert texts(store) == ["In the woods, mostly."]
    versions = store.demonstration_versions(third)
    assert [(v.id, v.text, v.author, v.model) for v in versions] == [
        (third, "In the woods, mostly.", "eve", "tiny"),
        (second, "In the woods.", "ann", "tiny"),
        (first, "In woods.", "eve", "tiny"),
    ]


def test_undo_brings_the_older_version_back_and_redo_the_newer(store, ask):
    prompt_id = store.add_prompts([ask("Where do bears live?")]).ids[0]
    first = store.add_demonstration(prompt_id, "In woods.", "eve").ids[0]
    store.revise_demonstration(first, "In the woods.", "eve")
    assert store.undo().kind == "revision"
    assert texts(store) == ["In woods."]
    assert store.redo().kind == "revision"
    assert texts(store) == ["In the woods."]
    store.undo()
    store.undo()
    assert texts(store) == []


def test_an_edited_ranking_takes_the_place_of_the_older_one(ranked):
    store, ranking_id, ids = ranked
    new = store.revise_ranking(
        ranking_id, [[ids[1], ids[0]], [ids[3]], [ids[2]]], 2.0, "eve", note="looked again", is_all_bad=True
    ).ids
    assert [r.id for r in store.rankings()] == list(new)
    ranking = store.ranking(new[0])
    assert (ranking.tiers[0], ranking.shown_order, ranking.seconds) == (tuple(sorted(ids[:2])), ids, 5.0)
    assert (ranking.confidence, ranking.note, ranking.replaces) == (None, "looked again", ranking_id)
    assert ranking.is_all_bad
    assert [r.confidence for r in store.ranking_versions(new[0])] == [None, 3]
    assert store.answer_sets("ranked")[0].completion_ids == ids
    store.undo()
    assert [r.id for r in store.rankings()] == [ranking_id]
    assert store.answer_sets("waiting") == ()


def test_a_version_that_is_no_longer_in_use_cannot_be_edited(ranked):
    store, ranking_id, ids = ranked
    store.revise_ranking(ranking_id, [[i] for i in reversed(ids)], 1.0, "eve")
    with pytest.raises(DataError, match="was taken back or replaced"):
        store.revise_ranking(ranking_id, [[i] for i in ids], 1.0, "eve")


def test_the_answers_must_be_the_same(ranked):
    store, ranking_id, ids = ranked
    with pytest.raises(DataError, match="is of completions"):
        store.revise_ranking(ranking_id, [[i] for i in ids[:3]], 1.0, "eve")
    assert store.undoable().kind == "ranking"


@pytest.mark.parametrize("confidence", [0, 4])
def test_a_confidence_is_one_of_three(ranked, confidence):
    store, ranking_id, ids = ranked
    with pytest.raises(DataError, match="confidence"):
        store.revise_ranking(ranking_id, [[i] for i in ids], 1.0, "eve", confidence=confidence)


def test_a_silent_repeat_trains_nothing_and_is_not_counted(ranked):
    store, _, ids = ranked
    prompt_id = store.rankings()[0].prompt_id
    store.add_ranking(prompt_id, [[i] for i in reversed(ids)], labeler="eve", is_repeat=True)
    assert len(store.rankings()) == 2
    assert len(store.ranked_rows("train")) == 1
    assert (store.counts().rankings_by_people, store.counts().rankings_to_train) == (1, 1)
