"""Articles, plurals, lists and small grammars."""

import pytest

from rlhf_studio.example.wording import and_list, expand, plural, seeded, takes_an, tidy, uncapital, with_article


@pytest.mark.parametrize(
    ("noun", "article"),
    [("apple", "an"), ("hat", "a"), ("umbrella", "an"), ("hour", "an"), ("one", "a"), ("uniform", "a"), ("owl", "an")],
)
def test_the_right_article_stands_before_a_noun(noun, article):
    assert with_article(noun) == f"{article} {noun}"
    assert takes_an(noun) == (article == "an")


@pytest.mark.parametrize(
    ("one", "many"),
    [
        ("hat", "hats"),
        ("cherry", "cherries"),
        ("toy", "toys"),
        ("box", "boxes"),
        ("brush", "brushes"),
        ("mouse", "mice"),
        ("sheep", "sheep"),
        ("day of the week", "days of the week"),
        ("piece of clothing", "pieces of clothing"),
        ("musical instrument", "musical instruments"),
        ("red scarf", "red scarves"),
    ],
)
def test_plurals(one, many):
    assert plural(one) == many


def test_tidy_repairs_articles_capitals_and_spaces():
    assert tidy('a owl  sat . "it is a apple," said tom. he ate an pear') == (
        'An owl sat. "It is an apple," said tom. He ate a pear'
    )


def test_expand_chooses_also_in_nested_brackets_and_leaves_none():
    found = {expand(seeded(turn), "[a [red|old] {x}|nothing].", {"x": "hat"}) for turn in range(40)}
    assert found == {"A red hat.", "An old hat.", "Nothing."}


def test_lists_are_joined_as_people_write_them():
    assert and_list(["a cat"]) == "a cat"
    assert and_list(["a cat", "a dog", "a cow"]) == "a cat, a dog and a cow"
    assert uncapital("The End") == "the End"


def test_seeded_generators_depend_on_their_words_alone():
    assert seeded("a", 1).random() == seeded("a", 1).random()
    assert seeded("a", 1).random() != seeded("a", 2).random()
