import pytest
from report_material import report

from rlhf_studio.report.writing import copy_folder, write_report


@pytest.fixture
def models(tmp_path):
    for key in ("sft", "ppo-ptx"):
        folder = tmp_path / "runs" / key
        folder.mkdir(parents=True)
        (folder / "model.safetensors").write_text(key)
    return {key: tmp_path / "runs" / key for key in ("sft", "ppo-ptx")}


def test_a_report_is_models_metrics_plots_and_a_page(tmp_path, models):
    out = tmp_path / "new" / "demo"
    page = write_report(out, report(), models)
    assert page == out / "report.html"
    assert sorted(path.name for path in out.iterdir()) == ["metrics", "models", "plots", "report.html"]
    assert (out / "models" / "ppo-ptx" / "model.safetensors").read_text() == "ppo-ptx"
    assert sorted(path.name for path in (out / "metrics").iterdir()) == [
        "ppo-ptx.csv",
        "ppo.csv",
        "reward.csv",
        "sft.csv",
    ]
    header = (out / "metrics" / "ppo.csv").read_text().splitlines()[0]
    assert header == "step,objective/scores,objective/kl,loss/text_valid"
    assert (out / "plots" / "ppo-score.png").stat().st_size > 1000


def test_writing_it_again_replaces_what_is_there(tmp_path, models):
    write_report(tmp_path / "out", report(), models)
    (models["sft"] / "model.safetensors").write_text("newer")
    write_report(tmp_path / "out", report(), models)
    assert (tmp_path / "out" / "models" / "sft" / "model.safetensors").read_text() == "newer"
    assert [path.name for path in (tmp_path / "out" / "models").iterdir() if path.name.startswith(".")] == []


def test_a_copy_that_fails_leaves_what_was_there(tmp_path):
    target = tmp_path / "target"
    target.mkdir()
    (target / "kept").write_text("1")
    with pytest.raises(OSError, match="missing"):
        copy_folder(tmp_path / "missing", target)
    assert [path.name for path in tmp_path.iterdir()] == ["target"]
    assert (target / "kept").read_text() == "1"
