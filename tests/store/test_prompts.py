"""Prompts go in with their splits and come out in pages."""

import pytest

from rlhf_studio.errors import DataError
from rlhf_studio.schema import NewPrompt, Prompt, Turn
from rlhf_studio.store import prompts as prompts_module
from rlhf_studio.store.database import Changes
from rlhf_studio.store.splits import assign_splits


def split_of_each(store):
    return tuple(prompt.split for prompt in store.prompts())


def test_a_prompt_comes_back_as_it_was(store):
    turns = (
        Turn("system", "Be kind."),
        Turn("user", "正弦 的导数\x00\n\t'\""),
        Turn("assistant", "?"),
        Turn("user", "é🐻"),
    )
    written = store.add_prompts(
        [NewPrompt(turns, "closed_qa", "few_shot", frozenset({"rank", "ppo"}), "eve", "valid", "k1")]
    )
    assert written.changes == Changes(frozenset({"prompt"}))
    expected = Prompt(
        written.ids[0], turns, "closed_qa", "few_shot", frozenset({"rank", "ppo"}), author="eve", split="valid"
    )
    assert store.prompts() == (expected,)
    assert store.prompt(written.ids[0]) == expected
    assert store.prompt_ids() == {"k1": written.ids[0]}


def test_nothing_added_is_nothing_changed(store):
    assert store.add_prompts([]).changes == Changes(frozenset())


@pytest.mark.parametrize(
    ("prompt", "words"),
    [
        (NewPrompt(()), "Prompt 2 of 2 is empty"),
        (NewPrompt((Turn("user", " \n"),)), "Prompt 2 of 2 is empty"),
        (NewPrompt((Turn("user", "a"), Turn("assistant", ""), Turn("user", "b"))), "Turn 2 of Prompt 2 of 2 is empty"),
        (NewPrompt((Turn("user", "a"), Turn("assistant", "b"))), "ends with a turn of the assistant"),
        (NewPrompt((Turn("robot", "a"),)), "'robot'"),
        (NewPrompt((Turn("user", "a"),), use_case="poetry"), "use case .* 'poetry'. Use one of: generation"),
        (NewPrompt((Turn("user", "a"),), source="web"), "'web'"),
        (NewPrompt((Turn("user", "a"),), purposes=frozenset({"fun"})), "'fun'"),
        (NewPrompt((Turn("user", "a"),), split="dev"), "'dev'"),
        (NewPrompt((Turn("user", "half \ud83d"),)), "half a character at position 5"),
        (NewPrompt((Turn("user", "a"),), author="\ud83d"), "author .* half a character"),
        (NewPrompt((Turn("user", "a"),), key="\ud83d"), "key .* half a character"),
    ],
)
def test_a_prompt_that_is_none_is_refused_and_takes_the_others_with_it(store, ask, prompt, words):
    with pytest.raises(DataError, match=words):
        store.add_prompts([ask("fine"), prompt])
    assert store.prompts() == ()


def test_a_key_is_given_once(store, ask):
    store.add_prompts([ask("one", key="k")])
    for batch in ([ask("two", key="k")], [ask("two", key="l"), ask("three", key="l")]):
        with pytest.raises(DataError, match=r"key '[kl]' is there already"):
            store.add_prompts(batch)
    store.add_prompts([ask("two"), ask("two")])  # the same text twice is allowed, and no key is no clash
    assert len(store.prompts()) == 3


def test_filters_and_pages(store, ask):
    purposes = [frozenset({"rank"}), frozenset({"rank", "probe"}), frozenset()]
    prompts = [
        ask(
            f"question {i}",
            use_case=("chat", "extract")[i % 2],
            purposes=purposes[i % 3],
            split=("train", "test")[i % 5 == 0],
        )
        for i in range(30)
    ]
    ids = store.add_prompts(prompts).ids

    def picked(*args, **kwargs):
        return [prompt.id for prompt in store.prompts(*args, **kwargs)]

    assert picked() == list(ids)
    assert picked("probe") == list(ids[1::3])
    assert picked(split="test") == list(ids[::5])
    assert picked("rank", "test", "extract") == [ids[i] for i in range(30) if i % 3 != 2 and i % 5 == 0 and i % 2 == 1]
    assert picked("rank", limit=3, offset=2) == picked("rank")[2:5]
    assert picked(limit=0) == []
    assert picked(offset=28) == list(ids[28:])


@pytest.mark.parametrize(
    ("filters", "index"),
    [
        ({"purpose": "rank"}, "prompt_purpose"),
        ({"split": "test"}, "prompt_by_split"),
        ({"use_case": "chat"}, "prompt_by_use_case"),
        ({"use_case": "chat", "split": "test"}, "prompt_by_"),
    ],
)
def test_a_page_of_a_filter_reads_an_index_not_every_prompt(store, filters, index):
    statements = []
    store._db.set_trace_callback(statements.append)
    store.prompts(**filters, limit=50)
    store._db.set_trace_callback(None)
    plan = [row[3] for row in store._db.execute(f"EXPLAIN QUERY PLAN {statements[-1]}")]
    assert any(index in step for step in plan), plan
    assert not any("TEMP B-TREE FOR ORDER BY" in step for step in plan), plan


def test_a_new_prompt_looks_its_split_up_without_reading_its_authors_others(store, ask):
    """Else adding prompts takes time quadratic in their number."""
    store.add_prompts([ask(f"question {i}", author=f"author {i}") for i in range(10)])
    statements = []
    store._db.set_trace_callback(statements.append)
    store.add_prompts([ask("named", author="author 3"), ask("unnamed")])
    store._db.set_trace_callback(None)
    lookups = [statement for statement in statements if "is_split_given ORDER" in statement]
    plans = [store._db.execute(f"EXPLAIN QUERY PLAN {lookup}").fetchone()[3] for lookup in lookups]
    assert sorted(plan.split("prompt_given_by_")[1] for plan in plans) == [
        "author (author=?)",
        "duplicate_group (duplicate_group=?)",
    ]


def test_an_unknown_prompt_is_named(store):
    with pytest.raises(DataError, match="no prompt 7 in this project"):
        store.prompt(7)


def test_splits_are_the_same_one_by_one_and_at_once(store, ask):
    prompts = [ask(f"question {i}", author=f"author {i % 4}") for i in range(60)]
    for prompt in prompts:
        store.add_prompts([prompt])
    assert split_of_each(store) == assign_splits(prompts)
    assert len(set(split_of_each(store))) == 3


def test_the_tenth_author_draws_splits_again_so_that_nobody_is_in_two(store, ask):
    prompts = [ask(f"question {i}", author=f"author {i % 9}") for i in range(90)]
    prompts.append(ask("given", author="author 0", split="test"))
    store.add_prompts(prompts)
    before = split_of_each(store)
    store.add_prompts([ask("the tenth", author="author 9")])
    prompts.append(ask("the tenth", author="author 9"))
    after = split_of_each(store)
    assert after == assign_splits(prompts)
    assert after[:90] != before[:90]
    assert after[90] == "test"
    by_author = {}
    for prompt in store.prompts():
        by_author.setdefault(prompt.author, set()).add(prompt.split)
    assert all(len(splits) == 1 for splits in by_author.values())
    store.add_prompts([ask("the eleventh", author="author 10"), ask("more", author="author 0")])
    assert split_of_each(store)[: len(after)] == after
    assert split_of_each(store)[-1] == "test"


def test_a_duplicate_follows_the_split_that_was_given(store, ask):
    texts = [f"question {i}" for i in range(20)]
    store.add_prompts([ask(text, split="test") for text in texts])
    store.add_prompts([ask(text.upper()) for text in texts])
    assert set(split_of_each(store)) == {"test"}


def test_ten_thousand_prompts(store, ask):
    store.add_prompts([ask(f"question {i}", use_case="chat" if i % 2 else "other") for i in range(10_000)])
    page = store.prompts(use_case="chat", limit=50, offset=4000)
    assert [prompt.text for prompt in page] == [f"question {i}" for i in range(8001, 8101, 2)]
    assert store.counts().prompts == 10_000


def test_an_author_group_of_this_program_is_the_one_of_the_table(store, ask):
    """What is looked up by its group was stored under the same."""
    store.add_prompts([ask("Same  TEXT")])
    stored = store._db.execute("SELECT duplicate_group FROM prompt").fetchone()[0]
    assert stored == prompts_module.duplicate_group((Turn("user", "same text"),))


def test_examples_of_one_family_share_a_split(store, ask):
    """Few-shot examples hold each other's answers: one that is held out must not be in another's context."""
    prompts = [ask(f"question {i}", family=f"family {i % 7}") for i in range(60)]
    for prompt in prompts:
        store.add_prompts([prompt])
    assert split_of_each(store) == assign_splits(prompts)
    assert len(set(split_of_each(store))) > 1
    for family in range(7):
        assert len(set(split_of_each(store)[family::7])) == 1


def test_a_brief_is_kept_beside_its_prompt(store, ask):
    ids = store.add_prompts([ask("one", brief="Help people write letters."), ask("two")]).ids
    assert [store.brief(i) for i in ids] == ["Help people write letters.", ""]
    assert store.brief(99) == ""
