"""The index of runs can be written again and again, and says what the run folders say."""

import math
from pathlib import Path

import pytest

from rlhf_studio.errors import DataError
from rlhf_studio.events import StepMetrics
from rlhf_studio.store.runs import RunRecord


def record(store, run_id="r1", **fields):
    values = {"kind": "sft", "title": "first", "folder": store.runs_dir / run_id, **fields}
    return store.record_run(run_id, **values)


def test_a_run_from_start_to_end(store):
    record(store, created="2024-05-01T10:00:00+00:00")
    record(store, "r2", kind="ppo", title="", parents=("r1", "elsewhere"), created="2024-05-02T10:00:00+00:00")
    store.finish_run("r1", "completed")
    assert store.runs() == (
        RunRecord("r1", "sft", "first", "runs/r1", "2024-05-01T10:00:00+00:00", "completed"),
        RunRecord("r2", "ppo", "", "runs/r2", "2024-05-02T10:00:00+00:00", None, ("r1", "elsewhere")),
    )
    store.finish_run("r1", None)
    assert store.runs()[0].outcome is None


def test_recording_again_describes_anew_and_keeps_the_outcome(store):
    record(store, parents=("a", "b"))
    store.finish_run("r1", "stopped")
    created = store.runs()[0].created
    record(store, title="second", parents=("b",))
    (run,) = store.runs()
    assert (run.title, run.parents, run.outcome, run.created) == ("second", ("b",), "stopped", created)


def test_a_run_folder_lies_inside_the_project(store):
    store.record_run("r1", "sft", "", Path("runs/r1"))
    assert store.runs()[0].folder == "runs/r1"
    for outside in (store.folder.parent / "runs", Path("../runs/r1"), store.folder):
        with pytest.raises(DataError, match="outside the project"):
            store.record_run("r2", "sft", "", outside)


def test_metrics_are_keyed_by_step(store):
    record(store)
    store.index_metrics("r1", [StepMetrics(2, {"loss": 1.5}), StepMetrics(1, {"loss": 2.0, "kl/k1": -0.25})])
    store.index_metrics("r1", [StepMetrics(2, {"loss": 1.25})])  # the folder was read again
    assert store.metrics("r1") == (StepMetrics(1, {"loss": 2.0, "kl/k1": -0.25}), StepMetrics(2, {"loss": 1.25}))
    store.index_metrics("r1", [StepMetrics(3, {"loss": math.nan, "gain": math.inf})])
    values = store.metrics("r1")[2].values
    assert math.isnan(values["loss"])
    assert values["gain"] == math.inf
    store.cut_metrics("r1", 1)
    assert [row.step for row in store.metrics("r1")] == [1]


def test_a_run_must_be_recorded_first(store):
    with pytest.raises(DataError, match="no run 'r9'"):
        store.index_metrics("r9", [StepMetrics(1, {})])
    with pytest.raises(DataError, match="no run 'r9'"):
        store.finish_run("r9", "failed")
    with pytest.raises(DataError, match="name of the run is empty"):
        record(store, " ")


def test_a_forgotten_run_leaves_nothing_in_the_index(store):
    record(store, parents=("r0",))
    store.index_metrics("r1", [StepMetrics(1, {})])
    store.forget_run("r1")
    assert store.runs() == ()
    assert store.metrics("r1") == ()
    assert store._db.execute("SELECT count(*) FROM run_parent").fetchone() == (0,)
