"""Rules that say whether an answer is right, on answers whose case is plain."""

import pytest

from rlhf_studio.example.checks import Rule, accuracy, items, obeys, plain_words, read_rule, says, sentences

STORY = "Tom lost his hat. He looked for it. Mia found the hat. Tom was glad."


@pytest.mark.parametrize(
    ("rule", "right", "wrong"),
    [
        (Rule("says", ("Paris",)), "The capital is Paris.", "The capital is Rome."),
        (Rule("says", ("cosine",), ("minus",)), "It is cosine.", "It is minus cosine."),
        (Rule("says", ("thanks/thank",)), "Thank you.", "Hello."),
        (Rule("says", ("grey",)), "Gray.", "Green."),
        (Rule("says", ("Paris",)), "Paris.", "Paris " + "is nice and " * 12),
        (Rule("says", ("cat",)), "Two cats.", "The caterpillar."),
        (Rule("same", ("I was happy.",)), "i was happy", "I was very happy."),
        (Rule("any", ("hello", "hi")), "Hi there!", "Goodbye."),
        (Rule("story", ("hat",)), STORY, STORY.replace("hat", "cup")),
        (Rule("story", ("hat",)), STORY, "A hat. A hat. A hat. A hat."),
        (Rule("story", ("hat",)), STORY, STORY + " And then he"),
        (Rule("story", ("hat",)), STORY, "Tom lost his hat."),
        (Rule("names", ("Mia", "Tom")), "Tom and Mia.", "Tom, Mia and Ben."),
        (Rule("names", ("Mia", "Tom")), "Mia, Tom.", "Tom."),
        (Rule("members", count=3, of="fruit"), "Three fruits are an apple, a pear and a plum.", "An apple and a pear."),
        (Rule("members", count=2, of="colour"), "1. Red\n2. Blue", "Red and red."),
        (Rule("members", count=2, of="animal"), "A cat and a dog.", "A cat and a hat."),
        (Rule("list", count=2), "1. Read.\n2. Sleep.", "1. Read.\n2. Read."),
        (Rule("summary", ("hat",)), "Mia buys a hat.", "Mia buys a hat. She pays. She leaves."),
    ],
)
def test_a_rule_takes_the_right_answer_and_refuses_the_wrong_one(rule, right, wrong):
    assert obeys(rule, right)
    assert not obeys(rule, wrong)
    assert not obeys(rule, "")
    assert not obeys(rule, " ...")


def test_ideas_must_be_different_and_mostly_known():
    goal = "[sleep better|sleep well]"
    rule = Rule("ideas", count=3, of=goal)
    assert obeys(rule, "1. Open the window.\n2. Go to bed early.\n3. Count some sheep.")
    assert not obeys(rule, "1. Open the window.\n2. Count some sheep.\n3. Paint the wall.")
    assert not obeys(rule, "1. Open the window.\n2. Open the window.\n3. Go to bed early.")
    assert not obeys(rule, "1. Open the window.\n2. Go to bed early.")


def test_items_are_read_from_lines_and_from_sentences():
    assert items("1. Read a book.\n2. Sleep.") == ["Read a book", "Sleep"]
    assert items("Three animals are a cat, an owl and a dog.") == ["cat", "owl", "dog"]
    assert items("Ideas:\n- Walk\n- Run") == ["Walk", "Run"]


def test_texts_are_cut_into_plain_words_and_sentences():
    assert plain_words("Tom's gray hat, OK?") == ["tom's", "grey", "hat", "ok"]
    assert sentences('"Hello!" said Tom. He ran.\nHome') == ['"Hello!', "said Tom.", "He ran.", "Home"]
    assert says("He found three mice.", "mouse")


def test_rules_are_read_as_they_are_written():
    assert read_rule("says Paris -London") == Rule("says", ("Paris",), ("London",))
    assert read_rule("same I was happy.") == Rule("same", ("I was happy.",))
    assert read_rule("list 3") == Rule("list", count=3)
    assert read_rule("story hat bear") == Rule("story", ("hat", "bear"))


def test_accuracy_is_the_share_of_right_answers():
    rules = [Rule("says", ("Paris",)), Rule("says", ("Rome",)), Rule("says", ("Oslo",)), Rule("says", ("Bern",))]
    assert accuracy(rules, ["Paris.", "Rome!", "Paris.", "Bern"]) == 0.75
    assert accuracy([], []) == 0.0
