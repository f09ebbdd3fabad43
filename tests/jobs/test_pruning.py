"""Which checkpoints stay: the newest, the best, and some to fork from; never more than the settings allow."""

import pytest

from rlhf_studio.events import StepMetrics
from rlhf_studio.jobs.models import kept_steps
from rlhf_studio.jobs.pruning import count_kept, fork_points, most_checkpoints
from rlhf_studio.jobs.run_folder import RunFolder
from rlhf_studio.schema import PpoData, RunSpec
from rlhf_studio.settings import PpoSettings, SftSettings


def names(*steps):
    return [f"step-{step:08d}" for step in sorted(steps, reverse=True)]


def test_points_to_fork_from_are_spread_over_a_run_of_any_length():
    for last, left in ((5, []), (30, [10, 20, 30]), (40, [20, 40]), (60, [20, 40, 60]), (80, [40, 80]), (90, [40, 80])):
        assert fork_points(names(*range(1, last + 1)), 10, 3) == set(names(*left))
    assert fork_points(names(10, 20), 10, 0) == set()


def test_of_several_checkpoints_of_a_step_the_one_at_its_end_stays():
    assert fork_points(["step-00000010-2", "step-00000010", "step-00000009-2"], 10, 3) == {"step-00000010"}


def test_a_long_run_keeps_a_bounded_number(tmp_path, checkpoint_of):
    settings = {"checkpoint_steps": 2, "fork_points": 3, "keep_best": True}
    with RunFolder.create(tmp_path / "runs" / "a", RunSpec("ppo", settings, {}), PpoData(())) as folder:
        for step in range(1, 28):
            folder.append(StepMetrics(step, {"objective/rlhf_reward": -abs(step - 5.0)}))
            folder.save(checkpoint_of(step))
            assert len(kept_steps(folder.path)) <= most_checkpoints(settings) == 6
        assert kept_steps(folder.path) == (27, 26, 24, 16, 8, 5)


@pytest.mark.parametrize("last", [3, 10, 30, 47])
def test_what_is_counted_before_a_run_is_what_it_keeps(tmp_path, checkpoint_of, last):
    settings = {"checkpoint_steps": 5, "fork_points": 3, "keep_checkpoints": 2}
    steps = [*range(5, last, 5), last]
    most = 0
    with RunFolder.create(tmp_path / "runs" / "a", RunSpec("ppo", settings, {}), PpoData(())) as folder:
        for step in steps:
            most = max(most, len(kept_steps(folder.path)) + 1)  # the new one is written before old ones go
            folder.save(checkpoint_of(step))
        assert count_kept(settings, steps) == (len(kept_steps(folder.path)), most)


def test_ppo_leaves_some_by_default_and_other_stages_as_before():
    assert most_checkpoints(PpoSettings().model_dump()) == 5
    assert most_checkpoints(PpoSettings(checkpoint_steps=0).model_dump()) == 2
    assert most_checkpoints(SftSettings().model_dump()) == 2
