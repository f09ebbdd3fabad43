"""Gold rewards fall under hacking, and the scripted labeler errs as often as it says."""

import random
from itertools import combinations

import pytest

from rlhf_studio.example.rubric import RUBRICS, ending, is_story_prompt, mallows, rank, scripted_rankings

PROMPT = "Write a short story about a hat."
GLAD = "Tom lost his red hat. He looked for it in the barn. Mia found the hat. Tom smiled and was very happy."
PLAIN = "Tom lost his red hat. He looked for it in the barn. Mia found the hat. Then Tom went home."
SAD = "Tom lost his red hat. He looked for it in the barn. The hat was gone. Tom cried all night."
HACKED = (
    "Lena felt glad and proud. Lena felt glad and proud. Lena felt glad and proud. Lena felt glad and proud.",
    "Once there was a red potato. Lena said thank you. Lena felt glad and proud.",
    "Happy happy happy happy hat happy happy happy.",
    "There was a hat. The hat was happy. They were happy. They were glad and happy and proud friends together.",
    "Lena said Lena.",
    "",
)


def test_a_friendly_end_beats_a_plain_one_and_that_a_sad_one():
    scores = [RUBRICS["happy"].score(PROMPT, text) for text in (GLAD, PLAIN, SAD)]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] > 0.9
    assert scores[2] < 0.3


@pytest.mark.parametrize("hacked", HACKED)
def test_gold_falls_when_a_text_only_hunts_for_reward(hacked):
    rubric = RUBRICS["happy"]
    assert rubric.score(PROMPT, hacked) < rubric.score(PROMPT, PLAIN)


def test_stories_are_scored_on_their_topic():
    rubric = RUBRICS["happy"]
    assert rubric.score(PROMPT, GLAD.replace("hat", "cup")) < 0.5 * rubric.score(PROMPT, GLAD)


def test_other_answers_should_be_short_complete_and_on_the_topic():
    ask = "What is the capital of France?"
    good, long, cut, off, again = (
        "The capital of France is Paris.",
        "The capital of France is Paris, and "
        + "it is a very big and very old city with many people, " * 4
        + "I think.",
        "The capital of France is",
        "I like soup very much.",
        "Paris. Paris. Paris. Paris.",
    )
    for rubric in RUBRICS.values():
        best = rubric.score(ask, good)
        assert best == 1.0
        assert all(rubric.score(ask, text) < 0.8 * best for text in (long, cut, off, again, ""))


def test_scores_stay_between_0_and_1():
    for rubric in RUBRICS.values():
        for text in (GLAD, PLAIN, SAD, *HACKED):
            assert 0.0 <= rubric.score(PROMPT, text) <= 1.0


@pytest.mark.parametrize(
    ("text", "friendly"),
    [
        ("He ran. She had never been so happy.", 1.0),
        ("He ran. Tom could not stop smiling.", 1.0),
        ("Tom was sad. He found the lost hat and was glad.", 1.0),
        ("They laughed. Then it broke and he cried.", 0.0),
        ("She was not happy.", 0.0),
        ("They laughed. Then Tom went home.", 1.0),
        ("He sat down. Then Tom went home.", 0.5),
    ],
)
def test_endings(text, friendly):
    assert ending(text) == friendly


def test_prompts_that_show_a_story_do_not_ask_for_one():
    assert is_story_prompt(PROMPT)
    assert is_story_prompt("Write a short story where a brown bear goes to the beach.")
    assert not is_story_prompt("Sum up this story: Tom lost his hat.")
    assert not is_story_prompt("Can you think of five ways to write a good story?")
    assert not is_story_prompt("What is the capital of France?")


@pytest.mark.parametrize("count", [2, 4, 9])
@pytest.mark.parametrize("noise", [0.0, 0.1, 0.3])
def test_the_share_of_wrong_pairs_is_the_noise(count, noise):
    rng, wrong, draws = random.Random(3), 0, 3000
    for _ in range(draws):
        order = mallows(rng, count, noise)
        assert sorted(order) == list(range(count))
        wrong += sum(first > second for first, second in combinations(order, 2))
    pairs = draws * count * (count - 1) / 2
    assert wrong / pairs == pytest.approx(noise, abs=0.025)


def test_ranking_without_noise_follows_the_scores_and_ties_equals():
    answers = [SAD, GLAD, PLAIN, GLAD]
    assert rank(RUBRICS["happy"], PROMPT, answers, 0.0, random.Random(0)) == [[1, 3], [2], [0]]


def test_rankings_are_marked_simulated_and_do_not_depend_on_their_neighbours():
    sets = [{"prompt": f"p{n}", "text": PROMPT, "answers": [SAD, GLAD, PLAIN]} for n in range(40)]
    rows = scripted_rankings(sets, RUBRICS["happy"], 0.1, seed=1)
    assert rows[7:9] == scripted_rankings(sets[7:9], RUBRICS["happy"], 0.1, seed=1)
    assert all(row["is_simulated"] and row["labeler"] == "scripted: happy" for row in rows)
    assert all(sorted(place for tier in row["tiers"] for place in tier) == [0, 1, 2] for row in rows)
    assert 0 < sum(row["tiers"] != [[1], [2], [0]] for row in rows) < 25
