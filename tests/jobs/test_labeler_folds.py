import pytest

from fakes import drain
from rlhf_studio.errors import DataError, RunError
from rlhf_studio.jobs.labeler_folds import cross_validate, labeler_groups
from rlhf_studio.jobs.recipes import start_project_run
from rlhf_studio.jobs.reward_evaluation import FOLDS_FILE, read_folds, write_folds
from rlhf_studio.schema import Answer, RankedRow, RunSpec, Turn


def rows(**counts):
    answers = (Answer("a"), Answer("b"))
    return [RankedRow(1, (Turn("user", "hi"),), answers, (1, 2), name) for name, n in counts.items() for _ in range(n)]


def test_groups_have_about_as_many_rankings_each():
    groups = labeler_groups(rows(Ada=10, Bo=6, Cy=5, Di=5, Ed=3, Flo=1), 3)
    assert groups == (("Ada",), ("Bo", "Ed", "Flo"), ("Cy", "Di"))
    assert labeler_groups(rows(Ada=2, Bo=1), 5) == (("Ada",), ("Bo",))


def test_one_labeler_is_not_enough_and_it_says_what_is():
    with pytest.raises(DataError, match=r"come from one labeler \(Ada\).*at least two people, and of 5"):
        labeler_groups(rows(Ada=7), 5)
    with pytest.raises(DataError, match=r"one labeler \(nobody named\)"):
        labeler_groups(rows(**{"": 2}), 5)
    with pytest.raises(DataError, match="1 groups"):
        labeler_groups(rows(Ada=1, Bo=1), 1)


@pytest.fixture
def run(project, model_folder):
    """A run on rankings of three people: of each prompt one, and both held-out ones of other people."""
    for place, ranking in enumerate(project.rankings()):
        project.retract_ranking(ranking.id)
        project.add_ranking(ranking.prompt_id, ranking.tiers, labeler=("Ada", "Bo", "Cy")[place % 3])
    settings = {"threads": 1, "device": "cpu", "batch_size": 2, "center": True}
    return start_project_run(project, RunSpec("reward", settings, {"base": str(model_folder)})).path


def test_every_labeler_is_held_out_once_and_tested_on_unseen_prompts(run):
    told = []
    found = drain(cross_validate(run, tell=told.append))
    assert tuple(told) == found.folds
    assert sorted(fold.labelers for fold in found.folds) == [("Ada",), ("Bo",), ("Cy",)]
    for fold in found.folds:
        # two of six training prompts are this person's, and prompt 7 is held out and Ada's
        assert fold.rankings == 4
        assert fold.others.count == (6 if fold.labelers == ("Ada",) else 4)
        assert (fold.own is None) is (fold.labelers == ("Ada",))
    assert found.others.count == 14  # every pair of every labeler once
    assert found.own.count == 4  # the held-out prompt, by both models that know Ada


def test_more_seeds_give_more_models_and_the_same_prompts(run):
    found = drain(cross_validate(run, folds=2, seeds=2))
    assert [fold.seed for fold in found.folds] == [0, 0, 1, 1]
    assert found.others.groups == 7


def test_it_is_kept_in_the_run_only_when_asked_to(run):
    before = sorted(run.rglob("*"))
    found = drain(cross_validate(run, folds=2))
    assert sorted(run.rglob("*")) == before
    assert read_folds(run) is None
    write_folds(run, found)
    assert read_folds(run) == found
    (run / FOLDS_FILE).write_text("[]")
    with pytest.raises(RunError, match="Cross-validate it again"):
        read_folds(run)
