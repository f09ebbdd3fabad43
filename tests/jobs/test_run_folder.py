import json
import shutil
import socket

import numpy as np
import pytest
import torch

from rlhf_studio.errors import RunError
from rlhf_studio.events import CheckpointSaved, ModelSaved, RunFinished, StepMetrics
from rlhf_studio.jobs.best import best_checkpoint
from rlhf_studio.jobs.run_folder import RunFolder
from rlhf_studio.schema import (
    Answer,
    DemonstrationRow,
    PpoData,
    PromptRow,
    RankedRow,
    RewardData,
    RunSpec,
    SftData,
    TextRow,
    Turn,
)
from rlhf_studio.train.run import Checkpoint

TURNS = (Turn("system", "Be brief."), Turn("user", 'Say\u2028"hi".'))
ALL_DATA = {
    "sft": SftData((DemonstrationRow(1, TURNS, "Hi, \u00fc!"),), pretraining=(TextRow("sea", "books"),)),
    "reward": RewardData((RankedRow(2, TURNS, (Answer("a", (5, 6)), Answer("b")), (2, 1), "Ada", is_simulated=True),)),
    "ppo": PpoData((PromptRow(3, TURNS, "chat"),), probes=(PromptRow(4, TURNS),)),
    "pretrain": {"texts": ["sea=sea.txt:1:blank"]},
}


def names_of(folder):
    return sorted(path.name for path in (folder.path / "checkpoints").iterdir())


def reopened(folder):
    folder.close()
    return RunFolder.open(folder.path)


@pytest.mark.parametrize("kind", ALL_DATA)
def test_a_run_keeps_what_it_is_and_what_it_reads(tmp_path, kind):
    spec = RunSpec(kind, {"seed": 3, "note": None}, {"base": "models/tiny"}, "Tr\u00e4ume")
    RunFolder.create(tmp_path / "run", spec, ALL_DATA[kind], {"base": "abc"})
    run = RunFolder.open(tmp_path / "run")
    assert run.spec == spec
    assert run.data() == ALL_DATA[kind]
    assert run.run_file.models == {"base": "abc"}


def test_run_json_counts_and_hashes_the_data_and_names_no_machine(folder):
    run_file = folder.run_file
    assert {name: part.rows for name, part in run_file.data.items()} == {
        "train": 1,
        "valid": 0,
        "probes": 0,
        "pretraining": 0,
        "pretraining_valid": 0,
    }
    assert run_file.data["train"].sha256 != run_file.data["valid"].sha256
    assert set(run_file.versions) == {"rlhf-studio", "torch", "transformers", "accelerate"}
    assert socket.gethostname() not in (folder.path / "run.json").read_text()


def test_a_folder_that_holds_something_is_not_overwritten(folder):
    with pytest.raises(RunError, match="holds something already"):
        RunFolder.create(folder.path, folder.spec, folder.data())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (None, "There is no run in"),
        ('{"format": 1, "spec"', "is damaged"),
        ("[]", "is damaged"),
        ('{"format": 1, "spec": {"kind": "dance", "settings": {}, "models": {}}, "created": ""}', "is damaged"),
        ('{"format": 9}', "newer version of RLHF Studio"),
    ],
)
def test_an_unreadable_run_is_told_in_words(folder, content, words):
    path = folder.path / "run.json"
    path.unlink() if content is None else path.write_text(content)
    with pytest.raises(RunError, match=words):
        RunFolder.open(folder.path)


def test_data_that_was_changed_is_refused(folder):
    path = folder.path / "data.json"
    path.write_text(path.read_text().replace("Hi", "Ho"))
    with pytest.raises(RunError, match="is not what the run was started with"):
        folder.data()
    path.unlink()
    with pytest.raises(RunError, match="cannot be read"):
        folder.data()


def test_amended_settings_survive_and_the_rest_stays(folder):
    folder.amend({"batch_size": 16})
    again = reopened(folder)
    assert again.spec.settings == {"batch_size": 16}
    assert (again.spec.title, again.run_file.created) == (folder.spec.title, folder.run_file.created)


# events


def test_events_come_back_as_they_were(folder):
    events = [StepMetrics(1, {"loss": 0.1 + 0.2}), RunFinished(1, "failed", "a\nb\u2028c \ud800")]
    for event in events:
        folder.append(event)
    assert folder.events() == events
    assert reopened(folder).ending() == events[-1]


def test_a_torn_last_line_is_left_out_and_the_next_event_begins_a_line(folder):
    folder.append(StepMetrics(1))
    folder.append(StepMetrics(2))
    path = folder.path / "events.jsonl"
    path.write_bytes(path.read_bytes()[:-5])
    assert folder.events() == [StepMetrics(1)]
    again = reopened(folder)
    assert again.ending() is None
    again.append(StepMetrics(2))
    assert again.events() == [StepMetrics(1), StepMetrics(2)]
    again.close()


def test_a_damaged_line_is_named(folder):
    folder.append(StepMetrics(1))
    path = folder.path / "events.jsonl"
    path.write_bytes(b'{"event": "Nonsense"}\n' + path.read_bytes())
    with pytest.raises(RunError, match="Line 1 of"):
        folder.events()


# checkpoints


def test_tensors_come_back_bit_for_bit_as_copies(folder):
    wide = torch.randn(4, 6)
    tensors = {
        "turned": wide.t(),
        "part": wide[1:2],
        "same memory": wide,
        "half": torch.tensor([1.5, float("nan")], dtype=torch.bfloat16),
        "count": torch.tensor(7.0),
        "ids": torch.tensor([2**40], dtype=torch.int64),
        "mask": torch.tensor([[True, False]]),
        "nothing": torch.zeros(0, 3),
    }
    state = {"sums": {"a": (0.1, 2.0)}, "bad": float("inf")}
    assert folder.latest() is None
    folder.save(Checkpoint(5, tensors, state))
    found = reopened(folder).latest()
    assert found.step == 5
    assert found.state == {"sums": {"a": [0.1, 2.0]}, "bad": float("inf")}
    assert found.tensors.keys() == tensors.keys()
    shutil.rmtree(folder.path / "checkpoints")
    for name, tensor in tensors.items():
        assert found.tensors[name].dtype == tensor.dtype
        assert torch.equal(found.tensors[name].nan_to_num(9.0), tensor.nan_to_num(9.0))
        found.tensors[name].zero_()  # memory of its own: the file is gone, writing does no harm


def test_the_last_two_checkpoints_are_kept(folder, checkpoint_of):
    for step in (1, 2, 3, 10):
        folder.save(checkpoint_of(step))
    assert sorted(p.name for p in (folder.path / "checkpoints").iterdir()) == ["step-00000003", "step-00000010"]
    assert folder.latest().step == 10


def test_more_checkpoints_stay_where_the_settings_say_so(tmp_path, checkpoint_of):
    spec = RunSpec("sft", {"keep_checkpoints": 3}, {"base": "/m"})
    with RunFolder.create(tmp_path / "runs" / "a", spec, ALL_DATA["sft"]) as folder:
        for step in range(1, 6):
            folder.save(checkpoint_of(step))
    assert names_of(folder) == ["step-00000003", "step-00000004", "step-00000005"]


def test_the_best_checkpoint_stays_beside_the_newest(tmp_path, checkpoint_of):
    spec = RunSpec("sft", {"keep_checkpoints": 1, "keep_best": True}, {"base": "/m"})
    losses = {1: 0.9, 2: 0.5, 3: float("nan"), 4: 0.7}  # of step 3 no more is known than of step 2
    with RunFolder.create(tmp_path / "runs" / "a", spec, ALL_DATA["sft"]) as folder:
        for step, loss in losses.items():
            folder.append(StepMetrics(step, {"loss/valid": loss}))
            folder.save(checkpoint_of(step))
    assert names_of(folder) == ["step-00000002", "step-00000004"]


def test_the_best_of_ppo_is_the_one_with_most_reward():
    told = [StepMetrics(step, {"objective/rlhf_reward": reward}) for step, reward in ((1, 0.1), (2, 0.8), (3, 0.3))]
    names = ["step-00000003", "step-00000002", "step-00000001"]
    assert best_checkpoint("ppo", names, told) == "step-00000002"
    assert best_checkpoint("sft", names, told) == ""


def test_of_two_checkpoints_of_a_step_the_later_wins(folder, checkpoint_of):
    for seen in range(5):
        folder.save(Checkpoint(3, {"weights": torch.tensor(float(seen))}, {"seen": seen}))
        assert folder.latest().state == {"seen": seen}
    folder.save(checkpoint_of(4))
    assert folder.latest().step == 4


def test_resuming_cuts_what_came_after_the_checkpoint(folder, checkpoint_of):
    folder.append(StepMetrics(1))
    saved = folder.save(checkpoint_of(1))
    for event in (StepMetrics(2), RunFinished(2, "failed", "boom")):
        folder.append(event)
    again = reopened(folder)
    assert again.resume_cut() == 1
    assert again.events() == [StepMetrics(1), saved]
    again.append(StepMetrics(2))
    assert again.events() == [StepMetrics(1), saved, StepMetrics(2)]
    again.close()


def test_resuming_without_a_checkpoint_begins_anew(folder):
    folder.append(StepMetrics(1))
    assert folder.resume_cut() == 0
    assert folder.events() == []


def _shorten(path, by=3):
    path.write_bytes(path.read_bytes()[:-by])


def _flip(path):
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


DAMAGES = {
    "tensors cut": lambda run, one: _shorten(one / "state.safetensors"),
    "a bit flipped": lambda run, one: _flip(one / "state.safetensors"),
    "tensors gone": lambda run, one: (one / "state.safetensors").unlink(),
    "state cut": lambda run, one: _shorten(one / "state.json", 9),
    "state empty": lambda run, one: (one / "state.json").write_bytes(b""),
    "state gone": lambda run, one: (one / "state.json").unlink(),
    "other state": lambda run, one: (one / "state.json").write_text('{"step": 1}'),
    "newer format": lambda run, one: (one / "state.json").write_text(
        (one / "state.json").read_text().replace('"format": 1', '"format": 2')
    ),
    "events cut": lambda run, one: _shorten(run.path / "events.jsonl"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_checkpoint_is_skipped_and_said(folder, checkpoint_of, damage):
    for step in (1, 2):
        folder.append(StepMetrics(step))
        folder.save(checkpoint_of(step))
    folder.close()
    DAMAGES[damage](folder, folder.path / "checkpoints" / "step-00000002")
    assert folder.latest().step == 1
    assert [n.values["checkpoint"] for n in folder.take_notices()] == ["step-00000002"]
    assert folder.take_notices() == []
    assert folder.resume_cut() == 1
    assert [e.step for e in folder.events()] == [1, 1]
    folder.append(StepMetrics(2))
    folder.save(checkpoint_of(2))
    again = reopened(folder)
    assert again.latest().step == 2
    assert again.take_notices() == []
    assert sorted(p.name for p in (folder.path / "checkpoints").iterdir()) == ["step-00000001", "step-00000002"]


def test_if_every_checkpoint_is_damaged_nothing_is_cut(folder, checkpoint_of):
    for step in (1, 2):
        folder.save(checkpoint_of(step))
        (folder.path / "checkpoints" / f"step-0000000{step}" / "state.json").unlink()
    with pytest.raises(RunError, match="All 2 checkpoints of the run"):
        reopened(folder).resume_cut()
    assert len(folder.events()) == 2


# one driver at a time


def test_a_second_program_cannot_drive_the_run(folder, checkpoint_of):
    folder.append(StepMetrics(1))
    second = RunFolder.open(folder.path)
    assert second.events() == [StepMetrics(1)]  # reading is free
    for write in (lambda: second.append(StepMetrics(2)), second.resume_cut, lambda: second.save(checkpoint_of(1))):
        with pytest.raises(RunError, match="is going on elsewhere"):
            write()
    folder.close()
    second.append(StepMetrics(2))
    second.close()
    assert folder.events() == [StepMetrics(1), StepMetrics(2)]


# rollouts and models


def test_rollouts_are_plain_arrays(folder):
    mask = np.array([[True, False]])
    saved = folder.save_rollout(12, {"mask": mask, "values": np.float32([1.5])})
    assert saved.path == "rollouts/step-00000012.npz"
    with np.load(folder.path / saved.path, allow_pickle=False) as arrays:
        assert arrays["mask"].tolist() == [[True, False]]
        assert arrays["values"].dtype == np.float32
    with pytest.raises(TypeError, match="would be pickled"):
        folder.save_rollout(13, {"bad": np.array([{}])})
    assert [p.name for p in (folder.path / "rollouts").iterdir()] == ["step-00000012.npz"]


def test_a_model_is_replaced_as_a_whole(folder):
    def write(*names):
        return lambda target: [(target / name).write_text(name) for name in names]

    assert folder.save_model(1, "policy", write("a", "b")) == ModelSaved(1, "policy", "models/policy")
    folder.save_model(2, "policy", write("c"))
    left = {path.name for path in (folder.path / "models" / "policy").iterdir()}
    assert left == {"c", "README.md", "provenance.json"}
    assert [p.name for p in (folder.path / "models").iterdir()] == ["policy"]


def test_a_model_that_cannot_be_written_leaves_the_one_before(folder):
    def broken(target):
        (target / "half").write_text("x")
        raise OSError(28, "No space left on device")

    folder.save_model(1, "policy", lambda target: (target / "whole").write_text("x"))
    with pytest.raises(RunError, match=r"The disk is full: the model 'policy' could not be written"):
        folder.save_model(2, "policy", broken)
    assert (folder.path / "models" / "policy" / "whole").exists()
    assert not (folder.path / "models" / "policy" / "half").exists()
    assert [p.name for p in (folder.path / "models").iterdir()] == ["policy"]


# what stops a write, in words


@pytest.mark.parametrize(
    ("number", "words"),
    [(28, "The disk is full: the checkpoint of step 2"), (30, "make the folder writable"), (5, "check the disk")],
)
def test_a_failed_checkpoint_says_why_and_leaves_the_one_before(folder, checkpoint_of, monkeypatch, number, words):
    folder.save(checkpoint_of(1))

    def fail(*_):
        raise OSError(number, "as the system says it")

    with monkeypatch.context() as patch:
        patch.setattr("rlhf_studio.jobs.checkpoints.write_synced", fail)
        with pytest.raises(RunError, match=words):
            folder.save(checkpoint_of(2))
    assert folder.events() == [CheckpointSaved(1, "checkpoints/step-00000001")]
    assert reopened(folder).latest().step == 1


def no_space(*_, **__):
    raise OSError(28, "No space left on device")


def test_every_other_write_says_why_too(folder, tmp_path, monkeypatch):
    writes = {
        "an event": lambda: folder.append(RunFinished(1, "completed")),
        "the settings": lambda: folder.amend({"batch_size": 1}),
        "the rollout of step 3": lambda: folder.save_rollout(3, {"mask": np.zeros(2)}),
    }
    folder.append(StepMetrics(1))
    for name in ("os.fsync", "numpy.savez"):
        monkeypatch.setattr(name, no_space)
    for what, write in writes.items():
        with pytest.raises(RunError, match=f"The disk is full: {what} could not be written to"):
            write()
    with pytest.raises(RunError, match=r"No run can be started in .* Free some space"):
        RunFolder.create(tmp_path / "another", folder.spec, folder.data())
    assert sorted(p.name for p in folder.path.iterdir()) == [
        "data.json",
        "events.jsonl",
        "rollouts",
        "run.json",
        "run.lock",
    ]
    assert list((folder.path / "rollouts").iterdir()) == []
    assert RunFolder.open(folder.path).spec == folder.spec


def test_an_event_that_only_half_fits_is_taken_back(folder, monkeypatch):
    folder.append(StepMetrics(1))
    real = folder._log._writer()

    class Full:
        fileno = real.fileno

        def write(self, line):
            if len(line) < 30:
                raise OSError(28, "No space left on device")
            return real.write(line[:-10])

    with monkeypatch.context() as patch:
        patch.setattr(folder._log, "_writer", Full)
        with pytest.raises(RunError, match="The disk is full: an event"):
            folder.append(StepMetrics(2, {"loss": 1.25}))
    assert (folder.path / "events.jsonl").read_bytes().endswith(b"\n")
    folder.append(StepMetrics(2))
    assert folder.events() == [StepMetrics(1), StepMetrics(2)]


def test_a_folder_that_cannot_be_locked_is_told(folder, monkeypatch):
    def forbidden(_):
        raise OSError(30, "Read-only file system")

    monkeypatch.setattr("rlhf_studio.jobs.run_folder.ProjectLock", forbidden)
    with pytest.raises(RunError, match=r"cannot be written \(Read-only file system\)"):
        folder.append(StepMetrics(1))
    assert folder.latest() is None


def test_models_with_folders_inside_are_kept_whole(folder):
    def write(target):
        (target / "part").mkdir()
        (target / "part" / "weights").write_text("x")

    folder.save_model(1, "policy", write)
    assert (folder.path / "models" / "policy" / "part" / "weights").read_text() == "x"


def test_what_safetensors_says_about_a_full_disk_is_understood(folder, checkpoint_of, monkeypatch):
    from safetensors import SafetensorError

    def fail(*_):
        raise SafetensorError("Error while serializing: I/O error: No space left on device (os error 28)")

    monkeypatch.setattr("rlhf_studio.jobs.checkpoints.save_file", fail)
    with pytest.raises(RunError, match="The disk is full"):
        folder.save(checkpoint_of(1))
    assert list((folder.path / "checkpoints").iterdir()) == []


def test_a_folder_that_vanishes_is_noticed(folder, checkpoint_of):
    folder.append(StepMetrics(1))
    shutil.rmtree(folder.path)
    for write in (lambda: folder.append(StepMetrics(2)), lambda: folder.save(checkpoint_of(1))):
        with pytest.raises(RunError, match="is gone"):
            write()


def test_old_checkpoints_that_cannot_be_removed_do_not_end_the_run(folder, checkpoint_of, monkeypatch):
    def fail(_):
        raise OSError(13, "Permission denied", "x")

    monkeypatch.setattr("rlhf_studio.jobs.checkpoints.remove_tree", fail)
    for step in (1, 2, 3):
        folder.save(checkpoint_of(step))
    assert [notice.message for notice in folder.take_notices()] == ["run.not_pruned"]
    assert folder.latest().step == 3


def test_json_of_a_checkpoint_is_readable(folder, checkpoint_of):
    folder.save(checkpoint_of(1))
    content = json.loads((folder.path / "checkpoints" / "step-00000001" / "state.json").read_text())
    assert content["state"] == {"seen": 1}
    assert content["events_bytes"] == (folder.path / "events.jsonl").stat().st_size
