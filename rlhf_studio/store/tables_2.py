"""The tables of a project, version 2: what the window adds to the labels.

Drafts and the searchable text of prompts may change; verdicts on answer sets are append-only as labels are. The journal
says what a person did, in order, so that undo and redo outlive the program.

This text is the past: a change of the tables is a new migration, never an edit here.
"""

import sqlite3

from rlhf_studio.store.prompts import searchable, turns_from

_TABLES = (
    """CREATE TABLE draft (
        prompt_id INTEGER PRIMARY KEY REFERENCES prompt (id) ON DELETE CASCADE,
        text TEXT NOT NULL CHECK (text <> ''),
        saved TEXT NOT NULL
    ) STRICT""",
    """CREATE TABLE prompt_search (
        prompt_id INTEGER PRIMARY KEY REFERENCES prompt (id) ON DELETE CASCADE,
        text TEXT NOT NULL
    ) STRICT""",
    """CREATE TABLE answer_set (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        prompt_id INTEGER NOT NULL REFERENCES prompt (id),
        created TEXT NOT NULL
    ) STRICT""",
    "CREATE INDEX answer_set_by_prompt ON answer_set (prompt_id)",
    """CREATE TABLE answer_set_entry (
        set_id INTEGER NOT NULL REFERENCES answer_set (id),
        place INTEGER NOT NULL CHECK (place >= 0),
        completion_id INTEGER NOT NULL UNIQUE REFERENCES completion (id),
        PRIMARY KEY (set_id, place)
    ) STRICT, WITHOUT ROWID""",
    """CREATE TABLE answer_set_ranking (
        ranking_id INTEGER PRIMARY KEY REFERENCES ranking (id),
        set_id INTEGER NOT NULL REFERENCES answer_set (id)
    ) STRICT""",
    "CREATE INDEX answer_set_ranking_by_set ON answer_set_ranking (set_id)",
    """CREATE TABLE answer_set_verdict (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        set_id INTEGER NOT NULL REFERENCES answer_set (id),
        verdict TEXT NOT NULL CHECK (verdict IN ('waiting', 'unrankable', 'skipped')),
        who TEXT NOT NULL,
        note TEXT NOT NULL,
        created TEXT NOT NULL
    ) STRICT""",
    "CREATE INDEX answer_set_verdict_by_set ON answer_set_verdict (set_id)",
    """CREATE VIEW answer_set_state AS SELECT id, prompt_id, CASE
        WHEN EXISTS (SELECT 1 FROM answer_set_ranking JOIN live_ranking ON live_ranking.id = ranking_id
            WHERE set_id = answer_set.id) THEN 'ranked'
        ELSE coalesce((SELECT verdict FROM answer_set_verdict WHERE set_id = answer_set.id ORDER BY id DESC LIMIT 1),
            'waiting')
        END AS state FROM answer_set""",
    """CREATE TABLE journal (
        id INTEGER PRIMARY KEY AUTOINCREMENT,
        kind TEXT NOT NULL CHECK (kind IN (
            'demonstration', 'ranking', 'unrankable', 'skipped', 'retraction', 'restoration', 'simulated')),
        prompt_id INTEGER REFERENCES prompt (id),
        set_id INTEGER REFERENCES answer_set (id),
        demonstration_id INTEGER REFERENCES demonstration (id),
        ranking_id INTEGER REFERENCES ranking (id),
        verdict_id INTEGER REFERENCES answer_set_verdict (id),
        state TEXT NOT NULL DEFAULT 'done' CHECK (state IN ('done', 'undone', 'dropped')),
        who TEXT NOT NULL,
        created TEXT NOT NULL
    ) STRICT""",
    "CREATE INDEX journal_by_state ON journal (state)",
    """CREATE TABLE journal_ranking (
        journal_id INTEGER NOT NULL REFERENCES journal (id),
        ranking_id INTEGER NOT NULL REFERENCES ranking (id),
        PRIMARY KEY (journal_id, ranking_id)
    ) STRICT, WITHOUT ROWID""",
)

_TRIGGERS = tuple(
    f"""CREATE TRIGGER answer_set_entry_stranger_{action.lower()} BEFORE {action} ON answer_set_entry
    WHEN (SELECT prompt_id FROM completion WHERE id = NEW.completion_id)
        <> (SELECT prompt_id FROM answer_set WHERE id = NEW.set_id) BEGIN
        SELECT RAISE(ABORT, 'an answer set holds completions of its own prompt only');
    END"""  # noqa: S608  fixed words
    for action in ("INSERT", "UPDATE")
) + tuple(
    f"""CREATE TRIGGER answer_set_verdict_no_{action.lower()} BEFORE {action} ON answer_set_verdict BEGIN
        SELECT RAISE(ABORT, 'answer_set_verdict is append-only: add a new verdict');
    END"""
    for action in ("UPDATE", "DELETE")
)

# Four to nine different answers to one prompt, drawn alike and never ranked, are a set; its id is its first answer's.
_DRAWN = "prompt_id, model, checkpoint, temperature, top_p, max_new_tokens, seed"
_UNRANKED = f"""CREATE TEMP TABLE unranked AS
    WITH different AS (
        SELECT min(id) AS id, max(created) AS created, {_DRAWN} FROM completion
        WHERE id NOT IN (SELECT completion_id FROM ranking_entry) GROUP BY {_DRAWN}, text
    ), grouped AS (
        SELECT id, prompt_id, created, min(id) OVER alike AS set_id, count(*) OVER alike AS size FROM different
        WINDOW alike AS (PARTITION BY {_DRAWN})
    )
    SELECT * FROM grouped WHERE size BETWEEN 4 AND 9"""  # noqa: S608  fixed words
_SETS = (
    _UNRANKED,
    """INSERT INTO answer_set (id, prompt_id, created)
    SELECT set_id, prompt_id, max(created) FROM unranked GROUP BY set_id, prompt_id""",
    """INSERT INTO answer_set_entry (set_id, place, completion_id)
    SELECT set_id, row_number() OVER (PARTITION BY set_id ORDER BY id) - 1, id FROM unranked""",
    "DROP TABLE temp.unranked",
)


def to_version_2(connection: sqlite3.Connection) -> None:
    """Add the window's tables; a project's unranked answers become sets that wait for a labeler."""
    for statement in (*_TABLES, *_TRIGGERS, *_SETS):
        connection.execute(statement)
    prompts = connection.execute("SELECT id, turns FROM prompt")
    connection.executemany(
        "INSERT INTO prompt_search (prompt_id, text) VALUES (?, ?)",
        ((prompt_id, searchable(turns_from(turns))) for prompt_id, turns in prompts),
    )
