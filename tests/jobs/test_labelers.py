"""The rankings of a project, read for agreement, contradictions and biases."""

import pytest

from rlhf_studio.jobs.labelers import EVERYBODY, contradictions_of, measure_labelers
from rlhf_studio.schema import NewCompletion, NewPrompt, Sampling, Turn
from rlhf_studio.store.project import create_project

TEXTS = ("short", "a longer one", "the longest of them", "mid one")


@pytest.fixture
def store(tmp_path):
    """Three sets of four answers by two models, of which Eve and Ann ranked two."""
    with create_project(tmp_path / "project", "A test") as made:
        made._db.execute("PRAGMA synchronous = OFF")
        prompts = made.add_prompts([NewPrompt((Turn("user", f"Question {i}?"),)) for i in range(3)]).ids
        for prompt_id in prompts:
            answers = [
                NewCompletion(prompt_id, text, "Base" if i % 2 else "SFT", f"m/{i % 2}", Sampling(0.5 + i % 2))
                for i, text in enumerate(TEXTS)
            ]
            made.add_answer_set(prompt_id, answers)
        for set_id in (1, 2):
            ids = made.answer_set(set_id).completion_ids
            made.rank_set(set_id, [[i] for i in ids], 1.0, "Eve")
            order = (ids[1], ids[0], ids[2], ids[3])
            made.rank_again(set_id, [[i] for i in order], ids[::-1], 1.0, "Ann", is_repeat=False)
        yield made


def test_a_project_is_measured_from_its_folder_as_from_an_open_store(store):
    found = measure_labelers(store.folder)
    assert found == measure_labelers(store)
    assert found.kind == "people"
    assert (found.agreement.between.pairs.value, found.agreement.between.pairs.count) == (10 / 12, 12)
    assert found.agreement.between.tau.value == pytest.approx(2 / 3)
    assert found.agreement.labelers == (("Ann", 2), ("Eve", 2))
    assert not found.contradictions
    assert [name for name, _ in found.biases] == [EVERYBODY, "Ann", "Eve"]
    biases = dict(found.biases)
    assert biases["Eve"].earlier.value == 1  # she took them as they lay
    assert biases["Ann"].earlier.value == pytest.approx(1 / 6)
    assert biases[EVERYBODY].pairs == 24
    assert [name for name, _ in biases[EVERYBODY].by_model] == ["Base", "SFT"]
    assert [value for value, _ in biases[EVERYBODY].by_temperature] == [0.5, 1.5]


def test_a_repeat_is_no_label_but_tells_of_oneself_and_contradicts(store):
    ids = store.answer_set(1).completion_ids
    order = (ids[0], ids[2], ids[1], ids[3])
    (repeat,) = store.rank_again(1, [[i] for i in order], ids[::-1], 1.0, "Eve", is_repeat=True).ids
    found = measure_labelers(store)
    assert (found.agreement.within.pairs.value, found.agreement.within.pairs.count) == (5 / 6, 6)
    assert found.agreement.between.pairs.count == 12
    assert dict(found.biases)[EVERYBODY].pairs == 24
    (one,) = found.contradictions
    assert (one.answers, one.ranking_ids, one.has_repeat) == ((TEXTS[1], TEXTS[2]), (1, repeat), True)
    assert contradictions_of(store, repeat) == ()  # it would give the repeat away
    store.undo("Eve")
    assert measure_labelers(store).contradictions == ()


def test_an_order_that_contradicts_an_earlier_one_is_told_of_by_equal_texts(store):
    more = [NewCompletion(1, text, "Base") for text in (TEXTS[2], TEXTS[0], "new")]
    set_id = store.add_answer_set(1, more).ids[0]
    ids = store.answer_set(set_id).completion_ids
    (made,) = store.rank_set(set_id, [[i] for i in ids], 1.0, "Eve").ids
    (found,) = contradictions_of(store, made)
    assert (found.answers, found.ranking_ids) == ((TEXTS[0], TEXTS[2]), (1, made))
    assert contradictions_of(store, 1) == (found,)
    assert contradictions_of(store, 2) == ()  # Ann's
    store.revise_ranking(made, [[ids[1]], [ids[0]], [ids[2]]], 1.0, "Eve")
    assert measure_labelers(store).contradictions == ()


def test_scripts_are_measured_apart(store):
    ids = store.answer_set(3).completion_ids
    store.add_ranking(3, [[i] for i in ids], ids, labeler="script", is_simulated=True)
    people, scripts = measure_labelers(store), measure_labelers(store, "simulated")
    assert scripts.agreement.labelers == (("script", 1),)
    assert dict(scripts.biases)[EVERYBODY].rankings == 1
    assert dict(people.biases)[EVERYBODY].rankings == 4


def test_models_of_the_same_title_are_told_apart_by_their_checkpoints(store):
    store.add_answer_set(3, [NewCompletion(3, text, "SFT", "runs/x/models/7") for text in TEXTS[:2]])
    store.rank_set(4, [[i] for i in store.answer_set(4).completion_ids], 1.0, "Eve")
    store.rank_set(3, [[i] for i in store.answer_set(3).completion_ids], 1.0, "Eve")
    names = [name for name, _ in dict(measure_labelers(store).biases)[EVERYBODY].by_model]
    assert names == ["Base", "SFT (0)"]  # the other one met none but itself


def test_nobody_waits_for_what_is_wanted_no_longer(store):
    assert measure_labelers(store, is_wanted=lambda: False) is None
