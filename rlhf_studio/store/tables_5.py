"""The tables of a project, version 5: the labeling desk.

Prompts have tags and can be deleted, which only hides them and their labels. A prompt may say what it was written for
(``brief``, the use case of a user-based prompt) and what it was made of together with others (``family``: examples out
of the same pairs, which no split may tear apart). Rankings know how sure the labeler was,
a note, whether all answers are bad, and whether they are a silent repeat. A label can be a new version of an older
one. Drafts know whose answer they began with, and a demonstration that is being edited has a draft of its own.
Ratings of single answers and marks of prompts (InstructGPT, tables 3 and 7) are append-only: of one labeler the
latest row counts.

This text is the past: a change of the tables is a new migration, never an edit here.
"""

_APPEND_ONLY = ("rating", "prompt_annotation")

_TABLES = """
ALTER TABLE prompt ADD COLUMN is_deleted INTEGER NOT NULL DEFAULT 0 CHECK (is_deleted IN (0, 1));
CREATE INDEX prompt_deleted ON prompt (id) WHERE is_deleted;
CREATE INDEX prompt_listing ON prompt (is_deleted, use_case, split, source, author);
ALTER TABLE prompt ADD COLUMN brief TEXT NOT NULL DEFAULT '';
ALTER TABLE prompt ADD COLUMN family TEXT NOT NULL DEFAULT '';
CREATE INDEX prompt_by_family ON prompt (family) WHERE family <> '';
CREATE TABLE prompt_tag (
    tag TEXT NOT NULL CHECK (tag <> ''),
    prompt_id INTEGER NOT NULL REFERENCES prompt (id) ON DELETE CASCADE,
    PRIMARY KEY (tag, prompt_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX tag_by_prompt ON prompt_tag (prompt_id);

ALTER TABLE demonstration ADD COLUMN replaces INTEGER REFERENCES demonstration (id);
ALTER TABLE demonstration ADD COLUMN model TEXT NOT NULL DEFAULT '';
CREATE INDEX demonstration_by_older ON demonstration (replaces) WHERE replaces IS NOT NULL;
ALTER TABLE draft ADD COLUMN model TEXT NOT NULL DEFAULT '';
CREATE TABLE demonstration_draft (
    demonstration_id INTEGER PRIMARY KEY REFERENCES demonstration (id) ON DELETE CASCADE,
    text TEXT NOT NULL CHECK (text <> ''),
    saved TEXT NOT NULL
) STRICT;
ALTER TABLE ranking ADD COLUMN replaces INTEGER REFERENCES ranking (id);
ALTER TABLE ranking ADD COLUMN is_repeat INTEGER NOT NULL DEFAULT 0 CHECK (is_repeat IN (0, 1));
ALTER TABLE ranking ADD COLUMN confidence INTEGER CHECK (confidence BETWEEN 1 AND 3);
ALTER TABLE ranking ADD COLUMN note TEXT NOT NULL DEFAULT '';
ALTER TABLE ranking ADD COLUMN is_all_bad INTEGER NOT NULL DEFAULT 0 CHECK (is_all_bad IN (0, 1));
CREATE INDEX ranking_by_older ON ranking (replaces) WHERE replaces IS NOT NULL;

CREATE TABLE rating (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    completion_id INTEGER NOT NULL REFERENCES completion (id),
    overall INTEGER CHECK (overall BETWEEN 1 AND 7),
    flags TEXT NOT NULL,
    labeler TEXT NOT NULL,
    created TEXT NOT NULL
) STRICT;
CREATE INDEX rating_by_completion ON rating (completion_id);
CREATE TABLE prompt_annotation (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    prompt_id INTEGER NOT NULL REFERENCES prompt (id),
    marks TEXT NOT NULL,
    labeler TEXT NOT NULL,
    created TEXT NOT NULL
) STRICT;
CREATE INDEX annotation_by_prompt ON prompt_annotation (prompt_id);

CREATE INDEX demonstration_by_time ON demonstration (created);
CREATE INDEX ranking_by_time ON ranking (created);
CREATE INDEX verdict_by_time ON answer_set_verdict (created);

DROP VIEW answer_set_state;
DROP VIEW live_demonstration;
DROP VIEW live_ranking;
CREATE VIEW live_prompt AS SELECT * FROM prompt WHERE is_deleted = 0;
CREATE VIEW live_demonstration AS SELECT * FROM demonstration WHERE NOT coalesce(
    (SELECT is_retracted FROM retraction WHERE demonstration_id = demonstration.id ORDER BY id DESC LIMIT 1), 0)
    AND prompt_id NOT IN (SELECT id FROM prompt WHERE is_deleted);
CREATE VIEW unfinished AS SELECT prompt_id FROM draft
    UNION SELECT prompt_id FROM demonstration_draft JOIN live_demonstration d ON d.id = demonstration_id;
CREATE VIEW live_ranking AS SELECT * FROM ranking WHERE NOT coalesce(
    (SELECT is_retracted FROM retraction WHERE ranking_id = ranking.id ORDER BY id DESC LIMIT 1), 0)
    AND prompt_id NOT IN (SELECT id FROM prompt WHERE is_deleted);
CREATE VIEW answer_set_state AS SELECT id, prompt_id, CASE
    WHEN EXISTS (SELECT 1 FROM answer_set_ranking JOIN live_ranking ON live_ranking.id = ranking_id
        WHERE set_id = answer_set.id AND NOT is_repeat) THEN 'ranked'
    ELSE coalesce((SELECT verdict FROM answer_set_verdict WHERE set_id = answer_set.id ORDER BY id DESC LIMIT 1),
        'waiting')
    END AS state FROM answer_set WHERE prompt_id NOT IN (SELECT id FROM prompt WHERE is_deleted);

CREATE TABLE journal_5 (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL CHECK (kind IN (
        'demonstration', 'ranking', 'unrankable', 'skipped', 'retraction', 'restoration', 'simulated', 'target',
        'run', 'revision', 'rating', 'annotation', 'prompts', 'scripted')),
    prompt_id INTEGER REFERENCES prompt (id),
    set_id INTEGER REFERENCES answer_set (id),
    demonstration_id INTEGER REFERENCES demonstration (id),
    ranking_id INTEGER REFERENCES ranking (id),
    verdict_id INTEGER REFERENCES answer_set_verdict (id),
    rating_id INTEGER REFERENCES rating (id),
    annotation_id INTEGER REFERENCES prompt_annotation (id),
    run_id TEXT,
    state TEXT NOT NULL DEFAULT 'done' CHECK (state IN ('done', 'undone', 'dropped')),
    who TEXT NOT NULL,
    created TEXT NOT NULL
) STRICT;
INSERT INTO journal_5 (id, kind, prompt_id, set_id, demonstration_id, ranking_id, verdict_id, run_id, state, who,
        created)
    SELECT id, kind, prompt_id, set_id, demonstration_id, ranking_id, verdict_id, run_id, state, who, created
    FROM journal;
DROP TABLE journal;
ALTER TABLE journal_5 RENAME TO journal;
CREATE INDEX journal_by_state ON journal (state);
CREATE TABLE journal_prompt (
    journal_id INTEGER NOT NULL REFERENCES journal (id),
    prompt_id INTEGER NOT NULL REFERENCES prompt (id),
    before TEXT NOT NULL,
    after TEXT NOT NULL,
    PRIMARY KEY (journal_id, prompt_id)
) STRICT, WITHOUT ROWID;
"""


def _refuse(table: str, action: str) -> str:
    return f"""
CREATE TRIGGER {table}_no_{action.lower()} BEFORE {action} ON {table} BEGIN
    SELECT RAISE(ABORT, '{table} is append-only: add a new row');
END;"""


SCHEMA_5 = _TABLES + "".join(_refuse(table, action) for table in _APPEND_ONLY for action in ("UPDATE", "DELETE"))
