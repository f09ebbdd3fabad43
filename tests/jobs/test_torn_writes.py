"""A crash, or a full disk, at every single write."""

import errno
import json
import shutil
from contextlib import suppress
from itertools import count

import pytest
import torch

from rlhf_studio.errors import RunError
from rlhf_studio.events import CheckpointSaved, RunFinished, StepMetrics
from rlhf_studio.jobs.run_folder import RunFolder


@pytest.fixture
def two_steps_in(folder, checkpoint_of):
    """A run with checkpoints of steps 1 and 2, and a third step whose checkpoint is due."""
    for step in (1, 2):
        folder.append(StepMetrics(step))
        folder.save(checkpoint_of(step))
    folder.append(StepMetrics(3))
    folder.close()
    return folder


def attempts(original, tmp_path):
    """Fresh copies of a run, numbered from 1."""
    for number in count(1):
        path = tmp_path / f"copy-{number}"
        shutil.copytree(original.path, path)
        with RunFolder.open(path) as folder:  # the lock is the store's, and tested there
            yield number, folder
        shutil.rmtree(path)


def check_goes_on(folder, checkpoint_of, steps=4):
    """Resume, and see that every step is there once and the numbers are those of the checkpoint."""
    found = RunFolder.open(folder.path)
    start = found.resume_cut()
    latest = found.latest()
    assert found.take_notices() == []  # nothing half written was taken for a checkpoint
    assert latest.step == start
    assert latest.state == {"seen": start}
    assert torch.equal(latest.tensors["weights"], torch.full((3, 4), float(start)))
    for step in range(start + 1, steps + 1):
        found.append(StepMetrics(step))
        found.save(checkpoint_of(step))
    events = found.events()
    assert [e.step for e in events if isinstance(e, StepMetrics)] == list(range(1, steps + 1))
    assert [e.step for e in events if isinstance(e, CheckpointSaved)][-1] == steps
    found.close()
    assert RunFolder.open(folder.path).latest().step == steps
    left = sorted(p.name for p in (folder.path / "checkpoints").iterdir())
    assert left == [f"step-{step:08d}" for step in (steps - 1, steps)]
    return start


def test_a_crash_at_any_write_of_a_checkpoint_loses_no_step(
    two_steps_in, checkpoint_of, tmp_path, failing_writes, crash
):
    starts = []
    for number, folder in attempts(two_steps_in, tmp_path):
        with failing_writes(number, crash()) as writes, suppress(crash):
            folder.save(checkpoint_of(3))
        folder.close()
        starts.append(check_goes_on(folder, checkpoint_of))
        if not writes.has_failed:
            break
    assert len(starts) > 12  # the writes were really met
    assert starts[0] == 2
    assert starts[-1] == 3
    assert starts == sorted(starts)  # in place from one write on


def test_a_full_disk_at_any_write_of_a_checkpoint_leaves_a_run_that_works(
    two_steps_in, checkpoint_of, tmp_path, failing_writes
):
    words = []
    for number, folder in attempts(two_steps_in, tmp_path):
        saved = None
        with failing_writes(number, OSError(errno.ENOSPC, "No space left on device")) as writes:
            try:
                saved = folder.save(checkpoint_of(3))
            except RunError as error:
                words.append(str(error).replace(str(folder.path), "FOLDER"))
        told = [e for e in folder.events() if isinstance(e, CheckpointSaved)]
        kept = {p.name for p in (folder.path / "checkpoints").glob("step-*")}
        if saved is not None:
            assert saved in told
        assert folder.latest().step == (3 if "step-00000003" in kept else 2)
        assert ("step-00000003" in kept) == any(e.step == 3 for e in told)
        folder.append(RunFinished(3, "failed", "full"))  # the same object goes on
        folder.close()
        check_goes_on(folder, checkpoint_of)
        if not writes.has_failed:
            break
    assert len(words) > 8
    (sentence,) = set(words)
    assert sentence == (
        "The disk is full: the checkpoint of step 3 could not be written to FOLDER. "
        "The run's last whole checkpoint and its events are kept; free some space and resume the run."
    )


def test_a_crash_at_any_write_of_a_model_leaves_the_old_or_the_new(folder, tmp_path, failing_writes, crash):
    def write(word):
        return lambda target: [(target / name).write_text(word) for name in ("config.json", "weights")]

    folder.save_model(1, "policy", write("old"))
    folder.close()
    seen = []
    for number, run in attempts(folder, tmp_path):
        with failing_writes(number, crash()) as writes, suppress(crash):
            run.save_model(2, "policy", write("new"))
        run.close()
        with RunFolder.open(run.path) as again:
            found = {path.name: path.read_text() for path in (again.path / "models" / "policy").iterdir()}
            step, page = json.loads(found.pop("provenance.json"))["step"], found.pop("README.md")
            word = ("old", "new")[step - 1]  # the card is of the same model as the weights, and whole
            assert found == {"config.json": word, "weights": word}
            assert f"written after step {step}." in page
            seen.append(found["weights"])
            again.save_model(3, "policy", write("third"))
            assert [p.name for p in (again.path / "models").iterdir()] == ["policy"]
        if not writes.has_failed:
            break
    assert len(seen) > 8
    assert set(seen) == {"old", "new"}


def test_a_crash_at_any_write_of_new_settings_leaves_a_run_that_opens(folder, tmp_path, failing_writes, crash):
    seen = []
    for number, run in attempts(folder, tmp_path):
        with failing_writes(number, crash()) as writes, suppress(crash):
            run.amend({"batch_size": 16})
        run.close()
        seen.append(RunFolder.open(run.path).spec.settings["batch_size"])
        if not writes.has_failed:
            break
    assert set(seen) == {32, 16}


def test_a_crash_at_any_write_of_a_new_run_leaves_a_whole_run_or_none(tmp_path, folder, failing_writes, crash):
    for number in count(1):
        path = tmp_path / f"new-{number}"
        with failing_writes(number, crash()) as writes, suppress(crash):
            RunFolder.create(path, folder.spec, folder.data())
        if (path / "run.json").exists():
            assert RunFolder.open(path).data() == folder.data()
        else:
            with pytest.raises(RunError, match="There is no run in"):
                RunFolder.open(path)
        if not writes.has_failed:
            break
    assert number > 6
