"""A person changes settings while PPO goes on: from where, from which step on, and what a crash leaves of it."""

import json
import shutil

import pytest

from rlhf_studio.errors import DataError, RunError
from rlhf_studio.events import CheckpointSaved, Notice, Progress, RunFinished, SettingChanged, StepMetrics
from rlhf_studio.jobs.forking import fork_run
from rlhf_studio.jobs.recipes import drive, start_run
from rlhf_studio.jobs.run_folder import RunFolder
from rlhf_studio.jobs.steering import ask_changes, settings_after
from rlhf_studio.lm.heads import ScalarModel
from rlhf_studio.schema import RunSpec
from rlhf_studio.settings import STEERABLE, PpoSettings, options
from rlhf_studio.train.control import RunControl

PPO = {"steps": 4, "batch_size": 4, "minibatch_size": 4, "epochs": 1, "max_new_tokens": 4, "threads": 1}
FIRST = {"kl_coef": 0.1, "clip": 0.2}


@pytest.fixture
def start(project, model_folder, tiny_lm, tmp_path):
    """Makes a PPO run of four steps."""
    ScalarModel.from_language_model(tiny_lm, seed=3).save(tmp_path / "judge")
    models = {"policy": str(model_folder), "reward": str(tmp_path / "judge")}

    def make(name="20260101-ppo", **changes):
        spec = RunSpec("ppo", {**PPO, **FIRST, "ptx_coef": 0.0, **changes}, models, "PPO")
        return start_run(project, spec, project.runs_dir / name)

    return make


def metrics(events):
    return {e.step: e.values for e in events if isinstance(e, StepMetrics) and e.step}


def figures(events):
    return {step: {k: v for k, v in values.items() if "time/" not in k} for step, values in metrics(events).items()}


def changed(events):
    return [event for event in events if isinstance(event, SettingChanged)]


def drive_asking(folder, wishes, control=None):
    """Drive a run; ``wishes`` by the step after which another program asks for them."""
    events = []
    for event in drive(folder, control or RunControl()):
        events.append(event)
        if isinstance(event, StepMetrics) and event.step in wishes:
            ask_changes(folder.path, wishes[event.step])
    return events


def test_a_wish_holds_from_the_next_step_and_is_told(start):
    events = drive_asking(start(), {1: {"kl_coef": "0.5"}, 2: {"clip": 0.3, "learning_rate": 1e-5}})
    assert changed(events) == [
        SettingChanged(2, "kl_coef", 0.5),
        SettingChanged(3, "learning_rate", 1e-5),
        SettingChanged(3, "clip", 0.3),
    ]
    told = metrics(events)
    assert [told[step]["kl_coef"] for step in (1, 2, 3, 4)] == [0.1, 0.5, 0.5, 0.5]
    assert told[3]["lr"] < told[2]["lr"]


def test_everything_that_can_be_steered_reaches_the_trainer(start):
    folder = start()
    wishes = {"kl_coef": 0.3, "ptx_coef": 0.4, "learning_rate": 2e-5, "value_learning_rate": 3e-5, "clip": 0.1}
    events = drive_asking(folder, {1: {**wishes, "kl_stop": 99.0}})
    assert {event.name for event in changed(events)} == set(STEERABLE)
    assert "loss/ptx" in metrics(events)[2]  # switched on by gamma: the run has text to measure on
    assert "loss/ptx" not in metrics(events)[1]
    state = folder.state()
    assert {name: state[name] for name in STEERABLE} == {**wishes, "kl_stop": 99.0}


def test_a_paused_run_hears_of_it_when_it_goes_on(start):
    folder, control, events = start(), RunControl(), []
    for event in drive(folder, control):
        events.append(event)
        if isinstance(event, StepMetrics) and event.step == 1:
            control.pause()
            ask_changes(folder.path, {"kl_coef": 0.7})
            control.resume()
    assert changed(events) == [SettingChanged(2, "kl_coef", 0.7)]


def test_after_a_crash_a_change_is_made_again_at_its_step(start):
    whole = drive_asking(start("20260101-a"), {2: {"kl_coef": 0.9}})
    folder, control = start("20260101-b"), RunControl()
    events = drive(folder, control)  # no checkpoint comes before the end: all is lost with the crash
    for event in events:
        if isinstance(event, StepMetrics) and event.step == 2:
            ask_changes(folder.path, {"kl_coef": 0.9})
        if isinstance(event, Progress) and event.step == 4:
            break
    copy = shutil.copytree(folder.path, folder.path.with_name("20260101-c"))
    events.close()
    again = list(drive(RunFolder.open(copy), RunControl()))
    assert changed(again) == changed(whole) == [SettingChanged(3, "kl_coef", 0.9)]
    assert figures(again) == figures(whole)
    assert changed(RunFolder.open(copy).events()) == changed(whole)  # once


def test_what_a_person_resumes_with_wins_over_what_was_forgotten(start):
    folder = start()
    for event in drive(folder, RunControl()):
        if isinstance(event, StepMetrics) and event.step == 2:
            ask_changes(folder.path, {"kl_coef": 0.9, "clip": 0.4})
        if isinstance(event, StepMetrics) and event.step == 3:
            break
    again = list(drive(RunFolder.open(folder.path), RunControl(), {"kl_coef": 0.2}))
    assert changed(again) == [SettingChanged(1, "kl_coef", 0.2), SettingChanged(3, "clip", 0.4)]


def test_a_run_that_was_cut_off_finds_the_wish_when_it_is_resumed(start):
    folder = start()
    for event in drive(folder, RunControl()):
        if isinstance(event, Progress):
            break
    (folder.path / "events.jsonl").write_bytes(b"")  # as a crash leaves it: without an end
    assert ask_changes(folder.path, {"clip": 0.5}) == {"clip": 0.5}
    assert changed(drive(RunFolder.open(folder.path), RunControl())) == [SettingChanged(1, "clip", 0.5)]
    assert not list((folder.path / "wishes").iterdir())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"batch_size": 8}, "The setting 'batch_size' cannot change while a run goes on. Change one of: kl_coef, "),
        ({}, "cannot change while a run goes on"),
        ({"kl_coef": -1}, "The setting 'kl_coef' cannot be -1"),
        ({"clip": "much"}, "The setting 'clip' cannot be 'much'"),
    ],
)
def test_what_cannot_be_is_refused(start, changes, words):
    folder = start()
    with pytest.raises(DataError, match=words):
        ask_changes(folder.path, changes)
    assert not (folder.path / "wishes").exists()


def test_a_wish_that_would_do_nothing_is_refused(start, project, model_folder):
    spec = RunSpec("sft", {}, {"base": str(model_folder)}, "SFT")
    sft = start_run(project, spec, project.runs_dir / "20260101-sft")
    with pytest.raises(DataError, match="Only PPO's settings change while it goes on; this is a sft run"):
        ask_changes(sft.path, {"learning_rate": 1e-5})
    of_itself = start("20260101-share", ptx_coef=0.2, ptx_norm_ratio=0.5)
    with pytest.raises(DataError, match=r"sets ptx_coef itself \(ptx_norm_ratio is 0.5\)"):
        ask_changes(of_itself.path, {"ptx_coef": 0.1})
    done = start("20260101-done", steps=1)
    list(drive(done, RunControl()))
    with pytest.raises(DataError, match=r"has ended, so its settings cannot change any more\. Resume it with them"):
        ask_changes(done.path, {"kl_coef": 0.1})


def test_a_run_without_text_has_no_gamma(start, project):
    for path in project.folder.glob("*pretraining*"):
        path.unlink()
    with pytest.raises(DataError, match="has read no pretraining text, so ptx_coef would do nothing"):
        ask_changes(start().path, {"ptx_coef": 0.1})


def test_a_damaged_wish_is_told_and_left_out(start):
    folder = start(steps=1)
    (folder.path / "wishes").mkdir()
    for number, text in enumerate(("{", '{"batch_size": 3}', '["kl_coef"]')):
        (folder.path / "wishes" / f"{number}.json").write_text(text)
    events = list(drive(folder, RunControl()))
    told = [event.values["file"] for event in events if isinstance(event, Notice) and "wish" in event.message]
    assert told == ["0.json", "1.json", "2.json"]
    assert not changed(events)
    assert events[-1].outcome == "completed"


def test_a_run_that_ended_at_its_limit_goes_on_with_another_one(start):
    folder = start(kl_stop=1e-3, learning_rate=1e-2, warmup_steps=0)
    first = list(drive(folder, RunControl()))
    assert first[-1] == RunFinished(2, "completed")  # the first step samples from its own start
    assert list(drive(folder, RunControl())) == [RunFinished(2, "completed")]
    (notice,) = [event for event in first if isinstance(event, Notice) and event.message == "ppo.kl_stop"]
    assert notice.values["limit"] == 1e-3
    again = list(drive(RunFolder.open(folder.path), RunControl(), {"kl_stop": 0.0, "kl_coef": 0.4}))
    assert changed(again) == [SettingChanged(3, "kl_coef", 0.4), SettingChanged(3, "kl_stop", 0.0)]
    assert again[-1] == RunFinished(4, "completed")
    events = RunFolder.open(folder.path).events()
    assert list(metrics(events)) == [1, 2, 3, 4]
    assert [event for event in events if isinstance(event, RunFinished)] == [RunFinished(4, "completed")]
    assert list(drive(folder, RunControl(), {"kl_stop": 1.0})) == [RunFinished(4, "completed")]  # nothing is left


def test_a_limit_that_stays_as_it_was_ends_the_run_again(start):
    folder = start(kl_stop=1e-3, learning_rate=1e-2, warmup_steps=0)
    list(drive(folder, RunControl()))
    again = list(drive(RunFolder.open(folder.path), RunControl(), {"clip": 0.1}))
    assert again[-1] == RunFinished(3, "completed")


def test_a_fork_begins_with_what_was_steered_and_tells_what_it_changes(start):
    folder = start(checkpoint_seconds=1e-6, keep_checkpoints=99)
    drive_asking(folder, {1: {"kl_coef": 0.5}})
    assert settings_after(folder.path, 1)["kl_coef"] == 0.1
    assert settings_after(folder.path, 3)["kl_coef"] == 0.5
    assert settings_after(folder.path, 77) == dict(folder.spec.settings)
    same = fork_run(folder.path, 3)
    assert same.spec.settings["kl_coef"] == 0.5
    assert not changed(list(drive(same, RunControl())))
    back = fork_run(folder.path, 3, {"kl_coef": 0.1, "clip": 0.3})
    events = list(drive(back, RunControl()))
    assert changed(events) == [SettingChanged(4, "clip", 0.3), SettingChanged(4, "kl_coef", 0.1)]
    assert changed(back.events())[0] == SettingChanged(2, "kl_coef", 0.5)  # of the run it came from


def test_a_fork_with_another_batch_says_that_it_reads_elsewhere(start):
    folder = start(checkpoint_seconds=1e-6, keep_checkpoints=99)
    list(drive(folder, RunControl()))
    fork = fork_run(folder.path, 2, {"batch_size": 8, "minibatch_size": 8})
    told = [event for event in drive(fork, RunControl()) if isinstance(event, Notice)]
    assert Notice(2, "run.fork_elsewhere", {"step": 2, "before": 4, "now": 8}) in told
    quiet = [event.message for event in drive(fork_run(folder.path, 2), RunControl()) if isinstance(event, Notice)]
    assert "run.fork_elsewhere" not in quiet


def test_a_wish_into_a_folder_that_is_gone_is_said(start, monkeypatch):
    folder = start()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("rlhf_studio.jobs.steering.write_whole", full)
    with pytest.raises(RunError, match="The disk is full: the change could not be written"):
        ask_changes(folder.path, {"clip": 0.3})


def test_all_that_can_be_steered_is_a_setting_and_may_differ_when_a_run_is_resumed():
    from rlhf_studio.cli.resume import CHANGEABLE as OFFERED
    from rlhf_studio.jobs.recipes import CHANGEABLE
    from rlhf_studio.words import STEERED

    assert set(STEERABLE) <= {option.name for option in options(PpoSettings)}
    assert set(STEERABLE) <= CHANGEABLE
    assert set(OFFERED) == CHANGEABLE
    assert set(STEERED) == set(STEERABLE)


def test_the_checkpoint_of_an_earlier_version_knows_no_limit(start):
    folder = start(steps=2)
    events = drive(folder, RunControl())
    for event in events:
        if isinstance(event, CheckpointSaved):
            break
    list(events)
    path = max((folder.path / "checkpoints").iterdir()) / "state.json"
    content = json.loads(path.read_text())
    del content["state"]["kl_stop"]
    path.write_text(json.dumps(content))
    fork = fork_run(folder.path, 2, {"steps": 3})
    assert list(drive(fork, RunControl()))[-1] == RunFinished(3, "completed")
