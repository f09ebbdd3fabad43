"""Agreement by hand, by published values and by what must not change it."""

import math
import random
from itertools import permutations

import numpy as np
import pytest

from rlhf_studio.stats.agreement import (
    Judgement,
    alpha_interval,
    alphas,
    coincidences,
    mean_ranks,
    measure_agreement,
    ordinal_alpha,
    tau_b,
)
from rlhf_studio.stats.preferences import agreement, hits

# Krippendorff 2011, Computing Krippendorff's Alpha-Reliability, section C: four observers, twelve units, gaps
OBSERVERS = (
    "123321412---",
    "123322412 5-3".replace(" ", ""),
    "-33323422 51-".replace(" ", ""),
    "123324412 51-".replace(" ", ""),
)
UNITS = [tuple(float(value) for value in unit if value != "-") for unit in zip(*OBSERVERS, strict=True)]


def judged(number, labeler, *tiers, prompt_id=1, is_repeat=False):
    return Judgement(prompt_id, labeler, mean_ranks(tiers), number, is_repeat)


def test_tied_answers_share_the_mean_of_their_places():
    assert mean_ranks(["a", "bc", "d"]) == {"a": 1.0, "b": 2.5, "c": 2.5, "d": 4.0}
    assert mean_ranks([["x"], ["y"], ["x"]]) == {"y": 2.0}  # the same text above and below itself
    assert mean_ranks([["x", "x"], ["y"]]) == {"x": 1.5, "y": 3.0}


@pytest.mark.golden
def test_ordinal_alpha_is_krippendorffs():
    assert ordinal_alpha(UNITS) == pytest.approx(0.815, abs=5e-4)


def test_alpha_of_opposite_orders_by_hand():
    # values 1, 2 twice each: their middles are 2 apart, observed 4, expected 2 * 2 * 2 * 4 / (4 * 3) = 8 / 3
    assert ordinal_alpha([(1, 2), (2, 1)]) == pytest.approx(1 - 4 / (8 / 3))
    assert ordinal_alpha([(1, 1), (2, 2), (3,)]) == 1
    assert ordinal_alpha([(1, 1), (1, 1)]) is None
    assert ordinal_alpha([(1,), (2,)]) is None
    assert ordinal_alpha([]) is None


def test_the_alpha_that_is_drawn_again_is_the_librarys():
    generator = random.Random(0)
    groups = [[tuple(generator.choices((1, 1.5, 2, 3), k=generator.randint(1, 4))) for _ in range(4)] for _ in range(9)]
    whole = coincidences(groups).sum(axis=0)
    units = [unit for group in groups for unit in group]
    assert alphas(whole[None])[0] == pytest.approx(ordinal_alpha(units), abs=1e-12)
    low, high = alpha_interval(groups)
    assert -1 < low < ordinal_alpha(units) < high <= 1
    assert alpha_interval(groups) == (low, high)
    assert alpha_interval(groups[:1]) == (-1.0, 1.0)


def test_alphas_interval_holds_the_published_value():
    low, high = alpha_interval([[unit] for unit in UNITS])
    assert low < 0.815 < high <= 1


@pytest.mark.golden
@pytest.mark.parametrize("order", list(permutations(range(4)))[::5])
def test_tau_of_strict_orders_is_one_minus_twice_the_share_of_inverted_pairs(order):
    inverted = sum(order[i] > order[j] for i in range(4) for j in range(i + 1, 4))
    one = {f"{i}": float(i) for i in range(4)}
    other = {f"{i}": float(place) for i, place in enumerate(order)}
    assert tau_b(one, other) == pytest.approx(1 - 2 * inverted / 6)


def test_tau_b_with_ties_by_hand():
    one, other = mean_ranks(["a", "b", "c"]), mean_ranks(["a", "bc"])
    assert tau_b(one, other) == pytest.approx(2 / math.sqrt(3 * 2))  # two pairs alike, one tied by one of them
    assert tau_b(one, mean_ranks(["abc"])) is None


def test_pairs_of_two_labelers_by_hand():
    found = measure_agreement([judged(1, "Ada", "a", "b", "c"), judged(2, "Bo", "a", "bc")])
    assert (found.between.pairs.value, found.between.pairs.count) == (1.0, 2)
    assert (found.between.pairs_with_ties.value, found.between.pairs_with_ties.count) == (pytest.approx(2.5 / 3), 3)
    assert found.between.tau.value == pytest.approx(2 / math.sqrt(6))
    # units (1, 1), (2, 2.5), (3, 2.5); values 1 1 2 2.5 2.5 3 with middles 1, 2.5, 4, 5.5
    observed = 2 * (1.5**2 + 1.5**2) / 6
    expected = 2 * (2 * 1.5**2 + 4 * 3**2 + 2 * 4.5**2 + 2 * 1.5**2 + 3**2 + 2 * 1.5**2) / (6 * 5)
    assert found.between.alpha.value == pytest.approx(1 - observed / expected)
    assert found.between.alpha.count == 3
    assert found.labelers == (("Ada", 1), ("Bo", 1))
    assert [names[:2] for names in found.by_pair] == [("Ada", "Bo")]
    assert found.by_pair[0][2] == found.between
    assert (found.within.orders, found.within.pairs, found.within.alpha) == (0, None, None)


def test_half_counts_every_tie_as_a_coin_would():
    one, other = mean_ranks(["ab", "c"]), mean_ranks(["ab", "c"])
    assert hits(one, other) == [1.0, 1.0]
    assert hits(one, other, "half") == [0.5, 1.0, 1.0]


def test_a_repeat_tells_of_its_labeler_alone():
    rows = [
        judged(1, "Ada", "a", "b", "c"),
        judged(2, "Bo", "a", "b", "c"),
        judged(3, "Ada", "c", "b", "a", is_repeat=True),
    ]
    found = measure_agreement(rows)
    assert (found.between.pairs.value, found.between.orders) == (1.0, 1)
    assert (found.within.pairs.value, found.within.pairs.count, found.within.tau.value) == (0.0, 3, -1.0)
    assert found.repeats == 1
    assert dict(found.labelers) == {"Ada": 1, "Bo": 1}
    assert [name for name, _ in found.by_labeler] == ["Ada"]


def test_two_peoples_repeats_of_the_same_answers_are_not_compared_with_each_other():
    rows = [judged(1, "Ada", "a", "b"), judged(2, "Bo", "b", "a")]
    rows += [judged(3, "Ada", "a", "b", is_repeat=True), judged(4, "Bo", "b", "a", is_repeat=True)]
    found = measure_agreement(rows)
    assert found.within.alpha.value == 1
    assert found.within.alpha.count == 4
    assert found.between.alpha.value == pytest.approx(-0.5)


def test_only_shared_answers_to_one_prompt_are_compared():
    rows = [judged(1, "Ada", "a", "b", "c"), judged(2, "Bo", "c", "b", "x"), judged(3, "Bo", "a", "b", prompt_id=2)]
    found = measure_agreement(rows)
    assert (found.between.pairs.value, found.between.pairs.count) == (0.0, 1)
    assert found.between.tau is None  # they ranked other answers besides
    assert found.between.alpha is None


def many(seed=0, prompts=30):
    generator = random.Random(seed)
    rows = []
    for prompt_id in range(prompts):
        for name in ("Ada", "Bo", "Cy"):
            tiers = generator.sample("abcd", 4)
            if generator.random() < 0.3:
                tiers[1:3] = [tiers[1] + tiers[2]]
            rows.append(judged(len(rows) + 1, name, *tiers, prompt_id=prompt_id))
    return rows


def measured(judgements):
    found = measure_agreement(judgements).between
    return [found.pairs.value, found.pairs_with_ties.value, found.tau.value, found.alpha.value]


def test_it_is_the_agreement_that_a_reward_model_is_compared_with():
    rows = many()
    assert measure_agreement(rows).between.pairs == agreement(rows).between
    assert measure_agreement(rows).between.pairs_with_ties == agreement(rows, ties="half").between


def test_names_order_and_the_answers_words_change_nothing():
    rows = many()
    expected = measured(rows)
    assert measured(rows[::-1]) == pytest.approx(expected)
    names = {"Ada": "Zed", "Bo": "Ada", "Cy": "m"}
    assert measured([Judgement(r.prompt_id, names[r.labeler], r.ranks, r.id) for r in rows]) == pytest.approx(expected)
    words = dict(zip("abcd", ("z", "late", "\u4f60", ""), strict=True))
    other = [Judgement(r.prompt_id, r.labeler, {words[a]: k for a, k in r.ranks.items()}, r.id) for r in rows]
    assert measured(other) == pytest.approx(expected)
    turned = [Judgement(r.prompt_id, r.labeler, {a: 5 - k for a, k in r.ranks.items()}, r.id) for r in rows]
    assert measured(turned) == pytest.approx(expected)  # worst first is the same agreement


def test_orders_at_random_agree_as_chance_does():
    values = measured(many(prompts=300))
    assert values[0] == pytest.approx(0.5, abs=0.04)
    assert values[2] == pytest.approx(0.0, abs=0.06)
    assert values[3] == pytest.approx(0.0, abs=0.08)
    found = measure_agreement(many(prompts=300)).between
    for each, chance in ((found.pairs, 0.5), (found.tau, 0.0), (found.alpha, 0.0)):
        assert each.low < chance < each.high
        assert each.groups == 300


def test_nobody_and_one_alone_have_no_agreement():
    assert measure_agreement([]).between.pairs is None
    found = measure_agreement([judged(1, "Ada", "a", "b")])
    assert (found.between.orders, found.between.alpha, found.by_pair, found.by_labeler) == (0, None, (), ())


def test_one_prompt_leaves_tau_and_alpha_open():
    found = measure_agreement([judged(1, "Ada", "a", "b", "c"), judged(2, "Bo", "b", "a", "c")]).between
    assert (found.tau.low, found.tau.high) == (-1.0, 1.0)
    assert (found.alpha.low, found.alpha.high) == (-1.0, 1.0)
    assert np.isclose(found.tau.value, 1 / 3)
