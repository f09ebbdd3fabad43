"""Scripted labelers from the command line."""

import pytest

from rlhf_studio.cli import entry
from rlhf_studio.schema import NewCompletion
from rlhf_studio.store.project import open_project


@pytest.fixture
def waiting(project):
    """Two sets wait; in the second one every answer has the same length."""
    with open_project(project) as store:
        for prompt_id, texts in ((1, ("a", "bbb", "cc")), (2, ("x", "y", "z"))):
            store.add_answer_set(prompt_id, [NewCompletion(prompt_id, text, "m") for text in texts])
    return project


def label(project, *more):
    return entry.main(["label", "--project", str(project), *more])


def test_waiting_sets_are_ranked_and_go_on_waiting(waiting, capsys):
    assert label(waiting, "--rule", "short", "--noise", "0") == 0
    assert capsys.readouterr().out == (
        "script: short answers, noise 0: 1 simulated rankings were made.\n"
        "1 sets hold answers that the rule finds equally good; they got none.\n"
        "2 sets of answers wait to be ranked by people.\n"
    )
    with open_project(waiting) as store:
        ranking = store.rankings(1)[-1]
        texts = {completion.id: completion.text for completion in store.completions(1)}
        assert [texts[tier[0]] for tier in ranking.tiers] == ["a", "cc", "bbb"]
        assert (ranking.labeler, ranking.is_simulated) == ("script: short answers, noise 0", True)
    assert label(waiting, "--rule", "long", "--noise", "0", "--limit", "1") == 0
    assert "1 simulated rankings were made" in capsys.readouterr().out
    assert entry.main(["project", "undo", str(waiting)]) == 0
    assert capsys.readouterr().out == "Taken back: the rankings by a script.\n"
    with open_project(waiting) as store:
        assert len(store.simulated_labelers()) == 2  # the fixture's script and the short one


def test_new_sets_are_sampled_from_a_model_and_ranked(project, base, capsys):
    more = ("--rule", "length", "--length", "20", "--limit", "2", "--model", str(base), "--max-new-tokens", "8")
    assert label(project, *more, "--sample", "3", "--device", "cpu") == 0
    assert capsys.readouterr().out.startswith("2 sets of 3 answers were sampled.\n")
    with open_project(project) as store:
        sets = store.answer_sets()
        assert [len(one.completion_ids) for one in sets] == [3, 3]
        assert len({one.prompt_id for one in sets}) == 2
        answer = store.set_answers(sets[0].id)[0]
        assert (answer.model, answer.sampling.max_new_tokens) == ("base", 8)


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (("--rule", "sad"), "no rule 'sad'"),
        (("--rule", "word"), "Name a word"),
        (("--rule", "short", "--noise", "2"), "noise cannot be 2"),
        (("--rule", "short", "--limit", "0"), "--limit cannot be 0"),
        (("--rule", "short", "--sample", "10"), "--sample cannot be 10"),
        (("--rule", "short", "--model", "tiny"), "Add --sample K"),
    ],
)
def test_what_makes_no_sense_is_said_and_changes_nothing(waiting, capsys, more, said):
    assert label(waiting, *more) == 3
    assert said in capsys.readouterr().err
    with open_project(waiting) as store:
        assert store.undoable().kind == "demonstration"
