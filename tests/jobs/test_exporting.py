"""Models of runs as other tools read them."""

import json

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoModelForSequenceClassification, AutoTokenizer

from rlhf_studio.errors import DataError, RunError
from rlhf_studio.jobs.exporting import export_model
from rlhf_studio.jobs.recipes import drive, start_run
from rlhf_studio.lm.heads import ScalarModel, load_scalar_model
from rlhf_studio.lm.loading import load_language_model
from rlhf_studio.lm.padding import right_pad
from rlhf_studio.schema import RunSpec
from rlhf_studio.train.control import RunControl

OFTEN = {"threads": 1, "checkpoint_seconds": 1e-6, "keep_checkpoints": 100}
PPO = {**OFTEN, "steps": 2, "batch_size": 4, "minibatch_size": 4, "epochs": 1, "max_new_tokens": 4, "ptx_coef": 0.0}
ROWS = right_pad([[40, 50, 60, 70], [80, 90]], 1)


@pytest.fixture
def ppo(project, model_folder, tiny_lm, tmp_path):
    """A complete PPO run; its rates are large, so that its average differs from its weights."""
    judge = ScalarModel.from_language_model(tiny_lm, seed=3)
    judge.shift(1.5)
    judge.save(tmp_path / "judge")
    models = {"policy": str(model_folder), "reward": str(tmp_path / "judge")}
    spec = RunSpec("ppo", {**PPO, "learning_rate": 0.01, "warmup_steps": 0}, models, "PPO")
    folder = start_run(project, spec, project.runs_dir / "20260101-2-ppo")
    list(drive(folder, RunControl()))
    return folder.path


@torch.no_grad()
def logits(folder):
    return AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()(ROWS.tokens[:1]).logits


@torch.no_grad()
def test_a_policy_is_written_raw_averaged_or_from_a_checkpoint(ppo, tmp_path):
    made = export_model(ppo, tmp_path / "raw")
    assert (made.kind, made.note) == ("language model", "")
    export_model(ppo, tmp_path / "ema", weights="ema")
    export_model(ppo, tmp_path / "first", step=1)
    raw, ema, first = (logits(tmp_path / name) for name in ("raw", "ema", "first"))
    assert torch.equal(raw, logits(ppo / "models" / "policy"))
    assert torch.equal(ema, logits(ppo / "models" / "policy-ema"))
    assert not torch.allclose(raw, ema)
    assert not torch.allclose(raw, first)
    export_model(ppo, tmp_path / "last", step=2, weights="ema")
    assert torch.equal(logits(tmp_path / "last"), ema)
    ours, theirs = load_language_model(tmp_path / "raw"), AutoTokenizer.from_pretrained(tmp_path / "raw")
    assert theirs.chat_template == ours.codec.tokenizer.chat_template


@torch.no_grad()
def test_a_judge_is_written_as_a_classifier_with_its_bias(ppo, tmp_path):
    made = export_model(tmp_path / "judge", tmp_path / "out")
    assert made.kind == "classifier"
    assert "one more layer" in made.note
    export_model(ppo, tmp_path / "value", weights="value")
    export_model(ppo, tmp_path / "value-2", weights="value", step=2)
    for folder, ours in (("out", tmp_path / "judge"), ("value", ppo / "models" / "value"), ("value-2", None)):
        model = load_scalar_model(ours or ppo / "models" / "value")
        other = AutoModelForSequenceClassification.from_pretrained(tmp_path / folder, dtype=torch.float32).eval()
        scores = other(input_ids=ROWS.tokens, attention_mask=ROWS.mask.long()).logits.squeeze(1)
        assert torch.allclose(scores, model.scores(ROWS), rtol=0, atol=1e-5)


def test_weights_may_be_smaller(model_folder, tmp_path):
    export_model(model_folder, tmp_path / "half", dtype="bfloat16")
    assert json.loads((tmp_path / "half" / "config.json").read_text())["dtype"] == "bfloat16"


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"dtype": "int3"}, "cannot be written as 'int3'"),
        ({"weights": "ema"}, "is a model and no run"),
        ({"step": 1}, "is a model and no run"),
    ],
)
def test_what_cannot_be_written_is_told(model_folder, tmp_path, options, words):
    with pytest.raises(DataError, match=words):
        export_model(model_folder, tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_a_full_folder_and_a_run_without_a_model_are_told(project, model_folder, tmp_path):
    with pytest.raises(DataError, match="holds something already"):
        export_model(model_folder, model_folder)
    spec = RunSpec("sft", OFTEN, {"base": str(model_folder)}, "SFT")
    folder = start_run(project, spec, project.runs_dir / "20260101-1-sft")
    with pytest.raises(RunError, match="has left no model yet"):
        export_model(folder.path, tmp_path / "out")
    with pytest.raises(DataError, match="has no 'ema' weights; only PPO has"):
        export_model(folder.path, tmp_path / "out", weights="ema")
