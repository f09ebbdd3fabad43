"""Sets of sampled answers wait for a labeler; what became of one follows from its rankings and verdicts."""

import sqlite3

import pytest

from rlhf_studio.errors import DataError
from rlhf_studio.schema import NewCompletion, Ranking
from rlhf_studio.store.answer_sets import AnswerSet
from rlhf_studio.store.database import Changes
from rlhf_studio.store.project import open_project

SET = Changes(frozenset({"answer_set", "journal"}))
NOTHING = Changes(frozenset())


def answers(prompt_id, count, start=0):
    return [NewCompletion(prompt_id, f"answer {start + i}", "tiny") for i in range(count)]


@pytest.fixture
def waiting(store, ask):
    """A prompt with a set of four answers, shown as the third, first, fourth, second: (store, prompt id, set id)."""
    prompt_id = store.add_prompts([ask("Where do bears live?", split="train")]).ids[0]
    return store, prompt_id, store.add_answer_set(prompt_id, answers(prompt_id, 4), [2, 0, 3, 1]).ids[0]


def state(store, set_id):
    return store.answer_set(set_id).state


def test_a_set_is_there_after_closing_in_the_order_it_is_shown(waiting):
    store, prompt_id, set_id = waiting
    ids = [completion.id for completion in store.completions(prompt_id)]
    shown = (ids[2], ids[0], ids[3], ids[1])
    folder = store.folder
    store.close()
    with open_project(folder) as again:
        assert again.answer_sets() == (AnswerSet(set_id, prompt_id, shown, "waiting"),)
        assert again.answer_set(set_id) == again.answer_sets()[0]
        assert [a.text for a in again.set_answers(set_id)] == ["answer 2", "answer 0", "answer 3", "answer 1"]


def test_sets_are_found_by_state_and_size_oldest_first(waiting):
    store, prompt_id, four = waiting
    made = store.add_answer_set(prompt_id, answers(prompt_id, 9, 10))
    nine = made.ids[0]
    assert made.changes == Changes(frozenset({"answer_set", "completion"}))
    assert store.answer_set(nine).completion_ids == tuple(range(5, 14))  # no order given: as they came
    assert [s.id for s in store.answer_sets()] == [four, nine]
    assert [s.id for s in store.answer_sets(k=9)] == [nine]
    store.skip_set(four, "eve")
    assert [s.id for s in store.answer_sets()] == [nine]
    assert [s.id for s in store.answer_sets("skipped")] == [four]
    assert [s.id for s in store.answer_sets(None)] == [four, nine]
    assert store.answer_sets("ranked") == store.answer_sets(k=5) == ()


@pytest.mark.parametrize(
    ("count", "shown", "words"),
    [
        (1, None, "has 1 answers. Sample 2 to 9"),
        (10, None, "has 10 answers. Sample 2 to 9"),
        (3, [0, 1], r"is to be shown as \[0, 1\]. Name each answer once, counted from 0"),
        (3, [1, 2, 3], r"is to be shown as \[1, 2, 3\]"),
        (3, [0, 0, 2], r"is to be shown as \[0, 0, 2\]"),
    ],
)
def test_a_set_that_is_none_is_refused(waiting, count, shown, words):
    store, prompt_id, set_id = waiting
    with pytest.raises(DataError, match=words):
        store.add_answer_set(prompt_id, answers(prompt_id, count), shown)
    assert [s.id for s in store.answer_sets()] == [set_id]
    assert len(store.completions(prompt_id)) == 4


def test_all_answers_of_a_set_are_to_its_prompt(waiting, ask):
    store, prompt_id, set_id = waiting
    other = store.add_prompts([ask("And seals?")]).ids[0]
    mixed = [*answers(prompt_id, 3), *answers(other, 1)]
    with pytest.raises(DataError, match=f"answer to prompt {other} cannot be in a set of prompt {prompt_id}"):
        store.add_answer_set(prompt_id, mixed)
    with pytest.raises(DataError, match="no prompt 99"):
        store.add_answer_set(99, answers(99, 4))
    with pytest.raises(DataError, match="cannot be in a set of prompt"):
        store.replace_answer(set_id, 1, answers(other, 1)[0])
    assert store.completions(other) == ()


# -- what a labeler does


def test_ranking_a_set_keeps_the_order_it_was_shown_in(waiting):
    store, prompt_id, set_id = waiting
    shown = store.answer_set(set_id).completion_ids
    made = store.rank_set(set_id, [[2], [1, 4], [3]], 12.5, "eve")
    assert made.changes == Changes(frozenset({"ranking", "answer_set", "journal"}))
    assert store.rankings() == (Ranking(made.ids[0], prompt_id, ((2,), (1, 4), (3,)), shown, 12.5, "eve"),)
    assert state(store, set_id) == "ranked"
    store.retract_ranking(made.ids[0], "eve")
    assert state(store, set_id) == "waiting"
    again = store.rank_set(set_id, [[1], [2], [3], [4]], 1, "eve")
    assert [ranking.id for ranking in store.rankings()] == list(again.ids)
    assert state(store, set_id) == "ranked"


@pytest.mark.parametrize(
    ("tiers", "words"),
    [
        ([[1], [2], [3]], r"was shown as \[3, 1, 4, 2\] but ranks \[1, 2, 3\]"),
        ([[1], [2], [3], [4], [5]], "was shown as"),
        ([[1], [2], [2], [3], [4]], "holds completion 2 more than once"),
        ([[1], [], [2, 3, 4]], "has an empty tier"),
    ],
)
def test_a_ranking_orders_each_answer_of_its_set_once(waiting, tiers, words):
    store, prompt_id, set_id = waiting
    store.add_completions(answers(prompt_id, 1, 50))
    with pytest.raises(DataError, match=words):
        store.rank_set(set_id, tiers, 1, "eve")
    assert store.rankings(include_retracted=True) == ()
    assert (state(store, set_id), store.undoable()) == ("waiting", None)


def test_equal_answers_cannot_be_ranked_and_may_be_said_not_to_be(store, ask):
    prompt_id = store.add_prompts([ask("q")]).ids[0]
    set_id = store.add_answer_set(prompt_id, [NewCompletion(prompt_id, "same", "m")] * 4).ids[0]
    with pytest.raises(DataError, match="All 4 answers"):
        store.rank_set(set_id, [[1], [2], [3], [4]], 1, "eve")
    assert store.mark_unrankable(set_id, "eve", "all alike") == SET
    assert state(store, set_id) == "unrankable"


def test_the_latest_verdict_counts_until_a_ranking(waiting):
    store, _, set_id = waiting
    assert store.skip_set(set_id, "eve") == SET
    assert store.skip_set(set_id, "eve") == NOTHING
    assert state(store, set_id) == "skipped"
    store.mark_unrankable(set_id, "eve", "all wrong")
    assert state(store, set_id) == "unrankable"
    store.rank_set(set_id, [[1, 2], [3, 4]], 1, "eve")  # a second look is allowed
    assert state(store, set_id) == "ranked"
    log = store._db.execute("SELECT verdict, who, note FROM answer_set_verdict ORDER BY id").fetchall()
    assert log == [("skipped", "eve", ""), ("unrankable", "eve", "all wrong")]


def test_a_ranked_set_stays_as_it_is(waiting):
    store, prompt_id, set_id = waiting
    store.rank_set(set_id, [[1], [2], [3], [4]], 1, "eve")
    for act in (
        lambda: store.rank_set(set_id, [[1], [2], [3], [4]], 1, "eve"),
        lambda: store.mark_unrankable(set_id, "eve"),
        lambda: store.skip_set(set_id, "eve"),
        lambda: store.replace_answer(set_id, 1, answers(prompt_id, 1, 9)[0]),
    ):
        with pytest.raises(DataError, match=f"Answer set {set_id} is ranked already. Take its ranking back"):
            act()
    assert (state(store, set_id), len(store.rankings()), len(store.completions(prompt_id))) == ("ranked", 1, 4)


def test_a_set_that_is_not_there_is_said_to_be_missing(store):
    for act in (
        store.answer_set,
        store.set_answers,
        lambda i: store.skip_set(i, ""),
        lambda i: store.rank_set(i, [], 0, ""),
    ):
        with pytest.raises(DataError, match="There is no answer set 7"):
            act(7)


def test_names_and_notes_are_text(waiting):
    store, _, set_id = waiting
    for act in (lambda: store.mark_unrankable(set_id, "eve", "\ud83d"), lambda: store.skip_set(set_id, "\ud83d")):
        with pytest.raises(DataError, match="half a character"):
            act()


# -- another answer in the place of one


def test_another_answer_takes_the_place_of_one(waiting):
    store, prompt_id, set_id = waiting
    made = store.replace_answer(set_id, 1, answers(prompt_id, 1, 9)[0])
    assert made.changes == Changes(frozenset({"answer_set", "completion", "journal"}))
    assert store.answer_set(set_id).completion_ids == (3, made.ids[0], 4, 2)
    assert len(store.completions(prompt_id)) == 5  # what was sampled is kept
    with pytest.raises(DataError, match=rf"does not hold completion 1. It holds \[3, {made.ids[0]}, 4, 2\]"):
        store.replace_answer(set_id, 1, answers(prompt_id, 1, 10)[0])


def test_a_ranking_of_the_answers_before_is_no_ranking_of_the_set(waiting):
    store, prompt_id, set_id = waiting
    ranking = store.rank_set(set_id, [[1], [2], [3], [4]], 1, "eve").ids[0]
    store.undo("eve")
    store.replace_answer(set_id, 1, answers(prompt_id, 1, 9)[0])
    assert store.redoable() is None
    store.restore_ranking(ranking, "eve")  # still a label of its own answers
    assert (len(store.rankings()), state(store, set_id)) == (1, "waiting")


# -- the file itself


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("INSERT INTO answer_set_entry VALUES (1, 4, 5)", "of its own prompt only"),
        ("UPDATE answer_set_entry SET completion_id = 5 WHERE completion_id = 1", "of its own prompt only"),
        ("INSERT INTO answer_set_entry VALUES (1, 4, 1)", "UNIQUE"),
        ("UPDATE answer_set_verdict SET verdict = 'waiting'", "append-only"),
        ("DELETE FROM answer_set_verdict", "append-only"),
        ("DELETE FROM completion WHERE id = 1", "FOREIGN KEY"),
        ("INSERT INTO answer_set_verdict VALUES (9, 1, 'ranked', '', '', '')", "CHECK"),
        ("INSERT INTO draft (prompt_id, text, saved) VALUES (1, '', '')", "CHECK"),
        ("INSERT INTO journal (kind, who, created) VALUES ('party', '', '')", "CHECK"),
    ],
)
def test_the_file_refuses_what_the_program_would(waiting, ask, sql, words):
    store, _, set_id = waiting
    store.skip_set(set_id, "eve")
    other = store.add_prompts([ask("another")]).ids[0]
    store.add_completions(answers(other, 1))
    with pytest.raises(sqlite3.IntegrityError, match=words):
        store._db.execute(sql)
