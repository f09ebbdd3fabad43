from rlhf_studio.stats.agreement import Judgement, mean_ranks
from rlhf_studio.stats.contradictions import Contradiction, contradictions


def judged(number, *tiers, labeler="Ada", prompt_id=1, is_repeat=False):
    return Judgement(prompt_id, labeler, mean_ranks(tiers), number, is_repeat)


def test_a_pair_ordered_both_ways_is_found_with_both_rankings():
    rows = [judged(7, "b", "a", "c"), judged(3, "a", "b"), judged(9, "a", "b")]
    assert contradictions(rows) == (Contradiction(1, "Ada", ("a", "b"), (3, 7)),)


def test_a_silent_repeat_is_said_to_be_one():
    (found,) = contradictions([judged(1, "a", "b"), judged(2, "b", "a", is_repeat=True)])
    assert found.has_repeat


def test_a_circle_over_three_rankings():
    rows = [judged(1, "b", "c"), judged(2, "c", "a"), judged(5, "a", "b")]
    assert contradictions(rows) == (Contradiction(1, "Ada", ("a", "b", "c"), (5, 1, 2)),)
    assert not contradictions(rows[:2])


def test_a_circle_over_two_rankings():
    (found,) = contradictions([judged(2, "c", "a", "d"), judged(1, "a", "b", "c")])
    assert (found.answers, found.ranking_ids) == (("a", "c"), (1, 2))  # the direct pair, and no circle of it
    (circle,) = contradictions([judged(1, "a", "b", "x"), judged(2, "b", "c"), judged(3, "c", "a")])
    assert circle.answers == ("a", "b", "c")


def test_ties_other_people_and_other_prompts_contradict_nothing():
    rows = [judged(1, "a", "b"), judged(2, "ab"), judged(3, "b", "a", labeler="Bo"), judged(4, "b", "a", prompt_id=2)]
    assert contradictions(rows) == ()
    assert contradictions([judged(1, "a", "b"), judged(2, "b", "a", labeler="ada")]) == ()


def test_the_latest_come_first_whatever_the_order_they_are_read_in():
    rows = [judged(1, "a", "b"), judged(2, "c", "d"), judged(3, "b", "a"), judged(4, "d", "c")]
    found = contradictions(rows)
    assert [one.ranking_ids for one in found] == [(2, 4), (1, 3)]
    assert contradictions(rows[::-1]) == found
