"""Another target: a script with another rubric ranks the same answers."""

import pytest

from rlhf_studio.errors import DataError
from rlhf_studio.example.rubric import RUBRICS
from rlhf_studio.jobs.targets import TITLES, current_target, find_target, rank_again, set_target, sets_to_rank, targets
from rlhf_studio.schema import NewCompletion, NewPrompt, Turn
from rlhf_studio.store.project import create_project

STORY = "Write a short story about a red hat."
LONG = (
    "Mia lost the red hat on a windy day. She looked for it in the garden, behind the house and under every tree. Then "
    "a friend went to the beach with her. There the friend found the red hat between two grey stones. Mia put it on "
    "and danced home along the water. In the evening both told her mother what had happened. Mia was happy."
)
ANSWERS = (
    LONG,
    "A red hat was sad. It had a number.",
    "The hat was gone. The hat was gone. The hat was gone. It was never found again. Everybody cried.",
)


@pytest.fixture
def store(tmp_path):
    """Twelve stories that a script ranked for their happy ends, and one ranking by a person."""
    with create_project(tmp_path / "p", "Targets") as store:
        prompts = [NewPrompt((Turn("user", f"{STORY} Number {i}."),), split="train") for i in range(12)]
        for prompt_id in store.add_prompts(prompts).ids:
            ids = store.add_completions([NewCompletion(prompt_id, text, "tiny") for text in ANSWERS]).ids
            store.add_ranking(prompt_id, [[i] for i in ids], labeler="scripted: happy", is_simulated=True)
        store.add_ranking(1, [[1], [2]], labeler="Ada")
        yield store


def choose(store, name):
    orders = list(rank_again(sets_to_rank(store), find_target(name)))
    return set_target(store, find_target(name), orders, "Ada")


def firsts(store):
    """Which of the answers is best, by ranking, of those that a script made."""
    texts = {c.id: c.text for prompt in store.prompts() for c in store.completions(prompt.id)}
    return [ANSWERS.index(texts[r.tiers[0][0]]) for r in store.rankings() if r.is_simulated]


def test_every_rubric_is_a_target_with_its_own_words():
    assert list(TITLES) == list(RUBRICS)
    found = [(target.name, target.description) for target in targets()]
    assert found == [(name, rubric.description) for name, rubric in RUBRICS.items()]


def test_another_target_turns_the_order_and_can_be_undone(store):
    assert current_target(store) == "happy"
    assert firsts(store).count(0) == 12
    assert len(choose(store, "brief").ids) == 12
    assert current_target(store) == "brief"
    assert firsts(store).count(1) > 6  # one pair in ten is the wrong way round
    assert [r.labeler for r in store.rankings() if not r.is_simulated] == ["Ada"]
    store.undo("Ada")
    assert current_target(store) == "happy"
    assert firsts(store).count(0) == 12


def test_the_same_answers_get_the_same_order_whatever_happened_before(store):
    choose(store, "brief")
    first = [r.tiers for r in store.rankings() if r.is_simulated]
    choose(store, "happy")
    choose(store, "brief")
    assert [r.tiers for r in store.rankings() if r.is_simulated] == first


def test_a_rubric_that_tells_no_difference_changes_nothing(store):
    orders = [(one, [list(one.completion_ids)]) for one in sets_to_rank(store)]
    with pytest.raises(DataError, match="finds the answers of each set equally good"):
        set_target(store, find_target("brief"), orders, "Ada")
    assert current_target(store) == "happy"
    assert store.undoable() is None


def test_several_scripts_are_no_target(store):
    store.add_ranking(2, [[4], [5]], labeler="another script", is_simulated=True)
    assert current_target(store) == ""


def test_what_is_not_there_is_refused_in_words(tmp_path):
    with pytest.raises(DataError, match=r"no rubric 'sad'\. Choose one of: happy, brief"):
        find_target("sad")
    with create_project(tmp_path / "empty", "Empty") as empty:
        assert current_target(empty) == ""
        with pytest.raises(DataError, match="has no simulated rankings"):
            sets_to_rank(empty)
