"""The list of prompts: found by any part of their text, filtered, the unlabeled first, with what each has."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rlhf_studio.errors import DataError
from rlhf_studio.schema import USE_CASES, NewCompletion, NewPrompt, Turn
from rlhf_studio.store.database import Changes
from rlhf_studio.store.prompt_list import PromptItem

BOTH = frozenset({"demonstrate", "rank"})


def ids(items):
    return [item.id for item in items]


@pytest.fixture
def listed(store, ask):
    """Six prompts: the first and fourth have a demonstration, the third a draft."""
    store.add_prompts(
        [
            ask("Where do BEARS live?", use_case="closed_qa", purposes=BOTH, split="train"),
            ask("正弦曲线", use_case="open_qa", purposes=frozenset({"rank"}), split="train"),
            ask('100% of a_b \\ "quoted"\nline', purposes=BOTH, split="train"),
            ask("Straße ÄPFEL \uff11\uff12\uff13", use_case="closed_qa", purposes=frozenset({"ppo"}), split="train"),
            NewPrompt((Turn("system", "Be kind"), Turn("user", "and then?")), "chat", "few_shot", BOTH, split="valid"),
            ask("Write about a seal", use_case="generation", split="train"),
        ]
    )
    store.add_demonstration(1, "In the wood.", "eve")
    store.add_demonstration(4, "ja", "eve")
    store.save_draft(3, "begun")
    return store


def test_an_item_says_what_its_prompt_has(listed):
    store = listed
    store.add_demonstration(1, "In caves.", "eve")
    store.retract_demonstration(store.add_demonstration(1, "On the moon.", "eve").ids[0])
    store.save_draft(1, "By the")
    for _ in range(3):
        store.add_answer_set(1, [NewCompletion(1, f"a{i}", "m") for i in range(4)])
    store.rank_set(1, [[1], [2], [3], [4]], 1, "eve")
    store.add_ranking(1, [[1], [2]], is_simulated=True)
    store.retract_ranking(store.add_ranking(1, [[1], [2]]).ids[0])
    (item,) = store.find_prompts("bears")
    assert item == PromptItem(
        1,
        "Where do BEARS live?",
        "closed_qa",
        "train",
        "plain",
        demonstrations=2,
        has_draft=True,
        rankings=2,
        waiting_sets=2,
    )
    assert store.find_prompts("kind") == (PromptItem(5, "and then?", "chat", "valid", "few_shot", 0, False, 0, 0),)


def test_drafts_come_first_then_the_unlabeled(listed):
    assert ids(listed.find_prompts()) == [3, 2, 5, 6, 1, 4]
    assert ids(listed.find_prompts(order="oldest_first")) == [1, 2, 3, 4, 5, 6]
    listed.undo()
    assert ids(listed.find_prompts()) == [3, 2, 4, 5, 6, 1]
    listed.save_draft(1, "another answer to a prompt that has one")
    assert ids(listed.find_prompts()) == [3, 1, 2, 4, 5, 6]


def test_pages_follow_each_other(listed):
    pages = [ids(listed.find_prompts(limit=4, offset=offset)) for offset in (0, 4, 8)]
    assert pages == [[3, 2, 5, 6], [1, 4], []]
    assert ids(listed.find_prompts(limit=0)) == []


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("", [1, 2, 3, 4, 5, 6]),
        ("  \n", [1, 2, 3, 4, 5, 6]),
        ("bears", [1]),
        ("Ears Live", [1]),
        ("弦曲", [2]),
        ("曲", [2]),
        ("100%", [3]),
        ("%", [3]),
        ("a_b", [3]),
        ("_", [3]),
        ("\\", [3]),
        ('"quoted"', [3]),
        ('"\nline', [3]),
        ("STRASSE", [4]),
        ("äpfel", [4]),
        ("a\u0308pfel", [4]),  # the same letter in two characters
        ("123", [4]),
        ("\uff11\uff12", [4]),  # wide digits
        ("kind", [5]),  # any turn is looked at
        ("user", []),  # but not the roles
        ("system", []),
        ('["', []),
        ("zebra", []),
        ("\ud83d", []),
        ("' OR 1 --", []),
    ],
)
def test_any_part_of_the_text_is_found(listed, query, found):
    assert ids(listed.find_prompts(query, order="oldest_first")) == found
    assert sum(count.total for count in listed.count_prompts(query).values()) == len(found)


def test_filters_narrow_each_other(listed):
    find = listed.find_prompts
    assert ids(find(use_case="closed_qa")) == [1, 4]
    assert ids(find(purpose="rank")) == [3, 2, 5, 1]
    assert ids(find(labeled=True)) == [1, 4]
    assert ids(find(labeled=False)) == [3, 2, 5, 6]
    assert ids(find("e", "closed_qa", "rank", labeled=True)) == [1]
    assert ids(find("e", "closed_qa", "rank", labeled=False)) == []


def test_counts_are_given_for_every_use_case(listed):
    counts = listed.count_prompts()
    assert tuple(counts) == USE_CASES
    assert {word: tuple(count) for word, count in counts.items() if count.total} == {
        "generation": (1, 0),
        "open_qa": (1, 0),
        "chat": (1, 0),
        "other": (1, 0),
        "closed_qa": (2, 2),
    }
    assert counts["extract"] == (0, 0)
    assert listed.count_prompts("bears", "rank")["closed_qa"] == (1, 1)
    assert listed.count_prompts("bears", "ppo")["closed_qa"] == (0, 0)


def test_a_prompt_added_later_is_found(listed, ask):
    new = listed.add_prompts([ask("A new ZEBRA", purposes=BOTH)]).ids[0]
    assert ids(listed.find_prompts("zebra")) == [new]


def test_purposes_can_be_said_anew(listed):
    assert listed.set_purposes(2, ["demonstrate", "rank", "ppo"]) == Changes(frozenset({"prompt"}))
    assert listed.prompt(2).purposes == {"demonstrate", "rank", "ppo"}
    assert listed.set_purposes(2, ("ppo", "rank", "demonstrate")) == Changes(frozenset())
    assert listed.set_purposes(2, ()) == Changes(frozenset({"prompt"}))
    assert listed.prompt(2).purposes == frozenset()
    assert listed.prompt(1).purposes == BOTH
    with pytest.raises(DataError, match="purpose of prompt 2 is 'fun'"):
        listed.set_purposes(2, ["rank", "fun"])
    with pytest.raises(DataError, match="no prompt 99"):
        listed.set_purposes(99, ["rank"])


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip), st.data())
def test_a_prompt_is_found_by_any_piece_of_it(store, text, data):
    prompt_id = store.add_prompts([NewPrompt((Turn("user", text),), split="train")]).ids[0]
    assert prompt_id in ids(store.find_prompts(text))
    assert prompt_id in ids(store.find_prompts(text.upper().lower())) or not text.isascii()
    start = data.draw(st.integers(0, len(text) - 1))
    if text.isascii():
        assert prompt_id in ids(store.find_prompts(text[start:]))


def test_twice_the_prompts_take_no_more_than_twice_the_work(store, ask):
    """Counted in steps of SQLite's machine, which are the same on every computer."""
    steps = []

    def step():
        steps[-1] += 1
        return 0

    store._db.set_progress_handler(step, 100)
    for _ in range(2):
        steps.append(0)
        made = store.add_prompts([ask(f"question {i}", split="train", purposes=BOTH) for i in range(500)]).ids
        store.import_demonstrations([(prompt_id, "text", "eve") for prompt_id in made[::2]])
        steps[-1] = 0
        assert len(store.find_prompts("question", "other", "rank", limit=100)) == 100
        assert store.count_prompts("question", "rank")["other"] == (made[-1], made[-1] // 2)
    assert 0 < steps[1] < 2.5 * steps[0]
