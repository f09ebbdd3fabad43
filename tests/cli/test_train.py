import json
import os
import signal
import sys

import pytest

from rlhf_studio.cli import entry
from rlhf_studio.cli.progress import PlainView
from rlhf_studio.cli.resume import CHANGEABLE
from rlhf_studio.events import RunFinished, StepMetrics
from rlhf_studio.jobs import estimating
from rlhf_studio.jobs.catalog import list_runs
from rlhf_studio.jobs.recipes import CHANGEABLE as ALLOWED
from rlhf_studio.jobs.run_folder import RunFolder
from rlhf_studio.store.project import open_project

FAST = ["--threads", "1", "--device", "cpu"]
PPO = ["--steps", "1", "--batch-size", "4", "--minibatch-size", "4", "--max-new-tokens", "6", "--ptx-window", "8"]


def train(stage, project, *more):
    return entry.main(["train", stage, "--project", str(project), *FAST, *more])


def newest(project):
    return list_runs(project).runs[-1]


def test_the_stages_one_after_another(project, base, capsys):
    assert train("sft", project, "--base", str(base), "--epochs", "1", "--title", "First") == 0
    sft = newest(project)
    assert (sft.kind, sft.title, sft.outcome) == ("sft", "First", "completed")
    assert train("reward", project, "--epochs", "1") == 0
    assert newest(project).parents == (sft.id,)
    assert train("sft", project, "--base", str(base), "--epochs", "1") == 0  # newer, but no reward model knows it
    assert train("ppo", project, *PPO) == 0
    assert sft.id in newest(project).parents
    said = capsys.readouterr().out
    assert "PPO-ptx: done, 1 steps" in said
    assert "Models: policy, policy-ema, value in" in said
    assert train("ppo", project, *PPO, "--ptx-coef", "0", "--policy", sft.id) == 0
    assert "PPO: done, 1 steps" in capsys.readouterr().out
    with open_project(project) as store:
        assert [run.outcome for run in store.runs()][:4] == ["completed"] * 4
        assert store.metrics(sft.id)[-1].step > 0


def test_a_preset_sets_names_and_says_what_to_watch_and_options_win(project, base, capsys):
    assert train("sft", project, "--base", str(base), "--epochs", "1", "--preset", "few-rankings") == 0
    assert "The preset 'few-rankings' changes nothing in SFT, only in Reward model." in capsys.readouterr().out
    assert newest(project).title == "SFT"
    assert train("reward", project, "--preset", "few-rankings") == 0
    said = capsys.readouterr().out
    assert said.startswith("Only 20 rankings: ")
    assert "\nWatch for: Pairs ordered as people did" in said
    reward = newest(project)
    assert reward.title == "Reward model: only 20 rankings"
    assert RunFolder.open(reward.path).spec.settings["max_rankings"] == 20
    assert train("ppo", project, *PPO, "--preset", "no-kl") == 0
    assert newest(project).title == "PPO-ptx: no KL penalty, only 20 rankings"
    assert RunFolder.open(newest(project).path).spec.settings["kl_coef"] == 0
    assert train("ppo", project, *PPO, "--preset", "no-kl", "--kl-coef", "0.5", "--title", "Mine") == 0
    assert newest(project).title == "Mine"
    assert RunFolder.open(newest(project).path).spec.settings["kl_coef"] == 0.5


def test_a_preset_that_is_not_there_starts_nothing_and_names_the_others(project, base, capsys):
    assert train("sft", project, "--base", str(base), "--preset", "chaos") == 3
    err = capsys.readouterr().err
    assert "There is no preset 'chaos'. Choose one of: paper, toy, no-kl, triple-rate, few-rankings." in err
    assert list((project / "runs").iterdir()) == []


@pytest.mark.parametrize(
    ("stage", "said"),
    [
        ("reward", "The reward model starts from an SFT model and this project has no complete run"),
        ("ppo", "PPO starts from a reward model and this project has no complete run"),
    ],
)
def test_a_stage_without_the_one_before_says_which_command_makes_it(project, capsys, stage, said):
    assert train(stage, project) == 3
    err = capsys.readouterr().err
    assert said in err
    assert f"rlhf-studio train {'sft' if stage == 'reward' else 'reward'} --project {project}" in err
    assert list((project / "runs").iterdir()) == []


def test_a_run_that_cannot_start_leaves_nothing(project, base, tmp_path, capsys):
    entry.main(["project", "new", str(tmp_path / "empty")])
    assert train("sft", tmp_path / "empty", "--base", str(base)) == 3
    assert "SFT needs demonstrations" in capsys.readouterr().err
    assert list((tmp_path / "empty" / "runs").iterdir()) == []


def test_a_project_or_a_model_that_is_not_there(project, tmp_path, capsys):
    assert train("sft", tmp_path / "nowhere") == 3
    assert train("sft", project, "--base", "nothing") == 4
    assert train("reward", project, "--base", "20990101") == 4
    assert "Traceback" not in capsys.readouterr().err


class StoppingView(PlainView):
    """A person who presses Ctrl+C after the first step."""

    def show(self, event):
        super().show(event)
        if isinstance(event, StepMetrics) and event.step == 1:
            signal.raise_signal(signal.SIGINT)


@pytest.fixture
def stopped(project, base, monkeypatch, capsys):
    with monkeypatch.context() as patch:
        patch.setattr("rlhf_studio.cli.one_run.open_view", lambda: StoppingView(sys.stdout))
        assert train("sft", project, "--base", str(base), "--epochs", "3", "--batch-size", "4") == 130
    run = newest(project)
    assert f"rlhf-studio resume {run.id} --project" in capsys.readouterr().out
    return run


def test_ctrl_c_stops_with_a_checkpoint_and_resume_goes_on(project, stopped, capsys):
    assert stopped.outcome == "stopped"
    assert entry.main(["resume", stopped.id[:-2], "--project", str(project), "--micro-batch", "2"]) == 0
    run = RunFolder.open(stopped.path)
    assert [event.step for event in run.events() if isinstance(event, StepMetrics)] == list(range(7))
    assert run.spec.settings["micro_batch"] == 2
    capsys.readouterr()
    assert entry.main(["resume", str(stopped.path)]) == 0
    assert "SFT: done before" in capsys.readouterr().out


def test_resume_with_what_cannot_change_or_is_not_there(project, stopped, capsys):
    assert entry.main(["resume", "2099", "--project", str(project)]) == 3
    assert entry.main(["resume", "nothing"]) == 3
    assert "Name a folder, or the project" in capsys.readouterr().err
    assert entry.main(["resume", str(stopped.path), "--kl-coef", "1"]) == 3
    assert "'kl_coef'" in capsys.readouterr().err
    assert entry.main(["resume", str(project / "runs")]) == 3


def test_a_failing_run_says_why_and_how_to_go_on(project, base, capsys, monkeypatch):
    def fail(*_):
        raise MemoryError

    monkeypatch.setattr("rlhf_studio.train.sft._accumulate", fail)
    assert train("sft", project, "--base", str(base)) == 5
    said = capsys.readouterr().out
    assert "failed: The memory is exhausted" in said
    assert "rlhf-studio resume" in said
    assert isinstance(RunFolder.open(newest(project).path).events()[-1], RunFinished)


def test_a_project_that_is_open_elsewhere_is_trained_on_all_the_same(project, base, capsys):
    with open_project(project):
        assert train("sft", project, "--base", str(base), "--epochs", "1") == 0
        assert entry.main(["project", "info", str(project)]) == 0
    said = capsys.readouterr().out
    assert "open elsewhere" in said
    assert "only the project's index is not" in said
    assert newest(project).outcome == "completed"


def test_resume_offers_all_that_may_change():
    assert set(CHANGEABLE) == ALLOWED


def test_settings_from_a_file_and_options_reach_the_run(project, base, tmp_path):
    path = tmp_path / "sft.json"
    path.write_text(json.dumps({"epochs": 1, "dropout": 0.0}))
    assert train("sft", project, "--base", str(base), "--settings", str(path), "--batch-size", "2") == 0
    settings = RunFolder.open(newest(project).path).spec.settings
    assert (settings["epochs"], settings["dropout"], settings["batch_size"]) == (1, 0.0, 2)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_project_that_cannot_be_written(project, base, capsys):
    (project / "runs").chmod(0o500)
    assert train("sft", project, "--base", str(base)) == 5
    assert "Traceback" not in capsys.readouterr().err


def test_an_estimate_starts_nothing(project, base, capsys):
    assert train("sft", project, "--base", str(base), "--epochs", "1", "--estimate") == 0
    said = capsys.readouterr().out
    assert said.startswith(
        "Settings: Epochs 1 (default 3), Device cpu (default auto), CPU threads 1 (default 0).\nAbout "
    )
    assert " more memory, " in said
    assert "nothing was started" in said
    assert not list_runs(project).runs


def test_each_start_says_what_it_takes_and_what_will_not_suffice(project, base, capsys, monkeypatch):
    monkeypatch.setattr(estimating, "free_memory", lambda _device: 20_000_000)
    assert train("sft", project, "--base", str(base), "--epochs", "1") == 0
    said = capsys.readouterr().out
    assert "It needs about " in said
    assert "only 20.0 MB are free. Close other programs, or choose a smaller model or shorter texts." in said
    assert "SFT: done" in said


def test_settings_are_saved_to_a_file_and_taken_from_it(project, base, tmp_path, capsys):
    path = str(tmp_path / "mine.json")
    assert train("sft", project, "--base", str(base), "--epochs", "2", "--save-settings", path) == 0
    assert "nothing was started" in capsys.readouterr().out
    assert json.loads((tmp_path / "mine.json").read_text())["sft"]["epochs"] == 2
    assert train("sft", project, "--base", str(base), "--settings", path, "--estimate") == 0
    assert "Epochs 2 (default 3)" in capsys.readouterr().out
    (tmp_path / "mine.json").write_text('{"sft": {"epoch": 2}}')
    assert train("sft", project, "--base", str(base), "--settings", path) != 0
    assert "There is no setting 'epoch' in this stage. Did you mean epochs?" in capsys.readouterr().err
