"""Checkpoints of runs beside the models that they have left."""

import pytest
from window_material import add_run

from rlhf_studio.events import StepMetrics
from rlhf_studio.jobs.checkpoint_models import with_checkpoints
from rlhf_studio.jobs.models import language_models


@pytest.fixture
def runs(tmp_path):
    """One run that is done, with three checkpoints, and one that was cut off, with two."""
    add_run(tmp_path, "20260101-100000-sft", "sft", {"base": "tiny"}, [StepMetrics(6, {})])
    add_run(tmp_path, "20260101-110000-sft", "sft", {"base": "tiny"}, [StepMetrics(4, {})], outcome=None)
    for name, checkpoint in (
        ("10", "step-00000002"),
        ("10", "step-00000004"),
        ("10", "step-00000004-2"),
        ("10", "step-00000006"),
        ("11", "step-00000001"),
        ("11", "step-00000003"),
    ):
        (tmp_path / "runs" / f"20260101-{name}0000-sft" / "checkpoints" / checkpoint).mkdir(parents=True)
    return tmp_path


def test_each_checkpoint_is_listed_once_behind_its_run(runs):
    found = with_checkpoints(runs, language_models(runs, runs / "bundled"))
    assert [(model.key.partition("sft")[2], model.step, model.path.name) for model in found] == [
        ("", 6, "policy"),
        ("@4", 4, "step-00000004-2"),
        ("@2", 2, "step-00000002"),
        ("", 3, "step-00000003"),
        ("@1", 1, "step-00000001"),
    ]
    assert [model.is_checkpoint for model in found] == [False, True, True, False, True]
    assert found[1].title.endswith("(checkpoint at step 4)")
    assert found[4].title.count("checkpoint") == 1
