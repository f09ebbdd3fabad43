"""What a reward model that scores SFT's epochs adds to the estimate of a run."""

import pytest

from fakes import drain
from rlhf_studio.jobs import disk
from rlhf_studio.jobs.estimate_job import estimate_project_run
from rlhf_studio.jobs.estimating import _checkpoints, _keeps_an_epoch
from rlhf_studio.jobs.memory import ModelShape
from rlhf_studio.jobs.recipes import drive, start_run
from rlhf_studio.jobs.workload import TextSizes, Writing, count_work
from rlhf_studio.lm.heads import ScalarModel
from rlhf_studio.lm.loading import load_language_model
from rlhf_studio.schema import RunSpec
from rlhf_studio.settings import RewardSettings, RlStartSettings, SftSettings
from rlhf_studio.train.control import RunControl
from rlhf_studio.train.judging import spread

FAST = {"threads": 1, "device": "cpu", "batch_size": 3}


def returned(generator):
    result = drain(generator)
    assert result is not None
    return result


def test_answers_are_written_and_scored_before_the_run_and_after_each_epoch():
    sizes = TextSizes(train=[[(5, 3)]] * 8, questions=spread([4, 6]), context=128)
    work = count_work(SftSettings(epochs=2), sizes)
    assert dict(work.writings) == {Writing(6, (64,) * 64): 1, Writing(6, (3,) * 64): 2}
    scored = {one: times for one, times in work.passes.items() if one.kind == "read_scalar"}
    assert sum(one.rows * times for one, times in scored.items()) == 64 * 3
    assert max(one.length for one in scored) == 6 + 64
    assert not any(one.kind == "read_scalar" for one in count_work(SftSettings(), TextSizes(sizes.train)).passes)


def test_each_epoch_ends_with_a_checkpoint_and_one_epochs_weights_are_kept():
    settings = SftSettings(epochs=4, checkpoint_seconds=10)
    assert _checkpoints(settings, 20.0, 40) == 4
    assert _checkpoints(settings, 100.0, 40) == 4 * 3  # two on the way through each epoch
    assert _checkpoints(RewardSettings(checkpoint_seconds=10), 20.0, 40) == 3
    judged, alone = TextSizes(train=[[(5, 3)]], valid=[[(5, 3)]], questions=[5]), TextSizes(train=[[(5, 3)]])
    assert _keeps_an_epoch(settings, judged)
    assert not _keeps_an_epoch(settings, alone)
    assert _keeps_an_epoch(SftSettings(choose_by="loss"), judged)
    assert not _keeps_an_epoch(RlStartSettings(), judged)
    assert not _keeps_an_epoch(SftSettings(epochs=1), judged)


def test_the_estimate_has_room_for_the_judge_and_for_the_epoch_that_is_kept(project, model_folder, tiny_lm, tmp_path):
    ScalarModel.from_language_model(tiny_lm, seed=3).save(tmp_path / "judge")
    models = {"base": str(model_folder), "judge": str(tmp_path / "judge")}
    judged = RunSpec("sft", FAST, models)
    alone = RunSpec("sft", FAST, {"base": str(model_folder)})
    found = [returned(estimate_project_run(project, spec)) for spec in (judged, alone)]
    shape = ModelShape.of_folder(model_folder)
    assert found[0].memory.weights - found[1].memory.weights == disk.FLOAT * shape.body
    kept = disk.weights_bytes(load_language_model(model_folder))
    assert found[0].disk - found[1].disk == pytest.approx(kept, abs=disk.FLOAT)
    folder = start_run(project, judged, project.runs_dir / "judged")
    list(drive(folder, RunControl()))
    (weights,) = folder.path.glob("epochs/step-*")
    assert kept == pytest.approx(sum(file.stat().st_size for file in weights.iterdir()), rel=0.02)
