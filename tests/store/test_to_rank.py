"""Which prompts get sampled answers next."""

import pytest

from rlhf_studio.schema import NewCompletion, NewPrompt, Sampling, Turn


@pytest.fixture
def ids(store):
    """Four prompts to rank, and one that is not."""
    uses = [frozenset({"rank"})] * 4 + [frozenset({"ppo"})]
    return store.add_prompts([NewPrompt((Turn("user", f"{n}"),), purposes=use) for n, use in enumerate(uses)]).ids


def answers(prompt_id):
    return [NewCompletion(prompt_id, text, "m") for text in "ab"]


def order(store, limit=9):
    return [prompt.id for prompt in store.prompts_to_rank(limit)]


def test_those_with_the_fewest_rankings_and_sets_come_first(store, ids):
    assert order(store) == list(ids[:4])
    assert order(store, 2) == list(ids[:2])
    store.add_answer_set(ids[0], answers(ids[0]))
    for _ in range(2):
        store.add_answer_set(ids[1], answers(ids[1]))
    made = store.add_completions(answers(ids[2])).ids
    store.add_ranking(ids[2], [[i] for i in made], labeler="Tess")
    assert order(store) == [ids[3], ids[0], ids[2], ids[1]]
    assert [store.sets_of_prompt(i) for i in ids[:3]] == [1, 2, 0]


def test_a_ranked_set_counts_once_and_what_no_person_said_does_not(store, ids):
    set_id = store.add_answer_set(ids[0], answers(ids[0])).ids[0]
    store.rank_set(set_id, [[i] for i in store.answer_set(set_id).completion_ids], 1.0, "Tess")
    made = store.add_completions(answers(ids[1])).ids
    store.add_ranking(ids[1], [[i] for i in made], labeler="script", is_simulated=True)
    store.add_ranking(ids[2], [[i] for i in store.add_completions(answers(ids[2])).ids], is_repeat=True)
    assert order(store) == [*ids[1:4], ids[0]]
    store.undo()
    assert order(store) == [*ids[1:4], ids[0]]  # its set waits again


def test_the_sources_of_sets_that_wait(store, ids):
    warm = NewCompletion(ids[0], "a", "A", "run:a")
    cool = NewCompletion(ids[0], "b", "A", "run:a", Sampling(0.5, 0.9))
    both = store.add_answer_set(ids[0], [warm, cool, NewCompletion(ids[0], "c", "A", "run:a")]).ids[0]
    done = store.add_answer_set(ids[1], answers(ids[1])).ids[0]
    assert store.makers_of_waiting() == {
        both: {("run:a", 1.0, 1.0), ("run:a", 0.5, 0.9)},
        done: {("", 1.0, 1.0)},
    }
    store.skip_set(done, "Tess")
    assert set(store.makers_of_waiting()) == {both}
