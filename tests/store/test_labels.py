"""Labels are only ever added, taken back and taken back in; wrong ones are refused with their values."""

import math
import sqlite3

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rlhf_studio.errors import DataError
from rlhf_studio.schema import Completion, Demonstration, NewCompletion, NewPrompt, Ranking, Sampling, Turn
from rlhf_studio.store.database import Changes
from rlhf_studio.store.project import open_project

NOTHING = Changes(frozenset())


# -- demonstrations


def test_a_demonstration_comes_back(answered):
    store, prompt_id, _ = answered
    first = store.add_demonstration(prompt_id, "In the wood.", "eve")
    store.add_demonstration(prompt_id, "In the wood.", "eve")  # an answer given twice is two labels
    other = store.add_prompts([NewPrompt((Turn("user", "And seals?"),))]).ids[0]
    store.add_demonstration(other, "\x00 在海里", "")
    assert first.changes == Changes(frozenset({"demonstration", "journal"}))
    assert store.demonstrations(prompt_id) == (
        Demonstration(first.ids[0], prompt_id, "In the wood.", "eve"),
        Demonstration(first.ids[0] + 1, prompt_id, "In the wood.", "eve"),
    )
    assert [d.text for d in store.demonstrations()] == ["In the wood.", "In the wood.", "\x00 在海里"]


@pytest.mark.parametrize("text", ["", "  \n\t"])
def test_an_empty_demonstration_is_refused(answered, text):
    store, prompt_id, _ = answered
    with pytest.raises(DataError, match=f"demonstration for prompt {prompt_id} is empty"):
        store.add_demonstration(prompt_id, text, "eve")
    assert store.demonstrations() == ()


def test_a_demonstration_answers_a_prompt_of_this_project(store):
    with pytest.raises(DataError, match="no prompt 99"):
        store.add_demonstration(99, "text", "eve")


# -- completions


def test_a_completion_comes_back_with_all_that_drew_it(store, ask):
    prompt_id = store.add_prompts([ask("q")]).ids[0]
    sampling = Sampling(temperature=0.7, top_p=0.9, max_new_tokens=12, seed=2**62)
    new = NewCompletion(prompt_id, "", "tiny", "step-40", sampling, (5, 0, 2**31 - 1), is_finished=False)
    written = store.add_completions([new])
    assert written.changes == Changes(frozenset({"completion"}))
    assert store.completions(prompt_id) == (
        Completion(written.ids[0], prompt_id, "", "tiny", "step-40", sampling, (5, 0, 2**31 - 1), is_finished=False),
    )


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"prompt_id": 99}, "no prompt 99"),
        ({"token_ids": (1, -1)}, "token id outside 0"),
        ({"token_ids": (2**31,)}, "token id outside 0"),
        ({"text": "\udc00"}, "half a character"),
        ({"sampling": Sampling(temperature=-0.1)}, "temperature -0.1"),
        ({"sampling": Sampling(temperature=math.nan)}, "temperature nan"),
        ({"sampling": Sampling(top_p=0.0)}, "top_p 0.0"),
        ({"sampling": Sampling(top_p=1.5)}, "top_p 1.5"),
        ({"sampling": Sampling(max_new_tokens=0)}, "at most 0 new tokens"),
        ({"sampling": Sampling(seed=2**63)}, "Use one that fits into 64 bits"),
    ],
)
def test_a_completion_that_no_sampler_made_is_refused(answered, fields, words):
    store, prompt_id, ids = answered
    with pytest.raises(DataError, match=words):
        store.add_completions([NewCompletion(**{"prompt_id": prompt_id, "text": "x", "model": "m", **fields})])
    assert len(store.completions(prompt_id)) == len(ids)


# -- rankings


def test_a_ranking_comes_back(answered):
    store, prompt_id, (a, b, c, d) = answered
    written = store.add_ranking(prompt_id, [[c], [d, a], [b]], [b, d, a, c], 12.5, "eve")
    assert written.changes == Changes(frozenset({"ranking"}))
    ranking = Ranking(written.ids[0], prompt_id, ((c,), (a, d), (b,)), (b, d, a, c), 12.5, "eve", is_simulated=False)
    assert store.rankings() == (ranking,)
    assert store.rankings(prompt_id) == (ranking,)
    assert store.rankings(prompt_id + 1) == ()


def test_some_of_the_answers_may_be_ranked_and_the_shown_order_be_unknown(answered):
    store, prompt_id, (a, _, c, _) = answered
    store.add_ranking(prompt_id, [[c], [a]], is_simulated=True)
    (ranking,) = store.rankings()
    assert (ranking.tiers, ranking.shown_order, ranking.is_simulated) == (((c,), (a,)), (), True)


@pytest.mark.parametrize(
    ("tiers", "shown", "seconds", "words"),
    [
        ([], (), 0, "has 0 completions. Rank at least two"),
        ([["a"]], (), 0, "has 1 completions. Rank at least two"),
        ([["a"], [], ["b"]], (), 0, r"has an empty tier: \[\[1\], \[\], \[2\]\]"),
        ([["a", "b"], ["a"]], (), 0, "holds completion 1 more than once"),
        ([["a"], ["b"]], ("a",), 0, r"was shown as \[1\] but ranks \[1, 2\]"),
        ([["a"], ["b"]], ("a", "c"), 0, r"was shown as \[1, 3\] but ranks"),
        ([["a"], ["b"]], (), -1, "took -1 seconds"),
        ([["a"], ["b"]], (), math.inf, "took inf seconds"),
        ([["a"], ["stranger"]], (), 0, "Completion 5 does not answer prompt 1"),
        ([["a"], ["nobody"]], (), 0, "Completion 99 does not answer prompt 1"),
        ([["a"], ["echo"]], (), 0, r"All 2 answers to prompt 1 are the same text \('answer 0'\)"),
    ],
)
def test_an_order_that_is_none_is_refused(answered, ask, tiers, shown, seconds, words):
    store, prompt_id, ids = answered
    other = store.add_prompts([ask("another")]).ids[0]
    stranger, echo = store.add_completions(
        [NewCompletion(other, "x", "m"), NewCompletion(prompt_id, "answer 0", "m")]
    ).ids
    names = dict(zip("abcd", ids, strict=True)) | {"stranger": stranger, "echo": echo, "nobody": 99}
    with pytest.raises(DataError, match=words):
        store.add_ranking(prompt_id, [[names[n] for n in tier] for tier in tiers], [names[n] for n in shown], seconds)
    assert store.rankings() == ()
    assert store._db.execute("SELECT count(*) FROM ranking_entry").fetchone() == (0,)


def test_a_ranking_belongs_to_a_prompt_of_this_project(store):
    with pytest.raises(DataError, match="no prompt 9 in this project"):
        store.add_ranking(9, [[1], [2]])


tied_orders = st.integers(2, 9).flatmap(
    lambda count: st.tuples(st.permutations(range(count)), st.lists(st.booleans(), min_size=count, max_size=count))
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(tied_orders)
def test_pairs_survive_the_way_through_the_file(store, order):
    places, begins_tier = order
    prompt_id = store.add_prompts([NewPrompt((Turn("user", "q"),), split="train")]).ids[0]
    ids = store.add_completions([NewCompletion(prompt_id, f"a{i}", "m") for i in places]).ids
    tiers = [[]]
    for place, begins in zip(places, begins_tier, strict=True):
        if begins and tiers[-1]:
            tiers.append([])
        tiers[-1].append(ids[place])
    store.add_ranking(prompt_id, tiers)
    with open_project(store.folder, read_only=True) as reader:
        (read,) = reader.rankings(prompt_id)
        row = reader.ranked_rows("train")[-1]
    meant = Ranking(0, prompt_id, tuple(map(tuple, tiers)))
    assert set(read.pairs()) == set(meant.pairs())
    better = {(ids[i], ids[j]) for i, r in enumerate(row.ranks) for j, s in enumerate(row.ranks) if r < s}
    assert better == set(meant.pairs())


# -- append-only, with retraction


def test_retraction_hides_and_restoring_shows(answered):
    store, prompt_id, (a, b, *_) = answered
    demonstration = store.add_demonstration(prompt_id, "text", "eve").ids[0]
    ranking = store.add_ranking(prompt_id, [[a], [b]]).ids[0]
    for label, label_id, retract, restore, read, rows in (
        (
            "demonstration",
            demonstration,
            store.retract_demonstration,
            store.restore_demonstration,
            store.demonstrations,
            store.demonstration_rows,
        ),
        ("ranking", ranking, store.retract_ranking, store.restore_ranking, store.rankings, store.ranked_rows),
    ):
        changed = Changes(frozenset({label, "journal"}))
        assert restore(label_id) == NOTHING
        assert retract(label_id, "eve") == changed
        assert retract(label_id, "eve") == NOTHING
        assert (read(), read(prompt_id), rows("train")) == ((), (), ())
        assert len(read(include_retracted=True)) == 1
        assert restore(label_id, "adam") == changed
        assert len(read()) == len(rows("train")) == 1
        assert retract(label_id) == changed
        assert read() == ()
    log = store._db.execute("SELECT demonstration_id, ranking_id, is_retracted, who FROM retraction").fetchall()
    assert log == [
        (demonstration, None, 1, "eve"),
        (demonstration, None, 0, "adam"),
        (demonstration, None, 1, ""),
        (None, ranking, 1, "eve"),
        (None, ranking, 0, "adam"),
        (None, ranking, 1, ""),
    ]


def test_a_label_that_is_not_there_cannot_be_taken_back(store):
    with pytest.raises(DataError, match="There is no demonstration 3"):
        store.retract_demonstration(3)
    with pytest.raises(DataError, match="There is no ranking 3"):
        store.restore_ranking(3)


def test_simulated_rankings_are_taken_back_together(answered):
    store, prompt_id, (a, b, c, _) = answered
    mine = store.add_ranking(prompt_id, [[a], [b]], labeler="eve").ids[0]
    simulated = [store.add_ranking(prompt_id, [[b], [c]], is_simulated=True).ids[0] for _ in range(3)]
    store.retract_ranking(simulated[1])
    written = store.delete_simulated_rankings("eve")
    assert written.ids == (simulated[0], simulated[2])
    assert [ranking.id for ranking in store.rankings()] == [mine]
    assert store.delete_simulated_rankings().changes == NOTHING


@pytest.fixture
def labelled(answered):
    store, prompt_id, (a, b, *_) = answered
    store.add_demonstration(prompt_id, "text", "eve")
    store.retract_ranking(store.add_ranking(prompt_id, [[a], [b]]).ids[0])
    return store


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("UPDATE demonstration SET text = 'other'", "append-only"),
        ("DELETE FROM demonstration", "append-only"),
        (
            "INSERT OR REPLACE INTO demonstration SELECT id, prompt_id, 'other', '', '', NULL, '' FROM demonstration",
            "append-only",
        ),
        ("UPDATE ranking SET seconds = 0", "append-only"),
        ("DELETE FROM ranking", "append-only"),
        ("UPDATE ranking_entry SET tier = 5", "append-only"),
        ("DELETE FROM ranking_entry", "append-only"),
        ("INSERT INTO ranking_entry VALUES (1, 3, 0, NULL)", "this ranking is complete"),
        ("UPDATE retraction SET is_retracted = 0", "append-only"),
        ("DELETE FROM retraction", "append-only"),
        ("UPDATE completion SET text = 'other'", "append-only"),
        ("DELETE FROM completion WHERE id = 1", "FOREIGN KEY"),
        ("DELETE FROM prompt", "FOREIGN KEY"),
        ("INSERT INTO demonstration (prompt_id, text, author, created) VALUES (99, 'x', '', '')", "FOREIGN KEY"),
        ("INSERT INTO demonstration (prompt_id, text, author, created) VALUES (1, '', '', '')", "CHECK"),
        ("INSERT INTO retraction (is_retracted, who, created) VALUES (1, '', '')", "CHECK"),
        (
            "INSERT INTO ranking (prompt_id, size, seconds, labeler, is_simulated, created) VALUES (1,1,0,'',0,'')",
            "CHECK",
        ),
        (
            "INSERT INTO demonstration (prompt_id, text, author, created) VALUES ('one', 'x', '', '')",
            "datatype|cannot store",
        ),
    ],
)
def test_the_file_itself_refuses(labelled, sql, words):
    with pytest.raises(sqlite3.IntegrityError, match=words):
        labelled._db.execute(sql)


def test_the_file_refuses_a_ranking_of_another_prompts_completion(answered, ask):
    store, _, ids = answered
    other = store.add_prompts([ask("another")]).ids[0]

    def mix():
        with store.transaction():
            ranking = store._insert(
                "INSERT INTO ranking (prompt_id, size, seconds, labeler, is_simulated, created)"
                " VALUES (?, 2, 0, '', 0, '')",
                (other,),
            )
            store._db.execute("INSERT INTO ranking_entry VALUES (?, ?, 0, NULL)", (ranking, ids[0]))

    with pytest.raises(DataError, match=r"of its own prompt only.*Nothing of it was written"):
        mix()
    assert store.rankings(include_retracted=True) == ()


def test_an_unranked_completion_may_go(labelled):
    labelled._db.execute("DELETE FROM completion WHERE id = 4")
    assert len(labelled.completions(1)) == 3
