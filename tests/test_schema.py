import dataclasses
import hashlib
import json
import time

import pytest

from rlhf_studio import schema
from rlhf_studio.errors import DataError
from rlhf_studio.schema import (
    Answer,
    DemonstrationRow,
    PpoData,
    Prompt,
    PromptRow,
    RankedRow,
    Ranking,
    RewardData,
    RunSpec,
    SftData,
    TextRow,
    Turn,
    digest,
    record_json,
)


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


def ranked(number):
    """A ranking as the reward model reads it, of some length."""
    answers = tuple(Answer(f"Answer {place} to {number}: \u4f60\u597d", tuple(range(place, 40))) for place in range(5))
    return RankedRow(number, (Turn("user", f"Tell {number}."),), answers, (2, 1, 3, 3, 1), "script", is_simulated=True)


DATA = (
    SftData((DemonstrationRow(7, (Turn("user", "Say\u2028hi."),), "Hi, \u00fc!"),), probes=(PromptRow(1, ()),)),
    RewardData((ranked(1), ranked(2)), (ranked(3),)),
    PpoData((PromptRow(1, (Turn("system", ""), Turn("user", "Hi")), "chat"),), pretraining=(TextRow("a b", "sea"),)),
)


@pytest.mark.parametrize("data", DATA, ids=lambda data: type(data).__name__)
def test_a_record_is_written_and_digested_as_its_copy_in_plain_values(data):
    plain = dataclasses.asdict(data)
    assert record_json(data) == json.dumps(plain).encode()
    assert digest(data) == hashlib.sha256(json.dumps(plain, sort_keys=True).encode()).hexdigest()
    for part in dataclasses.fields(data):
        rows = json.dumps(plain[part.name], sort_keys=True).encode()
        assert digest(getattr(data, part.name)) == hashlib.sha256(rows).hexdigest()


def test_the_digests_of_runs_that_are_there_stay_what_they_are():
    assert digest(DATA[1].train).startswith("909bc89af7eefba0")
    assert digest(Prompt(1, (), purposes=frozenset({"rank", "ppo"}))).startswith("5e755fee96d8303b")


def test_thousands_of_rows_are_written_without_a_copy_of_each():
    """Both sides are timed in one test, in processor time, so that what else the machine does hardly counts."""
    data = RewardData(tuple(ranked(number) for number in range(1000)))

    def seconds(write):
        taken = []
        for _ in range(3):
            start = time.process_time()
            write()
            taken.append(time.process_time() - start)
        return min(taken)

    by_copy = seconds(lambda: json.dumps(dataclasses.asdict(data)).encode())
    assert seconds(lambda: record_json(data)) < by_copy / 1.5


def test_what_is_no_record_is_no_json():
    with pytest.raises(TypeError):
        record_json(object())


def test_nouns_cannot_be_changed_and_are_json():
    nouns = [cls for cls in vars(schema).values() if dataclasses.is_dataclass(cls)]
    assert len(nouns) >= 12
    assert all(cls.__dataclass_params__.frozen for cls in nouns)
    spec = RunSpec("sft", {"epochs": 1}, {"base": "models/tiny"})
    assert json.loads(json.dumps(dataclasses.asdict(spec)))["models"] == {"base": "models/tiny"}


def test_there_are_the_papers_ten_use_cases():
    assert len(set(schema.USE_CASES)) == 10
