"""Nobody, and no group of duplicates, lies in two splits; adding prompts moves none."""

from collections import Counter

import pytest

from rlhf_studio.schema import NewPrompt, Turn
from rlhf_studio.store.splits import (
    PREFIX_LENGTH,
    assign_splits,
    duplicate_group,
    hashed_split,
    is_split_by_author,
    split_unit,
)

AUTHORS = [f"author {i}" for i in range(10)]


def group(text, **options):
    return duplicate_group((Turn("user", text),), **options)


def test_ten_named_authors_are_needed(ask):
    assert not is_split_by_author([*AUTHORS[:9], AUTHORS[0], "", ""])
    assert is_split_by_author(AUTHORS)


def test_nobody_lies_in_two_splits(ask):
    prompts = [ask(f"question {i}", author=f"author {i % 40}") for i in range(400)]
    splits = assign_splits(prompts)
    by_author = {}
    for prompt, split in zip(prompts, splits, strict=True):
        by_author.setdefault(prompt.author, set()).add(split)
    assert all(len(found) == 1 for found in by_author.values())
    assert len(set(splits)) == 3


def test_few_authors_are_split_by_text(ask):
    prompts = [ask(f"question {i}", author=AUTHORS[i % 9]) for i in range(400)]
    splits = assign_splits(prompts)
    assert len({split for prompt, split in zip(prompts, splits, strict=True) if prompt.author == AUTHORS[0]}) == 3


def test_a_prompt_without_author_is_split_by_its_text_among_others(ask):
    named = [ask("x", author=author) for author in AUTHORS]
    splits = assign_splits([*named, *(ask(f"question {i}") for i in range(100))])
    assert len(set(splits[10:])) == 3


@pytest.mark.parametrize("by_author", [True, False])
def test_the_shares_are_kept(by_author):
    splits = Counter(hashed_split(split_unit(f"a{i}", group(f"q{i}"), by_author=by_author)) for i in range(10_000))
    # three standard deviations: 120 of 8,000, 90 of 1,000
    assert splits["train"] == pytest.approx(8000, abs=120)
    assert splits["valid"] == pytest.approx(1000, abs=90)
    assert splits["test"] == pytest.approx(1000, abs=90)


def test_the_split_of_a_unit_never_changes():
    """These words are in projects on disk: another hash would move prompts from test to train."""
    recorded = {"0": "test", "8": "test", "21": "valid", "27": "valid", "eve": "train", "me": "train"}
    assert {name: hashed_split(f"author {name}") for name in recorded} == recorded


@pytest.mark.parametrize("authors", [3, 30])
def test_prompts_that_come_later_move_none(ask, authors):
    prompts = [ask(f"question {i}", author=f"author {i % authors}") for i in range(300)]
    assert assign_splits(prompts)[:100] == assign_splits(prompts[:100])
    assert assign_splits(prompts[::-1])[::-1] == assign_splits(prompts)


def test_duplicates_share_a_group():
    assert group("What is  the\nsine?") == group("what is the SINE?")
    assert group("\uff46ull width") == group("full width")
    assert group("What is the sine?") != group("What is the cosine?")
    start = "a" * PREFIX_LENGTH
    assert group(start + " one") == group(start + " two")
    assert group("one sentence", prefix_length=9) == group("one sequence", prefix_length=9)
    assert group("one sentence", prefix_length=20) != group("one sequence", prefix_length=20)
    conversation = (Turn("user", "hi"), Turn("assistant", "hello"), Turn("user", "why?"))
    assert duplicate_group(conversation) != duplicate_group(conversation[2:])
    assert group("\ud800") != group("\ud801")  # half a character is hashed, not a crash


def test_duplicates_lie_in_one_split(ask):
    start = "Tell me about the brown bear and the seal. " * 4
    prompts = [ask(f"{start} {i}") for i in range(50)]
    assert len(set(assign_splits(prompts))) == 1


def test_a_given_split_wins_and_draws_its_group_after_it(ask):
    splits = assign_splits(
        [ask("same"), ask("SAME", split="test"), ask("same"), ask("same", split="valid"), ask("other", split="valid")]
    )
    assert splits == ("test", "test", "test", "valid", "valid")
    named = [ask(f"q {i}", author=author) for i, author in enumerate(AUTHORS)]
    drawn = assign_splits([*named, ask("mine", author=AUTHORS[3], split="test")])
    assert drawn[3] == "test"


def test_splits_given_earlier_count(ask):
    unit = split_unit("", group("same"), by_author=False)
    assert assign_splits([ask("same")], given={unit: "test"}) == ("test",)
    assert assign_splits([ask("same")], given={unit: "valid"}) == ("valid",)


def test_a_new_prompt_has_no_split_of_its_own():
    assert NewPrompt((Turn("user", "x"),)).split is None
