import json
import shutil
from typing import get_args

import pytest

from rlhf_studio.errors import DataError, RunError
from rlhf_studio.events import RunFinished, RunStarted, SettingChanged, StepMetrics
from rlhf_studio.example.rubric import RUBRICS
from rlhf_studio.jobs.recipes import drive, start_project_run, start_run
from rlhf_studio.jobs.run_folder import RunFolder
from rlhf_studio.lm.codec import Codec
from rlhf_studio.lm.heads import ScalarModel
from rlhf_studio.lm.loading import load_language_model
from rlhf_studio.lm.tokenizer_training import train_tokenizer
from rlhf_studio.schema import RunSpec
from rlhf_studio.settings import PpoSettings
from rlhf_studio.train.control import RunControl

QUICK = {"epochs": 2, "batch_size": 3, "threads": 1}


@pytest.fixture
def sft(project, model_folder):
    return start_project_run(project, RunSpec("sft", QUICK, {"base": str(model_folder)}))


class StopsAt(RunControl):
    """Asks for a stop as soon as the listener has seen a step."""

    def drive(self, folder, step):
        for event in drive(folder, self):
            if isinstance(event, StepMetrics) and event.step == step:
                self.request_stop()
            yield event


def steps(folder):
    return [event.step for event in folder.events() if isinstance(event, StepMetrics)]


def test_a_run_trains_from_its_folder_alone(sft, project):
    project.close()
    (project.folder / "project.sqlite").unlink()
    events = list(drive(sft, RunControl()))
    assert events[-1] == RunFinished(4, "completed")
    assert steps(sft) == [0, 1, 2, 3, 4]
    load_language_model(sft.path / "models" / "policy")


def test_settings_that_were_not_named_are_written_down(sft):
    settings = RunFolder.open(sft.path).spec.settings
    assert (settings["epochs"], settings["dropout"], settings["device"]) == (2, 0.0, "auto")


def test_a_stopped_run_goes_on_and_a_complete_one_is_left_alone(sft):
    events = list(StopsAt().drive(sft, 2))
    assert events[-1] == RunFinished(2, "stopped")
    events = list(drive(RunFolder.open(sft.path), RunControl()))
    assert next(event for event in events if isinstance(event, RunStarted)).step == 2
    assert steps(sft) == [0, 1, 2, 3, 4]
    before = {path: path.stat().st_mtime_ns for path in sft.path.rglob("*")}
    assert list(drive(RunFolder.open(sft.path), RunControl())) == [RunFinished(4, "completed")]
    assert {path: path.stat().st_mtime_ns for path in sft.path.rglob("*")} == before


def test_a_model_that_was_changed_or_is_gone_stops_the_resume_before_anything_is_written(sft, model_folder):
    list(StopsAt().drive(sft, 1))
    before = sft.events()
    config = model_folder / "config.json"
    original = config.read_text()
    config.write_text(original + " ")
    with pytest.raises(RunError, match=f"The base model of this run, {model_folder}, was changed since"):
        list(drive(sft, RunControl()))
    config.write_text(original)
    (model_folder / "notes.md").write_text("A note beside the model changes nothing.")
    aside = model_folder.rename(model_folder.with_name("aside"))
    with pytest.raises(RunError, match=r"cannot be read \(No such file or directory\). Put the folder back"):
        list(drive(sft, RunControl()))
    assert sft.events() == before
    aside.rename(model_folder)
    assert list(drive(sft, RunControl()))[-1] == RunFinished(4, "completed")


def test_a_project_can_be_moved_with_its_runs_and_models(project, model_folder, tmp_path):
    inside = shutil.copytree(model_folder, project.folder / "models" / "mine")
    run = start_project_run(project, RunSpec("sft", QUICK, {"base": str(inside)}))
    assert run.spec.models == {"base": "models/mine"}
    project.close()
    moved = project.folder.rename(tmp_path / "moved")
    assert list(drive(RunFolder.open(moved / "runs" / run.id), RunControl()))[-1].outcome == "completed"


def test_a_bundled_model_is_found_where_this_installation_keeps_it(sft, model_folder, monkeypatch, tmp_path):
    (tmp_path / "elsewhere").mkdir()
    model_folder.rename(tmp_path / "elsewhere" / "base")
    monkeypatch.setattr("rlhf_studio.jobs.model_folders.models_dir", lambda: tmp_path / "elsewhere")
    assert list(drive(sft, RunControl()))[-1].outcome == "completed"


def test_two_drivers_of_one_run_do_not_meet(sft):
    events = drive(sft, RunControl())
    next(events)
    with pytest.raises(RunError, match="is going on elsewhere"):
        list(drive(RunFolder.open(sft.path), RunControl()))
    assert [*events][-1].outcome == "completed"
    assert steps(sft) == [0, 1, 2, 3, 4]


def test_a_model_that_cannot_be_used_ends_the_run_in_words(project, model_folder, tmp_path):
    (model_folder / "model.safetensors").rename(tmp_path / "away")
    (model_folder / "pytorch_model.bin").write_bytes(b"pickle")
    run = start_project_run(project, RunSpec("sft", QUICK, {"base": str(model_folder)}))
    (last,) = drive(run, RunControl())
    assert last.outcome == "failed"
    assert "are pickled" in last.message
    assert run.events() == [last]


def test_a_reward_model_of_another_vocabulary_is_refused(project, model_folder, tiny_lm, tmp_path):
    model = ScalarModel.from_language_model(tiny_lm, seed=0)
    model.codec = Codec(train_tokenizer(["Quite another text, with zebras and xylophones."], 290))
    model.save(tmp_path / "reward")
    models = {"policy": str(model_folder), "reward": str(tmp_path / "reward")}
    (last,) = drive(start_project_run(project, RunSpec("ppo", {"threads": 1}, models)), RunControl())
    assert last.outcome == "failed"
    assert "The reward model has another vocabulary (" in last.message


@pytest.mark.parametrize(
    ("spec", "error", "words"),
    [
        (RunSpec("sft", {"epochs": 0}, {"base": "base"}), DataError, "The setting 'epochs' cannot be 0"),
        (RunSpec("sft", {}, {}), RunError, "needs a model for the role 'base' and none is named"),
        (RunSpec("sft", {}, {"base": "nowhere"}), RunError, "nowhere, cannot be read"),
    ],
)
def test_a_run_that_cannot_start_leaves_no_folder(project, spec, error, words):
    with pytest.raises(error, match=words):
        start_project_run(project, spec)
    assert list(project.runs_dir.iterdir()) == []


def test_a_run_needs_data_from_somewhere(model_folder, tmp_path):
    with pytest.raises(RunError, match="name a project"):
        start_run(None, RunSpec("sft", {}, {"base": str(model_folder)}), tmp_path / "runs" / "a")


def test_a_kind_without_a_recipe_says_so(tmp_path):
    run = start_run(None, RunSpec("pretrain", {}, {}), tmp_path / "runs" / "a", {"texts": []})
    with pytest.raises(RunError, match="A pretrain run cannot be driven here"):
        list(drive(run, RunControl()))
    given = drive(run, RunControl(), recipe=lambda *_: iter([RunFinished(1, "completed")]))
    assert list(given) == [RunFinished(1, "completed")]


def test_a_resumed_run_takes_what_may_change_and_refuses_what_may_not(sft):
    list(StopsAt().drive(sft, 1))
    with pytest.raises(RunError, match="The setting 'batch_size' cannot change once a run has begun"):
        list(drive(sft, RunControl(), {"batch_size": 8}))
    with pytest.raises(DataError, match="The setting 'micro_batch' cannot be -1"):
        list(drive(sft, RunControl(), {"micro_batch": -1}))
    events = list(drive(sft, RunControl(), {"micro_batch": 1, "learning_rate": 1e-9}))
    rates = [event.values["lr"] for event in events if isinstance(event, StepMetrics)]
    assert rates
    assert max(rates) <= 1e-9
    settings = json.loads((sft.path / "run.json").read_text())["spec"]["settings"]
    assert (settings["micro_batch"], settings["learning_rate"], settings["epochs"]) == (1, 1e-9, 2)


def test_what_ppo_lets_a_person_steer_changes_as_an_event(project, model_folder, tiny_lm, tmp_path):
    ScalarModel.from_language_model(tiny_lm, seed=0).save(tmp_path / "reward")
    models = {"policy": str(model_folder), "reward": str(tmp_path / "reward")}
    settings = {"steps": 2, "batch_size": 2, "minibatch_size": 2, "max_new_tokens": 2, "epochs": 1, "threads": 1}
    run = start_project_run(project, RunSpec("ppo", {**settings, "ptx_coef": 0}, models))
    list(StopsAt().drive(run, 1))
    events = list(drive(run, RunControl(), {"kl_coef": 0.7}))
    assert SettingChanged(2, "kl_coef", 0.7) in events
    assert next(e for e in events if isinstance(e, StepMetrics)).values["kl_coef"] == 0.7
    assert run.spec.settings["kl_coef"] == PpoSettings().kl_coef  # how it began


def test_a_script_named_in_the_settings_watches_ppo(project, model_folder, tiny_lm, tmp_path):
    ScalarModel.from_language_model(tiny_lm, seed=0).save(tmp_path / "reward")
    models = {"policy": str(model_folder), "reward": str(tmp_path / "reward")}
    settings = {"steps": 1, "batch_size": 2, "minibatch_size": 2, "max_new_tokens": 2, "epochs": 1, "threads": 1}
    run = start_project_run(project, RunSpec("ppo", {**settings, "ptx_coef": 0, "watching": "brief"}, models))
    told = [event.values for event in drive(run, RunControl()) if isinstance(event, StepMetrics) and event.step]
    assert [0 <= values["watch/scores"] <= 1 for values in told] == [True]


def test_the_scripts_of_the_settings_are_those_that_there_are():
    for name in ("reward_source", "watching"):
        known = get_args(PpoSettings.model_fields[name].annotation)
        assert set(known) - {"model", "none"} == set(RUBRICS)
