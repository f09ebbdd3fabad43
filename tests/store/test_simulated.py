"""What is done to all simulated rankings at once: deleting them, and ranking the same answers by another script."""

from contextlib import closing

import pytest

from rlhf_studio.errors import DataError
from rlhf_studio.schema import NewCompletion
from rlhf_studio.store.database import connect
from rlhf_studio.store.migrations import MIGRATIONS, migrate, schema_version
from rlhf_studio.store.project import APPLICATION_ID, open_project


@pytest.fixture
def simulated(store, ask):
    """Three prompts whose four answers a script ranked, as an import leaves them: (store, completion ids)."""
    ids = []
    for prompt_id in store.add_prompts([ask(f"question {i}", split="train") for i in range(3)]).ids:
        made = store.add_completions([NewCompletion(prompt_id, f"answer {i}", "tiny") for i in range(4)]).ids
        shown = (made[2], made[0], made[3], made[1])
        store.add_ranking(prompt_id, [made[:1], made[1:]], shown, 0.0, "scripted: happy", is_simulated=True)
        ids.append(made)
    return store, ids


def upside_down(store):
    """The other way round, one tier for each answer."""
    return [(one, [[i] for i in reversed(one.completion_ids)]) for one in store.simulated_sets()]


def live(store):
    return [(r.labeler, r.tiers) for r in store.rankings()]


def test_deleted_rankings_leave_their_answers_to_be_ranked_by_hand(simulated):
    store, ids = simulated
    assert store.answer_sets(None) == ()
    made = store.delete_simulated_rankings("eve")
    assert len(made.ids) == 3
    assert made.changes.tables == {"ranking", "answer_set", "journal"}
    waiting = store.answer_sets()
    first = ids[0]
    assert [one.prompt_id for one in waiting] == [1, 2, 3]
    assert waiting[0].completion_ids == (first[2], first[0], first[3], first[1])  # in the order they were shown
    store.rank_set(waiting[0].id, [[i] for i in first], 3.0, "eve")
    assert store.counts().rankings_by_people == 1
    assert store.undo().kind == "ranking"
    assert store.undo().kind == "simulated"
    assert store.counts().rankings_simulated == 3
    assert [one.state for one in store.answer_sets(None)] == ["ranked"] * 3
    assert store.redo().kind == "simulated"
    assert len(store.answer_sets()) == 3  # the same sets, not new ones
    assert len(store.answer_sets(None)) == 3


def test_another_script_ranks_the_same_answers_and_people_keep_theirs(simulated):
    store, ids = simulated
    store.add_ranking(1, [ids[0][:1], ids[0][1:2]], labeler="eve")
    before = live(store)
    sets = store.simulated_sets()
    assert [(one.prompt_text, one.texts[0]) for one in sets] == [(f"question {i}", "answer 2") for i in range(3)]
    made = store.replace_simulated_rankings(upside_down(store), "scripted: brief", "eve")
    assert len(made.ids) == 3
    assert made.changes.tables == {"ranking", "answer_set", "journal"}
    assert store.simulated_labelers() == ("scripted: brief",)
    assert ("eve", ((ids[0][0],), (ids[0][1],))) in live(store)
    assert len(live(store)) == 4
    first = ids[0]
    assert ("scripted: brief", ((first[1],), (first[3],), (first[0],), (first[2],))) in live(store)
    assert store.rankings(1)[-1].shown_order == sets[0].completion_ids
    entry = store.undo()
    assert (entry.kind, entry.changes) == ("target", made.changes)
    assert live(store) == before
    store.redo()
    assert store.simulated_labelers() == ("scripted: brief",)
    assert len(live(store)) == 4


def test_what_a_script_finds_equal_waits_and_comes_back_with_the_next_script(simulated):
    store, _ = simulated
    orders = upside_down(store)
    orders[1] = (orders[1][0], [orders[1][0].completion_ids])
    assert len(store.replace_simulated_rankings(orders, "scripted: brief").ids) == 2
    assert [one.prompt_id for one in store.answer_sets()] == [2]
    assert [one.prompt_id for one in store.simulated_sets()] == [2, 1, 3]
    assert len(store.replace_simulated_rankings(upside_down(store), "scripted: happy").ids) == 3


def test_a_person_who_judged_a_set_since_keeps_the_word(simulated):
    store, _ = simulated
    store.delete_simulated_rankings("eve")
    one, two, _ = store.answer_sets()
    store.rank_set(one.id, [[i] for i in one.completion_ids], 1, "eve")
    store.skip_set(two.id, "eve")
    assert [left.prompt_id for left in store.simulated_sets()] == [3]
    assert len(store.replace_simulated_rankings(upside_down(store), "scripted: brief", "eve").ids) == 1
    assert [answers.state for answers in store.answer_sets(None)] == ["ranked", "skipped", "ranked"]


def test_orders_of_other_sets_are_refused_and_nothing_is_changed(simulated):
    store, _ = simulated
    orders = upside_down(store)
    with pytest.raises(DataError, match="made or taken back meanwhile"):
        store.replace_simulated_rankings(orders[1:], "scripted: brief")
    one, tiers = orders[2]
    with pytest.raises(DataError, match="does not hold each once"):
        store.replace_simulated_rankings([*orders[:2], (one, tiers[1:])], "scripted: brief")
    assert store.simulated_labelers() == ("scripted: happy",)
    assert store.undoable() is None


def test_a_project_without_simulated_rankings_has_nothing_to_replace(store):
    assert store.simulated_sets() == ()
    assert store.replace_simulated_rankings([], "scripted: brief").ids == ()
    assert store.undoable() is None


def test_an_old_journal_is_carried_over(tmp_path):
    path = tmp_path / "project.sqlite"
    path.touch()
    with closing(connect(path)) as connection:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        migrate(connection, path, MIGRATIONS[:2])
        connection.executemany("INSERT INTO meta VALUES (?, ?)", [("title", "old"), ("created", "2026")])
        connection.execute(
            "INSERT INTO prompt VALUES (1, NULL, '[[\"user\", \"hi\"]]', 'other', 'plain', '', 'train', 1, 'g', '')"
        )
        for i in (1, 2):
            connection.execute(
                "INSERT INTO completion VALUES (?, 1, ?, 'm', '', 1.0, 1.0, 8, 0, '[]', 1, '')", (i, f"answer {i}")
            )
        connection.execute("INSERT INTO ranking VALUES (1, 1, 2, 0.0, 'script', 1, '')")
        connection.executemany("INSERT INTO ranking_entry VALUES (1, ?, ?, NULL)", [(1, 0), (2, 1)])
        connection.execute("INSERT INTO retraction (ranking_id, is_retracted, who, created) VALUES (1, 1, 'eve', '')")
        connection.execute("INSERT INTO journal (id, kind, who, created) VALUES (7, 'simulated', 'eve', '')")
        connection.execute("INSERT INTO journal_ranking VALUES (7, 1)")
    with open_project(tmp_path) as store:
        assert schema_version(store._db) == 5
        entry = store.undo()
        assert (entry.id, entry.kind) == (7, "simulated")
        assert store.counts().rankings_simulated == 1
        assert len(store.delete_simulated_rankings("eve").ids) == 1
        assert store.undoable().id == 8  # numbers are not given twice
