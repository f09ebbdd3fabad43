import json

import pytest
import torch

from rlhf_studio.cli.entry import main
from rlhf_studio.errors import RunError
from rlhf_studio.events import RunFinished, StepMetrics
from rlhf_studio.jobs.pretraining import export_base, pretrain, start_pretraining
from rlhf_studio.jobs.recipes import drive
from rlhf_studio.jobs.run_folder import RunFolder
from rlhf_studio.jobs.text_sources import TextFile
from rlhf_studio.lm.loading import load_language_model
from rlhf_studio.settings import PretrainSettings
from rlhf_studio.train.control import RunControl

SMALL = {"hidden_size": 32, "layers": 1, "heads": 2, "feed_forward": 32, "vocab_size": 320, "context_length": 32,
         "batch_tokens": 128, "tokens": 768, "evaluate_every": 3, "threads": 1, "device": "cpu"}  # fmt: skip


@pytest.fixture
def text(tmp_path):
    path = tmp_path / "tales.txt"
    path.write_text("\n\n".join(f"The red hat number {i}\nis on the table." for i in range(400)))
    return TextFile("tales", path)


def losses(events):
    return [e.values["loss/train"] for e in events if isinstance(e, StepMetrics) and "loss/train" in e.values]


def weights(folder):
    return list(load_language_model(folder.path / "models" / "base").module.parameters())


def test_a_run_leaves_a_model_and_a_card(tmp_path, text):
    folder = start_pretraining(tmp_path / "run", [text], PretrainSettings(**SMALL))
    events = list(drive(folder, RunControl(), recipe=pretrain))
    assert events[-1] == RunFinished(6, "completed")
    export_base(folder, tmp_path / "model", notes="Sources: ours.")
    model = load_language_model(tmp_path / "model")
    for ours, theirs in zip(model.module.parameters(), weights(folder), strict=True):
        torch.testing.assert_close(ours, theirs, atol=2e-3, rtol=1e-3)
    card = (tmp_path / "model" / "README.md").read_text()
    assert folder.data()["texts"][0]["sha256"] in card
    assert "Sources: ours." in card
    assert "| 6 | 0.0M |" in card


def test_a_run_that_was_stopped_goes_on_to_the_same_weights(tmp_path, text):
    settings = PretrainSettings(**SMALL)
    whole = start_pretraining(tmp_path / "whole", [text], settings)
    expected = losses(drive(whole, RunControl(), recipe=pretrain))
    control, folder = RunControl(), start_pretraining(tmp_path / "run", [text], settings)
    for event in drive(folder, control, recipe=pretrain):
        if isinstance(event, StepMetrics) and event.step == 2:
            control.request_stop()
    again = RunFolder.open(tmp_path / "run")
    assert list(drive(again, RunControl(), recipe=pretrain))[-1] == RunFinished(6, "completed")
    assert losses(again.events()) == expected
    for ours, theirs in zip(weights(again), weights(whole), strict=True):
        assert torch.equal(ours, theirs)


def test_a_stop_while_reading_ends_the_run(tmp_path, text):
    control, folder = RunControl(), start_pretraining(tmp_path / "run", [text], PretrainSettings(**SMALL))
    control.request_stop()
    assert list(drive(folder, control, recipe=pretrain))[-1] == RunFinished(0, "stopped")


def test_a_changed_text_is_told(tmp_path, text):
    folder = start_pretraining(tmp_path / "run", [text], PretrainSettings(**SMALL))
    text.path.write_text("something else")
    ending = list(drive(folder, RunControl(), recipe=pretrain))[-1]
    assert ending.outcome == "failed"
    assert "was changed since the run began" in ending.message


def test_a_run_goes_on_with_a_named_model(tmp_path, text, tiny_lm):
    from rlhf_studio.lm.saving import save_language_model

    save_language_model(tiny_lm, tmp_path / "start")
    folder = start_pretraining(tmp_path / "run", [text], PretrainSettings(**SMALL), tmp_path / "start")
    assert list(drive(folder, RunControl(), recipe=pretrain))[-1] == RunFinished(6, "completed")
    assert weights(folder)[0].shape == next(tiny_lm.module.parameters()).shape
    other = start_pretraining(tmp_path / "other", [text], PretrainSettings(**SMALL), tmp_path / "start")
    config = tmp_path / "start" / "config.json"
    config.write_text(json.dumps({**json.loads(config.read_text()), "note": 1}))
    with pytest.raises(RunError, match="was changed since the run began"):
        list(pretrain(other, RunControl()))


def test_the_command_makes_a_model_and_refuses_to_mix_runs(tmp_path, text, capsys):
    options = [word for name, value in SMALL.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    command = ["pretrain", "--out", str(tmp_path / "model"), "--text", f"tales={text.path}:2"]
    assert main([*command, *options]) == 0
    assert (tmp_path / "model" / "model.safetensors").exists()
    assert main(["pretrain", "--out", str(tmp_path / "model")]) == 0  # complete: writes the model again
    assert main([*command, "--tokens", "999"]) == 5
    assert main(["pretrain", "--out", str(tmp_path / "new")]) == 3
    assert (
        main(["pretrain", "--out", str(tmp_path / "new"), "--text", f"a={text.path}", "--text", f"a={text.path}"]) == 3
    )
    assert "other settings" in capsys.readouterr().err
