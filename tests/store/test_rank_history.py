import pytest

from rlhf_studio.schema import NewCompletion


@pytest.fixture
def ranked(store, ask):
    """A set of three answers that Tess ranked in 5 seconds: (store, set id, completion ids)."""
    prompt_id = store.add_prompts([ask("Where do bears live?")]).ids[0]
    set_id = store.add_answer_set(prompt_id, [NewCompletion(prompt_id, f"answer {i}", "tiny") for i in range(3)]).ids[0]
    ids = store.answer_set(set_id).completion_ids
    store.rank_set(set_id, [ids[:1], ids[1:]], 5.0, "Tess", confidence=2, note="close")
    return store, set_id, ids


def test_the_last_ranking_of_a_set_is_found_also_when_it_was_taken_back(ranked):
    store, set_id, ids = ranked
    store.undo("Tess")
    found = store.last_ranking(set_id, "Tess")
    assert (found.tiers, found.confidence, found.note) == ((ids[:1], ids[1:]), 2, "close")
    store.rank_set(set_id, [ids], 3.0, "Tess")
    assert store.last_ranking(set_id, "Tess").tiers == (ids,)


def test_there_is_none_of_others_and_of_programs(ranked):
    store, set_id, ids = ranked
    assert store.last_ranking(set_id, "Ann") is None
    assert store.last_ranking(set_id + 1, "Tess") is None
    store.undo("Tess")
    store.replace_answer(set_id, ids[0], NewCompletion(store.answer_set(set_id).prompt_id, "new", "tiny"))
    assert store.last_ranking(set_id, "Tess") is None  # it was of other answers


def test_the_last_reason_why_a_set_cannot_be_ranked(ranked):
    store, set_id, _ = ranked
    store.undo("Tess")
    assert store.last_reason(set_id, "Tess") == ""
    store.mark_unrankable(set_id, "Tess", "cut off")
    store.undo("Tess")
    assert store.last_reason(set_id, "Tess") == "cut off"
    assert store.last_reason(set_id, "Ann") == ""


def test_seconds_are_of_one_person_and_one_size_newest_first(ranked):
    store, _, ids = ranked
    prompt_id = store.rankings()[0].prompt_id
    for seconds, labeler, count in ((7.0, "Tess", 3), (9.0, "Ann", 3), (1.0, "Tess", 2)):
        store.add_ranking(prompt_id, [[i] for i in ids[:count]], (), seconds, labeler)
    store.add_ranking(prompt_id, [ids], (), 0.0, "Tess", is_simulated=True)
    assert store.ranking_seconds("Tess", 3) == (7.0, 5.0)
    assert store.ranking_seconds("Tess", 2) == (1.0,)
    assert store.ranking_seconds("Tess", 4) == ()
