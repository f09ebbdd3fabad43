import json
import re
import signal
import sys
from pathlib import Path

import pytest

from rlhf_studio.cli import entry
from rlhf_studio.cli.demo_folder import read_state
from rlhf_studio.cli.progress import PlainView
from rlhf_studio.events import StepMetrics
from rlhf_studio.jobs.catalog import list_runs
from rlhf_studio.jobs.run_folder import RunFolder


def test_a_demo_leaves_models_metrics_plots_and_a_page_where_qt_is_missing(demo_words, project, capsys, monkeypatch):
    for name in ("PySide6", "shiboken6", "pyqtgraph"):
        monkeypatch.setitem(sys.modules, name, None)
    assert entry.main(demo_words) == 0
    out = Path("rlhf-studio-demo")
    assert sorted(path.name for path in out.iterdir()) == ["demo.json", "metrics", "models", "plots", "report.html"]
    for key in ("sft", "reward", "ppo", "ppo-ptx"):
        assert (out / "models" / key / "model.safetensors").is_file()
        assert (out / "models" / key / "tokenizer.json").is_file()
        assert (out / "metrics" / f"{key}.csv").read_text().startswith("step,")
    assert {path.name for path in (out / "plots").iterdir()} >= {"sft-loss.png", "reward-accuracy.png", "ppo-kl.png"}
    page = (out / "report.html").read_text()
    assert "Little &lt;b&gt;tales&lt;/b&gt;" in page
    assert "&lt;i&gt;Say 7.&lt;/i&gt;" in page
    assert "simulated: 6 of 6 rankings" in page
    assert "5 demonstrations, 1 held out" in page
    said = capsys.readouterr().out
    assert "5 demonstrations" not in said.splitlines()[0]
    assert "6 demonstrations, 6 rankings, 6 of them simulated" in said
    rows = [line.split() for line in said.splitlines() if re.match(r"(Base|SFT|PPO|PPO-ptx) +[+-]", line)]
    assert [row[0] for row in rows] == ["Base", "SFT", "PPO", "PPO-ptx"]
    assert [float(row[2]) for row in rows if row[0] == "SFT"] == [0.0]  # no distance from itself
    assert str((out / "report.html").absolute()) in said
    assert [run.outcome for run in list_runs(project).runs] == ["completed"] * 4


class InterruptedView(PlainView):
    """A person who presses Ctrl+C when SFT has made a step."""

    def show(self, event):
        super().show(event)
        if isinstance(event, StepMetrics) and event.step == 1:
            signal.raise_signal(signal.SIGINT)


def test_an_interrupted_demo_goes_on_with_the_same_out(demo_words, project, capsys, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("rlhf_studio.cli.progress.open_view", lambda: InterruptedView(sys.stdout))
        assert entry.main([*demo_words, "--out", "a demo"]) == 130
    said = capsys.readouterr().out
    assert "Stopping with a checkpoint" in said
    assert 'rlhf-studio demo --out "a demo"' in said
    assert not Path("a demo", "report.html").exists()
    first = read_state(Path("a demo")).runs
    assert list(first) == ["sft"]
    assert entry.main(["demo", "--out", "a demo"]) == 0
    assert read_state(Path("a demo")).runs["sft"] == first["sft"]
    assert len(list_runs(project).runs) == 4
    steps = [e.step for e in RunFolder.open(project / "runs" / first["sft"]).events() if isinstance(e, StepMetrics)]
    assert steps == [0, 1, 2]
    Path("a demo", "report.html").unlink()
    capsys.readouterr()
    assert entry.main(["demo", "--out", "a demo"]) == 0  # a finished one only writes its report again
    assert "PPO-ptx: done before" in capsys.readouterr().out
    assert Path("a demo", "report.html").is_file()
    assert len(list_runs(project).runs) == 4


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"rl": {}}, "no settings of a stage under 'rl'"),
        ({"sft": 3}, "no settings of a stage under 'sft'"),
        ({"sft": {"epochs": 0}}, "'epochs' cannot be 0"),
        ({"ppo": {"epoch": 1}}, "There is no setting 'epoch' in this stage. Did you mean epochs?"),
    ],
)
def test_wrong_settings_are_said_before_anything_is_made(demo_words, short, capsys, content, said):
    short.write_text(json.dumps(content))
    assert entry.main(demo_words) == 3
    assert said in capsys.readouterr().err
    assert list(Path().iterdir()) == []


def test_a_demo_does_not_go_on_with_something_else(demo_words, short, tmp_path, capsys, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("rlhf_studio.cli.progress.open_view", lambda: InterruptedView(sys.stdout))
        entry.main([*demo_words, "--out", "demo"])
    short.write_text(json.dumps({"sft": {"epochs": 5}}))
    assert entry.main([*demo_words, "--out", "demo"]) == 3
    assert "started with another --settings" in capsys.readouterr().err


def test_a_folder_that_is_not_ours_stops_the_demo(demo_words, capsys):
    Path("thesis").mkdir()
    Path("thesis", "chapter.txt").write_text("1")
    assert entry.main([*demo_words, "--out", "thesis"]) == 3
    assert "'thesis' is not empty and no demo wrote it" in capsys.readouterr().err


def test_a_project_without_demonstrations_says_so(demo_words, tmp_path, capsys):
    entry.main(["project", "new", str(tmp_path / "empty")])
    words = [str(tmp_path / "empty") if word.endswith("/project") else word for word in demo_words]
    assert entry.main([*words, "--out", "demo"]) == 3
    assert "SFT needs demonstrations; this project has 0" in capsys.readouterr().err
