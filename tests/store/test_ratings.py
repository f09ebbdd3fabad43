"""Ratings of single answers: the latest word of a labeler counts, and undo brings the word before back."""

import pytest

from rlhf_studio.errors import DataError
from rlhf_studio.store.project import open_project
from rlhf_studio.store.ratings import FLAGS, Rating


def said(store, ids, labeler="eve"):
    return [(ids.index(r.completion_id), r.overall, r.flags) for r in store.ratings(ids, labeler)]


def test_the_latest_word_of_each_labeler_counts(answered):
    store, prompt_id, ids = answered
    assert store.rate(ids[0], 5, (), "eve").changes.tables == {"journal", "rating"}
    store.rate(ids[0], 6, ["opinion", "hallucination"], "eve")
    store.rate(ids[2], None, ["violent"], "eve")
    store.rate(ids[0], 2, (), "ann")
    assert said(store, ids) == [(0, 6, ("hallucination", "opinion")), (2, None, ("violent",))]
    assert store.ratings(ids[:1]) == (
        Rating(ids[0], "ann", 2),
        Rating(ids[0], "eve", 6, ("hallucination", "opinion")),
    )
    assert store.ratings([ids[1]]) == store.ratings([]) == ()
    entry = store.undoable()
    assert (entry.kind, entry.prompt_id, entry.label) == ("rating", prompt_id, None)


def test_the_same_word_again_is_no_act(answered):
    store, _, ids = answered
    store.rate(ids[0], 5, ["opinion"], "eve")
    again = store.rate(ids[0], 5, ("opinion",), "eve")
    assert (again.ids, again.changes.tables) == ((), frozenset())
    assert store.undo().kind == "rating"
    assert store.undo() is None
    assert store.rate(ids[0], None, (), "eve").ids == ()  # nothing was said, and nothing is said


def test_undo_and_redo_go_through_every_word_also_after_reopening(answered):
    store, _, ids = answered
    for overall, flags in ((3, ()), (4, ()), (4, ("denigrates",))):
        store.rate(ids[1], overall, flags, "eve")
    folder = store.folder
    store.close()
    with open_project(folder) as again:
        steps = []
        while again.undo("ann") is not None:
            steps.append(said(again, ids))
        assert steps == [[(1, 4, ())], [(1, 3, ())], []]
        while again.redo("ann") is not None:
            steps.append(said(again, ids))
        assert steps[3:] == [[(1, 3, ())], [(1, 4, ())], [(1, 4, ("denigrates",))]]
        assert again.ratings(ids, "ann") == ()  # who undoes says nothing of the answer


def test_undo_after_a_new_word_goes_back_to_what_was_said_then(answered):
    store, _, ids = answered
    store.rate(ids[0], 1, (), "eve")
    store.rate(ids[0], 2, (), "eve")
    store.undo()
    store.rate(ids[0], 7, (), "eve")
    assert store.redo() is None
    store.undo()
    assert said(store, ids) == [(0, 1, ())]
    store.undo()
    assert said(store, ids) == []


def test_ratings_are_only_added(answered):
    store, _, ids = answered
    store.rate(ids[0], 1, (), "eve")
    for statement in ("UPDATE rating SET overall = 2", "DELETE FROM rating"):
        with pytest.raises(DataError, match="append-only"), store.transaction():
            store._db.execute(statement)


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ((0, ()), "is 0. Give 1"),
        ((8, ()), "is 8. Give 1"),
        ((3, ("rude",)), "'rude'. Use one of: fails_instruction"),
    ],
)
def test_what_is_no_rating_is_refused(answered, values, words):
    store, _, ids = answered
    with pytest.raises(DataError, match=words):
        store.rate(ids[0], *values, "eve")
    with pytest.raises(DataError, match="no completion 99"):
        store.rate(99, 3, (), "eve")
    assert store.undoable() is None


def test_there_are_eleven_flags():
    assert len(set(FLAGS)) == 11
