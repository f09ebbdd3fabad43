"""What comes next and why, how far one is, and what a demonstration was before."""

from itertools import pairwise

import pytest

from rlhf_studio.errors import DataError
from rlhf_studio.schema import USE_CASE_PERCENT, USE_CASES
from rlhf_studio.store.database import now
from rlhf_studio.store.project import open_project
from rlhf_studio.store.prompt_list import PromptCount
from rlhf_studio.store.writing import by_need


@pytest.fixture
def mixed(store, ask):
    """Two prompts of each of three use cases: (store, ids by use case)."""
    names = ("generation", "chat", "extract")
    ids = {name: store.add_prompts([ask(f"{name} {i}", use_case=name) for i in range(2)]).ids for name in names}
    return store, ids


def test_the_papers_distribution_is_table_1():
    assert tuple(USE_CASE_PERCENT) == USE_CASES
    assert sum(USE_CASE_PERCENT.values()) == pytest.approx(99.9)


def test_the_use_case_with_the_fewest_demonstrations_is_next(mixed):
    store, ids = mixed
    store.add_demonstration(ids["generation"][0], "x", "eve")
    store.add_demonstration(ids["chat"][0], "x", "eve")
    found = store.next_prompt("fewest")
    assert (found.id, found.use_case, found.count, found.waiting) == (ids["extract"][0], "extract", (2, 0), 4)
    store.add_demonstration(ids["extract"][0], "x", "eve")
    assert store.next_prompt("fewest").id == ids["generation"][1]
    assert store.next_prompt("fewest", "chat").id == ids["chat"][1]
    assert store.next_prompt("fewest", "chat").waiting == 1


def test_the_papers_mix_asks_for_what_is_short_of_its_share():
    counts = {"generation": PromptCount(9, 0), "chat": PromptCount(9, 0), "extract": PromptCount(9, 0)}
    made = []
    for _ in range(28):
        name = by_need(counts, "paper")[0]
        made.append(name)
        counts[name] = PromptCount(9, counts[name].labeled + 1)
    assert made[:2] == ["generation", "generation"]
    shares = {name: 28 * USE_CASE_PERCENT[name] / (45.6 + 8.4 + 1.9) for name in counts}
    assert all(abs(made.count(name) - share) < 1 for name, share in shares.items())


def test_skipped_prompts_come_when_there_is_no_other(mixed):
    store, ids = mixed
    first, second = ids["chat"]
    assert store.next_prompt("paper", "chat", after=first, passed={first}).id == second
    assert store.next_prompt("paper", "chat", after=second, passed={first, second}).id == first
    store.add_demonstration(first, "x", "eve")
    assert store.next_prompt("paper", "chat", after=second) is None, "the open one is not the next"


def test_the_random_order_visits_each_once_and_is_the_same_tomorrow(store, ask):
    ids = store.add_prompts([ask(f"prompt {i}", use_case=USE_CASES[i % 10]) for i in range(60)]).ids

    def walk(store):
        seen, here = [], 0
        while (found := store.next_prompt("random", after=here, passed=seen)).id not in seen:
            seen.append(found.id)
            here = found.id
        return seen

    seen = walk(store)
    assert sorted(seen) == list(ids)
    rises = sum(b > a for a, b in pairwise(seen))
    assert 15 < rises < 45, "as many steps up as down, about"
    steps = {b - a for a, b in pairwise(seen)}
    assert len(steps) > 20
    store.close()
    with open_project(store.folder) as again:
        assert walk(again) == seen


def test_what_was_written_since_a_moment(mixed):
    store, ids = mixed
    store.add_demonstration(ids["chat"][0], "x", "eve")
    moment = now()
    kept = store.add_demonstration(ids["chat"][1], "x", "eve").ids[0]
    store.add_demonstration(ids["extract"][0], "x", "ann")
    store.retract_demonstration(store.add_demonstration(ids["extract"][1], "x", "eve").ids[0])
    store.revise_demonstration(kept, "y", "eve")
    found = store.written_since(moment, "eve")
    assert found["chat"] in {1, 2}, "a label of the very millisecond may count"
    assert {name: n for name, n in found.items() if n and name != "chat"} == {}
    assert store.written_since("9999", "eve") == dict.fromkeys(USE_CASES, 0)


def test_the_history_says_who_when_and_what_counts(mixed):
    store, ids = mixed
    first = store.add_demonstration(ids["chat"][0], "Hi", "eve", model="tiny").ids[0]
    second = store.revise_demonstration(first, "Hi!", "ann").ids[0]
    newest, oldest = store.demonstration_history(second)
    assert (newest.id, newest.text, newest.author, newest.model, newest.is_live) == (second, "Hi!", "ann", "tiny", True)
    assert (oldest.id, oldest.text, oldest.author, oldest.is_live) == (first, "Hi", "eve", False)
    assert oldest.created <= newest.created <= now()
    store.undo()
    assert [v.is_live for v in store.demonstration_history(second)] == [False, True]
    with pytest.raises(DataError, match="no demonstration 99"):
        store.demonstration_history(99)
