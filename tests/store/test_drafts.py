"""Unfinished answers are there after closing, until they are finished; small settings of the window are, too."""

import pytest

from rlhf_studio.errors import DataError, ProjectReadOnlyError
from rlhf_studio.store.database import Changes
from rlhf_studio.store.project import open_project

NOTHING = Changes(frozenset())
DRAFT = Changes(frozenset({"draft"}))


@pytest.fixture
def asked(store, ask):
    """Two prompts: (store, their ids)."""
    return store, store.add_prompts([ask("one"), ask("two")]).ids


def test_a_draft_is_kept_replaced_and_forgotten(asked):
    store, (one, two) = asked
    assert store.draft(one) is None
    assert store.save_draft(one, "Bears li") == DRAFT
    assert store.save_draft(two, "\n 在海 ") == DRAFT
    assert store.save_draft(one, "Bears live") == DRAFT
    assert store.save_draft(one, "Bears live") == NOTHING
    folder = store.folder
    store.close()
    with open_project(folder) as again:
        assert again.drafts() == {one: "Bears live", two: "\n 在海 "}
        assert again.draft(two) == "\n 在海 "
        assert again.save_draft(two, " \n") == DRAFT
        assert again.save_draft(two, "") == NOTHING
        assert again.drafts() == {one: "Bears live"}


def test_a_demonstration_ends_the_draft_of_its_prompt_only(asked):
    store, (one, two) = asked
    store.save_draft(one, "Bears li")
    store.save_draft(two, "Seals")
    made = store.add_demonstration(one, "Bears live.", "eve")
    assert made.changes.tables == {"demonstration", "journal", "draft"}
    assert store.drafts() == {two: "Seals"}


def test_a_demonstration_that_fails_leaves_the_draft(asked):
    store, (one, _) = asked
    store.save_draft(one, "Bears li")
    with pytest.raises(DataError, match="is empty"):
        store.add_demonstration(one, " ", "eve")
    with pytest.raises(DataError, match="half a character"):
        store.add_demonstration(one, "x", "\ud83d")
    assert store.drafts() == {one: "Bears li"}
    assert store.undoable() is None


def test_drafts_that_cannot_be_are_refused(asked):
    store, (one, _) = asked
    with pytest.raises(DataError, match="no prompt 99"):
        store.save_draft(99, "x")
    with pytest.raises(DataError, match=f"The draft for prompt {one} holds half a character"):
        store.save_draft(one, "\ud83d")
    with open_project(store.folder, read_only=True) as reader, pytest.raises(ProjectReadOnlyError):
        reader.save_draft(one, "x")


def test_the_window_keeps_settings_under_its_own_names(store):
    changed = Changes(frozenset({"meta"}))
    assert store.get_meta("ui.k") is None
    assert store.set_meta("ui.k", "5") == changed
    assert store.set_meta("ui.k", "5") == NOTHING
    assert store.set_meta("ui.k", "") == changed
    assert store.get_meta("ui.k") == ""
    with pytest.raises(DataError, match=r"'title' is not the window's.*'ui\.'"):
        store.set_meta("title", "mine")
    with pytest.raises(DataError, match="half a character"):
        store.set_meta("ui.k", "\ud83d")
    assert (store.title, store.get_meta("title")) == ("A test", "A test")


def test_a_draft_knows_whose_answer_it_began_with(asked):
    store, (one, two) = asked
    assert store.save_draft(one, "Bears", "tiny") == DRAFT
    assert store.save_draft(one, "Bears", "tiny") == NOTHING
    assert (store.draft_model(one), store.draft_model(two)) == ("tiny", "")
    assert store.save_draft(one, "Bears", "") == DRAFT
    assert store.draft_model(one) == ""


def test_an_edit_is_kept_beside_the_draft_until_the_new_version_is_saved(asked):
    store, (one, _) = asked
    made = store.add_demonstration(one, "Bears live.", "eve").ids[0]
    store.save_draft(one, "Another")
    assert store.save_edit(made, "Bears live here.") == DRAFT
    assert store.save_edit(made, "Bears live here.") == NOTHING
    store.close()
    with open_project(store.folder) as again:
        assert (again.edit(made), again.edits(one), again.draft(one)) == (
            "Bears live here.",
            {made: "Bears live here."},
            "Another",
        )
        new = again.revise_demonstration(made, "Bears live here.", "eve")
        assert "draft" in new.changes.tables
        assert (again.edit(made), again.edits(one), again.draft(one)) == (None, {}, "Another")


@pytest.mark.parametrize("text", ["", " \n", "Bears live."])
def test_an_edit_that_changes_nothing_is_forgotten(text, asked):
    store, (one, _) = asked
    made = store.add_demonstration(one, "Bears live.", "eve").ids[0]
    store.save_edit(made, "Bears")
    assert store.save_edit(made, text) == DRAFT
    assert store.edit(made) is None


def test_edits_that_cannot_be_are_refused(asked):
    store, (one, _) = asked
    with pytest.raises(DataError, match="no demonstration 99"):
        store.save_edit(99, "x")
    made = store.add_demonstration(one, "Bears live.", "eve").ids[0]
    with pytest.raises(DataError, match="half a character"):
        store.save_edit(made, "\ud83d")
    store.save_edit(made, "Seals")
    assert [item.id for item in store.find_prompts() if item.has_draft] == [one]
    store.retract_demonstration(made)
    assert store.edits(one) == {}
    assert not any(item.has_draft for item in store.find_prompts())
