import random

import pytest

from rlhf_studio.stats.bias import ShownAnswer, ShownRanking, measure_bias
from rlhf_studio.stats.intervals import grouped_share


def ranking(prompt_id, *rows):
    """Rows of (rank, place, length, model, temperature)."""
    return ShownRanking(prompt_id, "Ada", tuple(ShownAnswer(*row) for row in rows))


def test_what_won_by_hand():
    found = measure_bias(
        [
            ranking(1, (1, 0, 9, "sft", 1.0), (2, 1, 5, "ppo", 0.5), (3, 2, 5, "ppo", 1.0)),
            ranking(2, (1.5, 0, 1, "sft", 1.0), (1.5, 1, 2, "ppo", 1.0), (3, 2, 7, "sft", 1.0)),
        ]
    )
    assert (found.rankings, found.pairs) == (2, 5)
    assert found.earlier == grouped_share([3, 2], [3, 2])
    assert found.longer == grouped_share([2, 0], [2, 2])  # equal lengths are no pair
    assert {name: (share.value, share.count) for name, share in found.by_model} == {
        "sft": (pytest.approx(2 / 3), 3),
        "ppo": (pytest.approx(1 / 3), 3),
    }
    assert (found.hotter.value, found.hotter.count) == (0.5, 2)
    assert {value: (share.value, share.count) for value, share in found.by_temperature} == {
        0.5: (0.5, 2),
        1.0: (0.5, 2),
    }
    assert {place: (share.value, share.count) for place, share in found.by_place} == {
        1: (1, 3),
        2: (2 / 3, 3),
        3: (0, 4),
    }


def test_one_model_one_temperature_and_unknown_places_are_no_bias():
    found = measure_bias([ranking(1, (1, None, 5, "sft", 1.0), (2, None, 5, "sft", 1.0))])
    assert (found.pairs, found.earlier, found.by_place, found.longer) == (1, None, (), None)
    assert (found.by_model, found.hotter, found.by_temperature) == ((), None, ())
    nothing = measure_bias([])
    assert (nothing.rankings, nothing.pairs, nothing.earlier) == (0, 0, None)


def test_an_order_by_chance_shows_no_bias_and_one_by_length_shows_it():
    generator = random.Random(0)
    rows = []
    for prompt_id in range(300):
        ranks = generator.sample(range(1, 5), 4)
        rows.append(ranking(prompt_id, *((ranks[i], i, generator.randint(1, 99), "sft", 1.0) for i in range(4))))
    found = measure_bias(rows)
    assert found.earlier.low < 0.5 < found.earlier.high
    assert found.longer.low < 0.5 < found.longer.high
    assert all(share.low - 0.02 < 0.5 < share.high + 0.02 for _, share in found.by_place)
    by_length = [ranking(r.prompt_id, *((-a.length, a.place, a.length, a.model, 1.0) for a in r.answers)) for r in rows]
    assert measure_bias(by_length).longer.value == 1


def test_the_order_in_which_answers_and_rankings_are_listed_changes_nothing():
    generator = random.Random(1)
    rows = [
        ranking(
            i % 7, *((generator.randint(1, 4), p, generator.randint(1, 9), "ab"[p % 2], 0.5 + p % 2) for p in range(4))
        )
        for i in range(30)
    ]
    turned = [ShownRanking(r.prompt_id, r.labeler, r.answers[::-1]) for r in rows[::-1]]
    assert measure_bias(turned) == measure_bias(rows)
