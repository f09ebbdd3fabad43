"""Few-shot sets, user-based prompts and conversations, against examples made by hand."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rlhf_studio.errors import DataError
from rlhf_studio.prompt_kinds import (
    Shot,
    ShotLayout,
    conversation_prompt,
    few_shot_examples,
    user_based_prompts,
)
from rlhf_studio.schema import Turn

TASK = "Give the sentiment of each message."
SHOTS = (Shot("I love it!", "Positive"), Shot("Never again.", "Negative"), Shot("It is blue.", "Neutral"))
ASKED = (
    """Give the sentiment of each message.

Input: Never again.
Output: Negative

Input: It is blue.
Output: Neutral

Input: I love it!
Output:""",
    """Give the sentiment of each message.

Input: I love it!
Output: Positive

Input: It is blue.
Output: Neutral

Input: Never again.
Output:""",
    """Give the sentiment of each message.

Input: I love it!
Output: Positive

Input: Never again.
Output: Negative

Input: It is blue.
Output:""",
)


def test_three_pairs_make_three_examples_with_the_other_two_as_context():
    examples = few_shot_examples(f" {TASK}\n", SHOTS, use_case="classification", author="eve")
    assert tuple(example.prompt.turns for example in examples) == tuple((Turn("user", text),) for text in ASKED)
    assert [example.answer for example in examples] == ["Positive", "Negative", "Neutral"]
    assert {(e.prompt.source, e.prompt.use_case, e.prompt.author, e.prompt.split) for e in examples} == {
        ("few_shot", "classification", "eve", None)
    }
    assert len({example.prompt.family for example in examples}) == 1


def test_labels_can_be_changed_put_on_lines_of_their_own_and_left_out():
    def first(layout):
        return few_shot_examples(TASK, SHOTS[:2], layout)[0].prompt.turns[0].content

    assert first(ShotLayout("问:", "答:")) == f"{TASK}\n\n问: Never again.\n答: Negative\n\n问: I love it!\n答:"
    own_line = f"{TASK}\n\nQ\nNever again.\nA\nNegative\n\nQ\nI love it!\nA"
    assert first(ShotLayout("Q", "A", is_on_own_line=True)) == own_line
    assert first(ShotLayout("", " ")) == f"{TASK}\n\nNever again.\nNegative\n\nI love it!"


@pytest.mark.parametrize(
    ("task", "shots", "words"),
    [
        (" ", SHOTS, "instruction is empty"),
        (TASK, SHOTS[:1], "the set has 1"),
        (TASK, (*SHOTS, Shot(" ", "x")), "Pair 4 has no query"),
        (TASK, (SHOTS[0], Shot("x", "\n")), "Pair 2 has no answer"),
        (TASK, (*SHOTS, Shot("i  LOVE it!", "Joyful")), "Pairs 1 and 4 have the same query"),
    ],
)
def test_what_makes_no_examples_is_said(task, shots, words):
    with pytest.raises(DataError, match=words):
        few_shot_examples(task, shots)


@given(st.lists(st.integers(0, 10**6), min_size=2, max_size=9, unique=True))
def test_no_example_holds_its_own_answer(numbers):
    shots = [Shot(f"<q{n}>", f"<a{n}>") for n in numbers]
    for example, own in zip(few_shot_examples(TASK, shots), shots, strict=True):
        text = example.prompt.turns[0].content
        assert own.answer not in text
        assert all(text.count(other.answer) == 1 for other in shots if other is not own)
        assert all(text.count(shot.query) == 1 for shot in shots)


def test_the_same_pairs_are_the_same_family():
    families = [few_shot_examples(*what)[0].prompt.family for what in ((TASK, SHOTS), (TASK, SHOTS), (TASK, SHOTS[:2]))]
    assert families[0] == families[1] != families[2]


def test_user_based_prompts_carry_the_use_case():
    prompts = user_based_prompts(" Help tenants write letters.\n", ["Write to my landlord.", " ", "Ask for a receipt."])
    assert [(p.turns[0].content, p.source, p.brief) for p in prompts] == [
        ("Write to my landlord.", "user_based", "Help tenants write letters."),
        ("Ask for a receipt.", "user_based", "Help tenants write letters."),
    ]
    for brief, texts, words in (
        ("", ["a"], "not described"),
        ("b", ["", " "], "no prompt for this use case"),
        ("b", ["a", "c", "a "], "Two prompts are the same"),
    ):
        with pytest.raises(DataError, match=words):
            user_based_prompts(brief, texts)


def turns(*spoken):
    roles = {"s": "system", "u": "user", "a": "assistant"}
    return [Turn(roles[role], text) for role, text in spoken]


def test_a_conversation_is_one_prompt():
    prompt = conversation_prompt(turns(("s", "Be brief."), ("u", "Hi "), ("a", "Hello."), ("u", "Why?")), author="eve")
    assert [turn.content for turn in prompt.turns] == ["Be brief.", "Hi", "Hello.", "Why?"]
    assert (prompt.use_case, prompt.source, prompt.author) == ("chat", "plain", "eve")
    assert conversation_prompt(turns(("u", "Hi"))).turns == (Turn("user", "Hi"),)


@pytest.mark.parametrize(
    ("spoken", "words"),
    [
        ((), "must end with a turn of the person"),
        ((("s", "Be brief."),), "must end"),
        ((("u", "Hi"), ("a", "Hello")), "must end"),
        ((("u", "Hi"), ("a", " "), ("u", "x")), r"Turn 2 \(assistant\) is empty"),
        ((("s", "x"), ("u", "Hi"), ("u", "there")), "Turn 3 is the user's again"),
        ((("a", "Hi"), ("u", "there")), "Turn 1 is the assistant's again"),
        ((("u", "Hi"), ("s", "x"), ("u", "there")), "Turn 2 is the system's"),
    ],
)
def test_what_is_no_conversation_is_said(spoken, words):
    with pytest.raises(DataError, match=words):
        conversation_prompt(turns(*spoken))
