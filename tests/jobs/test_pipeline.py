import pytest

from rlhf_studio.errors import DataError, RunError
from rlhf_studio.events import RunFinished, RunStarted, StepMetrics
from rlhf_studio.jobs.pipeline import STAGES, InstructPipeline
from rlhf_studio.lm.heads import load_scalar_model
from rlhf_studio.lm.loading import load_language_model
from rlhf_studio.train.control import RunControl

COMMON = {"threads": 1}
SETTINGS = {
    "sft": {**COMMON, "epochs": 1, "batch_size": 3},
    "reward": {**COMMON, "epochs": 1, "batch_size": 3},
    "ppo": {
        **COMMON,
        "steps": 1,
        "batch_size": 4,
        "minibatch_size": 4,
        "max_new_tokens": 3,
        "epochs": 1,
        "ptx_window": 8,
    },
    "ppo-ptx": {"ptx_coef": 0.4},
}


def endings(pipeline, control=None):
    return [(s, e.outcome) for s, e in pipeline.run(control or RunControl()) if isinstance(e, RunFinished)]


def test_four_stages_each_on_the_models_of_those_before(project, model_folder):
    pipeline = InstructPipeline(project, model_folder, SETTINGS)
    assert endings(pipeline) == [(stage, "completed") for stage in STAGES]
    sft, reward, ppo, ptx = (pipeline.runs[stage] for stage in STAGES)
    assert [(run.id, run.kind, run.outcome, run.parents) for run in project.runs()] == [
        (sft, "sft", "completed", ()),
        (reward, "reward", "completed", (sft,)),
        (ppo, "ppo", "completed", (sft, reward)),
        (ptx, "ppo", "completed", (sft, reward)),
    ]
    assert sft.endswith("-sft")
    assert ptx.endswith("-ppo-ptx")
    assert [pipeline.folder(stage).spec.settings["ptx_coef"] for stage in ("ppo", "ppo-ptx")] == [0.0, 0.4]
    assert [m.step for m in project.metrics(ptx)] == [0, 1]
    assert "loss/ptx" in project.metrics(ptx)[-1].values
    assert "loss/ptx" not in project.metrics(ppo)[-1].values
    load_language_model(pipeline.folder("ppo-ptx").path / "models" / "policy-ema")
    load_scalar_model(pipeline.folder("reward").path / "models" / "reward")

    again = InstructPipeline(project, model_folder, SETTINGS, pipeline.runs)
    assert endings(again) == [(stage, "completed") for stage in STAGES]
    assert len(project.runs()) == 4


def test_a_stopped_pipeline_goes_on_where_it_was(project, model_folder):
    pipeline, control = InstructPipeline(project, model_folder, SETTINGS), RunControl()
    for stage, event in pipeline.run(control):
        if stage == "reward" and isinstance(event, StepMetrics) and event.step == 1:
            control.request_stop()
    assert list(pipeline.runs) == ["sft", "reward"]
    assert [run.outcome for run in project.runs()] == ["completed", "stopped"]

    again, control = InstructPipeline(project, model_folder, SETTINGS, pipeline.runs), RunControl()
    starts = []
    for stage, event in again.run(control):
        if isinstance(event, RunStarted):
            starts.append((stage, event.step))
        if stage == "ppo":
            control.request_stop()
    assert starts == [("reward", 1), ("ppo", 0)]
    assert again.runs["reward"] == pipeline.runs["reward"]
    assert [m.step for m in project.metrics(pipeline.runs["reward"])] == [0, 1, 2]


def test_a_stage_that_fails_ends_the_pipeline(project, model_folder):
    settings = {**SETTINGS, "sft": {**COMMON, "max_length": 1}}  # no demonstration is so short
    pipeline = InstructPipeline(project, model_folder, settings)
    assert endings(pipeline) == [("sft", "failed")]
    assert [run.outcome for run in project.runs()] == ["failed"]
    with pytest.raises(RunError, match="The stage Reward model has not begun"):
        pipeline.folder("reward")


def test_a_setting_that_is_wrong_is_said_before_anything_runs(project, model_folder):
    with pytest.raises(DataError, match="There is no setting 'lr' in this stage"):
        list(InstructPipeline(project, model_folder, {"sft": {"lr": 1}}).run(RunControl()))
    assert list(project.runs_dir.iterdir()) == []
