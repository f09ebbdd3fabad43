"""``adjust``, and ``resume`` of a run that ended at its limit of the KL."""

import json

import pytest

from rlhf_studio.cli import entry
from rlhf_studio.jobs.catalog import list_runs
from rlhf_studio.jobs.run_folder import RunFolder
from rlhf_studio.jobs.steering import take_wishes
from rlhf_studio.lm.heads import ScalarModel
from rlhf_studio.train.control import RunControl


@pytest.fixture
def ended(project, base, tiny_lm, tmp_path, capsys):
    """A PPO run that ended before the last of its nine steps."""
    ScalarModel.from_language_model(tiny_lm, seed=3).save(tmp_path / "judge")
    words = ["train", "ppo", "--project", str(project), "--policy", str(base), "--reward", str(tmp_path / "judge")]
    sizes = ["--steps", "9", "--batch-size", "4", "--minibatch-size", "4", "--epochs", "1", "--max-new-tokens", "4"]
    far = ["--ptx-coef", "0", "--learning-rate", "1e-2", "--warmup-steps", "0", "--kl-stop", "1e-3", "--threads", "1"]
    assert entry.main([*words, *sizes, *far]) == 0
    return list_runs(project).runs[0]


def test_a_run_that_ended_at_its_limit_says_how_to_go_on_and_does(project, ended, capsys):
    said, last = capsys.readouterr().out, RunFolder.open(ended.path).ending().step
    assert 2 <= last < 9
    assert "above the limit of 0.001: the run ends here. Resume it with another limit or a larger beta" in said
    how = f"rlhf-studio resume {ended.id} --project {project} --kl-stop"
    assert f"It ended at step {last}, above its limit of the KL. To go on with another limit: {how} X" in said
    assert entry.main(["resume", ended.id, "--project", str(project)]) == 0
    assert RunFolder.open(ended.path).ending().step == last
    capsys.readouterr()
    assert entry.main(["resume", ended.id, "--project", str(project), "--kl-stop", "0", "--kl-coef", "0.5"]) == 0
    said = capsys.readouterr().out
    assert f"From step {last + 1} on: beta 0.5." in said
    assert "It ended at step" not in said
    assert RunFolder.open(ended.path).ending().step == 9


def test_a_change_is_left_for_a_run_that_goes_on(project, ended, capsys):
    (ended.path / "events.jsonl").write_bytes(b"")  # as if it had only just begun
    capsys.readouterr()
    words = ["adjust", ended.id, "--project", str(project)]
    assert entry.main([*words, "--kl-coef", "0.25", "--value-learning-rate", "1e-5"]) == 0
    assert capsys.readouterr().out == f"{ended.id}, from its next step on: beta 0.25, value rate 1e-05.\n"
    control = RunControl()
    assert take_wishes(ended.path, control) == []
    assert control.take_changes() == [("kl_coef", 0.25), ("value_learning_rate", 1e-5)]
    assert entry.main(words) == 3
    assert "Nothing was named that shall change. Give one of: " in capsys.readouterr().err
    assert entry.main([*words, "--clip", "-1"]) == 3
    assert "The setting 'clip' cannot be '-1'" in capsys.readouterr().err
    assert json.loads((ended.path / "run.json").read_text())["spec"]["settings"]["kl_coef"] != 0.25
