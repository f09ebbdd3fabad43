import pytest

from rlhf_studio.jobs.needs import missing
from rlhf_studio.store.rows import Counts


def counts(demonstrations=5, people=1, simulated=2, ppo=3, held_out=0):
    to_train = people + simulated - held_out
    return Counts(9, {"ppo": ppo}, {}, {}, demonstrations, 0, people, simulated, to_train, sets_waiting=7)


def ids(found):
    return [item.message for item in found]


def test_a_full_project_lacks_nothing_once_the_stages_before_are_there():
    assert missing(counts(), (), "sft") == ()
    assert missing(counts(), {"sft"}, "reward") == ()
    assert missing(counts(), {"sft", "reward"}, "ppo-ptx") == ()


@pytest.mark.parametrize(
    ("made", "done", "stage", "message", "remedy"),
    [
        (counts(demonstrations=0), (), "sft", "no_demonstrations", "write"),
        (counts(people=1, simulated=0), {"sft"}, "reward", "few_rankings", "rank"),
        (counts(people=3, simulated=0, held_out=2), {"sft"}, "reward", "few_rankings", "rank"),
        (counts(people=0, simulated=0), {"sft"}, "reward", "no_rankings", "rank"),
        (counts(), (), "reward", "no_sft", "sft"),
        (counts(), {"sft"}, "ppo", "no_reward", "reward"),
        (counts(ppo=0), {"sft", "reward"}, "ppo-ptx", "no_prompts", "write"),
    ],
)
def test_what_is_missing_is_named_with_what_mends_it(made, done, stage, message, remedy):
    found = missing(made, done, stage)
    assert [(item.message, item.remedy) for item in found] == [(message, remedy)]


def test_everything_missing_is_named_in_the_order_in_which_it_is_mended():
    assert ids(missing(counts(ppo=0), (), "ppo")) == ["no_sft", "no_reward", "no_prompts"]


def test_a_project_that_cannot_be_written_trains_nothing():
    assert ids(missing(counts(), {"sft"}, "reward", is_read_only=True)) == ["read_only"]


def test_rankings_come_before_what_a_run_makes_and_tell_how_many_sets_wait():
    found = missing(counts(people=2, simulated=0, held_out=1), (), "reward")
    assert ids(found) == ["few_rankings", "no_sft"]
    assert found[0].values == {"count": 1, "total": 2, "needed": 2, "waiting": 7}
