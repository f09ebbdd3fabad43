"""The history lists every label, newest first, with what has become of it."""

import time
from itertools import count

import pytest

from rlhf_studio.schema import NewCompletion
from rlhf_studio.store.history import ActFilter

ALL = ActFilter()


@pytest.fixture
def desk(store, ask, monkeypatch):
    """A store and a way to make a set of answers to a prompt; every label has a moment of its own."""
    moments = count(10**6)
    for module in ("labels", "journal"):
        monkeypatch.setattr(f"rlhf_studio.store.{module}.now", lambda: str(next(moments)))
    ids = store.add_prompts([ask("Where do bears live?"), ask("Wie groß ist 正弦?"), ask("Say hello.")]).ids

    def make(prompt_id, k=4):
        return store.add_answer_set(prompt_id, [NewCompletion(prompt_id, f"a{i}", "tiny") for i in range(k)]).ids[0]

    return store, ids, make


def rank(store, set_id, who="eve", **extra):
    ids = store.answer_set(set_id).completion_ids
    return store.rank_set(set_id, [[i] for i in ids], 4.0, who, **extra).ids[0]


def kinds(acts):
    return [(act.kind, act.state) for act in acts]


def test_every_act_is_there_newest_first(desk):
    store, prompts, make = desk
    store.add_demonstration(prompts[2], "Hello.", "ann")
    first, second, third = make(prompts[0]), make(prompts[1], 5), make(prompts[0])
    ranking_id = rank(store, first, confidence=2, note="hard", is_all_bad=True)
    store.skip_set(second, "eve")
    store.mark_unrankable(third, "ann", "all alike")
    acts = store.label_acts(ALL, limit=10)
    assert kinds(acts) == [
        ("unrankable", "live"),
        ("skipped", "live"),
        ("ranking", "live"),
        ("demonstration", "live"),
    ]
    ranking = acts[2]
    assert (ranking.id, ranking.prompt_id, ranking.set_id) == (ranking_id, prompts[0], first)
    assert (ranking.prompt, ranking.who, ranking.size, ranking.seconds) == ("Where do bears live?", "eve", 4, 4.0)
    assert (ranking.confidence, ranking.note, ranking.is_all_bad) == (2, "hard", True)
    assert not ranking.is_edit
    assert not ranking.is_set_ranked
    assert (acts[0].note, acts[0].set_id, acts[1].prompt) == ("all alike", third, "Wie groß ist 正弦?")
    assert (acts[3].seconds, acts[3].set_id) == (None, None)
    assert store.label_acts(ALL, limit=2, offset=1) == acts[1:3]
    assert store.count_label_acts(ALL) == 4
    assert all(store.label_act(act.kind, act.id) == act for act in acts)
    assert store.label_act("ranking", 99) is None
    assert store.everyone() == ("ann", "eve")


def test_what_was_taken_back_or_replaced_stays(desk):
    store, prompts, make = desk
    first = rank(store, make(prompts[0]))
    ids = store.ranking(first).shown_order
    second = store.revise_ranking(first, [[i] for i in reversed(ids)], 1.0, "eve").ids[0]
    demonstration = store.add_demonstration(prompts[2], "Hello.", "ann").ids[0]
    store.retract_demonstration(demonstration, "ann")
    acts = store.label_acts(ALL, limit=10)
    assert kinds(acts) == [("demonstration", "taken_back"), ("ranking", "live"), ("ranking", "replaced")]
    assert (acts[1].id, acts[1].replaces, acts[1].is_edit, acts[2].is_edit) == (second, first, True, False)
    assert (acts[1].is_set_ranked, acts[2].is_set_ranked) == (False, True)
    store.undo()
    store.undo()
    store.undo()
    assert [act.state for act in store.label_acts(ActFilter(kind="ranking"), limit=10)] == ["taken_back", "live"]


def test_a_verdict_counts_until_the_next_word_on_its_set(desk):
    store, prompts, make = desk
    set_id = make(prompts[0])
    store.skip_set(set_id, "eve")
    store.mark_unrankable(set_id, "eve")
    assert kinds(store.label_acts(ALL, limit=10)) == [("unrankable", "live"), ("skipped", "taken_back")]
    rank(store, set_id)
    assert kinds(store.label_acts(ALL, limit=2)) == [("ranking", "live"), ("unrankable", "taken_back")]


def test_labels_of_a_deleted_prompt_say_so(desk):
    store, prompts, make = desk
    ranking_id = rank(store, make(prompts[0]))
    store.delete_prompts([prompts[0]], "eve")
    act = store.label_act("ranking", ranking_id)
    assert (act.state, act.is_prompt_deleted) == ("taken_back", True)
    store.undo()
    act = store.label_act("ranking", ranking_id)
    assert (act.state, act.is_prompt_deleted) == ("live", False)


def test_a_set_that_was_ranked_again_is_told(desk):
    store, prompts, make = desk
    set_id = make(prompts[0])
    first = rank(store, set_id)
    store.retract_ranking(first, "eve")
    assert not store.label_act("ranking", first).is_set_ranked
    rank(store, set_id)
    act = store.label_act("ranking", first)
    assert (act.state, act.is_set_ranked) == ("taken_back", True)


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (ActFilter(kind="ranking"), ["ranking", "ranking"]),
        (ActFilter(kind="skipped"), ["skipped"]),
        (ActFilter(kind="unrankable"), []),
        (ActFilter(who="ann"), ["skipped", "demonstration"]),
        (ActFilter(is_simulated=True), ["ranking"]),
        (ActFilter(is_simulated=False), ["ranking", "skipped", "demonstration"]),
        (ActFilter(kind="demonstration", is_simulated=True), []),
        (ActFilter(query="正弦"), ["ranking", "skipped"]),
        (ActFilter(query="  BEARS "), ["demonstration"]),
        (ActFilter(query="正弦", who="eve", kind="ranking"), ["ranking"]),
        (ActFilter(query="nowhere"), []),
    ],
)
def test_filters(desk, wanted, found):
    store, prompts, make = desk
    store.add_demonstration(prompts[0], "In woods.", "ann")
    store.skip_set(make(prompts[1]), "ann")
    rank(store, make(prompts[1]))
    ids = store.add_completions([NewCompletion(prompts[2], text, "tiny") for text in ("x", "y")]).ids
    store.add_ranking(prompts[2], [[i] for i in ids], labeler="script", is_simulated=True)
    wanted_acts = [act.kind for act in store.label_acts(wanted, limit=10)]
    assert sorted(wanted_acts) == sorted(found)
    assert store.count_label_acts(wanted) == len(found)


def test_times_are_those_of_people(desk):
    store, prompts, make = desk
    rank(store, make(prompts[0]))
    rank(store, make(prompts[1], 5), "ann")
    store.retract_ranking(rank(store, make(prompts[2])), "eve")
    ids = store.add_completions([NewCompletion(prompts[2], text, "tiny") for text in ("x", "y")]).ids
    store.add_ranking(prompts[2], [[i] for i in ids], labeler="script", is_simulated=True)
    assert store.ranking_times() == (("eve", 4, 4.0), ("ann", 5, 4.0))


def test_a_page_is_read_from_an_index(desk):
    """Ten thousand labels must not hold the window; that no table is sorted is why they do not."""
    store, _, _ = desk
    plan = []
    store._db.set_trace_callback(plan.append)
    store.label_acts(ALL, limit=50)
    store._db.set_trace_callback(None)
    steps = [row[3] for row in store._db.execute(f"EXPLAIN QUERY PLAN {plan[-1]}")]
    for index in ("demonstration_by_time", "ranking_by_time", "verdict_by_time"):
        assert any(step.startswith("SCAN") and index in step for step in steps), steps
    assert sum("TEMP B-TREE" in step for step in steps) == 1, steps  # puts the rows of the page in order


@pytest.mark.slow
def test_ten_thousand_labels(desk):
    store, prompts, _ = desk
    with store.transaction():
        for number in range(10_000):
            store.add_demonstration(prompts[number % 3], f"Answer {number}.", "eve")
    began = time.perf_counter()
    store.label_acts(ALL, limit=200)
    store.label_acts(ActFilter(query="bears", who="eve"), limit=200, offset=2000)
    assert time.perf_counter() - began < 0.1
