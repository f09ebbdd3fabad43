"""Two processes under torch.distributed train one run of a project, as ``accelerate launch`` starts them."""

import multiprocessing
import socket
import subprocess
import sys

import numpy as np
import pytest
import team_child
import torch
from safetensors.torch import load_file

from rlhf_studio.cli import entry
from rlhf_studio.errors import DivergedError
from rlhf_studio.events import Notice, RunFinished, StepMetrics
from rlhf_studio.jobs.catalog import list_runs
from rlhf_studio.jobs.recipes import drive, start_project_run
from rlhf_studio.jobs.run_folder import RunFolder
from rlhf_studio.jobs.team_run import FollowedRun
from rlhf_studio.lm.heads import ScalarModel
from rlhf_studio.schema import RunSpec
from rlhf_studio.store.project import open_project
from rlhf_studio.train import sft
from rlhf_studio.train.control import RunControl
from rlhf_studio.train.team import current_team
from teams import together

needs_fork_server = pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork server")

PATIENCE_S = 240
HERE = ["--device", "cpu", "--threads", "1", "--learning-rate", "1e-3"]
PPO = {
    "steps": 3,
    "batch_size": 5,
    "minibatch_size": 3,
    "max_new_tokens": 6,
    "ptx_window": 8,
    "value_learning_rate": 1e-3,
    "rollout_every": 1,
}
SFT = {"epochs": 2, "batch_size": 3, "dropout": 0.2, "pretraining_share": 0.3, "adam_epsilon": 1e-5, "packing": True}


def options(settings):
    given = (("--" + name.replace("_", "-"), value) for name, value in settings.items())
    return [word for name, value in given for word in ([name] if value is True else [name, str(value)])]


@pytest.fixture
def closed(project, tmp_path, tiny_lm):
    """The project's folder, with a reward model beside it."""
    ScalarModel.from_language_model(tiny_lm, seed=3).save(tmp_path / "reward")
    project.close()
    return project.folder


@pytest.fixture
def ppo_words(closed, model_folder, tmp_path):
    models = ["--policy", str(model_folder), "--reward", str(tmp_path / "reward")]
    return ["train", "ppo", "--project", str(closed), *models, *HERE, *options(PPO)]


@pytest.fixture(scope="module")
def processes():
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["team_child", "rlhf_studio.lm.loading", "transformers.models.llama.modeling_llama"])
    return context


@pytest.fixture
def launch(processes, tmp_path):
    """Run a command in two processes: their exit codes and what they said."""

    def start(words, mishaps=("", "")):
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        outputs = [tmp_path / f"said-{rank}.txt" for rank in range(2)]
        children = [
            processes.Process(target=team_child.run, args=(rank, 2, port, words, str(outputs[rank]), mishaps[rank]))
            for rank in range(2)
        ]
        for child in children:
            child.start()
        for child in children:
            child.join(PATIENCE_S)
            assert child.exitcode is not None, "a process waits for ever"
        return [child.exitcode for child in children], [output.read_text() for output in outputs]

    return start


def newest(project):
    return RunFolder.open(list_runs(project).runs[-1].path)


def assert_same_run(found, expected):
    """The same episodes and steps, told once each, and the same models."""
    for events in (found.events(), expected.events()):
        assert isinstance(events[-1], RunFinished)
        assert events[-1].outcome == "completed"
    steps = [[event for event in run.events() if isinstance(event, StepMetrics)] for run in (found, expected)]
    assert [event.step for event in steps[0]] == [event.step for event in steps[1]]
    for one, other in zip(*steps, strict=True):
        wanted = {name: value for name, value in other.values.items() if not name.startswith("time/")}
        assert {name: one.values[name] for name in wanted} == pytest.approx(wanted, abs=1e-5, rel=1e-4)
    for path in sorted((expected.path / "rollouts").glob("*.npz")):
        rollout = np.load(found.path / "rollouts" / path.name)
        for name, wanted in np.load(path).items():
            if wanted.dtype.kind in "ib":
                assert (rollout[name] == wanted).all(), name
            else:
                np.testing.assert_allclose(rollout[name], wanted, atol=1e-5, rtol=0, err_msg=name)
    for path in (expected.path / "models").glob("*/model.safetensors"):
        weights = load_file(found.path / "models" / path.parent.name / path.name)
        for name, wanted in load_file(path).items():
            torch.testing.assert_close(weights[name], wanted, atol=1e-5, rtol=0, msg=name)


@pytest.mark.slow
@needs_fork_server
def test_a_ppo_ptx_run_on_two_processes_is_that_of_one(launch, ppo_words, closed):
    assert entry.main(ppo_words) == 0
    expected = newest(closed)
    codes, (said, silence) = launch(ppo_words)
    assert (codes, silence) == ([0, 0], "")
    assert "PPO-ptx: done, 3 steps" in said
    found = newest(closed)
    assert found.id != expected.id
    assert_same_run(found, expected)
    assert sorted((found.path / "rollouts").glob("*.npz"))


@pytest.mark.slow
@needs_fork_server
def test_sft_on_two_processes_is_that_of_one(launch, closed, model_folder):
    words = ["train", "sft", "--project", str(closed), "--base", str(model_folder), *HERE, *options(SFT)]
    assert entry.main(words) == 0
    expected = newest(closed)
    codes, (_, silence) = launch(words)
    assert (codes, silence) == ([0, 0], "")
    assert_same_run(newest(closed), expected)


@pytest.mark.slow
@needs_fork_server
def test_a_stopped_run_goes_on_with_another_number_of_processes(launch, ppo_words, closed):
    assert entry.main(ppo_words) == 0
    expected = newest(closed)
    codes, (said, _) = launch(ppo_words, ("", "stop"))  # asked of the one that trains along
    assert codes == [130, 0]
    assert "To go on from the last checkpoint: rlhf-studio resume" in said
    stopped = newest(closed)
    assert stopped.ending().outcome == "stopped"
    assert entry.main(["resume", str(stopped.path)]) == 0
    assert_same_run(stopped, expected)
    codes, _ = launch(ppo_words, ("stop", ""))
    assert codes == [130, 0]
    stopped = newest(closed)
    assert launch(["resume", str(stopped.path)])[0] == [0, 0]
    assert_same_run(stopped, expected)


@pytest.mark.slow
@needs_fork_server
@pytest.mark.parametrize(
    ("mishap", "codes", "words"),
    [
        ("break", [5, 0], "ZeroDivisionError: no such number. This should not happen; the details are in"),
        ("kill", [5, -9], "Another process of this run has ended or does not answer"),
    ],
)
def test_a_process_that_fails_ends_both_with_a_sentence(launch, ppo_words, closed, mishap, codes, words):
    found, (said, _) = launch(ppo_words, ("", mishap))
    assert found == codes
    assert f"PPO-ptx: failed: {words}" in said
    folder = newest(closed)
    assert folder.ending().outcome == "failed"
    assert [event.step for event in folder.events() if isinstance(event, StepMetrics)] == [0, 1]
    if mishap == "break":  # with its own traceback, from the process where it was
        assert "in gradient" in (folder.path / "crash.log").read_text()


@pytest.mark.slow
@needs_fork_server
def test_accelerate_launches_it(closed, model_folder, tmp_path):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    launcher = [sys.executable, "-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2"]
    launcher += ["--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no"]
    launcher += ["--main_process_port", str(port), "-m", "rlhf_studio"]
    words = ["train", "sft", "--project", str(closed), "--base", str(model_folder), *HERE, *options(SFT)]
    done = subprocess.run([*launcher, *words], capture_output=True, text=True, check=False, timeout=PATIENCE_S)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("SFT: done") == 1
    assert newest(closed).ending().outcome == "completed"


def test_all_go_back_where_one_diverges(closed, model_folder, monkeypatch):
    settings = {**SFT, "device": "cpu", "threads": 1, "learning_rate": 1e-3, "checkpoint_seconds": 1e-6}
    with open_project(closed) as store:
        folder = start_project_run(store, RunSpec("sft", settings, {"base": str(model_folder)}))
    true, left = sft._mix_in_texts, [DivergedError("pretraining loss", float("nan"), 3)]

    def mix(stage, step, count):
        if step == 3 and current_team().rank == 1 and left:
            raise left.pop()
        return true(stage, step, count)

    monkeypatch.setattr(sft, "_mix_in_texts", mix)
    first, second = together(
        2, lambda rank: list(drive([RunFolder, FollowedRun][rank].open(folder.path), RunControl()))
    )
    for events in (first, second):
        assert events[-1].outcome == "completed"
        assert [e.values["step"] for e in events if isinstance(e, Notice) and e.message == "run.went_back"] == [2]
    kept = folder.events()
    steps = [event for event in kept if isinstance(event, StepMetrics)]
    assert [event.step for event in steps] == list(range(5))  # each once, though some were done twice
    assert folder.spec.settings["learning_rate"] == 1e-3
    assert RunFolder.open(folder.path).spec.settings["learning_rate"] == 5e-4


def test_who_trains_along_reads_the_folder_and_writes_nothing(folder, checkpoint_of, tmp_path):
    with folder:
        folder.save(checkpoint_of(3))
    before = {path: path.stat().st_mtime_ns for path in folder.path.rglob("*")}
    followed = FollowedRun.open(folder.path)
    with followed:
        assert followed.latest().step == 3
        followed.append(StepMetrics(4, {}))
        followed.save(checkpoint_of(4))
        followed.save_rollout(4, {})
        followed.save_model(4, "policy", lambda _: pytest.fail("a model is written"))
        followed.amend({"batch_size": 8})
        followed.resume_cut()
    assert followed.spec.settings == {"batch_size": 8}
    assert {path: path.stat().st_mtime_ns for path in folder.path.rglob("*")} == before
    with folder:
        folder.save(checkpoint_of(5))
    followed.resume_cut()  # after a failure the others see where the first has gone back to
    assert followed.latest().step == 5


def test_only_training_runs_in_several_processes(monkeypatch, capsys):
    for name, value in {"RANK": "0", "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": "29500"}.items():
        monkeypatch.setenv(name, value)
    assert entry.main(["demo"]) == 5
    assert "'demo' runs in one process and was started in 2." in capsys.readouterr().err


def test_a_launch_that_started_one_process_instead_of_two_is_refused(monkeypatch, capsys, closed):
    for name in ("RANK", "WORLD_SIZE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("ACCELERATE_USE_CPU", "True")
    monkeypatch.setenv("MASTER_PORT", "29500")
    assert entry.main(["train", "sft", "--project", str(closed)]) == 5
    assert "--multi_gpu --num_processes 2" in capsys.readouterr().err
    assert list_runs(closed).runs == ()
