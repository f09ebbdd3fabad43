"""The tables of a project, version 4: the journal knows the deletion of a run, and the index which runs are deleted.

This text is the past: a change of the tables is a new migration, never an edit here.
"""

SCHEMA_4 = """
CREATE TABLE journal_4 (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL CHECK (kind IN (
        'demonstration', 'ranking', 'unrankable', 'skipped', 'retraction', 'restoration', 'simulated', 'target',
        'run')),
    prompt_id INTEGER REFERENCES prompt (id),
    set_id INTEGER REFERENCES answer_set (id),
    demonstration_id INTEGER REFERENCES demonstration (id),
    ranking_id INTEGER REFERENCES ranking (id),
    verdict_id INTEGER REFERENCES answer_set_verdict (id),
    run_id TEXT,
    state TEXT NOT NULL DEFAULT 'done' CHECK (state IN ('done', 'undone', 'dropped')),
    who TEXT NOT NULL,
    created TEXT NOT NULL
) STRICT;
INSERT INTO journal_4 (id, kind, prompt_id, set_id, demonstration_id, ranking_id, verdict_id, state, who, created)
    SELECT id, kind, prompt_id, set_id, demonstration_id, ranking_id, verdict_id, state, who, created FROM journal;
DROP TABLE journal;
ALTER TABLE journal_4 RENAME TO journal;
CREATE INDEX journal_by_state ON journal (state);
ALTER TABLE run ADD COLUMN is_deleted INTEGER NOT NULL DEFAULT 0 CHECK (is_deleted IN (0, 1));
"""
