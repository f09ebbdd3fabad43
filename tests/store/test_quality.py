"""Duplicates are found by their prefix, authors above the cap by counting, and nobody lies in two splits."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rlhf_studio.errors import DataError
from rlhf_studio.prompt_kinds import Shot, few_shot_examples
from rlhf_studio.schema import SPLITS, NewPrompt, Turn
from rlhf_studio.store.project import create_project
from rlhf_studio.store.prompt_edits import PromptEdit
from rlhf_studio.store.quality import AUTHOR_CAP, surplus_of
from rlhf_studio.store.splits import PREFIX_LENGTH, _digest, _folded, duplicate_group

START = "Tell me about the brown bear and the seal. " * 4


def duplicates(store):
    *_, last = store.find_duplicates()
    return last.groups


def ids_of(groups):
    return [[prompt.id for prompt in group.prompts] for group in groups]


def live(store):
    return [row[0] for row in store._read("SELECT id FROM live_prompt ORDER BY id")]


# --- duplicates


def test_prompts_that_begin_alike_are_duplicates_the_largest_group_first(store, ask):
    texts = ["one", "Two.", START + "a", "two.", START + "b", " ONE\u3000", "\uff34wo.", "three", "tWO."]
    ids = store.add_prompts([ask(text) for text in texts]).ids
    groups = duplicates(store)
    assert ids_of(groups) == [[ids[i] for i in some] for some in ((1, 3, 6, 8), (0, 5), (2, 4))]
    assert surplus_of(groups) == tuple(ids[i] for i in (3, 6, 8, 5, 4))
    assert [(p.text, p.is_kept) for p in groups[1].prompts] == [("one", True), (" ONE\u3000", False)]


def test_another_length_finds_others_and_moves_no_prompt(store, ask):
    ids = store.add_prompts([ask(f"one long sentence that says {word}") for word in ("a", "b", "c")]).ids
    before = [prompt.split for prompt in store.prompts()]
    assert duplicates(store) == ()
    store.set_prefix_length(20)
    assert ids_of(duplicates(store)) == [list(ids)]
    assert [prompt.split for prompt in store.prompts()] == before
    store.set_prefix_length(PREFIX_LENGTH)
    assert duplicates(store) == ()


@pytest.mark.parametrize("length", [15, 100_001])
def test_a_length_that_finds_nothing_useful_is_refused(store, length):
    with pytest.raises(DataError, match="outside 16 to 100000"):
        store.set_prefix_length(length)
    assert store.prefix_length == PREFIX_LENGTH


@given(
    st.lists(st.text("ab \n\u3000\uff41\u00c5\u0301e", max_size=30), min_size=1, max_size=12),
    st.integers(8, 40),
)
def test_reading_no_further_than_the_prefix_changes_no_group(words, length):
    text = " ".join(words)
    assert duplicate_group((Turn("user", text),), length) == _digest(_folded(f"user: {text}")[:length])


@given(st.data())
def test_case_width_and_spacing_make_no_difference(data):
    words = data.draw(st.lists(st.text("abcxyz\u6b63\u5f26", min_size=1, max_size=5), min_size=1, max_size=40))
    wide = str.maketrans({c: chr(ord(c) + 0xFEE0) for c in "abcxyz"})
    changed = [data.draw(st.sampled_from([word, word.upper(), word.translate(wide)])) for word in words]
    gaps = [data.draw(st.sampled_from([" ", "\n", "  ", "\u3000"])) for _ in words]
    other = "".join(gap + word for gap, word in zip(gaps, changed, strict=True))
    assert duplicate_group((Turn("user", other),)) == duplicate_group((Turn("user", " ".join(words)),))


def test_a_labeled_prompt_is_kept_before_an_older_one(store, ask):
    ids = store.add_prompts([ask("same"), ask("SAME"), ask("same ")]).ids
    store.add_demonstration(ids[2], "an answer", "eve")
    assert ids_of(duplicates(store)) == [[ids[2], ids[0], ids[1]]]
    store.undo()
    assert ids_of(duplicates(store)) == [list(ids)]


def test_examples_of_one_few_shot_set_are_no_duplicates_of_each_other(store):
    shots = [Shot(f"query {i}", f"answer {i}") for i in range(3)]

    def add():
        examples = few_shot_examples(START, shots)
        return store.add_answered_prompts([e.prompt for e in examples], [e.answer for e in examples], "eve").ids

    first = add()
    assert duplicates(store) == ()
    store.delete_prompts(first, "eve")
    second = add()
    assert duplicates(store) == ()
    store.undo()
    store.undo()
    assert (live(store), duplicates(store)) == (list(first), ())
    store.redo()
    store.redo()
    assert (live(store), duplicates(store)) == (list(second), ())


def test_deleting_what_is_surplus_leaves_none_and_undo_brings_them_back(store, ask):
    store.add_prompts([ask(f"question {i % 7}") for i in range(30)])
    everybody = live(store)
    groups = duplicates(store)
    store.delete_prompts(surplus_of(groups), "eve")
    assert (len(live(store)), duplicates(store)) == (7, ())
    store.undo()
    assert (live(store), duplicates(store)) == (everybody, groups)


def test_a_project_without_prompts_has_no_duplicates(store):
    assert duplicates(store) == ()


def test_the_look_through_all_prompts_goes_in_portions(store, ask, monkeypatch):
    monkeypatch.setattr("rlhf_studio.store.quality.PORTION", 10)
    store.add_prompts([ask(f"question {i % 20}") for i in range(35)])
    store.delete_prompts([31, 32], "eve")
    scanned = list(store.find_duplicates())
    assert [one.done for one in scanned[:-1]] == [pytest.approx(done) for done in (10 / 35, 20 / 35, 30 / 35, 1)]
    assert [one.groups for one in scanned[:-1]] == [None] * 4
    assert len(scanned[-1].groups) == 13


# --- the cap


def test_authors_above_the_cap_are_listed_with_those_who_go(store, ask):
    store.add_prompts([ask(f"q {i}", author=("eve", "ann", "")[i % 3]) for i in range(30)])
    assert (store.author_cap, store.beyond_cap()) == (AUTHOR_CAP, ())
    store.set_author_cap(4)
    found = store.beyond_cap()
    assert [(one.author, one.prompts, len(one.surplus)) for one in found] == [("ann", 10, 6), ("eve", 10, 6)]
    store.delete_prompts(surplus_of(found), "eve")
    assert store.beyond_cap() == ()
    store.set_author_cap(0)
    store.undo()
    assert store.beyond_cap() == ()
    with pytest.raises(DataError, match="0 for no limit"):
        store.set_author_cap(-1)


def test_who_stays_is_drawn_by_the_seed_and_labeled_prompts_stay_first(store, ask):
    ids = store.add_prompts([ask(f"q {i}", author="eve") for i in range(40)]).ids
    store.set_author_cap(10)
    for prompt_id in ids[-10:]:
        store.add_demonstration(prompt_id, "an answer", "eve")
    assert {store.beyond_cap(seed)[0].surplus for seed in range(5)} == {ids[:-10]}
    store.set_author_cap(20)
    drawn = [set(ids) - set(store.beyond_cap(seed)[0].surplus) for seed in (0, 0, 1)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert all(stay >= set(ids[-10:]) for stay in drawn)
    chance = [sum(prompt_id not in store.beyond_cap(seed)[0].surplus for seed in range(60)) for prompt_id in ids[:30]]
    assert min(chance) > 3  # 20 expected of each; a draw that favours the old or the new would leave some out
    assert max(chance) < 40


# --- splits


def by_author(store):
    found = {}
    for prompt in store.prompts():
        found.setdefault(prompt.author, set()).add(prompt.split)
    return found


_batches = st.lists(
    st.lists(st.tuples(st.integers(0, 14), st.integers(0, 30)), min_size=1, max_size=12), min_size=1, max_size=6
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=8)
@given(_batches, st.randoms(use_true_random=False))
def test_nobody_is_in_two_splits_whatever_the_order_of_additions(tmp_path_factory, batches, random):
    with create_project(tmp_path_factory.mktemp("splits") / "p", "x") as store:
        store._db.execute("PRAGMA synchronous = OFF")
        for batch in batches:
            made = store.add_prompts([NewPrompt((Turn("user", f"q {text}"),), author=f"a{who}") for who, text in batch])
            if random.random() < 0.5:
                store.delete_prompts(random.sample(made.ids, 1), "eve")
            if random.random() < 0.3:
                store.undo()
        check = store.check_splits()
        assert check.holds
        everybody = {f"a{who}" for batch in batches for who, _ in batch}
        assert check.is_by_author == (len(everybody) >= 10)
        if check.is_by_author:
            assert check.torn == {}
            assert all(len(splits) == 1 for splits in by_author(store).values())


def test_a_split_that_a_file_gives_may_tear_an_author_apart_which_is_found_and_mended(store, ask):
    store.add_prompts([ask(f"q {i}", author=f"a{i % 12}") for i in range(60)])
    home = by_author(store)["a3"].pop()
    others = [split for split in SPLITS if split != home]
    store.add_prompts([ask("given", author="a3", split=others[0])])
    check = store.check_splits()
    assert (check.holds, check.authors, check.torn) == (False, 12, {"a3": {home: 5, others[0]: 1}})
    assert len(store.mend_splits("eve").ids) == 1
    assert store.check_splits().holds
    assert by_author(store)["a3"] == {home}
    assert store.mend_splits("eve").ids == ()
    store.undo()
    assert not store.check_splits().holds
    store.redo()
    assert store.check_splits().holds


def test_of_equally_many_what_was_held_out_stays_so(store, ask):
    store.add_prompts([ask(f"q {i}", author=f"a{i}", split="train") for i in range(10)])
    store.add_prompts([ask("q 10", author="a0", split="test")])
    store.mend_splits("eve")
    assert by_author(store)["a0"] == {"test"}


def test_with_few_authors_splits_go_by_text_and_nobody_is_torn(store, ask):
    store.add_prompts([ask(f"q {i}", author="eve") for i in range(60)])
    check = store.check_splits()
    assert (check.holds, check.is_by_author, list(check.torn)) == (True, False, ["eve"])
    assert store.mend_splits("eve").ids == ()


_acts = st.lists(
    st.one_of(
        st.tuples(st.just("add"), st.integers(0, 13), st.integers(0, 30)),
        st.tuples(st.just("author"), st.integers(0, 13), st.integers(0, 30)),
        st.tuples(st.just("undo"), st.just(0), st.just(0)),
        st.tuples(st.just("redo"), st.just(0), st.just(0)),
    ),
    min_size=1,
    max_size=30,
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=8)
@given(_acts, st.sampled_from([0, 9, 12]))
def test_nobody_is_in_two_splits_whatever_authors_become(tmp_path_factory, acts, at_first):
    with create_project(tmp_path_factory.mktemp("splits") / "p", "x") as store:
        store._db.execute("PRAGMA synchronous = OFF")
        store.add_prompts(
            [NewPrompt((Turn("user", f"q {i}"),), author=f"a{i % at_first}") for i in range(3 * at_first)]
        )
        for act, who, what in acts:
            if act == "add":
                store.add_prompts([NewPrompt((Turn("user", f"q {what}"),), author=f"a{who}")])
            elif act == "author":
                store.edit_prompts([what + 1], PromptEdit(author=f"a{who}"))
            else:
                getattr(store, act)()
            assert store.check_splits().holds


def test_an_edit_that_brings_the_tenth_author_tears_nobody_apart(store, ask):
    store.add_prompts([ask(f"q {i}", author=f"a{i % 9}") for i in range(90)])
    before = {prompt.id: (prompt.author, prompt.split) for prompt in store.prompts()}
    store.edit_prompts([90], PromptEdit(author="a9"), "eve")
    assert store.check_splits().is_by_author
    assert store.check_splits().torn == {}
    store.undo()
    assert {prompt.id: (prompt.author, prompt.split) for prompt in store.prompts()} == before
    store.redo()
    assert store.check_splits().holds
