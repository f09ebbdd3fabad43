"""Many prompts are edited or deleted in one act; undo brings back what was, also after reopening."""

import time
from dataclasses import replace

import pytest

from rlhf_studio.errors import DataError
from rlhf_studio.schema import NewCompletion
from rlhf_studio.store.project import create_project, open_project
from rlhf_studio.store.prompt_edits import PromptEdit
from rlhf_studio.store.prompt_list import PromptQuery

TABLES = {"journal", "prompt", "demonstration", "ranking", "answer_set"}


def state(store):
    """All that an edit can change."""
    items = store.prompt_items(store.find_ids(PromptQuery()))
    return [(item, store.prompt(item.id).purposes) for item in items]


@pytest.fixture
def three(store, ask):
    store.add_prompts(
        [
            ask("one", use_case="chat", author="ann", purposes=frozenset({"rank"}), split="train"),
            ask("two", author="bob", split="valid"),
            ask("three", use_case="extract", source="few_shot", split="train"),
        ]
    )
    return store


EDITS = [
    PromptEdit(use_case="rewrite"),
    PromptEdit(source="user_based"),
    PromptEdit(split="test"),
    PromptEdit(author=""),
    PromptEdit(add_purposes=frozenset({"ppo", "probe"}), remove_purposes=frozenset({"rank"})),
    PromptEdit(add_tags=frozenset({"正弦", 'a "b"'})),
    PromptEdit(use_case="other", source="plain", split="train", author="eve", add_tags=frozenset({"x"})),
]


@pytest.mark.parametrize("edit", EDITS)
def test_an_edit_is_one_act_and_comes_back_whole(three, edit):
    before = state(three)
    made = three.edit_prompts([1, 2], edit, "eve")
    after = state(three)
    assert set(made.ids) == {i for i in (1, 2) if before[i - 1] != after[i - 1]}
    assert made.changes.tables == TABLES
    assert after[2] == before[2]
    for item, purposes in after[:2]:
        words = {name: getattr(edit, name) for name in ("use_case", "source", "split", "author")}
        assert {name: getattr(item, name) for name, value in words.items() if value is not None} == {
            name: value for name, value in words.items() if value is not None
        }
        assert edit.add_purposes <= purposes
        assert not edit.remove_purposes & purposes
        assert set(item.tags) == edit.add_tags
    assert three.undo("eve").kind == "prompts"
    assert state(three) == before
    assert three.redo("eve").changes.tables == TABLES
    assert state(three) == after
    assert three.redoable() is None


def test_tags_are_added_and_removed(three):
    three.edit_prompts([1, 2], PromptEdit(add_tags=frozenset({"hard", "maths"})))
    three.edit_prompts([2, 3], PromptEdit(add_tags=frozenset({"new"}), remove_tags=frozenset({"hard", "unknown"})))
    assert [item.tags for item, _ in state(three)] == [("hard", "maths"), ("maths", "new"), ("new",)]
    assert three.tags() == {"hard": 1, "maths": 2, "new": 2}
    assert three.find_ids(PromptQuery(tag="maths")) == [1, 2]
    three.undo()
    assert [item.tags for item, _ in state(three)] == [("hard", "maths"), ("hard", "maths"), ()]


def test_deleted_prompts_are_nowhere_and_come_back_with_their_labels(three):
    store = three
    store.add_demonstration(1, "done", "eve")
    store.add_answer_set(1, [NewCompletion(1, f"a{i}", "m") for i in range(4)])
    store.rank_set(1, [[1], [2], [3], [4]], 1, "eve")
    store.add_answer_set(1, [NewCompletion(1, f"b{i}", "m") for i in range(4)])
    store.add_ranking(1, [[1], [2]], is_simulated=True)
    store.retract_demonstration(store.add_demonstration(1, "wrong", "eve").ids[0])
    store.edit_prompts([1], PromptEdit(add_tags=frozenset({"t"})))

    def seen():
        return (
            state(store),
            store.counts(),
            store.prompts(),
            store.prompt_rows("rank"),
            store.demonstration_rows("train"),
            store.demonstration_authors("train"),
            store.ranked_rows("train"),
            store.demonstrations(include_retracted=True),
            store.rankings(include_retracted=True),
            store.answer_sets(None),
            store.simulated_sets(),
            store.simulated_labelers(),
            store.labels_since(),
            store.find_prompts(),
            store.find_prompts("one"),
            store.count_prompts(),
            store.tags(),
            store.prompt_authors(),
            store.prompts("rank"),
        )

    before = seen()
    assert store.delete_prompts([1, 1, 99], "eve").ids == (1,)
    assert [prompt.id for prompt in store.prompts()] == [2, 3]
    counts = store.counts()
    assert (counts.prompts, counts.demonstrations, counts.completions, counts.rankings_by_people) == (2, 0, 0, 0)
    assert counts.by_purpose["rank"] == counts.by_use_case["chat"] == counts.sets_waiting == 0
    for gone in (*seen()[3:11], store.find_prompts("one"), store.tags(), store.prompts("rank")):
        assert not gone
    assert sum(count.total for count in store.count_prompts().values()) == 2
    with pytest.raises(DataError, match=r"Prompt 1 was deleted\. Undo brings it back"):
        store.prompt(1)
    with pytest.raises(DataError, match="was deleted"):
        store.add_demonstration(1, "late", "eve")
    store.save_draft(1, "what was typed meanwhile is kept")
    store.save_draft(1, "")
    assert store.delete_prompts([1]).ids == ()
    store.undo()
    assert seen() == before


def test_nothing_to_change_is_no_act(three):
    three.edit_prompts([1], PromptEdit(use_case="rewrite"))
    three.undo()
    for made in (
        three.edit_prompts([1, 2, 3], PromptEdit()),
        three.edit_prompts([], PromptEdit(use_case="rewrite")),
        three.edit_prompts([1], PromptEdit(use_case="chat", remove_tags=frozenset({"none"}))),
        three.delete_prompts([77]),
    ):
        assert (made.ids, made.changes.tables) == ((), frozenset())
    assert three.redoable() is not None  # it cleared nothing


def test_acts_are_undone_after_reopening(tmp_path, ask):
    with create_project(tmp_path / "p", "t") as store:
        store.add_prompts([ask("one", split="train"), ask("two", split="train")])
        first = state(store)
        store.edit_prompts([1, 2], PromptEdit(add_tags=frozenset({"t"}), use_case="chat"))
        second = state(store)
        store.delete_prompts([2])
    with open_project(tmp_path / "p") as store:
        store.undo()
        assert state(store) == second
        store.undo()
        assert state(store) == first
    with open_project(tmp_path / "p") as store:
        store.redo()
        assert state(store) == second


def test_a_split_that_was_given_by_hand_is_not_drawn_again(three, ask):
    drawn = three.add_prompts([ask(f"question {i}") for i in range(20)]).ids
    three.edit_prompts(drawn, PromptEdit(split="test"))
    three.add_prompts([ask(f"another {i}", author=f"author {i}") for i in range(10)])  # from now on by author
    assert {three.prompt(prompt_id).split for prompt_id in drawn} == {"test"}


def test_a_prompt_goes_where_its_new_authors_others_are(store, ask):
    by_ten = store.add_prompts([ask(f"question {i}", author=f"author {i}") for i in range(10)]).ids
    store.add_prompts([ask("fixed", author="author 3", split="test")])
    given = store.add_prompts([ask("given", author="someone", split="valid")]).ids
    store.edit_prompts([*by_ten, *given], PromptEdit(author="author 3"))
    assert {store.prompt(prompt_id).split for prompt_id in by_ten} == {"test"}
    assert store.prompt(given[0]).split == "valid"
    store.undo()
    assert store.prompt(by_ten[0]).author == "author 0"


def test_a_deleted_prompt_keeps_its_key(store, ask):
    store.add_prompts([replace(ask("one"), key="k")])
    store.delete_prompts([1])
    with pytest.raises(DataError, match="'k' is there already"):
        store.add_prompts([replace(ask("two"), key="k")])


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (PromptEdit(use_case="poetry"), "The use case is 'poetry'. Use one of"),
        (PromptEdit(source="web"), "The source is 'web'"),
        (PromptEdit(split="dev"), "The split is 'dev'"),
        (PromptEdit(remove_purposes=frozenset({"sell"})), "A purpose is 'sell'"),
        (PromptEdit(author="\ud800"), "half a character"),
        (PromptEdit(add_tags=frozenset({" "})), "A tag is empty"),
        (PromptEdit(add_tags=frozenset({"a\nb"})), "Use a short word"),
        (PromptEdit(add_tags=frozenset({"t" * 61})), "over 60 characters"),
        (PromptEdit(remove_tags=frozenset({"\udc00"})), "half a character"),
    ],
)
def test_what_cannot_be_kept_is_refused(three, edit, words):
    before = state(three)
    with pytest.raises(DataError, match=words):
        three.edit_prompts([1], edit)
    assert state(three) == before
    assert three.undoable() is None


def test_ten_thousand_are_a_handful_of_statements(store, ask):
    store.add_prompts([ask(f"question {i}", split="train") for i in range(10_000)])
    statements = []
    store._db.set_trace_callback(statements.append)
    began = time.perf_counter()
    store.delete_prompts(range(1, 10_001))
    store.undo()
    store.edit_prompts(range(1, 10_001), PromptEdit(use_case="chat", add_tags=frozenset({"t"})))
    taken = time.perf_counter() - began
    store._db.set_trace_callback(None)
    assert len(statements) < 60
    assert taken < 5  # about 0.3 s on two cores; a statement for each prompt takes far longer
    assert store.tags() == {"t": 10_000}
