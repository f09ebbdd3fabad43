"""Marks of prompts: the latest word of each labeler counts, and undo says again what was said before."""

import pytest

from rlhf_studio.errors import DataError
from rlhf_studio.store.annotations import MARKS, PAPER_SETS, PAPER_SHARES
from rlhf_studio.store.database import Changes


@pytest.fixture
def two(store, ask):
    """A store and the ids of two prompts."""
    return store, *store.add_prompts([ask("Finish this story."), ask("Which pronoun should I use?")]).ids


def test_the_latest_marks_of_a_labeler_count(two):
    store, first, second = two
    assert store.marks(first, "eve") is None
    changes = store.annotate(first, {"ambiguous", "continuation_style"}, "eve")
    assert changes.tables == {"journal", "annotation"}
    store.annotate(first, {"continuation_style"}, "eve")
    store.annotate(first, {"closed_domain"}, "ann")
    assert store.marks(first, "eve") == {"continuation_style"}
    assert store.marks(first, "ann") == {"closed_domain"}
    assert store.marks(second, "eve") is None


def test_saying_the_same_again_is_no_act(two):
    store, first, _ = two
    store.annotate(first, {"ambiguous"}, "eve")
    assert store.annotate(first, {"ambiguous"}, "eve") == Changes(frozenset())
    store.undo()
    assert store.undoable() is None


def test_no_mark_is_an_answer_too(two):
    store, first, _ = two
    store.annotate(first, (), "eve")
    assert store.marks(first, "eve") == frozenset()
    assert store.mark_counts().prompts == 1


def test_undo_and_redo_step_through_what_was_said(two):
    store, first, _ = two
    said = [{"ambiguous"}, {"ambiguous", "closed_domain"}, set()]
    for marks in said:
        store.annotate(first, marks, "eve")
    for marks in (said[1], said[0], None):
        entry = store.undo("someone else")
        assert (entry.kind, entry.prompt_id, entry.changes.tables) == ("annotation", first, {"journal", "annotation"})
        assert store.marks(first, "eve") == marks
    assert store.mark_counts().prompts == 0
    for marks in said:
        store.redo()
        assert store.marks(first, "eve") == marks
    assert store.redo() is None
    assert store.marks(first, "someone else") is None


def test_undo_leaves_what_others_said(two):
    store, first, _ = two
    store.annotate(first, {"ambiguous"}, "eve")
    store.annotate(first, {"closed_domain"}, "ann")
    store.undo()
    assert (store.marks(first, "eve"), store.marks(first, "ann")) == ({"ambiguous"}, None)


def test_shares_are_of_the_prompts_that_were_looked_at(two, ask):
    store, first, second = two
    assert store.mark_counts().percent("ambiguous") is None
    store.add_prompts([ask("Nobody looked at this one.")])
    store.annotate(first, {"ambiguous", "closed_domain"}, "eve")
    store.annotate(first, {"ambiguous"}, "ann")
    store.annotate(second, {"closed_domain"}, "eve")
    counts = store.mark_counts()
    assert counts.prompts == 2
    assert (counts.percent("ambiguous"), counts.percent("closed_domain"), counts.percent("intent_unclear")) == (
        50,
        100,
        0,
    )
    store._db.execute("UPDATE prompt SET is_deleted = 1 WHERE id = ?", (first,))
    assert store.mark_counts().percent("ambiguous") == 0


def test_what_is_no_mark_is_refused(two):
    store, first, _ = two
    with pytest.raises(DataError, match=r"'funny'\. Use one of: ambiguous"):
        store.annotate(first, {"funny"}, "eve")
    with pytest.raises(DataError, match="no prompt 99"):
        store.annotate(99, {"ambiguous"}, "eve")
    assert store.undoable() is None


def test_rows_are_never_changed(two):
    store, first, _ = two
    store.annotate(first, {"ambiguous"}, "eve")
    for sql in ("UPDATE prompt_annotation SET marks = '[]'", "DELETE FROM prompt_annotation"):
        with pytest.raises(Exception, match="append-only"):
            store._db.execute(sql)


def test_the_paper_has_a_value_or_none_for_each_mark_and_set():
    assert tuple(PAPER_SHARES) == MARKS
    assert {len(shares) for shares in PAPER_SHARES.values()} == {len(PAPER_SETS)}
    assert all(any(share is not None for share in shares) for shares in PAPER_SHARES.values())
