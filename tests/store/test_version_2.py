"""A project of the first version becomes one that the window can work with, and loses nothing."""

import json
from contextlib import closing

import pytest

from rlhf_studio.store.database import connect
from rlhf_studio.store.migrations import MIGRATIONS, migrate, schema_version
from rlhf_studio.store.project import APPLICATION_ID, open_project

PROMPTS = ["Where do BEARS live?", "正弦 the second", "And seals?"]


def add_answers(connection, prompt_id, texts, **drawn):
    """Answers as version 1 kept them; returns their ids."""
    row = {"model": "m", "checkpoint": "c", "temperature": 1.0, "top_p": 1.0, "max_new_tokens": 8, "seed": 0, **drawn}
    return [
        connection.execute(
            "INSERT INTO completion (prompt_id, text, model, checkpoint, temperature, top_p, max_new_tokens, seed,"
            " token_ids, is_finished, created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, '[]', 1, '2026')",
            (prompt_id, text, *row.values()),
        ).lastrowid
        for text in texts
    ]


def rank(connection, prompt_id, ids):
    ranking = connection.execute(
        "INSERT INTO ranking (prompt_id, size, seconds, labeler, is_simulated, created) VALUES (?, ?, 0, '', 0, '')",
        (prompt_id, len(ids)),
    ).lastrowid
    connection.executemany(
        "INSERT INTO ranking_entry VALUES (?, ?, ?, NULL)", [(ranking, i, place) for place, i in enumerate(ids)]
    )
    return ranking


@pytest.fixture
def first(tmp_path):
    """An open project of version 1 with three prompts: (connection, folder)."""
    path = tmp_path / "project.sqlite"
    path.touch()
    with closing(connect(path)) as connection:
        connection.execute(f"PRAGMA application_id = {APPLICATION_ID}")
        migrate(connection, path, MIGRATIONS[:1])
        connection.executemany("INSERT INTO meta VALUES (?, ?)", [("title", "old"), ("created", "2026")])
        connection.executemany(
            "INSERT INTO prompt (turns, use_case, source, author, split, is_split_given, duplicate_group, created)"
            " VALUES (?, 'other', 'plain', '', 'train', 1, ?, '2026')",
            [(json.dumps([["user", text]], ensure_ascii=False), text) for text in PROMPTS],
        )
        yield connection, tmp_path


def test_the_old_file_is_kept_beside_the_new_one(first):
    connection, folder = first
    connection.execute("INSERT INTO demonstration (prompt_id, text, author, created) VALUES (1, 'x', 'eve', '2026')")
    with open_project(folder) as store:
        assert schema_version(store._db) == 5
        assert [d.text for d in store.demonstrations()] == ["x"]
        assert store.undoable() is None
        assert store.drafts() == {}
        store.retract_demonstration(1, "eve")  # and goes on as a project of today
        assert store.undo().kind == "retraction"
    with closing(connect(folder / "project.before-v2.sqlite")) as backup:
        assert schema_version(backup) == 1
        assert backup.execute("SELECT count(*) FROM prompt").fetchone() == (3,)


def test_old_prompts_are_found(first):
    _, folder = first
    with open_project(folder) as store:
        assert [item.id for item in store.find_prompts("bears")] == [1]
        assert [item.id for item in store.find_prompts("弦")] == [2]


def test_unranked_answers_become_sets_that_wait(first):
    connection, folder = first
    four = add_answers(connection, 1, "abcd")
    other_seed = add_answers(connection, 1, "abcde", seed=1)
    other_model = add_answers(connection, 1, "abcdefghi", model="n")
    other_prompt = add_answers(connection, 2, "wxyz")
    with_an_echo = add_answers(connection, 3, ["a", "b", "a", "c", "d"])
    with open_project(folder) as store:
        sets = {(s.prompt_id, s.completion_ids) for s in store.answer_sets()}
        assert store.answer_sets() == store.answer_sets(None)
        assert sets == {
            (1, tuple(four)),
            (1, tuple(other_seed)),
            (1, tuple(other_model)),
            (2, tuple(other_prompt)),
            (3, (*with_an_echo[:2], *with_an_echo[3:])),
        }
        made = store.rank_set(store.answer_sets(k=9)[0].id, [[i] for i in other_model], 1, "eve")
        assert store.rankings()[0].shown_order == tuple(other_model)
        assert made.ids == (1,)


def test_other_answers_stay_answers(first):
    connection, folder = first
    add_answers(connection, 1, "abc")  # too few
    add_answers(connection, 1, "abcdefghij", seed=1)  # too many
    add_answers(connection, 2, "aabbcc")  # too few that differ
    add_answers(connection, 3, "abcd", temperature=0.5)  # the only ones that make a set
    ranked = add_answers(connection, 3, "abcd", seed=2)
    taken_back = add_answers(connection, 3, "abcd", seed=3)
    rank(connection, 3, ranked)
    connection.execute(
        "INSERT INTO retraction (ranking_id, is_retracted, who, created) VALUES (?, 1, '', '')",
        (rank(connection, 3, taken_back),),
    )
    with open_project(folder) as store:
        assert [(s.prompt_id, len(s.completion_ids)) for s in store.answer_sets(None)] == [(3, 4)]
        assert store.set_answers(store.answer_sets()[0].id)[0].sampling.temperature == 0.5
        assert store.counts().completions == 3 + 10 + 6 + 4 + 4 + 4
