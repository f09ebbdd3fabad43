"""A labeler's program killed at any moment; ``tests/bench/kill_labeling.py`` does it 200 times."""

import sys
from pathlib import Path

import pytest
from desk_robot import make_desk

BENCH = Path(__file__).parents[1] / "bench"


@pytest.fixture
def bench(monkeypatch):
    monkeypatch.syspath_prepend(str(BENCH))
    import kill_labeling

    yield kill_labeling
    del sys.modules["kill_labeling"]


@pytest.mark.slow
def test_kills_at_random_moments_lose_no_label_and_at_most_a_second_of_typing(bench, tmp_path):
    labels, found = bench.kill_often(tmp_path, kills=6, seed=7)
    assert found.faults == []
    assert sum(found.phases.values()) == 6
    assert sum(found.acts.values()) + found.keys > 0
    assert labels.done or labels.undone or labels.drafts


@pytest.fixture
def project(tmp_path):
    return make_desk(tmp_path / "project", prompts=2, sets=1)


def faults(bench, project, labels, pending=None, killed_at=10.0):
    found = bench.Found()
    bench.check(project, labels, pending, killed_at, found)
    return found.faults


def test_the_script_finds_a_label_that_is_lost(bench, project):
    assert not faults(bench, project, bench.Labels())
    labels = bench.Labels()
    labels.act(("demonstration", 1, "Gone."))
    lost, undoable = faults(bench, project, labels)
    assert "lost" in lost
    assert "undo" in undoable


def test_an_act_in_between_may_be_there_or_not_but_not_in_parts(bench, project):
    from rlhf_studio.store.project import open_project

    ranked = ("ranked", 1, ((1,), (2,), (3,), (4,)))
    assert not faults(bench, project, bench.Labels(), pending=ranked)
    with open_project(project) as store:
        store.rank_set(1, [[1], [2], [3, 4]], 1.0, "Robot")
    half, undoable = faults(bench, project, bench.Labels(), pending=ranked)
    assert "strange" in half
    assert "undo" in undoable
    assert not faults(bench, project, bench.Labels(), pending=("ranked", 1, ((1,), (2,), (3, 4))))


@pytest.mark.parametrize(("seconds", "is_too_much"), [(0.9, False), (1.1, True)])
def test_the_script_measures_how_much_typing_is_lost(bench, project, seconds, is_too_much):
    from rlhf_studio.store.project import open_project

    with open_project(project) as store:
        store.save_draft(1, "On")
    labels = bench.Labels()
    for at, text in ((5.0, "O"), (6.0, "On"), (10.0 - seconds, "Onc"), (9.95, "Once")):
        labels.typed(at, 1, text)
    found = faults(bench, project, labels)
    assert bool(found) == is_too_much


def test_a_draft_that_nobody_typed_is_found(bench, project):
    from rlhf_studio.store.project import open_project

    with open_project(project) as store:
        store.save_draft(1, "Otherwise")
    labels = bench.Labels()
    labels.typed(5.0, 1, "Once")
    (found,) = faults(bench, project, labels)
    assert "nobody typed" in found
