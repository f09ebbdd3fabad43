"""The tables of a project, version 1.

Labels (demonstrations, rankings) are append-only: triggers refuse to change or delete them, and taking one back is a
row in ``retraction``. The views ``live_*`` leave out what is taken back; the latest row of a label decides.

This text is the past: a change of the tables is a new migration, never an edit here.
"""

_APPEND_ONLY = ("demonstration", "ranking", "ranking_entry", "retraction")


def _refuse(table: str, action: str) -> str:
    return f"""
CREATE TRIGGER {table}_no_{action.lower()} BEFORE {action} ON {table} BEGIN
    SELECT RAISE(ABORT, '{table} is append-only: retract the label and add a new one');
END;"""


_TABLES = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE prompt (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    key TEXT UNIQUE,
    turns TEXT NOT NULL,
    use_case TEXT NOT NULL CHECK (use_case IN (
        'generation', 'open_qa', 'brainstorming', 'chat', 'rewrite', 'summarization', 'classification', 'other',
        'closed_qa', 'extract')),
    source TEXT NOT NULL CHECK (source IN ('plain', 'few_shot', 'user_based')),
    author TEXT NOT NULL,
    split TEXT NOT NULL CHECK (split IN ('train', 'valid', 'test')),
    is_split_given INTEGER NOT NULL CHECK (is_split_given IN (0, 1)),
    duplicate_group TEXT NOT NULL,
    created TEXT NOT NULL
) STRICT;
CREATE INDEX prompt_by_use_case ON prompt (use_case);
CREATE INDEX prompt_by_split ON prompt (split);
CREATE INDEX prompt_by_author ON prompt (author);
CREATE INDEX prompt_by_duplicate_group ON prompt (duplicate_group);
CREATE INDEX prompt_given_by_author ON prompt (author) WHERE is_split_given;
CREATE INDEX prompt_given_by_duplicate_group ON prompt (duplicate_group) WHERE is_split_given;

CREATE TABLE prompt_purpose (
    purpose TEXT NOT NULL CHECK (purpose IN ('demonstrate', 'rank', 'ppo', 'probe')),
    prompt_id INTEGER NOT NULL REFERENCES prompt (id) ON DELETE CASCADE,
    PRIMARY KEY (purpose, prompt_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX purpose_by_prompt ON prompt_purpose (prompt_id);

CREATE TABLE demonstration (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    prompt_id INTEGER NOT NULL REFERENCES prompt (id),
    text TEXT NOT NULL CHECK (text <> ''),
    author TEXT NOT NULL,
    created TEXT NOT NULL
) STRICT;
CREATE INDEX demonstration_by_prompt ON demonstration (prompt_id);

CREATE TABLE completion (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    prompt_id INTEGER NOT NULL REFERENCES prompt (id),
    text TEXT NOT NULL,
    model TEXT NOT NULL,
    checkpoint TEXT NOT NULL,
    temperature REAL NOT NULL CHECK (temperature >= 0),
    top_p REAL NOT NULL CHECK (top_p > 0 AND top_p <= 1),
    max_new_tokens INTEGER NOT NULL CHECK (max_new_tokens > 0),
    seed INTEGER NOT NULL,
    token_ids TEXT NOT NULL,
    is_finished INTEGER NOT NULL CHECK (is_finished IN (0, 1)),
    created TEXT NOT NULL
) STRICT;
CREATE INDEX completion_by_prompt ON completion (prompt_id);

CREATE TABLE ranking (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    prompt_id INTEGER NOT NULL REFERENCES prompt (id),
    size INTEGER NOT NULL CHECK (size >= 2),
    seconds REAL NOT NULL CHECK (seconds >= 0),
    labeler TEXT NOT NULL,
    is_simulated INTEGER NOT NULL CHECK (is_simulated IN (0, 1)),
    created TEXT NOT NULL
) STRICT;
CREATE INDEX ranking_by_prompt ON ranking (prompt_id);

CREATE TABLE ranking_entry (
    ranking_id INTEGER NOT NULL REFERENCES ranking (id),
    completion_id INTEGER NOT NULL REFERENCES completion (id),
    tier INTEGER NOT NULL CHECK (tier >= 0),
    position INTEGER CHECK (position >= 0),
    PRIMARY KEY (ranking_id, completion_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX entry_by_completion ON ranking_entry (completion_id);

CREATE TABLE retraction (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    demonstration_id INTEGER REFERENCES demonstration (id),
    ranking_id INTEGER REFERENCES ranking (id),
    is_retracted INTEGER NOT NULL CHECK (is_retracted IN (0, 1)),
    who TEXT NOT NULL,
    created TEXT NOT NULL,
    CHECK ((demonstration_id IS NULL) <> (ranking_id IS NULL))
) STRICT;
CREATE INDEX retraction_by_demonstration ON retraction (demonstration_id) WHERE demonstration_id IS NOT NULL;
CREATE INDEX retraction_by_ranking ON retraction (ranking_id) WHERE ranking_id IS NOT NULL;

CREATE TABLE run (
    id TEXT PRIMARY KEY,
    kind TEXT NOT NULL,
    title TEXT NOT NULL,
    folder TEXT NOT NULL,
    created TEXT NOT NULL,
    outcome TEXT
) STRICT;
CREATE TABLE run_parent (
    run_id TEXT NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    place INTEGER NOT NULL,
    parent_id TEXT NOT NULL,
    PRIMARY KEY (run_id, place)
) STRICT, WITHOUT ROWID;
CREATE TABLE run_metric (
    run_id TEXT NOT NULL REFERENCES run (id) ON DELETE CASCADE,
    step INTEGER NOT NULL,
    metrics TEXT NOT NULL,
    PRIMARY KEY (run_id, step)
) STRICT, WITHOUT ROWID;

CREATE VIEW live_demonstration AS SELECT * FROM demonstration WHERE NOT coalesce(
    (SELECT is_retracted FROM retraction WHERE demonstration_id = demonstration.id ORDER BY id DESC LIMIT 1), 0);
CREATE VIEW live_ranking AS SELECT * FROM ranking WHERE NOT coalesce(
    (SELECT is_retracted FROM retraction WHERE ranking_id = ranking.id ORDER BY id DESC LIMIT 1), 0);
"""

_TRIGGERS = """
CREATE TRIGGER ranking_entry_sealed BEFORE INSERT ON ranking_entry
WHEN (SELECT count(*) FROM ranking_entry WHERE ranking_id = NEW.ranking_id)
    >= (SELECT size FROM ranking WHERE id = NEW.ranking_id) BEGIN
    SELECT RAISE(ABORT, 'ranking_entry is append-only: this ranking is complete');
END;
CREATE TRIGGER ranking_entry_stranger BEFORE INSERT ON ranking_entry
WHEN (SELECT prompt_id FROM completion WHERE id = NEW.completion_id)
    <> (SELECT prompt_id FROM ranking WHERE id = NEW.ranking_id) BEGIN
    SELECT RAISE(ABORT, 'a ranking holds completions of its own prompt only');
END;"""

SCHEMA_1 = (
    _TABLES
    + _TRIGGERS
    + "".join(_refuse(table, action) for table in _APPEND_ONLY for action in ("UPDATE", "DELETE"))
    # a ranked answer must stay what was ranked; one that nobody ranked may still be deleted
    + _refuse("completion", "UPDATE")
)
