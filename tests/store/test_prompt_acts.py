"""Prompts added together and prompts deleted: one act each, which undo takes back."""

import pytest

from rlhf_studio.errors import DataError
from rlhf_studio.prompt_kinds import Shot, few_shot_examples
from rlhf_studio.schema import NewPrompt, Turn
from rlhf_studio.store.project import open_project

SHOTS = (Shot("I love it!", "Positive"), Shot("Never again.", "Negative"), Shot("It is blue.", "Neutral"))


def live(store):
    return [row[0] for row in store._read("SELECT id FROM live_prompt ORDER BY id")]


def add_few_shot(store):
    examples = few_shot_examples("Give the sentiment.", SHOTS, author="eve")
    return store.add_answered_prompts(
        [example.prompt for example in examples], [example.answer for example in examples], "eve", tags=["sentiment"]
    )


def test_a_few_shot_set_is_one_act(store):
    made = add_few_shot(store)
    assert made.changes.tables == {"prompt", "prompt_tag", "demonstration", "ranking", "answer_set", "journal"}
    assert [(d.prompt_id, d.text, d.author) for d in store.demonstrations()] == [
        (made.ids[0], "Positive", "eve"),
        (made.ids[1], "Negative", "eve"),
        (made.ids[2], "Neutral", "eve"),
    ]
    assert [p.source for p in store.prompts()] == ["few_shot"] * 3
    assert len({p.split for p in store.prompts()}) == 1
    assert store._read("SELECT DISTINCT tag FROM prompt_tag") == [("sentiment",)]
    assert store.undo("eve").kind == "prompts"
    assert (live(store), store.demonstrations()) == ([], ())
    assert store.undoable() is None
    assert store.redo("eve").changes.tables == {"journal", "prompt", "demonstration", "ranking", "answer_set"}
    assert live(store) == list(made.ids)
    assert len(store.demonstrations()) == 3


def test_undo_knows_of_it_after_the_project_was_closed(store):
    made = add_few_shot(store)
    store.close()
    with open_project(store.folder) as again:
        again.undo()
        assert live(again) == []
        again.redo()
        assert live(again) == list(made.ids)


def test_an_empty_answer_makes_no_demonstration(store):
    prompts = [NewPrompt((Turn("user", text),)) for text in ("one", "two")]
    store.add_answered_prompts(prompts, ["", "2"], "eve")
    assert [d.text for d in store.demonstrations()] == ["2"]


def test_nothing_of_a_set_stays_where_one_is_wrong(store):
    prompts = [NewPrompt((Turn("user", "one"),)), NewPrompt((Turn("user", " "),))]
    for what in ((prompts, ["", ""], ()), (prompts[:1], [], ()), (prompts[:1], ["a"], (" ",)), ([], [], ())):
        with pytest.raises(DataError):
            store.add_answered_prompts(what[0], what[1], "eve", tags=what[2])
    assert (store.prompts(), store.undoable()) == ((), None)


def test_deleted_prompts_take_their_labels_along_and_come_back_with_them(store, ask):
    ids = store.add_prompts([ask(text) for text in ("one", "two", "three")]).ids
    store.add_demonstration(ids[0], "1", "eve")
    assert store.delete_prompts(ids[:2], "eve").ids == ids[:2]
    assert (live(store), store.demonstrations()) == ([ids[2]], ())
    assert store.delete_prompts(ids[:2], "eve").ids == ()
    store.undo()
    assert (live(store), len(store.demonstrations())) == (list(ids), 1)
    assert store.delete_prompts([ids[0], 99], "eve").ids == ids[:1]
