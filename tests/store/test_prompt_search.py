"""Prompts are found by any part of their text, with an index and without one, whatever is typed."""

import sqlite3
from contextlib import closing

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from rlhf_studio.schema import NewPrompt, Turn
from rlhf_studio.store import prompt_search
from rlhf_studio.store.project import create_project, open_project
from rlhf_studio.store.prompt_search import fold, needle

CHARACTERS = st.sampled_from(list("ab A正弦的é\0\ufffd\uffff\U0001f600\"*'-^:(){}%_\\\n\ud800ßﬁ\uff11\u0301"))
TEXTS = st.text(CHARACTERS, max_size=12)


def found(store, text):
    return [item.id for item in store.find_prompts(text, order="oldest_first")]


def fill(store, *texts):
    return store.add_prompts([NewPrompt((Turn("user", text),)) for text in texts]).ids


def forget_indexes(folder):
    """Make a project what it was before there were indexes."""
    with closing(sqlite3.connect(folder / "project.sqlite")) as connection:
        connection.executescript(
            "DROP TABLE prompt_trigram; DROP TABLE prompt_gram; DELETE FROM meta WHERE name = 'search_index'"
        )


@pytest.fixture
def lacks_fts(monkeypatch):
    """An SQLite that knows no FTS5: it says so in these words."""
    for name in ("_TRIGRAM", "_GRAMS"):
        monkeypatch.setattr(prompt_search, name, getattr(prompt_search, name).replace("fts5", "fts5000"))
    monkeypatch.setattr(prompt_search, "_TABLES", (prompt_search._TRIGRAM, prompt_search._GRAMS))


@pytest.mark.parametrize(
    ("query", "hits"),
    [
        ("正弦", [1, 3]),  # two characters, which neither of SQLite's tokenizers finds
        ("弦", [1, 3]),
        ("函", [1]),
        ("正弦函", [1]),
        ("弦正", []),
        ("ss", [2]),
        ("STRASSE", [2]),
        ("e 1", [2]),
        ("123", [2]),
        ("的", []),
        ("", [1, 2, 3]),
    ],
)
def test_words_of_one_two_and_more_characters_are_found(store, query, hits):
    fill(store, "什么是正弦函数", "Straße \uff11\uff12\uff13", "a 正弦\nb")
    assert store._has_index()
    assert found(store, query) == hits


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(TEXTS, min_size=1, max_size=4), TEXTS)
@example(["a\0bc"], "\0bc")
@example(["a\ufffdbc"], "\0bc")
@example(['x "y" NEAR(z)'], '"y" NEAR(')
@example(["ab*"], "b*")
@example(["\uffffab"], "\ufffeab")
def test_the_index_finds_what_reading_every_text_finds(store, texts, query):
    """The store grows from example to example: the more there is to confuse."""
    texts = [text.encode("utf-8", "replace").decode() + "x" for text in texts]
    fill(store, *texts)
    rows = store._db.execute("SELECT prompt_id, text FROM prompt_search ORDER BY prompt_id").fetchall()
    assert store._has_index()
    assert found(store, query) == [prompt_id for prompt_id, text in rows if needle(query) in text]


@pytest.mark.parametrize(
    "query", ['"', "'", "*", "a*", "NEAR(a b)", "a AND", "-a", "^a", "{", "grams:a", "\0", "\ud800"]
)
@pytest.mark.parametrize("repeat", [1, 40])
def test_no_query_is_an_error(store, query, repeat):
    text = (query * repeat).encode("utf-8", "replace").decode()
    fill(store, "something else", f"before {text} after")
    hits = found(store, query * repeat)
    assert 1 not in hits or fold(text) in fold("something else")
    assert (hits == [2]) == ("\ud800" not in query)  # half a character is in no prompt


def test_a_long_text_is_compared_to_its_end(store):
    common = "the same beginning of a long text, " * 4
    fill(store, common + "one end", common + "another end")
    assert found(store, common + "one") == [1]


def test_an_older_project_gets_its_indexes_when_it_is_opened(tmp_path):
    with create_project(tmp_path / "p", "t") as store:
        fill(store, "正弦", "cosine")
    forget_indexes(tmp_path / "p")
    with open_project(tmp_path / "p", read_only=True) as store:
        assert found(store, "弦") == [1]
        assert not store._has_index()
    with open_project(tmp_path / "p") as store:
        assert store._has_index()
        assert found(store, "正弦") == [1]
        assert found(store, "sin") == [2]


@pytest.mark.usefixtures("lacks_fts")
def test_without_fts5_the_same_is_found(tmp_path):
    with create_project(tmp_path / "p", "t") as store:
        fill(store, "什么是正弦函数", "Straße \uff11\uff12\uff13")
        assert not store._has_index()
        assert [found(store, query) for query in ("正弦", "数", "strass", "123", '"')] == [[1], [1], [2], [2], []]
    with open_project(tmp_path / "p") as store:
        assert found(store, "正弦") == [1]


def test_what_was_added_without_fts5_is_indexed_later(tmp_path, monkeypatch):
    with create_project(tmp_path / "p", "t") as store:
        fill(store, "one")
    with open_project(tmp_path / "p") as store:
        monkeypatch.setattr(prompt_search, "_is_readable", lambda _connection: False)
        fill(store, "two 正弦")
        assert found(store, "正弦") == [2]
        monkeypatch.undo()
    with open_project(tmp_path / "p", read_only=True) as store:  # cannot write what is missing
        assert not store._has_index()
        assert found(store, "正弦") == [2]
    with open_project(tmp_path / "p") as store:
        fill(store, "three 正弦")
        assert store._has_index()
        assert found(store, "正弦") == [2, 3]
        assert found(store, "two") == [2]


def test_prompts_that_were_not_added_after_all_are_not_found(store):
    fill(store, "one")

    def fail():
        with store.transaction():
            fill(store, "two")
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    fill(store, "three")
    assert found(store, "two") == []
    assert found(store, "three") == [2]
