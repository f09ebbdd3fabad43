"""The library's queries: every filter alone and with the others, against a plain filter in Python."""

from itertools import combinations

import pytest

from rlhf_studio.schema import USE_CASES, NewCompletion, NewPrompt, Turn
from rlhf_studio.store.project import create_project
from rlhf_studio.store.prompt_edits import PromptEdit
from rlhf_studio.store.prompt_list import PromptQuery

FITS = {  # a value to ask for, and who fits
    "text": ("正弦", lambda store, item: "正弦" in item.text),
    "use_case": ("chat", lambda store, item: item.use_case == "chat"),
    "source": ("few_shot", lambda store, item: item.source == "few_shot"),
    "split": ("test", lambda store, item: item.split == "test"),
    "purpose": ("rank", lambda store, item: "rank" in store.prompt(item.id).purposes),
    "tag": ("hard", lambda store, item: "hard" in item.tags),
    "author": ("ann", lambda store, item: item.author == "ann"),
    "is_demonstrated": (True, lambda store, item: item.demonstrations > 0),
    "is_ranked": (False, lambda store, item: item.rankings == 0),
}


@pytest.fixture(scope="module")
def library(tmp_path_factory):
    with create_project(tmp_path_factory.mktemp("library") / "p", "t") as store:
        store.add_prompts(
            [
                NewPrompt(
                    (Turn("user", f"question {i} {'正弦' if i % 2 else '余弦'}"),),
                    "chat" if i % 3 else "other",
                    "plain" if i % 5 else "few_shot",
                    frozenset({"rank"} if i % 2 else {"ppo"}),
                    "ann" if i % 4 else "",
                    "train" if i % 7 < 4 else "test",
                )
                for i in range(60)
            ]
        )
        store.edit_prompts(range(1, 61, 2), PromptEdit(add_tags=frozenset({"hard"})))
        for prompt_id in range(1, 61, 4):
            store.add_demonstration(prompt_id, "done", "eve")
        for prompt_id in range(1, 61, 9):
            store.add_answer_set(prompt_id, [NewCompletion(prompt_id, f"a{i}", "m") for i in range(4)])
            ids = store.answer_sets("waiting")[0].completion_ids
            store.rank_set(store.answer_sets("waiting")[0].id, [[i] for i in ids], 1, "eve")
        store.delete_prompts([5, 6])
        yield store


@pytest.mark.parametrize("names", [c for n in range(4) for c in combinations(FITS, n)] + [tuple(FITS)])
def test_filters_narrow_each_other_and_are_counted(library, names):
    query = PromptQuery(**{name: FITS[name][0] for name in names})
    everything = library.prompt_items(range(100))
    expected = [item for item in everything if all(FITS[name][1](library, item) for name in names)]
    listing = library.list_prompts(query)
    assert listing.ids == library.find_ids(query) == [item.id for item in expected]
    others = [item for item in everything if all(FITS[name][1](library, item) for name in names if name != "use_case")]
    assert listing.counts == {name: sum(item.use_case == name for item in others) for name in USE_CASES}
    counts = library.count_query(query)
    assert {name: tuple(counts[name]) for name in USE_CASES} == {
        name: (
            sum(item.use_case == name for item in expected),
            sum(item.use_case == name and item.demonstrations > 0 for item in expected),
        )
        for name in USE_CASES
    }


def test_rows_come_in_the_order_of_ids_without_the_deleted(library):
    items = library.prompt_items([9, 1, 5, 77])
    assert [item.id for item in items] == [1, 9]
    assert (items[0].author, items[0].tags, items[0].demonstrations, items[0].rankings) == ("", ("hard",), 1, 1)


def test_tags_and_authors_are_counted(library):
    assert library.tags() == {"hard": 29}
    assert list(library.prompt_authors().items()) == [("ann", 44), ("", 14)]
