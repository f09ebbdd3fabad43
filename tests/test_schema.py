import dataclasses
import json

import pytest

from rlhf_studio import schema
from rlhf_studio.errors import DataError
from rlhf_studio.schema import Answer, DemonstrationRow, Prompt, RankedRow, Ranking, RunSpec, SftData, Turn, digest


@pytest.mark.parametrize(
    ("tiers", "pairs"),
    [
        (((1,), (2,), (3,)), [(1, 2), (1, 3), (2, 3)]),
        (((1, 2), (3,)), [(1, 3), (2, 3)]),
        (((1,), (2, 3)), [(1, 2), (1, 3)]),
        (((1, 2, 3),), []),
        ((), []),
    ],
)
def test_a_ranking_yields_every_preference_and_no_tie(tiers, pairs):
    assert list(Ranking(1, 1, tiers).pairs()) == pairs


def test_the_number_of_pairs_of_a_strict_order_is_k_choose_2():
    for k in range(2, 10):
        assert len(list(Ranking(1, 1, tuple((i,) for i in range(k))).pairs())) == k * (k - 1) // 2


def test_a_prompt_is_shown_by_its_last_turn():
    turns = (Turn("user", "Hi"), Turn("assistant", "Hello"), Turn("user", "Bye"))
    assert Prompt(1, turns).text == "Bye"
    assert Prompt(1, ()).text == ""


@pytest.mark.parametrize(("answers", "ranks"), [(("a",), (1,)), (("a", "b"), (1,)), ((), ())])
def test_half_a_ranking_is_refused(answers, ranks):
    with pytest.raises(DataError, match=rf"prompt 7 has {len(answers)} answers and {len(ranks)} ranks"):
        RankedRow(7, (Turn("user", "Hi"),), tuple(Answer(a) for a in answers), ranks)


def test_a_ranking_with_as_many_ranks_as_answers_is_whole():
    row = RankedRow(7, (Turn("user", "Hi"),), (Answer("a"), Answer("b")), (1, 1))
    assert row.ranks == (1, 1)


def test_the_digest_tells_any_change_and_nothing_else():
    row = DemonstrationRow(1, (Turn("user", "Hi"),), "Hello")
    assert digest([row]) == digest((dataclasses.replace(row),))
    assert digest(row) != digest([row])
    assert digest(row) != digest(dataclasses.replace(row, answer="Hello."))
    assert digest(SftData((row,))) != digest(SftData((row, row)))
    assert len(digest(())) == 64


def test_a_digest_does_not_depend_on_the_order_of_a_set():
    one = Prompt(1, (), purposes=frozenset(["rank", "ppo", "probe", "demonstrate"]))
    two = Prompt(1, (), purposes=frozenset(["demonstrate", "probe", "ppo", "rank"]))
    assert digest(one) == digest(two)


def test_nouns_cannot_be_changed_and_are_json():
    nouns = [cls for cls in vars(schema).values() if dataclasses.is_dataclass(cls)]
    assert len(nouns) >= 12
    assert all(cls.__dataclass_params__.frozen for cls in nouns)
    spec = RunSpec("sft", {"epochs": 1}, {"base": "models/tiny"})
    assert json.loads(json.dumps(dataclasses.asdict(spec)))["models"] == {"base": "models/tiny"}


def test_there_are_the_papers_ten_use_cases():
    assert len(set(schema.USE_CASES)) == 10
